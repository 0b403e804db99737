// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/page.h"

#include "common/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS 12
#define WHOLE_DIGITS_MAX 18 // fits int64_t; stamps have 13 or 16
#define STRING_BYTES_MAX 64 // no number of the exchange comes near

static const char *const columns[COLUMNS] = {"open time", "open", "high", "low", "close", "volume", "close time",
    "quote volume", "trades", "taker base volume", "taker quote volume", "the unused column"};

struct cursor {
        const char *p, *end;
        size_t row, column; // for messages, counted from 0
        const char *wrong;
};

static bool fail(struct cursor *c, const char *wrong)
{
        c->wrong = wrong;
        return false;
}

static void skip_blanks(struct cursor *c)
{
        while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
                c->p++;
}

// Takes `token` where it is next.
static bool take(struct cursor *c, char token)
{
        if (c->p < c->end && *c->p == token) {
                c->p++;
                return true;
        }
        skip_blanks(c);
        if (c->p < c->end && *c->p == token) {
                c->p++;
                return true;
        }
        return false;
}

static bool read_whole(struct cursor *c, int64_t *number)
{
        int64_t value = 0;

        skip_blanks(c);
        const char *first = c->p;
        while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && c->p - first <= WHOLE_DIGITS_MAX)
                value = value * 10 + (*c->p++ - '0');
        if (c->p == first)
                return fail(c, "is not a whole number");
        if (c->p - first > WHOLE_DIGITS_MAX)
                return fail(c, "has too many digits");
        if (*first == '0' && c->p - first > 1)
                return fail(c, "has leading zeros");
        *number = value;
        return true;
}

static bool read_stamp(struct cursor *c, int64_t *us)
{
        int64_t stamp;

        if (!read_whole(c, &stamp))
                return false;
        *us = exchange_stamp_us(stamp);
        return true;
}

// The text between quotes. Numbers need no escapes, so a backslash is as wrong as any other letter.
static bool read_string(struct cursor *c, const char **text, size_t *length)
{
        if (!take(c, '"'))
                return fail(c, "is not a string");
        size_t left = (size_t)(c->end - c->p), limit = left < STRING_BYTES_MAX ? left : STRING_BYTES_MAX;
        const char *quote = memchr(c->p, '"', limit);
        if (quote == NULL)
                return fail(c, left < STRING_BYTES_MAX ? "is cut short" : "is a string of 64 bytes or more");
        *text = c->p;
        *length = (size_t)(quote - c->p);
        c->p = quote + 1;
        return true;
}

static bool number_failed(struct cursor *c)
{
        return fail(c, errno == ERANGE ? "is a number too large to keep exactly" : "is not a decimal number");
}

static bool read_price(struct cursor *c, int64_t *mantissa, int8_t *exponent)
{
        const char *text;
        size_t length;

        if (!read_string(c, &text, &length))
                return false;
        return decimal64_parse(text, length, mantissa, exponent) == 0 || number_failed(c);
}

static bool read_volume(struct cursor *c, struct wide *mantissa, int8_t *exponent)
{
        const char *text;
        size_t length;
        struct decimal value;

        if (!read_string(c, &text, &length))
                return false;
        if (decimal_parse(text, length, &value) != 0)
                return number_failed(c);
        *mantissa = value.mantissa;
        *exponent = value.exponent;
        return true;
}

static bool skip_string(struct cursor *c)
{
        const char *text;
        size_t length;

        return read_string(c, &text, &length);
}

// The comma before the next column.
static bool next(struct cursor *c)
{
        if (!take(c, ','))
                return fail(c, "is not followed by a comma and the next column");
        c->column++;
        return true;
}

static bool read_row(struct cursor *c, struct kline *row)
{
        c->column = 0;
        if (!take(c, '['))
                return fail(c, "does not begin a row with [");
        return read_stamp(c, &row->open_us) && next(c) && read_price(c, &row->open, &row->open_exponent) && next(c) &&
               read_price(c, &row->high, &row->high_exponent) && next(c) &&
               read_price(c, &row->low, &row->low_exponent) && next(c) &&
               read_price(c, &row->close, &row->close_exponent) && next(c) &&
               read_volume(c, &row->volume, &row->volume_exponent) && next(c) && read_stamp(c, &row->close_us) &&
               next(c) && read_volume(c, &row->quote_volume, &row->quote_volume_exponent) && next(c) &&
               read_whole(c, &row->trades) && next(c) && read_volume(c, &row->taker_base, &row->taker_base_exponent) &&
               next(c) && read_volume(c, &row->taker_quote, &row->taker_quote_exponent) && next(c) && skip_string(c) &&
               (take(c, ']') || fail(c, "does not end the row: twelve columns are expected"));
}

static int refuse_row(const struct cursor *c, char why[REASON_SIZE])
{
        const char *end = c->p >= c->end ? " (the answer ends there)" : "";

        snprintf(why, REASON_SIZE, "row %zu, column %zu (%s) %s%s", c->row + 1, c->column + 1, columns[c->column],
            c->wrong, end);
        return -1;
}

static int refuse_page(char why[REASON_SIZE], const char *wrong)
{
        snprintf(why, REASON_SIZE, "%s", wrong);
        return -1;
}

int page_parse(
    const char *body, size_t length, struct kline *rows, size_t rows_max, size_t *count, char why[REASON_SIZE])
{
        struct cursor c = {.p = body, .end = body + length};

        *count = 0;
        if (!take(&c, '['))
                return refuse_page(why, "the answer is no list of rows");
        bool more = !take(&c, ']');
        while (more) {
                if (c.row == rows_max) {
                        snprintf(why, REASON_SIZE, "more than the %zu rows asked for", rows_max);
                        return -1;
                }
                rows[c.row].received_wall_ns = 0;
                if (!read_row(&c, &rows[c.row]))
                        return refuse_row(&c, why);
                c.row++;
                if (take(&c, ']'))
                        more = false;
                else if (!take(&c, ','))
                        return refuse_page(why,
                            c.p >= c.end ? "the answer ends between two rows" : "two rows are not divided by a comma");
        }
        skip_blanks(&c);
        if (c.p != c.end)
                return refuse_page(why, "bytes after the list of rows");
        *count = c.row;
        return 0;
}
