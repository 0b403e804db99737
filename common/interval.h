// SPDX-License-Identifier: Apache-2.0
// The sixteen kline intervals of Binance and their grids. Pure functions.
// Minutes to 12 hours and days lie on the UTC midnight grid; 3d on multiples of three days since 1970-01-01; a week
// opens on Monday 00:00 UTC; a month on its first day, with the calendar's length.
#ifndef COMMON_INTERVAL_H
#define COMMON_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

enum interval {
        INTERVAL_1S,
        INTERVAL_1M,
        INTERVAL_3M,
        INTERVAL_5M,
        INTERVAL_15M,
        INTERVAL_30M,
        INTERVAL_1H,
        INTERVAL_2H,
        INTERVAL_4H,
        INTERVAL_6H,
        INTERVAL_8H,
        INTERVAL_12H,
        INTERVAL_1D,
        INTERVAL_3D,
        INTERVAL_1W,
        INTERVAL_1MO,
        INTERVAL_COUNT
};

// Accepts Binance's spelling ("1m", "1M"), the archive's ("1mo") and MarketStore's ("1Min", "4H", "1D", "1W").
// Case matters: "1m" is a minute, "1M" a month. Returns 0, or -1.
int interval_parse(const char *text, enum interval *interval);
const char *interval_name(enum interval interval);             // Binance's: "1m", "1M"
const char *interval_marketstore_name(enum interval interval); // "1Min", "4H", "1W", "1M"
const char *interval_names(void);                              // all of Binance's, space-separated, for messages

// Nominal length in microseconds; a month counts 30 days (only for estimates).
int64_t interval_length_us(enum interval interval);

// Open time of the bar that contains `us`; of the bar after the one that opens at `open_us` (which must lie on the
// grid); of the first bar at or after `us`; `bars` steps from a bar on the grid (negative: back).
int64_t interval_floor_us(enum interval interval, int64_t us);
int64_t interval_next_us(enum interval interval, int64_t open_us);
int64_t interval_ceil_us(enum interval interval, int64_t us);
int64_t interval_step_us(enum interval interval, int64_t open_us, int64_t bars);

// Number of bars whose open time lies in [start_us, end_us).
int64_t interval_count(enum interval interval, int64_t start_us, int64_t end_us);

#endif
