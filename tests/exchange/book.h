// SPDX-License-Identifier: Apache-2.0
// book: the order book of a symbol after any of its updates, asked for directly. Nothing is kept: the touch comes from
// the tape's aggregates, and the quantity of a price follows from a hash of the price and of how often it has been
// renewed. So a snapshot, the diffs and the quotes agree by construction, and years are as near as today.
//
// Every aggregate brings `updates_per_agg` updates. The first one moves the touch to where the aggregate trades and has
// its time; of the others, up to the time of the next aggregate, those below `quotes_per_agg` change the quantity at
// the best bid or ask. Update ids are contiguous from 1. Before the first there is a book too, with id 0.
//
// Called by tickstream, tickrest and tickdump. Owns nothing. Cannot fail.
#ifndef BF_EXCHANGE_BOOK_H
#define BF_EXCHANGE_BOOK_H

#include "tests/exchange/ticks.h"

#define BOOK_SPAN 16384      // ticks on each side within which there are orders
#define BOOK_LEVELS_MAX 5000 // what one may ask for

struct book_level {
        int64_t price, quantity; // 1e-8; quantity 0: deleted
};

struct book_top {
        struct book_level bid, ask;
};

// What changed. Bids fall, asks rise. The arrays belong to the structure: book_changes_free.
struct book_changes {
        struct book_level *bids, *asks;
        size_t bid_count, ask_count;
        int64_t *bid_prices, *ask_prices; // scratch
        size_t bid_price_count, ask_price_count, bid_price_room, ask_price_room;
};

// The last update at or before `now_ms`; 0: none yet.
int64_t book_last_update(const struct ticks_symbol *of, int64_t now_ms);
int64_t book_update_time_us(const struct ticks_symbol *of, int64_t id);
void book_get_top(const struct ticks_symbol *of, int64_t id, struct book_top *top);
// The next update at or after `id` that changes the best bid or ask.
int64_t book_next_quote(const struct ticks_symbol *of, int64_t id);
// Writes the best `limit` levels (at most BOOK_SPAN) of a side and returns how many there are.
size_t book_get_bids(const struct ticks_symbol *of, int64_t id, size_t limit, struct book_level *levels);
size_t book_get_asks(const struct ticks_symbol *of, int64_t id, size_t limit, struct book_level *levels);
// The levels that changed with any of the updates, with their quantities after the last one. `changes` begins zeroed
// and may be used again.
void book_get_changes(const struct ticks_symbol *of, int64_t from, int64_t to, struct book_changes *changes);
void book_changes_free(struct book_changes *changes);

#endif
