// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/book.h"

#include "common/memory.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_LEVELS 64
#define CHUNK_LEVELS_LOADED 48 // of a snapshot: room for what comes between

struct book_chunk {
        size_t count; // 1 or more
        struct level levels[CHUNK_LEVELS];
};

void book_init(struct book *book)
{
        *book = (struct book){.asks.falling = true};
}

void book_free(struct book *book)
{
        book_clear(book);
        free(book->bids.chunks);
        free(book->asks.chunks);
        book_init(book);
}

static void clear_side(struct book_side *side)
{
        for (size_t i = 0; i < side->chunks_count; i++)
                free(side->chunks[i]);
        side->chunks_count = side->count = 0;
        side->bounded = false;
}

void book_clear(struct book *book)
{
        clear_side(&book->bids);
        clear_side(&book->asks);
        book->update_id = 0;
}

// ---- levels ----

static __int128 scaled(int64_t mantissa, int places)
{
        __int128 value = mantissa;

        while (places-- > 0)
                value *= 10;
        return value;
}

static int compare_scaled(int64_t a, int8_t a_exponent, int64_t b, int8_t b_exponent)
{
        // 18 places and 63 bits: the product fits.
        __int128 x = scaled(a, a_exponent - b_exponent), y = scaled(b, b_exponent - a_exponent);
        return (x > y) - (x < y);
}

// Of one symbol, prices nearly always have the same places: that case is worth being inlined.
static inline int compare_decimals(int64_t a, int8_t a_exponent, int64_t b, int8_t b_exponent)
{
        return a_exponent == b_exponent ? (a > b) - (a < b) : compare_scaled(a, a_exponent, b, b_exponent);
}

int level_compare_price(const struct level *a, const struct level *b)
{
        return compare_decimals(a->price, a->price_exponent, b->price, b->price_exponent);
}

// >0: a is nearer to the touch than b.
static inline int nearer(const struct book_side *side, const struct level *a, const struct level *b)
{
        int order = compare_decimals(a->price, a->price_exponent, b->price, b->price_exponent);

        return side->falling ? -order : order;
}

// ---- places ----

// A place from the touch outwards: levels[left - 1] of chunk `chunk` is next; left 0: none is.
struct cursor {
        const struct book_side *side;
        size_t chunk, left;
};

static struct cursor from_touch(const struct book_side *side)
{
        size_t last = side->chunks_count - 1;

        return side->count == 0 ? (struct cursor){side, 0, 0} : (struct cursor){side, last, side->chunks[last]->count};
}

static const struct level *level_at(const struct cursor *cursor)
{
        return &cursor->side->chunks[cursor->chunk]->levels[cursor->left - 1];
}

static void outwards(struct cursor *cursor)
{
        if (--cursor->left == 0 && cursor->chunk > 0)
                cursor->left = cursor->side->chunks[--cursor->chunk]->count;
}

// The n-th level from the touch (1: the best). There must be so many.
static const struct level *nth_level(const struct book_side *side, size_t n)
{
        size_t chunk = side->chunks_count - 1;

        for (; n > side->chunks[chunk]->count; chunk--)
                n -= side->chunks[chunk]->count;
        return &side->chunks[chunk]->levels[side->chunks[chunk]->count - n];
}

// The chunk in which `level` stands or would have to: the last one whose worst level is not nearer to the touch.
static size_t chunk_of(const struct book_side *side, const struct level *level)
{
        size_t low = 0, high = side->chunks_count - 1;

        // Most changes are near the touch.
        if (nearer(side, &side->chunks[high]->levels[0], level) <= 0)
                return high;
        while (low < high) {
                size_t middle = low + (high - low + 1) / 2;

                if (nearer(side, &side->chunks[middle]->levels[0], level) <= 0)
                        low = middle;
                else
                        high = middle - 1;
        }
        return low;
}

// Where `level` stands in the chunk, or would have to. Halving without a branch on the outcome, which nobody can
// foretell: wrong guesses took a sixth of a book's time.
static size_t place_in(
    const struct book_side *side, const struct book_chunk *chunk, const struct level *level, bool *found)
{
        const struct level *base = chunk->levels;

        for (size_t left = chunk->count; left > 1; left -= left / 2) {
                const struct level *middle = base + left / 2;

                base = nearer(side, middle, level) <= 0 ? middle : base;
        }
        int order = nearer(side, base, level);
        *found = order == 0;
        return (size_t)(base - chunk->levels) + (order < 0);
}

// ---- pieces ----

static struct book_chunk *add_chunk(struct book_side *side, size_t at)
{
        struct book_chunk **place, *chunk = memory_zeroed(1, sizeof(*chunk));

        if (side->chunks_count == side->chunks_size) {
                side->chunks_size = side->chunks_size == 0 ? 32 : side->chunks_size * 2;
                side->chunks = memory_resized(side->chunks, side->chunks_size, sizeof(*side->chunks));
        }
        place = &side->chunks[at];
        memmove(place + 1, place, (side->chunks_count - at) * sizeof(*place));
        *place = chunk;
        side->chunks_count++;
        return chunk;
}

static void drop_chunk(struct book_side *side, size_t at)
{
        struct book_chunk **place = &side->chunks[at];

        side->count -= (*place)->count;
        free(*place);
        side->chunks_count--;
        memmove(place, place + 1, (side->chunks_count - at) * sizeof(*place));
}

static void trim(struct book_side *side)
{
        while (side->count - side->chunks[0]->count >= BOOK_LEVELS_MAX) {
                drop_chunk(side, 0);
                const struct level *worst = &side->chunks[0]->levels[0];
                if (!side->bounded || nearer(side, worst, &side->bound) > 0)
                        side->bound = *worst;
                side->bounded = true;
        }
}

static void split(struct book_side *side, size_t at)
{
        struct book_chunk *upper = add_chunk(side, at + 1), *lower = side->chunks[at];

        upper->count = CHUNK_LEVELS / 2;
        lower->count = CHUNK_LEVELS - upper->count;
        memcpy(upper->levels, lower->levels + lower->count, upper->count * sizeof(*upper->levels));
}

static void insert(struct book_side *side, size_t at, size_t place, const struct level *level)
{
        if (side->chunks[at]->count == CHUNK_LEVELS) {
                split(side, at);
                if (place > side->chunks[at]->count)
                        place -= side->chunks[at++]->count;
        }
        struct book_chunk *chunk = side->chunks[at];
        struct level *to = &chunk->levels[place];

        memmove(to + 1, to, (chunk->count - place) * sizeof(*to));
        *to = *level;
        chunk->count++;
        side->count++;
        trim(side);
}

static void erase(struct book_side *side, size_t at, size_t place)
{
        struct book_chunk *chunk = side->chunks[at];
        struct level *from = &chunk->levels[place];

        if (chunk->count == 1) {
                drop_chunk(side, at);
                return;
        }
        chunk->count--;
        side->count--;
        memmove(from, from + 1, (chunk->count - place) * sizeof(*from));
}

static void change(struct book_side *side, const struct level *level)
{
        bool found = false;

        if (side->count == 0) {
                if (level->size != 0) {
                        add_chunk(side, 0);
                        insert(side, 0, 0, level);
                }
                return;
        }
        size_t at = chunk_of(side, level), place = place_in(side, side->chunks[at], level, &found);
        if (found && level->size != 0)
                side->chunks[at]->levels[place] = *level;
        else if (found)
                erase(side, at, place);
        else if (level->size != 0)
                insert(side, at, place, level);
}

static bool is_crossed(const struct book *book)
{
        const struct book_side *bids = &book->bids, *asks = &book->asks;

        return bids->count > 0 && asks->count > 0 && level_compare_price(nth_level(bids, 1), nth_level(asks, 1)) >= 0;
}

// ---- snapshot and changes ----

static bool load_side(struct book_side *side, const struct level *levels, size_t count, size_t levels_max)
{
        clear_side(side);
        for (size_t i = count; i-- > 0;) { // worst first
                struct book_chunk *chunk = side->chunks_count > 0 ? side->chunks[side->chunks_count - 1] : NULL;

                if (levels[i].size == 0 || (i > 0 && nearer(side, &levels[i - 1], &levels[i]) <= 0))
                        return false;
                if (chunk == NULL || chunk->count == CHUNK_LEVELS_LOADED)
                        chunk = add_chunk(side, side->chunks_count);
                chunk->levels[chunk->count++] = levels[i];
                side->count++;
        }
        side->bounded = count > 0 && count >= levels_max;
        if (side->bounded)
                side->bound = side->chunks[0]->levels[0];
        if (count > 0)
                trim(side);
        return true;
}

bool book_load(struct book *book, const struct depth *depth, const struct level *levels, size_t levels_max)
{
        bool good = load_side(&book->bids, levels, depth->bids, levels_max) &&
                    load_side(&book->asks, levels + depth->bids, depth->asks, levels_max) && !is_crossed(book);

        if (!good)
                book_clear(book);
        else
                book->update_id = depth->update_id;
        return good;
}

bool book_apply(struct book *book, const struct depth *depth, const struct level *levels)
{
        for (size_t i = 0; i < depth->bids; i++)
                change(&book->bids, &levels[i]);
        for (size_t i = 0; i < depth->asks; i++)
                change(&book->asks, &levels[depth->bids + i]);
        book->update_id = depth->update_id;
        return !is_crossed(book);
}

// ---- what it says ----

size_t book_top(const struct book_side *side, size_t max, struct level *levels)
{
        struct cursor cursor = from_touch(side);
        size_t count = 0;

        for (; count < max && cursor.left > 0; outwards(&cursor))
                levels[count++] = *level_at(&cursor);
        return count;
}

static bool side_is_certain(const struct book_side *side, size_t count)
{
        if (!side->bounded)
                return true;
        return side->count >= count && nearer(side, nth_level(side, count), &side->bound) >= 0;
}

bool book_is_certain(const struct book *book, size_t count)
{
        return side_is_certain(&book->bids, count) && side_is_certain(&book->asks, count);
}

static bool is_known(const struct book_side *side, const struct level *level)
{
        return !side->bounded || nearer(side, level, &side->bound) >= 0;
}

static bool same_size(const struct level *a, const struct level *b)
{
        return compare_decimals(a->size, a->size_exponent, b->size, b->size_exponent) == 0;
}

static void compare_sides(const struct book_side *a, const struct book_side *b, size_t *same, size_t *all)
{
        struct cursor i = from_touch(a), j = from_touch(b);

        while (i.left > 0 || j.left > 0) {
                int order = i.left == 0 ? -1 : j.left == 0 ? 1 : nearer(a, level_at(&i), level_at(&j));
                const struct level *level = order >= 0 ? level_at(&i) : level_at(&j);

                if (!is_known(a, level) || !is_known(b, level))
                        return;
                ++*all;
                *same += order == 0 && same_size(level_at(&i), level_at(&j));
                if (order >= 0)
                        outwards(&i);
                if (order <= 0)
                        outwards(&j);
        }
}

void book_compare(const struct book *a, const struct book *b, size_t *same, size_t *all)
{
        *same = *all = 0;
        compare_sides(&a->bids, &b->bids, same, all);
        compare_sides(&a->asks, &b->asks, same, all);
}
