// SPDX-License-Identifier: Apache-2.0
// tape: the one deterministic trade tape of a symbol. Any minute of any year can be asked for directly; the answer
// depends on (seed, symbol, minute) only. Integer arithmetic throughout, so every compiler makes the same market.
//
// What happens on it are orders of takers. Each is one aggregate: trades of the same time, price and side, at the
// touch of the moment, which is the price the order book (book.h) has there. Trades and aggregates each have ids of
// their own; both are contiguous.
//
// Called by market and ticks. Owns nothing; a tape is a plain value. Cannot fail.
#ifndef BF_EXCHANGE_TAPE_H
#define BF_EXCHANGE_TAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/exchange/bar.h"

struct tape {
        uint64_t key;
        int64_t base_ticks;        // the price the walk meanders around
        int64_t tick, step;        // in 1e-8; tick * step is a whole number of 1e-8, so quote volumes are exact
        int32_t trades_per_minute; // on average; 0: nobody ever trades
};

struct tape_minute {
        int64_t minute; // minutes since the epoch
        int64_t first_id, count;
        int64_t first_agg, agg_count;    // none without trades, and no trades without one
        int64_t open_ticks, close_ticks; // the walk at both ends
};

struct tape_agg {
        int64_t id;
        int64_t first_trade, trades; // counted within the minute
        int64_t time_us;
        int64_t bid_ticks; // the touch when it comes: the best ask is one tick above
        bool buyer_is_maker;
};

struct tape_trade {
        int64_t id, time_ms, time_us;
        int64_t price, quantity; // 1e-8
        bool buyer_is_maker;
};

void tape_init(struct tape *tape, uint64_t seed, const char *symbol, int trades_per_minute);
// Ids are contiguous: minute m+1 begins with first_id + count of minute m, and likewise for aggregates.
void tape_find_minute(const struct tape *tape, int64_t minute, struct tape_minute *found);
// The minute that has this trade or aggregate. The tape must have trades.
int64_t tape_minute_of_trade(const struct tape *tape, int64_t id);
int64_t tape_minute_of_agg(const struct tape *tape, int64_t id);
// The k-th trade of a minute, 0 <= k < count. Times never decrease with k.
void tape_get_trade(const struct tape *tape, const struct tape_minute *minute, int64_t k, struct tape_trade *trade);
// The j-th aggregate of a minute, 0 <= j < agg_count.
void tape_get_agg(const struct tape *tape, const struct tape_minute *minute, int64_t j, struct tape_agg *agg);
// In 1e-8: the price of an aggregate's trades, and how much the trades [first, first + trades) of the minute are.
int64_t tape_agg_price(const struct tape *tape, const struct tape_agg *agg);
int64_t tape_agg_quantity(const struct tape *tape, const struct tape_minute *minute, const struct tape_agg *agg);
// Sums the trades of one minute with from_ms <= time < to_ms into a bar (times of the bar are left alone).
void tape_sum_minute(const struct tape *tape, int64_t minute, int64_t from_ms, int64_t to_ms, struct bar *sum);
// How many trades, or aggregates, happened before `time_ms` since the epoch: the id of the first at or after it.
int64_t tape_count_before(const struct tape *tape, int64_t time_ms);
int64_t tape_aggs_before(const struct tape *tape, int64_t time_ms);
// The walk's price at the begin of a minute, in 1e-8.
int64_t tape_price(const struct tape *tape, int64_t minute);
// A well mixed 64-bit hash, also used where faults need chance.
uint64_t tape_hash(uint64_t value);

#endif
