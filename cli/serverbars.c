// SPDX-License-Identifier: Apache-2.0
#include "cli/serverbars.h"

#include "common/barlayout.h"
#include "common/bucket.h"
#include "common/clock.h"
#include "common/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S (US_PER_DAY / US_PER_S)

// A query under way, and room for one run of rows.
struct run {
        struct storeclient *client;
        const struct barquery *query;
        char key[BUCKET_NAME_SIZE];
        struct storerpc_layout layout;
        struct bar_layout bar;
        int64_t start_s, end_s; // inclusive
        int64_t slot_s;         // of the server's timeframe
        char *why;
        int64_t open_us[BARQUERY_ROWS_MAX];
        struct bar_values bars[BARQUERY_ROWS_MAX];
};

// Rows as they came, of some columns.
struct page {
        uint8_t *bytes; // to be freed
        uint8_t *rows;  // within
        size_t row_bytes;
        size_t count;
        bool is_last; // the range has no more
};

static int64_t epoch_of(const struct page *page, size_t i)
{
        return storerpc_row_epoch_s(page->rows + i * page->row_bytes);
}

static int refuse_order(struct run *run)
{
        (void)snprintf(run->why, STORECLIENT_WHY_SIZE,
            "%s: the store server's rows are not in order of time, or outside the range", run->key);
        errno = EPROTO;
        return -1;
}

static bool is_new_year(int64_t second)
{
        return year_start_us(year_of_us(second * US_PER_S)) == second * US_PER_S;
}

// Up to `count_max` rows of [start_s, end_s], the first or the last of it.
static int read_page(
    struct run *run, int64_t start_s, int64_t end_s, size_t columns, size_t count_max, bool from_end, struct page *page)
{
        // 1 January of a daily bucket lies in the file of the year before, which a query that starts there does not
        // open; the day before it is asked for too, and left out.
        bool earlier = run->slot_s == DAY_S && is_new_year(start_s);
        struct storerpc_range range = {.start_s = earlier && start_s >= DAY_S ? start_s - DAY_S : start_s,
            .end_s = end_s,
            .limit = (int64_t)count_max + earlier,
            .limit_from_end = from_end};

        if (storeclient_read(
                run->client, run->key, &run->layout, columns, &range, &page->bytes, &page->count, run->why) != 0)
                return -1;
        page->is_last = page->count < (size_t)range.limit;
        page->row_bytes = 0;
        for (size_t i = 0; i < columns; i++)
                page->row_bytes += (size_t)column_type_bytes(run->layout.columns[i].type);
        page->rows = page->bytes;
        if (earlier && page->count > 0 && epoch_of(page, 0) < start_s) {
                page->rows += page->row_bytes;
                page->count--;
        }
        for (size_t i = 0; i < page->count; i++) {
                if (epoch_of(page, i) < start_s || epoch_of(page, i) > end_s ||
                    (i > 0 && epoch_of(page, i) <= epoch_of(page, i - 1))) {
                        free(page->bytes);
                        return refuse_order(run);
                }
        }
        return 0;
}

// A limit from the end becomes a start: rows are handed out ascending, so the first of the last N must be known before
// any.
static int move_start_for_limit(struct run *run)
{
        size_t missing = run->query->limit;
        int64_t end_s = run->end_s;
        struct page page = {0};

        while (missing > 0 && !page.is_last && end_s >= run->start_s) {
                size_t wanted = missing < STORERPC_PAGE_ROWS ? missing : STORERPC_PAGE_ROWS;

                if (read_page(run, run->start_s, end_s, 2, wanted, true, &page) != 0)
                        return -1;
                size_t taken = page.count < missing ? page.count : missing;
                if (taken > 0)
                        end_s = epoch_of(&page, page.count - taken) - 1;
                missing -= taken;
                free(page.bytes);
        }
        if (missing < run->query->limit)
                run->start_s = end_s + 1;
        return 0;
}

static int hand_out(struct run *run, const struct page *page, barquery_rows *rows, void *context)
{
        int result = 0;

        for (size_t first = 0, count; first < page->count && result == 0; first += count) {
                count = page->count - first < BARQUERY_ROWS_MAX ? page->count - first : BARQUERY_ROWS_MAX;
                for (size_t i = 0; i < count; i++) {
                        run->open_us[i] = epoch_of(page, first + i) * US_PER_S;
                        bar_layout_decode(&run->bar, page->rows + (first + i) * page->row_bytes, &run->bars[i]);
                }
                result = rows(context, run->open_us, run->bars, count);
        }
        return result;
}

static int hand_out_all(struct run *run, barquery_rows *rows, void *context)
{
        size_t left = run->query->limit > 0 ? run->query->limit : SIZE_MAX;
        struct page page = {0};
        int result = 0;

        while (left > 0 && !page.is_last && run->start_s <= run->end_s && result == 0) {
                size_t wanted = left < STORERPC_PAGE_ROWS ? left : STORERPC_PAGE_ROWS;

                if (read_page(run, run->start_s, run->end_s, run->layout.count, wanted, false, &page) != 0)
                        return -1;
                page.count = page.count < left ? page.count : left;
                if (page.count > 0)
                        run->start_s = epoch_of(&page, page.count - 1) + run->slot_s;
                left -= page.count;
                result = hand_out(run, &page, rows, context);
                free(page.bytes);
        }
        return result;
}

// Times far outside any calendar mean "open"; they would overflow the arithmetic.
static void set_range(struct run *run)
{
        const struct barquery *query = run->query;
        int64_t largest = year_start_us(10000) - 1;
        int64_t start_us = query->start_us > 0 ? query->start_us : 0;

        run->start_s = interval_floor_us(query->interval, start_us < largest ? start_us : largest) / US_PER_S;
        run->start_s = run->start_s > 0 ? run->start_s : 0;
        run->end_s = query->end_us >= 0 ? (query->end_us < largest ? query->end_us : largest) / US_PER_S : -1;
}

int serverbars_run(struct storeclient *client, const struct barquery *query, barquery_rows *rows, void *context,
    char why[STORECLIENT_WHY_SIZE])
{
        struct run *run = memory_zeroed(1, sizeof(*run));
        struct bar_home home = bar_home_of(query->interval);
        struct yearfile_schema schema;

        run->client = client;
        run->query = query;
        run->why = why;
        run->slot_s = home.timeframe_ns / NS_PER_S;
        bucket_format(query->symbol, query->interval, run->key);
        set_range(run);
        int result = storeclient_schema(client, run->key, home.timeframe_ns, 0, &schema, why);
        if (result == 0) {
                storerpc_layout_make(&schema, &run->layout);
                bar_layout_make(&schema, &run->bar);
        }
        if (result == 0 && query->limit > 0 && !query->limit_from_start)
                result = move_start_for_limit(run);
        if (result == 0)
                result = hand_out_all(run, rows, context);
        int saved_errno = errno;
        free(run);
        errno = saved_errno;
        return result;
}
