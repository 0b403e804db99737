// SPDX-License-Identifier: Apache-2.0
// bar: one kline as a plain value, exact in units of 1e-8, and its sum. Everybody here passes these around.
#ifndef BF_EXCHANGE_BAR_H
#define BF_EXCHANGE_BAR_H

#include <stdbool.h>
#include <stdint.h>

// Volumes need 128 bits: a month's quote volume with eight places exceeds 64.
__extension__ typedef __int128 wide;

#define BAR_SCALE INT64_C(100000000)

struct bar {
        int64_t open_ms, close_ms; // close_ms is the last millisecond of the bar
        int64_t open, high, low, close;
        wide volume, quote_volume, taker_base, taker_quote;
        int64_t trades;
        int64_t first_id, last_id; // -1 where no trade happened
};

// An empty bar: sums zero, ids -1, prices zero until bar_set_flat or bar_add.
void bar_clear(struct bar *bar);
// Adds `more`, which follows `bar` in time, to it. A `more` without trades changes nothing.
void bar_add(struct bar *bar, const struct bar *more);
// A bar without trades shows the previous close four times.
void bar_set_flat(struct bar *bar, int64_t price);

#endif
