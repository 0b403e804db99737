// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/tickpage.h"

#include "common/clock.h"
#include "workers/backfill/scan.h"

#include <stdio.h>

#define MICROSECONDS_MIN INT64_C(1000000000000000) // the smallest number of 16 digits

enum field {
        FIELD_ID,
        FIELD_PRICE,
        FIELD_SIZE,
        FIELD_FIRST_ID,
        FIELD_LAST_ID,
        FIELD_TIME,
        FIELD_MAKER,
        FIELD_COUNT,
        FIELD_OTHER = FIELD_COUNT, // not kept
};

struct name {
        const char *text;
        size_t length;
        enum field field;
};

#define NAME(text, field)                                                                                              \
        {                                                                                                              \
                text, sizeof(text) - 1, field                                                                          \
        }

// In the order of rest-api.md, so that the name after the last one is nearly always the next of the table.
static const struct name trade_names[] = {NAME("id", FIELD_ID), NAME("price", FIELD_PRICE), NAME("qty", FIELD_SIZE),
    NAME("quoteQty", FIELD_OTHER), NAME("time", FIELD_TIME), NAME("isBuyerMaker", FIELD_MAKER),
    NAME("isBestMatch", FIELD_OTHER)};
static const struct name agg_trade_names[] = {NAME("a", FIELD_ID), NAME("p", FIELD_PRICE), NAME("q", FIELD_SIZE),
    NAME("f", FIELD_FIRST_ID), NAME("l", FIELD_LAST_ID), NAME("T", FIELD_TIME), NAME("m", FIELD_MAKER),
    NAME("M", FIELD_OTHER)};

#define ALL_FIELDS ((1u << FIELD_COUNT) - 1)

static const struct {
        const struct name *names;
        size_t count;
        unsigned required;
        size_t row_bytes;
} kinds[] = {
    [TICK_TRADE] = {trade_names, sizeof(trade_names) / sizeof(trade_names[0]),
        ALL_FIELDS & ~(1u << FIELD_FIRST_ID | 1u << FIELD_LAST_ID), sizeof(struct trade)},
    [TICK_AGG_TRADE] = {agg_trade_names, sizeof(agg_trade_names) / sizeof(agg_trade_names[0]), ALL_FIELDS,
        sizeof(struct agg_trade)},
};

struct values {
        unsigned seen;
        int64_t numbers[FIELD_COUNT];
        struct level level;
        bool maker;
};

struct reader {
        struct scan scan;
        enum tick_kind kind;
        size_t hint;      // where in the table the next name is probably found
        const char *name; // for messages: of the value that is being read
        int name_length;
};

static enum field find_field(struct reader *r, const char *text, size_t length)
{
        const struct name *names = kinds[r->kind].names;
        size_t count = kinds[r->kind].count;

        r->name = text;
        r->name_length = (int)length;
        for (size_t i = 0; i < count; i++) {
                size_t at = r->hint + i < count ? r->hint + i : r->hint + i - count;

                if (names[at].length == length && memcmp(names[at].text, text, length) == 0) {
                        r->hint = at + 1 < count ? at + 1 : 0;
                        return names[at].field;
                }
        }
        return FIELD_OTHER;
}

// A whole number, or -1 for none.
static bool read_id(struct scan *s, int64_t *id)
{
        bool negative = scan_take(s, '-');

        if (!scan_whole(s, id))
                return false;
        if (negative && *id != 1)
                return scan_fail(s, "is a negative id other than -1");
        if (negative)
                *id = -1;
        return true;
}

static bool take_word(struct scan *s, const char *word)
{
        size_t length = strlen(word);

        if ((size_t)(s->end - s->p) < length || memcmp(s->p, word, length) != 0)
                return false;
        s->p += length;
        return true;
}

static bool read_bool(struct scan *s, bool *value)
{
        scan_skip_blanks(s);
        *value = take_word(s, "true");
        return *value || take_word(s, "false") || scan_fail(s, "is neither true nor false");
}

// The value of a name that is not kept: a string, a number or a word. Lists and objects are no part of a tick.
static bool skip_value(struct scan *s)
{
        bool value;

        if (s->p == s->end)
                return scan_fail(s, "is cut short");
        switch (*s->p) {
        case '"': return scan_skip_string(s);
        case 't':
        case 'f': return read_bool(s, &value);
        case 'n': return take_word(s, "null") || scan_fail(s, "is neither string nor number nor word");
        default: return scan_skip_number(s);
        }
}

static bool read_value(struct reader *r, enum field field, struct values *v)
{
        struct scan *s = &r->scan;

        switch (field) {
        case FIELD_ID:
        case FIELD_TIME: return scan_whole(s, &v->numbers[field]);
        case FIELD_FIRST_ID:
        case FIELD_LAST_ID: return read_id(s, &v->numbers[field]);
        case FIELD_PRICE: return scan_decimal64(s, &v->level.price, &v->level.price_exponent);
        case FIELD_SIZE: return scan_decimal64(s, &v->level.size, &v->level.size_exponent);
        case FIELD_MAKER: return read_bool(s, &v->maker);
        default: return skip_value(s);
        }
}

static bool read_member(struct reader *r, struct values *v)
{
        const char *text;
        size_t length;

        r->name_length = 0;
        if (!scan_string(&r->scan, &text, &length))
                return false;
        enum field field = find_field(r, text, length);
        if (field == FIELD_OTHER && !scan_is_plain(text, length))
                return scan_fail(&r->scan, "is no plain name");
        if (!scan_take(&r->scan, ':'))
                return scan_fail(&r->scan, "is not followed by a colon");
        if (field != FIELD_OTHER && (v->seen & 1u << field) != 0)
                return scan_fail(&r->scan, "comes twice");
        if (field != FIELD_OTHER)
                v->seen |= 1u << field;
        scan_skip_blanks(&r->scan);
        return read_value(r, field, v);
}

// The trades that an aggregate sums, or that it is a tombstone.
static const char *chain_defect(const struct values *v)
{
        int64_t first_id = v->numbers[FIELD_FIRST_ID], last_id = v->numbers[FIELD_LAST_ID];
        bool tombstone = first_id == -1 && last_id == -1;

        if (!tombstone && (first_id < 0 || last_id < first_id))
                return "sums no trades: its first and last id do not fit";
        return tombstone && v->level.price != 0 ? "sums no trades and has a price" : NULL;
}

static bool read_values(struct reader *r, struct values *v)
{
        struct scan *s = &r->scan;

        *v = (struct values){0};
        r->name_length = 0;
        if (!scan_take(s, '{'))
                return scan_fail(s, "does not begin with {");
        do {
                if (!read_member(r, v))
                        return false;
        } while (scan_take(s, ','));
        r->name_length = 0;
        if (!scan_take(s, '}'))
                return scan_fail(s, "does not go on with a comma or end with }");
        if ((v->seen & kinds[r->kind].required) != kinds[r->kind].required)
                return scan_fail(s, "lacks a name that every row has");
        const char *defect = r->kind == TICK_AGG_TRADE ? chain_defect(v) : NULL;
        return defect == NULL || scan_fail(s, defect);
}

static void keep_row(struct tickpage *page, size_t row, const struct values *v)
{
        int64_t stamp = v->numbers[FIELD_TIME], time_us = exchange_stamp_us(stamp);
        bool microseconds = stamp >= MICROSECONDS_MIN;

        page->ids[row] = v->numbers[FIELD_ID];
        if (page->kind == TICK_TRADE) {
                page->trades[row] = (struct trade){.id = page->ids[row],
                    .time_us = time_us,
                    .level = v->level,
                    .buyer_maker = v->maker,
                    .microseconds = microseconds};
        } else {
                page->agg_trades[row] = (struct agg_trade){.id = page->ids[row],
                    .first_id = v->numbers[FIELD_FIRST_ID],
                    .last_id = v->numbers[FIELD_LAST_ID],
                    .time_us = time_us,
                    .level = v->level,
                    .buyer_maker = v->maker,
                    .microseconds = microseconds};
        }
}

// Drops the newest row where it repeats the one before.
static bool take_row(struct reader *r, struct tickpage *page)
{
        struct values v;

        if (!read_values(r, &v))
                return false;
        size_t row = page->count;
        keep_row(page, row, &v);
        page->received++;
        if (row > 0 && page->ids[row] < page->ids[row - 1])
                return scan_fail(&r->scan, "comes after one with a larger id");
        if (row > 0 && page->ids[row] == page->ids[row - 1]) {
                if (memcmp(tickpage_row(page, row), tickpage_row(page, row - 1), kinds[page->kind].row_bytes) != 0)
                        return scan_fail(&r->scan, "has the id of the one before and other values");
                return true;
        }
        page->count++;
        return true;
}

static int refuse_row(const struct reader *r, char why[REASON_SIZE])
{
        const char *end = r->scan.p >= r->scan.end ? " (the answer ends there)" : "";

        if (r->name_length > 0)
                snprintf(why, REASON_SIZE, "row %zu, \"%.*s\" %s%s", r->scan.row + 1, r->name_length, r->name,
                    r->scan.wrong, end);
        else
                snprintf(why, REASON_SIZE, "row %zu %s%s", r->scan.row + 1, r->scan.wrong, end);
        return -1;
}

static int refuse_page(char why[REASON_SIZE], const char *wrong)
{
        snprintf(why, REASON_SIZE, "%s", wrong);
        return -1;
}

int tickpage_parse(
    const char *body, size_t length, enum tick_kind kind, size_t rows_max, struct tickpage *page, char why[REASON_SIZE])
{
        struct reader r = {.scan = {.p = body, .end = body + length}, .kind = kind};

        page->kind = kind;
        page->count = page->received = 0;
        if (!scan_take(&r.scan, '['))
                return refuse_page(why, "the answer is no list of rows");
        bool more = !scan_take(&r.scan, ']');
        while (more) {
                if (page->received == rows_max) {
                        snprintf(why, REASON_SIZE, "more than the %zu rows asked for", rows_max);
                        return -1;
                }
                if (!take_row(&r, page))
                        return refuse_row(&r, why);
                r.scan.row++;
                if (scan_take(&r.scan, ']'))
                        more = false;
                else if (!scan_take(&r.scan, ','))
                        return refuse_page(why, r.scan.p >= r.scan.end ? "the answer ends between two rows"
                                                                       : "two rows are not divided by a comma");
        }
        scan_skip_blanks(&r.scan);
        return r.scan.p == r.scan.end ? 0 : refuse_page(why, "bytes after the list of rows");
}

const void *tickpage_row(const struct tickpage *page, size_t row)
{
        return page->kind == TICK_TRADE ? (const void *)&page->trades[row] : (const void *)&page->agg_trades[row];
}

size_t tickpage_row_bytes(enum tick_kind kind)
{
        return kinds[kind].row_bytes;
}

int64_t tickpage_time_us(const struct tickpage *page, size_t row)
{
        return page->kind == TICK_TRADE ? page->trades[row].time_us : page->agg_trades[row].time_us;
}
