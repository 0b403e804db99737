// SPDX-License-Identifier: Apache-2.0
#include "common/tickrow.h"

#include "common/clock.h"
#include "common/decimal.h"
#include "common/log.h"
#include "common/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MIN 256
#define STRING16_BYTES 64

struct tick_rows {
        enum tick_kind kind;
        unsigned levels;
        size_t columns_bytes;
        size_t count, capacity;
        int64_t *time_ns;
        unsigned char *columns;
};

// ---- the list ----

struct tick_rows *tick_rows_new(enum tick_kind kind, unsigned levels)
{
        struct tick_rows *rows = memory_zeroed(1, sizeof(*rows));
        struct yearfile_schema schema;
        struct tick_layout layout;

        tick_schema(kind, levels, &schema);
        tick_layout_make(kind, &schema, &layout);
        rows->kind = kind;
        rows->levels = kind == TICK_DEPTH ? levels : 0;
        rows->columns_bytes = layout.columns_bytes;
        return rows;
}

void tick_rows_free(struct tick_rows *rows)
{
        if (rows == NULL)
                return;
        free(rows->time_ns);
        free(rows->columns);
        free(rows);
}

void tick_rows_clear(struct tick_rows *rows)
{
        rows->count = 0;
}

enum tick_kind tick_rows_kind(const struct tick_rows *rows)
{
        return rows->kind;
}

unsigned tick_rows_levels(const struct tick_rows *rows)
{
        return rows->levels;
}

size_t tick_rows_count(const struct tick_rows *rows)
{
        return rows->count;
}

int64_t tick_rows_time_ns(const struct tick_rows *rows, size_t i)
{
        return rows->time_ns[i];
}

const unsigned char *tick_rows_columns(const struct tick_rows *rows, size_t i)
{
        return rows->columns + i * rows->columns_bytes;
}

int tick_rows_next_year(const struct tick_rows *rows, int year)
{
        int64_t begin_ns = year > 0 ? year_start_us(year) * NS_PER_US : INT64_MIN, smallest_ns = INT64_MAX;

        for (size_t i = 0; i < rows->count; i++) {
                if (rows->time_ns[i] >= begin_ns && rows->time_ns[i] < smallest_ns)
                        smallest_ns = rows->time_ns[i];
        }
        return smallest_ns < INT64_MAX ? (int)year_of_us(smallest_ns / NS_PER_US) : 0;
}

// Room for one more row; NULL with EINVAL for a time that no year file holds.
static unsigned char *add_row(struct tick_rows *rows, int64_t time_us)
{
        // Nanoseconds in 64 bit end in the year 2262; nobody's clock is that wrong by accident.
        if (time_us < 0 || time_us > INT64_MAX / NS_PER_US - US_PER_DAY) {
                errno = EINVAL;
                return NULL;
        }
        if (rows->count == rows->capacity) {
                rows->capacity = rows->capacity > 0 ? 2 * rows->capacity : ROWS_MIN;
                rows->time_ns = memory_resized(rows->time_ns, rows->capacity, sizeof(rows->time_ns[0]));
                rows->columns = memory_resized(rows->columns, rows->capacity, rows->columns_bytes);
        }
        rows->time_ns[rows->count] = time_us * NS_PER_US;
        return rows->columns + rows->count++ * rows->columns_bytes;
}

// ---- columns ----

static unsigned char *put_int64(unsigned char *at, int64_t value)
{
        memcpy(at, &value, sizeof(value));
        return at + sizeof(value);
}

static unsigned char *put_double(unsigned char *at, double value)
{
        memcpy(at, &value, sizeof(value));
        return at + sizeof(value);
}

static unsigned char *put_level(unsigned char *at, const struct level *level)
{
        at = put_double(at, decimal64_to_double(level->price, level->price_exponent));
        return put_double(at, decimal64_to_double(level->size, level->size_exponent));
}

// UCS-4, little-endian, NUL padded: the bytes of numpy's <U16.
#define LETTER(c) c, 0, 0, 0
static const unsigned char exchange_text[STRING16_BYTES] = {
    LETTER('B'), LETTER('I'), LETTER('N'), LETTER('A'), LETTER('N'), LETTER('C'), LETTER('E')};
static const unsigned char tape_text[STRING16_BYTES] = {LETTER('S'), LETTER('P'), LETTER('O'), LETTER('T')};
#undef LETTER

static unsigned char *put_text(unsigned char *at, const unsigned char text[STRING16_BYTES])
{
        memcpy(at, text, STRING16_BYTES);
        return at + STRING16_BYTES;
}

// ---- events ----

int tick_rows_add_trade(struct tick_rows *rows, const struct trade *trade)
{
        REQUIRE(rows->kind == TICK_TRADE);
        unsigned char *at = add_row(rows, trade->time_us);

        if (at == NULL)
                return -1;
        at = put_level(at, &trade->level);
        at = put_text(at, exchange_text);
        at = put_text(at, tape_text);
        at = put_int64(at, trade->id);
        *at++ = trade->buyer_maker;
        put_int64(at, trade->received_wall_ns);
        return 0;
}

int tick_rows_add_agg_trade(struct tick_rows *rows, const struct agg_trade *trade)
{
        REQUIRE(rows->kind == TICK_AGG_TRADE);
        if (trade->first_id == -1 && trade->last_id == -1 && trade->level.price == 0)
                return 0;
        unsigned char *at = add_row(rows, trade->time_us);

        if (at == NULL)
                return -1;
        at = put_level(at, &trade->level);
        at = put_int64(at, trade->id);
        at = put_int64(at, trade->first_id);
        at = put_int64(at, trade->last_id);
        *at++ = trade->buyer_maker;
        put_int64(at, trade->received_wall_ns);
        return 0;
}

int tick_rows_add_quote(struct tick_rows *rows, const struct quote *quote)
{
        REQUIRE(rows->kind == TICK_QUOTE);
        unsigned char *at = add_row(rows, quote->time_us);

        if (at == NULL)
                return -1;
        at = put_level(at, &quote->bid);
        at = put_level(at, &quote->ask);
        at = put_int64(at, quote->update_id);
        put_int64(at, quote->received_wall_ns);
        return 0;
}

// `count` levels of one side, then zeros.
static unsigned char *put_side(unsigned char *at, const struct level *levels, unsigned count, unsigned wanted)
{
        static const struct level padding;

        for (unsigned i = 0; i < wanted; i++)
                at = put_level(at, i < count ? &levels[i] : &padding);
        return at;
}

static int add_top(struct tick_rows *rows, const struct depth *depth, const struct level *levels)
{
        unsigned char *at = add_row(rows, depth->time_us);

        if (at == NULL)
                return -1;
        at = put_side(at, levels, depth->bids, rows->levels);
        at = put_side(at, levels + depth->bids, depth->asks, rows->levels);
        at = put_int64(at, depth->update_id);
        put_int64(at, depth->received_wall_ns);
        return 0;
}

static int add_change(struct tick_rows *rows, const struct depth *depth, const struct level *level, enum tick_side side)
{
        unsigned char *at = add_row(rows, depth->time_us);

        if (at == NULL)
                return -1;
        at = put_int64(at, depth->kind == DEPTH_SNAPSHOT ? 0 : depth->first_id);
        at = put_int64(at, depth->update_id);
        *at++ = (unsigned char)side;
        at = put_level(at, level);
        put_int64(at, depth->received_wall_ns);
        return 0;
}

static int add_changes(struct tick_rows *rows, const struct depth *depth, const struct level *levels)
{
        static const struct level none;
        bool snapshot = depth->kind == DEPTH_SNAPSHOT;
        enum tick_side bid = snapshot ? TICK_SIDE_SNAPSHOT_BID : TICK_SIDE_BID;
        enum tick_side ask = snapshot ? TICK_SIDE_SNAPSHOT_ASK : TICK_SIDE_ASK;

        if (depth->kind == DEPTH_CLEAR)
                return add_change(rows, depth, &none, TICK_SIDE_CLEAR);
        // Bids come best first; rows of an event lie by side and rising price, so that a block need not be sorted.
        for (unsigned i = depth->bids; i-- > 0;) {
                if (add_change(rows, depth, &levels[i], bid) != 0)
                        return -1;
        }
        for (unsigned i = depth->bids; i < (unsigned)depth->bids + depth->asks; i++) {
                if (add_change(rows, depth, &levels[i], ask) != 0)
                        return -1;
        }
        return 0;
}

int tick_rows_add_depth(struct tick_rows *rows, const struct depth *depth, const struct level *levels)
{
        REQUIRE(rows->kind == TICK_DEPTH || rows->kind == TICK_DEPTH_DIFF);
        if (depth->kind > DEPTH_CLEAR || (depth->kind == DEPTH_TOP) != (rows->kind == TICK_DEPTH)) {
                errno = EINVAL;
                return -1;
        }
        return rows->kind == TICK_DEPTH ? add_top(rows, depth, levels) : add_changes(rows, depth, levels);
}
