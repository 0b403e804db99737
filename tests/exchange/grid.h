// SPDX-License-Identifier: Apache-2.0
// grid: the sixteen kline intervals of Binance and the calendar they lie on. Pure arithmetic on milliseconds UTC.
//
// This is the exchange's own idea of the grid, on purpose not shared with the feeder: a test that compares the two
// must be able to find a mistake in either. Called by market, page, streams and rest.
#ifndef BF_EXCHANGE_GRID_H
#define BF_EXCHANGE_GRID_H

#include <stdbool.h>
#include <stdint.h>

enum grid_interval {
        GRID_1S,
        GRID_1M,
        GRID_3M,
        GRID_5M,
        GRID_15M,
        GRID_30M,
        GRID_1H,
        GRID_2H,
        GRID_4H,
        GRID_6H,
        GRID_8H,
        GRID_12H,
        GRID_1D,
        GRID_3D,
        GRID_1W,
        GRID_1MONTH,
        GRID_COUNT
};

#define GRID_SECOND_MS INT64_C(1000)
#define GRID_MINUTE_MS INT64_C(60000)
#define GRID_HOUR_MS INT64_C(3600000)
#define GRID_DAY_MS INT64_C(86400000)

// Binance's spelling, case-sensitive: "1m" is a minute, "1M" a month. False for anything else.
bool grid_parse_interval(const char *text, enum grid_interval *interval);
// The archive spells the month "1mo"; otherwise as grid_parse_interval.
bool grid_parse_archive_interval(const char *text, enum grid_interval *interval);
const char *grid_interval_name(enum grid_interval interval);

// The open time of the bar that contains `time_ms`. `zone_ms` moves the boundaries east (the timeZone parameter).
// Weeks open on Monday, months on the 1st, 3d bars on multiples of three days from the epoch.
int64_t grid_floor(enum grid_interval interval, int64_t time_ms, int64_t zone_ms);
// The open time of the bar after the one that opens at `open_ms`.
int64_t grid_next(enum grid_interval interval, int64_t open_ms, int64_t zone_ms);
// The first open time at or after `time_ms`.
int64_t grid_ceil(enum grid_interval interval, int64_t time_ms, int64_t zone_ms);

// "2024-02-29", "2024-02-29T12:30:00[.123][Z]" or plain milliseconds. False when it is none of these.
bool grid_parse_time(const char *text, int64_t *time_ms);

#endif
