// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/adopt.h"

#include "common/barlayout.h"
#include "common/log.h"
#include "common/yeartree.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_ROWS 4096 // read at once

void bucket_refuse(struct store *store, struct bucket_state *bucket, const char *why)
{
        (void)snprintf(bucket->why, sizeof(bucket->why), "not written: %.140s", why);
        log_error("%s %s is %s; its bars are fetched again once that is mended, others go on", bucket->symbol,
            interval_name(bucket->interval), bucket->why);
        bucket->refused = true;
        bucket_row_changed(store, bucket);
}

// ---- the directory's name ----

// `{base}` alone would put BTCUSDT and BTCEUR into one bucket.
static const char *shared_with(const struct store *store, const struct bucket_state *bucket)
{
        if (strstr(store->setup.settings.store_symbol, "{symbol}") != NULL)
                return NULL;
        for (size_t i = 0; i < store->buckets_count; i++) {
                const struct bucket_state *other = store->buckets[i];

                if (other != bucket && other->interval == bucket->interval &&
                    strcmp(other->directory, bucket->directory) == 0)
                        return other->symbol;
        }
        return NULL;
}

// Another `store.symbol` than before: what the ledger counts lies in another directory.
static void move_account(struct store *store, struct bucket_state *bucket)
{
        if (bucket->directory_before[0] == '\0' || strcmp(bucket->directory_before, bucket->directory) == 0)
                return;
        log_warn("%s %s is kept as %s from now on; what lies in %s stays there and no longer counts", bucket->symbol,
            interval_name(bucket->interval), bucket->directory, bucket->directory_before);
        bucket_uncover(store, bucket, INT64_MIN, INT64_MAX);
        bucket->looked_at = false;
        (void)snprintf(bucket->directory_before, sizeof(bucket->directory_before), "%s", bucket->directory);
}

// `wanted_now`: say so where the catalogue is awaited. Returns 0; 1: refused; -1 with EAGAIN.
static int resolve_directory(struct store *store, struct bucket_state *bucket, bool wanted_now)
{
        const struct catalogue_entry *entry = catalogue_find(&store->catalogue, bucket->symbol);
        const char *pattern = store->setup.settings.store_symbol;
        char text[REASON_SIZE];

        if (bucket_symbol_expand(pattern, bucket->symbol, entry != NULL ? entry->base : NULL,
                entry != NULL ? entry->quote : NULL, bucket->directory, sizeof(bucket->directory)) == 0) {
                const char *other = shared_with(store, bucket);

                move_account(store, bucket);
                bucket_row_changed(store, bucket);
                if (other == NULL)
                        return 0;
                (void)snprintf(text, sizeof(text), "store.symbol %s gives it the same name as %s", pattern, other);
        } else if (entry == NULL && store->catalogue.generation == 0) {
                bucket->directory[0] = '\0';
                if (wanted_now && !store->catalogue_awaited)
                        log_warn("bars of %s wait for the exchange's catalogue: store.symbol is %s", bucket->symbol,
                            pattern);
                store->catalogue_awaited = store->catalogue_awaited || wanted_now;
                errno = EAGAIN;
                return -1;
        } else {
                bucket->directory[0] = '\0';
                (void)snprintf(text, sizeof(text), "store.symbol %s gives it no usable name (%s)", pattern,
                    entry == NULL ? "the catalogue does not know it" : strerror(errno));
        }
        bucket_refuse(store, bucket, text);
        return 1;
}

// ---- columns ----

static void schema_text(const struct yearfile_schema *schema, char *text, size_t size)
{
        size_t used = 0;

        text[0] = '\0';
        for (size_t i = 0; i < schema->columns_count && used + 1 < size; i++) {
                int length = snprintf(text + used, size - used, "%s%s %s", i > 0 ? ", " : "", schema->columns[i].name,
                    column_type_name(schema->columns[i].type));

                if (length < 0)
                        break;
                used += (size_t)length;
        }
}

// Returns 0; 1: refused; -1 with errno.
static int resolve_schema(struct store *store, struct bucket_state *bucket)
{
        struct yearfile_schema ours, *theirs = &bucket->schema;
        char why[REASON_SIZE], text[1024], reason[REASON_SIZE];

        yearfile_bar_schema(bucket->interval, store->setup.settings.store_columns == COLUMNS_FULL, &ours);
        if (yearfile_bucket_schema(store->root, bucket->directory, bucket->interval, theirs, why) < 0) {
                if (errno == ENOENT) {
                        bucket->schema = ours;
                        bucket->schema_known = true;
                        return 0;
                }
                if (errno != EINVAL && errno != ELOOP && errno != ENOTDIR && errno != EACCES)
                        return -1;
                bucket_refuse(store, bucket, why);
                return 1;
        }
        if (theirs->timeframe_ns != ours.timeframe_ns || theirs->record_type != 0 ||
            !bar_layout_is_writable(theirs, reason)) {
                schema_text(theirs, text, sizeof(text));
                log_error("%s %s: the tree has columns %s; timeframe %lld s, record type %lld, %lld bytes a record",
                    bucket->symbol, interval_name(bucket->interval), text,
                    (long long)(theirs->timeframe_ns / 1000000000), (long long)theirs->record_type,
                    (long long)theirs->record_length);
                schema_text(&ours, text, sizeof(text));
                log_error("%s %s: accepted are %s (or the first five of them); timeframe %lld s, record type 0",
                    bucket->symbol, interval_name(bucket->interval), text, (long long)(ours.timeframe_ns / 1000000000));
                (void)snprintf(why, sizeof(why), "its columns are (%.80s), not ours",
                    theirs->record_type != 0 ? "of variable length" : reason);
                bucket_refuse(store, bucket, why);
                return 1;
        }
        bucket->schema_known = true;
        return 0;
}

// ---- what the tree holds ----

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
                int64_t first_us = yearfile_index_us(bucket->timeframe_ns, years[i], 1);
                int64_t end_us = yearfile_index_us(bucket->timeframe_ns, years[i] + 1, 1);

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

// Whatever lies in the tree before our first row was written by others; what lies there later without an account may be
// torn by a power loss, and is fetched again. So that a bucket was looked at is in the ledger before it is written.
static int look_at(struct store *store, struct bucket_state *bucket)
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

static void mark_looked_at(struct store *store, struct bucket_state *bucket, bool looked_at)
{
        bucket->looked_at = looked_at;
        bucket_row_changed(store, bucket);
}

// The others that hold nothing are marked with it, so that a new store needs one commit and not one for each bucket.
static int commit_look(struct store *store, struct bucket_state *bucket)
{
        int years[YEARFILE_YEARS_MAX];

        mark_looked_at(store, bucket, true);
        for (size_t i = 0; i < store->buckets_count; i++) {
                struct bucket_state *other = store->buckets[i];

                if (!other->looked_at && other->followed && !other->refused && other->directory[0] == '\0')
                        (void)resolve_directory(store, other, false);
                if (!other->looked_at && other->followed && !other->refused && other->directory[0] != '\0' &&
                    list_years(store, other, years) == 0)
                        mark_looked_at(store, other, true);
        }
        if (store_sync(store) == 0)
                return 0;
        mark_looked_at(store, bucket, false);
        return -1;
}

int bucket_prepare(struct store *store, struct bucket_state *bucket)
{
        int result;

        if (bucket->refused)
                return 1;
        if (bucket->prepared)
                return 0;
        if (bucket->directory[0] == '\0' && (result = resolve_directory(store, bucket, true)) != 0)
                return result;
        if (!bucket->schema_known && (result = resolve_schema(store, bucket)) != 0)
                return result;
        bool known = bucket->looked_at;
        if ((result = look_at(store, bucket)) != 0)
                return result;
        if (!known && commit_look(store, bucket) < 0)
                return -1;
        bucket->prepared = true;
        return 0;
}
