// SPDX-License-Identifier: Apache-2.0
#include "common/barquery.h"

#include "common/bucket.h"
#include "common/clock.h"
#include "common/yearfile.h"
#include "common/yeartree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A query under way: its bucket's years, and room for one run of rows.
struct run {
        const struct barquery *query;
        char bucket[BUCKET_NAME_SIZE];
        int64_t start_us, end_us;
        int years[YEARFILE_YEARS_MAX];
        int years_count;
        char *why;
        size_t why_size;
        int64_t open_us[BARQUERY_ROWS_MAX];
        struct bar_values bars[BARQUERY_ROWS_MAX];
};

static int __attribute__((format(printf, 3, 4))) fail(struct run *run, int error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(run->why, run->why_size, format, arguments);
        va_end(arguments);
        errno = error;
        return -1;
}

static int list_years(struct run *run)
{
        char reason[REASON_SIZE];
        const struct barquery *query = run->query;
        int directory_fd = yeartree_open_bucket(query->root, query->symbol, query->interval, reason);

        if (directory_fd < 0)
                return fail(run, errno, "%s", reason);
        bucket_format(query->symbol, query->interval, run->bucket);
        run->years_count = yeartree_list_years(directory_fd, run->years);
        int saved_errno = errno;
        close(directory_fd);
        if (run->years_count < 0)
                return fail(run, saved_errno, "%s: cannot list: %s", run->bucket, strerror(saved_errno));
        if (run->years_count == 0)
                return fail(run, ENOENT, "there is no year in bucket %s", run->bucket);
        return 0;
}

// Whether a year's file has a slot in the range: asked of the slots, for a daily file's year begins on 2 January.
static bool year_is_wanted(const struct run *run, int year)
{
        int64_t timeframe_ns = bar_home_of(run->query->interval).timeframe_ns;

        return yearslot_index_us(timeframe_ns, year, 1) <= run->end_us &&
               yearslot_index_us(timeframe_ns, year, yearslot_count(timeframe_ns, year)) >= run->start_us;
}

static struct yearfile *open_year(struct run *run, int year)
{
        struct bar_home home = bar_home_of(run->query->interval);
        char path[PATH_SIZE + BUCKET_NAME_SIZE], reason[REASON_SIZE];

        int length = snprintf(path, sizeof(path), "%s/%s/%d.bin", run->query->root, run->bucket, year);
        if (length < 0 || (size_t)length >= sizeof(path)) {
                fail(run, ENAMETOOLONG, "%s/%d.bin: the path is too long", run->bucket, year);
                return NULL;
        }
        struct yearfile *file = yearfile_open_read(path, reason);
        if (file == NULL) {
                fail(run, errno, "%s", reason);
                return NULL;
        }
        if (yearfile_schema(file)->timeframe_ns != home.timeframe_ns) {
                fail(run, EINVAL, "%s/%d.bin: its timeframe is %lld s, not %s", run->bucket, year,
                    (long long)(yearfile_schema(file)->timeframe_ns / 1000000000), home.timeframe);
                yearfile_close(file);
                return NULL;
        }
        return file;
}

static ssize_t read_rows(
    struct run *run, struct yearfile *file, int64_t start_us, int64_t end_us, size_t count_max, bool from_end)
{
        ssize_t got = yearfile_read_bars(file, start_us, end_us,
            count_max < BARQUERY_ROWS_MAX ? count_max : BARQUERY_ROWS_MAX, from_end, run->open_us, run->bars);

        if (got < 0)
                fail(run, errno, "%s/%d.bin: cannot read: %s", run->bucket, yearfile_year(file), strerror(errno));
        return got;
}

// Lowers *missing by the rows of a year, counted from its end, and sets *first_us to the earliest of them.
static int count_back(struct run *run, int year, size_t *missing, int64_t *first_us)
{
        struct yearfile *file = open_year(run, year);
        int64_t end_us = run->end_us;
        ssize_t got = 0;

        if (file == NULL)
                return -1;
        while (*missing > 0 && (got = read_rows(run, file, run->start_us, end_us, *missing, true)) > 0) {
                *missing -= (size_t)got;
                *first_us = run->open_us[0];
                end_us = run->open_us[0] - 1;
        }
        int saved_errno = errno;
        yearfile_close(file);
        errno = saved_errno;
        return got < 0 ? -1 : 0;
}

// A limit from the end becomes a start: rows are handed out ascending, in bounded memory, so the first of the last N
// must be known before any. Rows that the writer adds meanwhile come after the N and are left out.
static int move_start_for_limit(struct run *run)
{
        size_t missing = run->query->limit;
        int64_t first_us = run->start_us;

        for (int i = run->years_count - 1; i >= 0 && missing > 0; i--) {
                if (year_is_wanted(run, run->years[i]) && count_back(run, run->years[i], &missing, &first_us) != 0)
                        return -1;
        }
        run->start_us = first_us;
        return 0;
}

static int hand_out_year(struct run *run, int year, size_t *left, barquery_rows *rows, void *context)
{
        struct yearfile *file = open_year(run, year);
        int64_t start_us = run->start_us;
        int result = 0;
        ssize_t got;

        if (file == NULL)
                return -1;
        while (result == 0 && *left > 0) {
                got = read_rows(run, file, start_us, run->end_us, *left, false);
                if (got <= 0) {
                        result = got < 0 ? -1 : 0;
                        break;
                }
                *left -= (size_t)got;
                start_us = run->open_us[got - 1] + 1;
                result = rows(context, run->open_us, run->bars, (size_t)got);
        }
        int saved_errno = errno;
        yearfile_close(file);
        errno = saved_errno;
        return result;
}

// Times far outside any calendar mean "open"; they would overflow the arithmetic.
static void set_range(struct run *run)
{
        const struct barquery *query = run->query;
        int64_t largest = year_start_us(10000) - 1;
        int64_t start_us = query->start_us > 0 ? query->start_us : 0;

        run->start_us = interval_floor_us(query->interval, start_us < largest ? start_us : largest);
        run->end_us = query->end_us < largest ? query->end_us : largest;
}

int barquery_run(const struct barquery *query, barquery_rows *rows, void *context, char *why, size_t why_size)
{
        struct run *run = malloc(sizeof(*run));
        size_t left = query->limit > 0 ? query->limit : SIZE_MAX;
        int result;

        if (run == NULL) {
                snprintf(why, why_size, "out of memory");
                errno = ENOMEM;
                return -1;
        }
        run->query = query;
        run->why = why;
        run->why_size = why_size;
        set_range(run);
        result = list_years(run);
        if (result == 0 && query->limit > 0 && !query->limit_from_start)
                result = move_start_for_limit(run);
        for (int i = 0; result == 0 && left > 0 && i < run->years_count; i++) {
                if (year_is_wanted(run, run->years[i]))
                        result = hand_out_year(run, run->years[i], &left, rows, context);
        }
        int saved_errno = errno;
        free(run);
        errno = saved_errno;
        return result;
}
