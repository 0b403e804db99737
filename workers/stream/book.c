// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/book.h"

#include "common/memory.h"

#include <stdlib.h>
#include <string.h>

#define TRIM_LEVELS (BOOK_LEVELS_MAX / 5) // taken away at once, for taking away the worst moves all others

void book_init(struct book *book)
{
        *book = (struct book){.asks.falling = true};
}

void book_free(struct book *book)
{
        free(book->bids.levels);
        free(book->asks.levels);
        book_init(book);
}

void book_clear(struct book *book)
{
        book->bids.count = book->asks.count = 0;
        book->bids.bounded = book->asks.bounded = false;
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

static int compare_decimals(int64_t a, int8_t a_exponent, int64_t b, int8_t b_exponent)
{
        if (a_exponent == b_exponent)
                return (a > b) - (a < b);
        // 18 places and 63 bits: the product fits.
        __int128 x = scaled(a, a_exponent - b_exponent), y = scaled(b, b_exponent - a_exponent);
        return (x > y) - (x < y);
}

int level_compare_price(const struct level *a, const struct level *b)
{
        return compare_decimals(a->price, a->price_exponent, b->price, b->price_exponent);
}

// >0: a is nearer to the touch than b.
static int nearer(const struct book_side *side, const struct level *a, const struct level *b)
{
        int order = level_compare_price(a, b);

        return side->falling ? -order : order;
}

// Where `level` stands or would have to; *found: a level of its price stands there. Looked for from the touch.
static size_t place_of(const struct book_side *side, const struct level *level, bool *found)
{
        size_t high = side->count, step = 1, low;

        *found = false;
        while (step <= high && nearer(side, &side->levels[high - step], level) > 0) {
                high -= step;
                step *= 2;
        }
        low = step <= high ? high - step : 0;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = nearer(side, &side->levels[middle], level);

                if (order == 0) {
                        *found = true;
                        return middle;
                }
                if (order > 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

static void trim(struct book_side *side)
{
        side->count -= TRIM_LEVELS;
        memmove(side->levels, side->levels + TRIM_LEVELS, side->count * sizeof(*side->levels));
        if (!side->bounded || nearer(side, &side->levels[0], &side->bound) > 0) {
                side->bounded = true;
                side->bound = side->levels[0];
        }
}

static void reserve(struct book_side *side, size_t count)
{
        if (count <= side->size)
                return;
        size_t size = side->size == 0 ? 256 : side->size;
        while (size < count)
                size *= 2;
        side->levels = memory_resized(side->levels, size, sizeof(*side->levels));
        side->size = size;
}

static void change(struct book_side *side, const struct level *level)
{
        bool found;
        size_t at = place_of(side, level, &found);
        struct level *place = &side->levels[at];

        if (found && level->size != 0) {
                *place = *level;
        } else if (found) {
                side->count--;
                memmove(place, place + 1, (side->count - at) * sizeof(*place));
        } else if (level->size != 0) {
                reserve(side, side->count + 1);
                place = &side->levels[at];
                memmove(place + 1, place, (side->count - at) * sizeof(*place));
                *place = *level;
                if (++side->count > BOOK_LEVELS_MAX + TRIM_LEVELS)
                        trim(side);
        }
}

static bool is_crossed(const struct book *book)
{
        const struct book_side *bids = &book->bids, *asks = &book->asks;

        return bids->count > 0 && asks->count > 0 &&
               level_compare_price(&bids->levels[bids->count - 1], &asks->levels[asks->count - 1]) >= 0;
}

// ---- snapshot and changes ----

static bool load_side(struct book_side *side, const struct level *levels, size_t count, size_t levels_max)
{
        reserve(side, count);
        side->count = count;
        for (size_t i = 0; i < count; i++) {
                if (levels[i].size == 0 || (i > 0 && nearer(side, &levels[i - 1], &levels[i]) <= 0))
                        return false;
                side->levels[count - 1 - i] = levels[i];
        }
        side->bounded = count >= levels_max;
        if (side->bounded)
                side->bound = side->levels[0];
        while (side->count > BOOK_LEVELS_MAX)
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
        size_t count = side->count < max ? side->count : max;

        for (size_t i = 0; i < count; i++)
                levels[i] = side->levels[side->count - 1 - i];
        return count;
}

static bool side_is_certain(const struct book_side *side, size_t count)
{
        if (!side->bounded)
                return true;
        return side->count >= count && nearer(side, &side->levels[side->count - count], &side->bound) >= 0;
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
        size_t i = a->count, j = b->count;

        while (i > 0 || j > 0) {
                int order = i == 0 ? -1 : j == 0 ? 1 : nearer(a, &a->levels[i - 1], &b->levels[j - 1]);
                const struct level *level = order >= 0 ? &a->levels[i - 1] : &b->levels[j - 1];

                if (!is_known(a, level) || !is_known(b, level))
                        return;
                ++*all;
                *same += order == 0 && same_size(&a->levels[i - 1], &b->levels[j - 1]);
                i -= order >= 0;
                j -= order <= 0;
        }
}

void book_compare(const struct book *a, const struct book *b, size_t *same, size_t *all)
{
        *same = *all = 0;
        compare_sides(&a->bids, &b->bids, same, all);
        compare_sides(&a->asks, &b->asks, same, all);
}
