// SPDX-License-Identifier: Apache-2.0
// ticks: the trades and aggregates of a symbol as the exchange numbers them. Ids are contiguous from 1 over the whole
// life of the symbol; what the tape has inside holes never happened and takes no ids. Symbols of a capture have the
// recorded trades with their recorded ids instead.
//
// Called by book, tickstream, tickrest and tickdump. Owns, per symbol, a table of the stretches between holes, made
// anew whenever the market's generation changes. Cannot fail.
#ifndef BF_EXCHANGE_TICKS_H
#define BF_EXCHANGE_TICKS_H

#include "tests/exchange/market.h"

struct ticks_trade {
        int64_t id, time_us;
        int64_t price, quantity; // 1e-8
        bool buyer_is_maker;
};

struct ticks_agg {
        int64_t id, first_id, last_id, time_us;
        int64_t price, quantity; // 1e-8
        int64_t bid_ticks;       // the touch when it comes; recorded ones have none
        int64_t next_us;         // when the next one comes, or trading stops
        bool buyer_is_maker;
};

// One symbol of one market: what everything here is about.
struct ticks_symbol {
        const struct market *market;
        struct market_symbol *symbol;
};

// The symbol shows these recorded trades and aggregates, ascending by id; both arrays must outlive it.
void ticks_set_recorded(struct market_symbol *symbol, const struct ticks_trade *trades, size_t trade_count,
    const struct ticks_agg *aggs, size_t agg_count);
// Are there trades at all? Not of quiet symbols, and not where only bars are replayed.
bool ticks_exist(const struct ticks_symbol *of);

// The first id there is, and the last one of a time before `before_ms` (one less than the first when there is none).
int64_t ticks_first_trade(const struct ticks_symbol *of);
int64_t ticks_first_agg(const struct ticks_symbol *of);
int64_t ticks_last_trade(const struct ticks_symbol *of, int64_t before_ms);
int64_t ticks_last_agg(const struct ticks_symbol *of, int64_t before_ms);
// False when there is no such id. The future may be asked for: whoever calls knows what time it is.
bool ticks_get_trade(const struct ticks_symbol *of, int64_t id, struct ticks_trade *trade);
bool ticks_get_agg(const struct ticks_symbol *of, int64_t id, struct ticks_agg *agg);

// Binance's rule for aggTrades: the ids of one page, [*from, *to]; *to < *from when it is empty. Times are ms, -1 where
// absent, as is from_id; last_id is the newest that may be shown.
void ticks_find_page(const struct ticks_symbol *of, int64_t from_id, int64_t start_ms, int64_t end_ms, int64_t last_id,
    int64_t limit, int64_t *from, int64_t *to);

// For captures: groups trades of the same price, side and millisecond that follow each other, ids from 1. `aggs` has
// room for as many as there are trades. Returns how many there are.
size_t ticks_aggregate(const struct ticks_trade *trades, size_t count, struct ticks_agg *aggs);

#endif
