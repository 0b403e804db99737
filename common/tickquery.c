// SPDX-License-Identifier: Apache-2.0
#include "common/tickquery.h"

#include "common/clock.h"
#include "common/memory.h"
#include "common/tickfile.h"
#include "common/ticktime.h"
#include "common/yeartree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICKS_BYTES 4

// Opening and decoding a second's block takes as long as this many of its rows.
#define BLOCK_ROWS_EQUAL 16

// A query under way.
struct run {
        const struct tickquery *query;
        int64_t start_ns, end_ns;
        size_t skip; // rows at the beginning of the range to be left out: of its first second, for a limit
        size_t left; // rows still to be handed out
        int years[YEARFILE_YEARS_MAX];
        int years_count;
        tickquery_rows *rows;
        void *context;
        char *why;
        struct tick_triple triples[TICK_INDEX_SLOTS_MAX];
};

static int __attribute__((format(printf, 3, 4))) fail(struct run *run, int error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(run->why, REASON_SIZE, format, arguments);
        va_end(arguments);
        errno = error;
        return -1;
}

// ---- rows of a second ----

static int64_t row_time_ns(int64_t second, const unsigned char *row, size_t row_bytes)
{
        uint32_t ticks;

        memcpy(&ticks, row + row_bytes - TICKS_BYTES, sizeof(ticks));
        return second * TICK_NS_PER_S + tick_nanosecond(ticks);
}

int64_t tick_run_time_ns(const struct tick_run *run, size_t i)
{
        return row_time_ns(run->second, run->rows + i * run->row_bytes, run->row_bytes);
}

const unsigned char *tick_run_columns(const struct tick_run *run, size_t i)
{
        return run->rows + i * run->row_bytes;
}

void tick_run_cut(struct tick_run *run, int64_t start_ns, int64_t end_ns)
{
        while (run->count > 0 && tick_run_time_ns(run, run->count - 1) > end_ns)
                run->count--;
        while (run->count > 0 && tick_run_time_ns(run, 0) < start_ns) {
                run->rows += run->row_bytes;
                run->count--;
        }
}

// The rows of a block that lie in the range.
static struct tick_run cut_to_range(
    const struct run *run, const struct tickfile *file, int64_t second, const struct tick_block *block)
{
        struct tick_run cut = {.schema = tickfile_schema(file),
            .second = second,
            .count = tick_block_count(block),
            .row_bytes = tickfile_layout(file)->row_bytes,
            .rows = tick_block_rows(block)};

        tick_run_cut(&cut, run->start_ns, run->end_ns);
        return cut;
}

// ---- years ----

static int list_years(struct run *run)
{
        const struct tickquery *query = run->query;
        const char *group = tick_group(query->kind);
        int directory_fd = yeartree_open_group(query->root, query->symbol, TICK_TIMEFRAME, group, run->why);

        if (directory_fd < 0)
                return -1;
        run->years_count = yeartree_list_years(directory_fd, run->years);
        int saved_errno = errno;
        close(directory_fd);
        if (run->years_count < 0)
                return fail(run, saved_errno, "%s/" TICK_TIMEFRAME "/%s: cannot list: %s", query->symbol, group,
                    strerror(saved_errno));
        if (run->years_count == 0)
                return fail(run, ENOENT, "there is no year in bucket %s/" TICK_TIMEFRAME "/%s", query->symbol, group);
        return 0;
}

static bool year_is_wanted(const struct run *run, int year)
{
        return year_start_us(year) <= run->end_ns / NS_PER_US && year_start_us(year + 1) > run->start_ns / NS_PER_US;
}

static struct tickfile *open_year(struct run *run, int year)
{
        return tickfile_open_read(run->query->root, run->query->symbol, run->query->kind, year, run->why);
}

static int explain_index(struct run *run, const struct tickfile *file)
{
        return fail(run, errno, "%s: cannot read its index: %s", tickfile_name(file), strerror(errno));
}

// ---- a limit from the end ----

// A limit from the end becomes a start: rows are handed out ascending, in bounded memory, so the first of the last N
// must be known before any. Rows that the writer adds meanwhile are beyond the N, which are counted again.

static int read_block(
    struct run *run, const struct tickfile *file, const struct tick_triple *triple, struct tick_block *block)
{
        if (tickfile_read_block(file, triple, block, run->why) == 0)
                return 0;
        if (run->query->damaged_second != NULL)
                *run->query->damaged_second = triple->second;
        return -1;
}

// Counts a second's rows from its end; the range then begins in it.
static int count_block(struct run *run, const struct tickfile *file, const struct tick_triple *triple,
    struct tick_block *block, struct tickquery_search *search)
{
        if (read_block(run, file, triple, block) < 0)
                return -1;
        struct tick_run cut = cut_to_range(run, file, triple->second, block);
        size_t taken = cut.count < search->missing ? cut.count : search->missing;

        search->missing -= taken;
        search->end_second = triple->second;
        if (taken > 0 && search->missing == 0) {
                run->skip = cut.count - taken;
                run->start_ns = tick_run_time_ns(&cut, 0);
        }
        run->left -= run->left < cut.count + BLOCK_ROWS_EQUAL ? run->left : cut.count + BLOCK_ROWS_EQUAL;
        return 0;
}

// Goes on until none is missing, the year has no more, or the slice (run->left) is over.
static int count_back(struct run *run, const struct tickfile *file, struct tickquery_search *search)
{
        struct tick_block *block = tick_block_new(tickfile_layout(file));
        int64_t low = tick_second_of(run->start_ns), year_second = year_start_us(tickfile_year(file)) / US_PER_S;
        int result = 0;

        low = low > year_second ? low : year_second; // further back lies another file
        while (search->missing > 0 && run->left > 0 && low < search->end_second && result == 0) {
                // Each has a row at least, so no more than are missing are looked up.
                size_t wanted = search->missing < TICK_INDEX_SLOTS_MAX ? search->missing : TICK_INDEX_SLOTS_MAX;
                int64_t looked_at = search->end_second;
                ssize_t count = tick_index_read_back(tickfile_index(file), low, &looked_at, run->triples, wanted);

                if (count < 0)
                        result = explain_index(run, file);
                while (search->missing > 0 && run->left > 0 && count > 0 && result == 0)
                        result = count_block(run, file, &run->triples[--count], block, search);
                if (count == 0)
                        search->end_second = looked_at;
        }
        int saved_errno = errno;
        tick_block_free(block);
        errno = saved_errno;
        return result;
}

static int count_years_back(struct run *run, struct tickquery_search *search)
{
        for (int i = run->years_count - 1; i >= 0 && search->missing > 0 && run->left > 0; i--) {
                int year = run->years[i];

                if (!year_is_wanted(run, year) || year_start_us(year) / US_PER_S >= search->end_second)
                        continue;
                struct tickfile *file = open_year(run, year);
                if (file == NULL)
                        return -1;
                int result = count_back(run, file, search), saved_errno = errno;
                tickfile_close(file);
                errno = saved_errno;
                if (result != 0)
                        return -1;
        }
        return 0;
}

// ---- handing out ----

static int hand_out_block(
    struct run *run, const struct tickfile *file, const struct tick_triple *triple, struct tick_block *block)
{
        if (read_block(run, file, triple, block) < 0)
                return -1;
        struct tick_run cut = cut_to_range(run, file, triple->second, block);
        size_t skipped = run->skip < cut.count ? run->skip : cut.count;

        run->skip -= skipped;
        cut.rows += skipped * cut.row_bytes;
        cut.count -= skipped;
        if (cut.count > run->left)
                cut.count = run->left;
        run->left -= cut.count;
        return cut.count > 0 ? run->rows(run->context, &cut) : 0;
}

static int hand_out_year(struct run *run, int year)
{
        struct tickfile *file = open_year(run, year);
        int64_t low = tick_second_of(run->start_ns), high = tick_second_of(run->end_ns) + 1;
        int result = 0;

        if (file == NULL)
                return -1;
        struct tick_block *block = tick_block_new(tickfile_layout(file));
        while (run->left > 0 && low < high && result == 0) {
                size_t wanted = run->left < TICK_INDEX_SLOTS_MAX ? run->left : TICK_INDEX_SLOTS_MAX;
                ssize_t count = tick_index_read(tickfile_index(file), &low, high, run->triples, wanted);

                if (count < 0)
                        result = explain_index(run, file);
                for (ssize_t i = 0; i < count && run->left > 0 && result == 0; i++)
                        result = hand_out_block(run, file, &run->triples[i], block);
        }
        int saved_errno = errno;
        tick_block_free(block);
        tickfile_close(file);
        errno = saved_errno;
        return result;
}

// ---- queries ----

static struct run *begin_run(const struct tickquery *query, size_t left, char why[REASON_SIZE])
{
        struct run *run = memory_zeroed(1, sizeof(*run));

        run->query = query;
        // Seconds are counted one beyond the end; no file lies there.
        run->start_ns = query->start_ns > 0 ? query->start_ns : 0;
        run->end_ns = query->end_ns < INT64_MAX - TICK_NS_PER_S ? query->end_ns : INT64_MAX - TICK_NS_PER_S;
        run->skip = query->skip;
        run->left = left;
        run->why = why;
        return run;
}

// Returns `result`, errno kept.
static int end_run(struct run *run, int result)
{
        int saved_errno = errno;

        free(run);
        errno = saved_errno;
        return result;
}

int tickquery_find_start(
    struct tickquery *query, struct tickquery_search *search, size_t rows_max, char why[REASON_SIZE])
{
        if (query->limit == 0 || query->limit_from_start)
                return 0;
        struct run *run = begin_run(query, rows_max, why);
        if (!search->begun)
                *search = (struct tickquery_search){true, tick_second_of(run->end_ns) + 1, query->limit};
        int result = list_years(run);
        if (result == 0)
                result = count_years_back(run, search);
        if (result == 0 && search->missing > 0 && run->left == 0)
                return end_run(run, 1);
        if (result == 0) {
                query->start_ns = run->start_ns;
                query->skip = run->skip;
                query->limit_from_start = true;
        }
        return end_run(run, result);
}

int tickquery_run(const struct tickquery *query, tickquery_rows *rows, void *context, char why[REASON_SIZE])
{
        struct tickquery_search search = {0};
        struct tickquery from_start = *query;

        if (tickquery_find_start(&from_start, &search, SIZE_MAX, why) != 0)
                return -1;
        struct run *run = begin_run(&from_start, query->limit > 0 ? query->limit : SIZE_MAX, why);
        run->rows = rows;
        run->context = context;
        int result = list_years(run);
        for (int i = 0; result == 0 && run->left > 0 && i < run->years_count; i++) {
                if (year_is_wanted(run, run->years[i]))
                        result = hand_out_year(run, run->years[i]);
        }
        return end_run(run, result);
}
