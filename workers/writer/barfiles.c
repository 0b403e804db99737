// SPDX-License-Identifier: Apache-2.0
// Bars in year files: what `store.type: files` does behind barsink.h.
#include "common/barlayout.h"
#include "common/log.h"
#include "common/yeartree.h"
#include "workers/writer/adopt.h"
#include "workers/writer/apply.h"
#include "workers/writer/barsink.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/openfiles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_ROWS 4096 // read at once

// ---- looking at what the tree holds ----

static int adopt_year(struct store *store, struct bucket_state *bucket, const char *path, int64_t *rows)
{
        char why[REASON_SIZE];
        struct yearfile *file = yearfile_open_read(path, why);

        if (file == NULL) {
                if (errno == ENOENT || errno == EINVAL)
                        bucket_refuse(store, bucket, why);
                return errno == ENOENT || errno == EINVAL ? 1 : -1;
        }
        int64_t *slots_us = malloc(LOOK_ROWS * sizeof(*slots_us));
        struct bar_values *bars = malloc(LOOK_ROWS * sizeof(*bars));
        store_require_memory(slots_us != NULL && bars != NULL ? 0 : -1);
        struct ranges found = {0};
        int64_t from_us = yearfile_first_us(file);
        ssize_t count;
        while ((count = yearfile_read_bars(file, from_us, INT64_MAX, LOOK_ROWS, false, slots_us, bars)) > 0) {
                for (ssize_t i = 0; i < count; i++) {
                        int64_t slot_us = interval_floor_us(bucket->interval, slots_us[i]);

                        store_require_memory(
                            ranges_set(&found, slot_us, interval_next_us(bucket->interval, slot_us), BAR_ADOPTED));
                }
                *rows += count;
                from_us = slots_us[count - 1] + 1;
                if (count < LOOK_ROWS)
                        break;
        }
        int saved = errno;
        for (size_t i = 0; i < found.count; i++)
                bucket_cover(store, bucket, found.items[i].start_us, found.items[i].end_us, BAR_ADOPTED);
        ranges_free(&found);
        free(slots_us);
        free(bars);
        yearfile_close(file);
        errno = saved;
        return count < 0 ? -1 : 0;
}

static int list_years(const struct store *store, const struct bucket_state *bucket, int years[YEARFILE_YEARS_MAX])
{
        char why[REASON_SIZE];
        int directory = yeartree_open_bucket(store->root, bucket->directory, bucket->interval, why);

        if (directory < 0)
                return errno == ENOENT ? 0 : -1;
        int count = yeartree_list_years(directory, years);
        int saved = errno;
        (void)close(directory);
        errno = saved;
        return count;
}

static int adopt(struct store *store, struct bucket_state *bucket, const int *years, int count)
{
        char path[PATH_SIZE + BUCKET_NAME_SIZE + 16], name[BUCKET_NAME_SIZE];
        int64_t rows = 0;

        bucket_format(bucket->directory, bucket->interval, name);
        for (int i = 0; i < count; i++) {
                (void)snprintf(path, sizeof(path), "%s/%s/%d.bin", store->root, name, years[i]);
                int result = adopt_year(store, bucket, path, &rows);
                if (result != 0)
                        return result;
        }
        if (rows > 0)
                log_info("%s: %lld bars found that the ledger did not know; they count as stored, and REST is asked to "
                         "confirm them when there is nothing more urgent",
                    name, (long long)rows);
        return 0;
}

// Withdraws the account of years whose file is gone.
static void check_years(struct store *store, struct bucket_state *bucket, const int *years, int count)
{
        struct ranges gone = {0};

        store_require_memory(ranges_copy(&gone, &bucket->covered));
        for (int i = 0; i < count; i++) {
                // A file's first slot tells where its year begins (2 January in daily buckets).
                int64_t first_us = yearslot_index_us(bucket->timeframe_ns, years[i], 1);
                int64_t end_us = yearslot_index_us(bucket->timeframe_ns, years[i] + 1, 1);

                store_require_memory(ranges_remove(&gone, first_us, end_us));
        }
        int64_t bars = ranges_bars(&gone, bucket->interval);
        for (size_t i = 0; i < gone.count; i++)
                bucket_uncover(store, bucket, gone.items[i].start_us, gone.items[i].end_us);
        if (bars > 0)
                log_warn(
                    "%s %s: the ledger counts %lld bars as stored whose year files are gone from %s; they are fetched "
                    "again",
                    bucket->symbol, interval_name(bucket->interval), (long long)bars, store->root);
        ranges_free(&gone);
}

static int look(struct store *store, struct bucket_state *bucket)
{
        int years[YEARFILE_YEARS_MAX];
        int count = list_years(store, bucket, years);

        if (count < 0)
                return -1;
        if (bucket->looked_at)
                check_years(store, bucket, years, count);
        else if (count > 0)
                return adopt(store, bucket, years, count);
        return 0;
}

static bool is_empty(struct store *store, struct bucket_state *bucket)
{
        int years[YEARFILE_YEARS_MAX];

        return list_years(store, bucket, years) == 0;
}

static int schema_of(
    struct store *store, struct bucket_state *bucket, struct yearfile_schema *schema, char why[REASON_SIZE])
{
        return yearfile_bucket_schema(store->root, bucket->directory, bucket->interval, schema, why);
}

// ---- writing ----

// Errors that concern this bucket's files alone.
static bool is_foreign(int error)
{
        return error == EINVAL || error == EEXIST || error == ELOOP || error == ENOTDIR || error == EISDIR ||
               error == EACCES || error == EPERM;
}

static void account(
    struct store *store, struct row_run *run, size_t first, size_t end, const struct yearfile *file, bool live)
{
        size_t written = 0;

        for (size_t i = first; i < end; i++)
                written += run->changes[i] != YEARFILE_UNCHANGED;
        int64_t bytes = (int64_t)written * yearfile_schema(file)->record_length;
        openfiles_wrote(run->bucket, file, bytes);
        store->rows_dirty = true;
        store_mark_dirty(store, bytes, live);
        atomic_fetch_add_explicit(&store->governor->rows_stored, written, memory_order_relaxed);
}

static int write_run(struct store *store, struct row_run *run, bool live)
{
        char why[REASON_SIZE];

        for (size_t first = 0, end = 0; first < run->count; first = end) {
                struct yearfile *file = openfiles_get(store, run->bucket, run->slots_us[first], why);

                if (file == NULL) {
                        if (!is_foreign(errno))
                                return -1;
                        bucket_refuse(store, run->bucket, why);
                        return 1;
                }
                int64_t last_us = yearfile_last_us(file);
                while (end < run->count && run->slots_us[end] <= last_us)
                        end++;
                if (yearfile_write_bars(
                        file, run->slots_us + first, run->values + first, end - first, run->changes + first) < 0)
                        return -1;
                account(store, run, first, end, file, live);
        }
        return 0;
}

// ---- reading ----

static ssize_t read_bars(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t *end_us,
    size_t count_max, int64_t *open_us, struct bar_values *bars)
{
        char why[REASON_SIZE];
        struct yearfile *file = openfiles_get(store, bucket, start_us, why);

        if (file == NULL) {
                if (!is_foreign(errno))
                        return -1;
                bucket_refuse(store, bucket, why);
                return 0;
        }
        if (yearfile_last_us(file) + 1 < *end_us)
                *end_us = interval_next_us(bucket->interval, yearfile_last_us(file));
        return yearfile_read_bars(file, start_us, *end_us - 1, count_max, false, open_us, bars);
}

// ---- durability ----

static int sync_files(struct store *store)
{
        return syncfs(store->root_fd);
}

const struct bar_sink barfiles = {
    .schema = schema_of,
    .takes = bar_layout_is_writable,
    .look = look,
    .is_empty = is_empty,
    .write = write_run,
    .read = read_bars,
    .sync = sync_files,
    .close = openfiles_close_all,
};
