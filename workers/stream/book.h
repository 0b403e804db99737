// SPDX-License-Identifier: Apache-2.0
// An order book: the levels of both sides in order, and how much of them is known. Quantities are absolute, and 0
// takes a level away, one that is not there too. Pure; owned by booksync.c.
//
// What is known: a snapshot shows the best N levels of a side and nothing behind them; behind its last price only those
// levels are here that changed since. So each side has a bound, up to which nothing is missing. Levels far from the
// touch rot (nobody tells what was there before the snapshot), so no more than BOOK_LEVELS_MAX of a side are kept.
#ifndef WORKERS_STREAM_BOOK_H
#define WORKERS_STREAM_BOOK_H

#include "common/limits.h"
#include "common/tick.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct book_chunk;

struct book_side {
        // Pieces of a few dozen levels, worst first, so that no change moves more than one piece: a third of the real
        // changes lie thousands of levels away from the touch.
        struct book_chunk **chunks;
        size_t chunks_count, chunks_size;
        size_t count;       // of levels
        bool falling;       // asks: worst is highest
        bool bounded;       // something may be missing behind `bound`
        struct level bound; // last level up to which nothing is missing
};

struct book {
        struct book_side bids, asks;
        int64_t update_id; // of the newest change in it; 0: nothing is known
};

void book_init(struct book *book);
void book_free(struct book *book);
void book_clear(struct book *book);

// Levels as they stand behind `depth`, bids first. A snapshot replaces everything; `levels_max` is how many of a side
// it could have shown. Returns false where it is not in order, or crossed: the book is then empty.
bool book_load(struct book *book, const struct depth *depth, const struct level *levels, size_t levels_max);
// The changes of one event, all of them. Returns false where the book is crossed afterwards: it is wrong then.
bool book_apply(struct book *book, const struct depth *depth, const struct level *levels);

// Up to `max` best levels of a side, best first. Returns their number.
size_t book_top(const struct book_side *side, size_t max, struct level *levels);
// True where the `count` best levels of both sides are certain (or both sides hold fewer and all is known).
bool book_is_certain(const struct book *book, size_t count);

// Compares both books, which must stand at the same update, as far as both know. *same of *all levels are equal.
void book_compare(const struct book *a, const struct book *b, size_t *same, size_t *all);

// <0, 0, >0 as the price of a is below, equal to, above that of b.
int level_compare_price(const struct level *a, const struct level *b);

#endif
