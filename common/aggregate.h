// SPDX-License-Identifier: Apache-2.0
// Bars made here: from trades or aggregate trades, or from smaller bars. Pure; used by the writer's store thread
// (workers/writer/derive.c) and by whoever checks its work. Sums are exact in decimals of 128 bits and become doubles
// once, at the end; of a stored double the shortest decimal that reads back as it is the value.
//
// Quote volume: the exchange cuts each trade's price times quantity to eight places before it sums (seen in all of a
// thousand trades of ETHBTC whose product has nine). An aggregate trade no longer tells its parts, so where prices and
// quantities have more than eight places together its bar may lie below the exchange's by 1e-8 for each trade in it.
#ifndef COMMON_AGGREGATE_H
#define COMMON_AGGREGATE_H

#include "common/decimal.h"
#include "common/interval.h"
#include "common/kline.h"
#include "common/tick.h"

#include <stdbool.h>
#include <stdint.h>

// True where each bar of `larger` is a whole number of bars of `smaller`, and more than one. Weeks and months consist
// of days, not of three days.
bool aggregate_is_multiple(enum interval larger, enum interval smaller);

// A bar in the making; a plain value, {0} is the empty one. What is added must come in the order of time (trades: of
// their ids).
struct aggregate {
        bool begun;  // something has been added
        bool traded; // something that traded
        int64_t trades;
        struct decimal open, high, low, close;
        struct decimal volume, quote_volume, taker_base, taker_quote;
};

// Return 0, or -1 with ERANGE: a sum leaves 128 bits, or a column is no finite number; the aggregate is then of no use.
int aggregate_add_trade(struct aggregate *aggregate, const struct trade *trade);
// Counts for the trades it sums (last_id - first_id + 1). A tombstone adds nothing.
int aggregate_add_agg_trade(struct aggregate *aggregate, const struct agg_trade *trade);
// A bar without trades carries the close of the one before: it shapes the larger bar only where nothing in it traded.
int aggregate_add_bar(struct aggregate *aggregate, const struct bar_values *bar);

// False where nothing was added: there is no such bar.
bool aggregate_to_values(const struct aggregate *aggregate, struct bar_values *values);
// The bar of a time without trades, as the exchange publishes it: all prices are the close of the bar before.
void aggregate_quiet_values(double close_before, struct bar_values *values);

#endif
