// SPDX-License-Identifier: Apache-2.0
#include "cli/serverticks.h"

#include "common/clock.h"
#include "common/tickblock.h"
#include "common/ticktime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_BYTES 8
#define NANOSECONDS_RIGHT_MAX 999999995
#define SECOND_ROWS_SPARE 1000 // asked for beyond a limit: doubled rows, and those of a second that is cut

// A query under way.
struct run {
        struct storeclient *client;
        char key[BUCKET_NAME_SIZE];
        const struct yearfile_schema *schema;
        struct storerpc_layout wire; // of a row as it comes
        struct tick_layout layout;   // of a row as it is handed out
        struct tick_block *block;
        int64_t start_ns, end_ns; // inclusive
        int64_t start_second, end_second;
        size_t page_rows;
        size_t skip; // rows at the beginning of the range to be left out: of its first second, for a limit
        size_t left; // rows still to be handed out
        tickquery_rows *rows;
        void *context;
        char *why;
};

// Rows of whole seconds.
struct page {
        uint8_t *bytes; // to be freed
        uint8_t *rows;  // within
        size_t count;
        int64_t first_second, last_second; // it has everything of these and what lies between
};

static int fail(struct run *run, int error, const char *what)
{
        (void)snprintf(run->why, STORECLIENT_WHY_SIZE, "%s: %s", run->key, what);
        errno = error;
        return -1;
}

// A stock server adds a second to what lies at the very end of its second (MarketStore v4.1.23,
// executor/rewritebuffer.go: seconds are rounded to eight places, and then the nanoseconds are not 0).
static int64_t second_of(const struct run *run, const struct page *page, size_t i)
{
        const uint8_t *row = page->rows + i * run->wire.row_bytes;

        return storerpc_row_epoch_s(row) - (storerpc_row_nanos(&run->wire, row) > NANOSECONDS_RIGHT_MAX);
}

// ---- pages ----

static int read_rows(
    struct run *run, int64_t start_second, int64_t end_second, size_t limit, bool from_end, struct page *page)
{
        struct storerpc_range range = {
            .start_s = start_second, .end_s = end_second, .limit = (int64_t)limit, .limit_from_end = from_end};

        if (storeclient_read(
                run->client, run->key, &run->wire, run->wire.count, &range, &page->bytes, &page->count, run->why) != 0)
                return -1;
        page->rows = page->bytes;
        page->first_second = start_second;
        page->last_second = end_second;
        for (size_t i = 0; i < page->count; i++) {
                if (second_of(run, page, i) >= start_second && second_of(run, page, i) <= end_second &&
                    (i == 0 || second_of(run, page, i) >= second_of(run, page, i - 1)))
                        continue;
                free(page->bytes);
                return fail(run, EPROTO, "the store server's rows are not in order of time, or lie outside the range");
        }
        return 0;
}

// Leaves out the second at the far end of a page that was cut by its limit: it may be incomplete. Where that leaves
// nothing, the second alone is larger than a page, and is read as a whole.
static int keep_whole_seconds(struct run *run, bool from_end, struct page *page)
{
        int64_t cut = second_of(run, page, from_end ? 0 : page->count - 1);
        size_t of_cut = 0;

        while (of_cut < page->count && second_of(run, page, from_end ? of_cut : page->count - 1 - of_cut) == cut)
                of_cut++;
        if (of_cut == page->count) {
                free(page->bytes);
                return read_rows(run, cut, cut, 0, false, page);
        }
        page->count -= of_cut;
        if (from_end) {
                page->rows += of_cut * run->wire.row_bytes;
                page->first_second = cut + 1;
        } else {
                page->last_second = cut - 1;
        }
        return 0;
}

static int read_page(
    struct run *run, int64_t start_second, int64_t end_second, size_t wanted, bool from_end, struct page *page)
{
        size_t limit = wanted < run->page_rows - SECOND_ROWS_SPARE ? wanted + SECOND_ROWS_SPARE : run->page_rows;

        if (read_rows(run, start_second, end_second, limit, from_end, page) != 0)
                return -1;
        return page->count < limit ? 0 : keep_whole_seconds(run, from_end, page);
}

// ---- a second ----

// Unites the rows of the second at `first`; *end is the row after them. What lies in the range becomes *cut.
static int unite_second(struct run *run, const struct page *page, size_t first, size_t *end, struct tick_run *cut)
{
        int64_t second = second_of(run, page, first);

        tick_block_clear(run->block);
        for (*end = first; *end < page->count && second_of(run, page, *end) == second; ++*end) {
                const uint8_t *row = page->rows + *end * run->wire.row_bytes;

                tick_block_add(run->block, tick_of_nanosecond(storerpc_row_nanos(&run->wire, row)), row + EPOCH_BYTES);
        }
        if (tick_block_unite(run->block) != 0)
                return fail(run, errno, "a second has more rows than are read at once");
        *cut = (struct tick_run){.schema = run->schema,
            .second = second,
            .count = tick_block_count(run->block),
            .row_bytes = run->layout.row_bytes,
            .rows = tick_block_rows(run->block)};
        tick_run_cut(cut, run->start_ns, run->end_ns);
        return 0;
}

// ---- a limit from the end ----

// Counts the page's rows from its end; the range then begins where the limit does. *missing becomes 0 there.
static int count_page(struct run *run, const struct page *page, size_t *missing)
{
        for (size_t end = page->count, first, unused; end > 0 && *missing > 0; end = first) {
                struct tick_run cut;

                first = end - 1;
                while (first > 0 && second_of(run, page, first - 1) == second_of(run, page, end - 1))
                        first--;
                if (unite_second(run, page, first, &unused, &cut) != 0)
                        return -1;
                size_t taken = cut.count < *missing ? cut.count : *missing;
                *missing -= taken;
                if (taken > 0) {
                        run->skip = cut.count - taken;
                        run->start_second = cut.second;
                }
        }
        return 0;
}

// The second of the first or the last row of the range; the end of the range where it has none.
static int find_second(struct run *run, bool from_end, int64_t *second)
{
        struct page page;

        if (read_rows(run, run->start_second, run->end_second, 1, from_end, &page) != 0)
                return -1;
        *second = page.count > 0 ? second_of(run, &page, 0) : run->end_second;
        free(page.bytes);
        return 0;
}

// The first of the last N rows must be known before any is handed out. Counted within one year at a time.
static int move_start_for_limit(struct run *run, size_t limit)
{
        int64_t first_second, end_second;
        size_t missing = limit;

        if (find_second(run, false, &first_second) != 0 || find_second(run, true, &end_second) != 0)
                return -1;
        while (missing > 0 && end_second >= first_second) {
                int64_t year_second = year_start_us(year_of_us(end_second * US_PER_S)) / US_PER_S;
                struct page page;

                if (read_page(run, year_second > first_second ? year_second : first_second, end_second, missing, true,
                        &page) != 0)
                        return -1;
                int result = count_page(run, &page, &missing);
                free(page.bytes);
                if (result != 0)
                        return -1;
                end_second = page.first_second - 1;
        }
        return 0;
}

// ---- handing out ----

static int hand_out(struct run *run, const struct page *page)
{
        int result = 0;

        for (size_t first = 0, end; first < page->count && run->left > 0 && result == 0; first = end) {
                struct tick_run cut;

                if (unite_second(run, page, first, &end, &cut) != 0)
                        return -1;
                size_t skipped = run->skip < cut.count ? run->skip : cut.count;
                cut.rows += skipped * cut.row_bytes;
                cut.count -= skipped;
                run->skip -= skipped;
                cut.count = cut.count < run->left ? cut.count : run->left;
                run->left -= cut.count;
                if (cut.count > 0)
                        result = run->rows(run->context, &cut);
        }
        return result;
}

static int hand_out_all(struct run *run)
{
        int64_t second = run->start_second;
        int result = 0;

        while (run->left > 0 && second <= run->end_second && result == 0) {
                struct page page;
                size_t wanted = run->left < run->page_rows ? run->left + run->skip : run->page_rows;

                if (read_page(run, second, run->end_second, wanted, false, &page) != 0)
                        return -1;
                result = hand_out(run, &page);
                free(page.bytes);
                second = page.last_second + 1;
        }
        return result;
}

static void set_range(struct run *run, const struct tickquery *query)
{
        run->start_ns = query->start_ns > 0 ? query->start_ns : 0;
        run->end_ns = query->end_ns;
        run->start_second = tick_second_of(run->start_ns);
        run->end_second = tick_second_of(run->end_ns);
        run->left = query->limit > 0 ? query->limit : SIZE_MAX;
}

static void set_layout(struct run *run, enum tick_kind kind)
{
        storerpc_layout_make(run->schema, &run->wire);
        tick_layout_make(kind, run->schema, &run->layout);
        size_t rows = STORERPC_PAGE_BYTES / run->wire.row_bytes;
        run->page_rows = rows < STORERPC_PAGE_ROWS ? rows : STORERPC_PAGE_ROWS;
        run->page_rows = run->page_rows > 2 * SECOND_ROWS_SPARE ? run->page_rows : 2 * SECOND_ROWS_SPARE;
        run->block = tick_block_new(&run->layout);
}

int serverticks_run(struct storeclient *client, const struct tickquery *query, struct yearfile_schema *schema,
    tickquery_rows *rows, void *context, char why[STORECLIENT_WHY_SIZE])
{
        struct run run = {.client = client, .schema = schema, .rows = rows, .context = context, .why = why};

        tick_bucket_format(query->symbol, query->kind, run.key);
        if (storeclient_schema(client, run.key, TICK_NS_PER_S, 1, schema, why) != 0)
                return -1;
        set_range(&run, query);
        set_layout(&run, query->kind);
        int result = 0;
        if (query->limit > 0 && !query->limit_from_start && run.start_second <= run.end_second)
                result = move_start_for_limit(&run, query->limit);
        if (result == 0)
                result = hand_out_all(&run);
        int saved_errno = errno;
        tick_block_free(run.block);
        errno = saved_errno;
        return result;
}
