// SPDX-License-Identifier: Apache-2.0
// market: the symbols, and the truth about their bars. A bar is the sum of the tape's trades in its window, or a row of
// a replayed file; it exists unless its whole window lies outside the symbol's life or inside a hole (maintenance).
//
// Called by rest, streams and served: all of them tell the same story because they all ask here. Owns symbols, holes,
// shifts, replayed bars and the caches of hour and day sums. Allocation failure ends the program.
#ifndef BF_EXCHANGE_MARKET_H
#define BF_EXCHANGE_MARKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/exchange/bar.h"
#include "tests/exchange/grid.h"
#include "tests/exchange/tape.h"

#define MARKET_NEVER INT64_MAX

struct market;

struct market_symbol {
        char *name, *base, *quote;
        char *status; // as exchangeInfo shows it
        int64_t listed_ms, ends_ms;
        int64_t halted_until_ms; // so long exchangeInfo says HALT, whatever `status` is
        struct tape tape;
        int64_t updates_per_agg, quotes_per_agg; // of its order book, see book.h
        struct capture *capture;                 // what was recorded of it, or NULL; not owned
        struct ticks *ticks;                     // of ticks.c: one block of memory, or NULL
        struct market_private *private;
};

struct market *market_new(uint64_t seed, int trades_per_minute);
void market_free(struct market *market);
// How often the order books of symbols added from now on change: updates with each aggregate, and how many of them
// change the best bid or ask, 1 <= quotes <= updates.
void market_set_book_rates(struct market *market, int64_t updates, int64_t quotes);

// Adds a symbol, or returns the one that has this name already.
struct market_symbol *market_add_symbol(struct market *market, const char *name);
struct market_symbol *market_find_symbol(const struct market *market, const char *name);
size_t market_symbol_count(const struct market *market);
struct market_symbol *market_symbol_at(const struct market *market, size_t index);
void market_set_status(struct market_symbol *symbol, const char *status);
// From now on nobody ever trades it: bars without trades only.
void market_set_quiet(struct market_symbol *symbol);

// These bars, ascending and owned by the market from now on, are the symbol's truth for this interval. Its other
// intervals have no bars unless they are given too. Their trade ids are shown as they are.
void market_set_replay(struct market_symbol *symbol, enum grid_interval interval, struct bar *bars, size_t count);
bool market_has_replay(const struct market_symbol *symbol);

// No trade happens in [from_ms, to_ms), of one symbol or (NULL) of all. Returns a handle for market_end_hole.
size_t market_add_hole(struct market *market, const struct market_symbol *symbol, int64_t from_ms, int64_t to_ms);
void market_end_hole(struct market *market, size_t hole, int64_t to_ms);
// Bars on the grid in [from_ms, to_ms) are presented with open and close times moved by offset_ms.
void market_add_shift(
    struct market *market, const struct market_symbol *symbol, int64_t from_ms, int64_t to_ms, int64_t offset_ms);

// Counts what changes the past or the future of trades: as long as it stays the same, so do ids.
uint64_t market_generation(const struct market *market);

// One series of bars: what a page or a stream is about.
struct market_series {
        const struct market *market;
        const struct market_symbol *symbol;
        enum grid_interval interval;
        int64_t zone_ms;
};

// Where trading goes on at or after `time_ms`: past every hole and the listing. May lie after the symbol's end.
int64_t market_open_from(const struct market_series *series, int64_t time_ms);
// Up to there, and at most `limit_ms`, trading that is possible at `time_ms` goes on.
int64_t market_open_until(const struct market_series *series, int64_t time_ms, int64_t limit_ms);
// The place (its on-grid open time) of the first bar at or after, or the last one at or before `time_ms`. MARKET_NEVER
// or -MARKET_NEVER when there is none. Holes and the time before listing are jumped over, never walked through.
int64_t market_next_place(const struct market_series *series, int64_t time_ms);
int64_t market_previous_place(const struct market_series *series, int64_t time_ms);
// The bar at a place as it stands at `now_ms`: trades up to and including now. False when it does not exist (yet).
bool market_get_bar(const struct market_series *series, int64_t place_ms, int64_t now_ms, struct bar *bar);
// Gives a bar from market_get_bar its first and last trade id, contiguous from 1; holes give none out. Apart because
// only streams show ids, and counting them costs as much as the sums.
void market_number_bar(const struct market_series *series, int64_t place_ms, struct bar *bar);
// The largest offset of any shift, so that pages know how far back an open time may come from.
int64_t market_shift_max(const struct market *market);

#endif
