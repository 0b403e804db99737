// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/page.h"

#include "common/clock.h"
#include "workers/backfill/scan.h"

#include <stdio.h>

#define COLUMNS 12

static const char *const columns[COLUMNS] = {"open time", "open", "high", "low", "close", "volume", "close time",
    "quote volume", "trades", "taker base volume", "taker quote volume", "the unused column"};

struct cursor {
        struct scan scan;
        size_t column; // for messages, counted from 0
};

static bool read_stamp(struct cursor *c, int64_t *us)
{
        int64_t stamp;

        if (!scan_whole(&c->scan, &stamp))
                return false;
        *us = exchange_stamp_us(stamp);
        return true;
}

static bool read_price(struct cursor *c, int64_t *mantissa, int8_t *exponent)
{
        return scan_decimal64(&c->scan, mantissa, exponent);
}

static bool read_volume(struct cursor *c, struct wide *mantissa, int8_t *exponent)
{
        const char *text;
        size_t length;
        struct decimal value;

        if (!scan_string(&c->scan, &text, &length))
                return false;
        if (decimal_parse(text, length, &value) != 0)
                return scan_number_failed(&c->scan);
        *mantissa = value.mantissa;
        *exponent = value.exponent;
        return true;
}

// The comma before the next column.
static bool next(struct cursor *c)
{
        if (!scan_take(&c->scan, ','))
                return scan_fail(&c->scan, "is not followed by a comma and the next column");
        c->column++;
        return true;
}

static bool read_row(struct cursor *c, struct kline *row)
{
        c->column = 0;
        if (!scan_take(&c->scan, '['))
                return scan_fail(&c->scan, "does not begin a row with [");
        return read_stamp(c, &row->open_us) && next(c) && read_price(c, &row->open, &row->open_exponent) && next(c) &&
               read_price(c, &row->high, &row->high_exponent) && next(c) &&
               read_price(c, &row->low, &row->low_exponent) && next(c) &&
               read_price(c, &row->close, &row->close_exponent) && next(c) &&
               read_volume(c, &row->volume, &row->volume_exponent) && next(c) && read_stamp(c, &row->close_us) &&
               next(c) && read_volume(c, &row->quote_volume, &row->quote_volume_exponent) && next(c) &&
               scan_whole(&c->scan, &row->trades) && next(c) &&
               read_volume(c, &row->taker_base, &row->taker_base_exponent) && next(c) &&
               read_volume(c, &row->taker_quote, &row->taker_quote_exponent) && next(c) && scan_skip_string(&c->scan) &&
               (scan_take(&c->scan, ']') || scan_fail(&c->scan, "does not end the row: twelve columns are expected"));
}

static int refuse_row(const struct cursor *c, char why[REASON_SIZE])
{
        const char *end = c->scan.p >= c->scan.end ? " (the answer ends there)" : "";

        snprintf(why, REASON_SIZE, "row %zu, column %zu (%s) %s%s", c->scan.row + 1, c->column + 1, columns[c->column],
            c->scan.wrong, end);
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
        struct cursor c = {.scan = {.p = body, .end = body + length}};

        *count = 0;
        if (!scan_take(&c.scan, '['))
                return refuse_page(why, "the answer is no list of rows");
        bool more = !scan_take(&c.scan, ']');
        while (more) {
                if (c.scan.row == rows_max) {
                        snprintf(why, REASON_SIZE, "more than the %zu rows asked for", rows_max);
                        return -1;
                }
                rows[c.scan.row].received_wall_ns = 0;
                if (!read_row(&c, &rows[c.scan.row]))
                        return refuse_row(&c, why);
                c.scan.row++;
                if (scan_take(&c.scan, ']'))
                        more = false;
                else if (!scan_take(&c.scan, ','))
                        return refuse_page(why, c.scan.p >= c.scan.end ? "the answer ends between two rows"
                                                                       : "two rows are not divided by a comma");
        }
        scan_skip_blanks(&c.scan);
        if (c.scan.p != c.scan.end)
                return refuse_page(why, "bytes after the list of rows");
        *count = c.scan.row;
        return 0;
}
