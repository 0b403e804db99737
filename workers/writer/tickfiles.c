// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/tickfiles.h"

#include "common/log.h"
#include "common/memory.h"
#include "common/yeartree.h"
#include "workers/writer/openfiles.h"
#include "workers/writer/tickadopt.h"
#include "workers/writer/tickdamage.h"
#include "workers/writer/tickset.h"
#include "workers/writer/ticksink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tick_file {
        struct tick_file *newer, *older; // over all buckets
        struct tick_file *next_of_bucket;
        struct tick_bucket *bucket;
        struct tickfile *file;
        int64_t paced_bytes;                     // appended when the kernel was last asked to write
        int64_t allocated_bytes, appended_bytes; // when last looked at
};

// ---- how much room they take ----

void tickfiles_note_growth(struct store *store, int64_t bytes)
{
        struct governor_page *page = store->governor;
        int64_t sum = atomic_fetch_add(&page->tick_bytes, bytes) + bytes;

        pace_note(&page->tick_bytes_pace, boot_now(), GROWTH_SAMPLE_S, sum);
}

static int64_t allocated_bytes(const struct tickfile *file)
{
        struct stat status;

        return fstat(tickfile_fd(file), &status) == 0 ? (int64_t)status.st_blocks * 512 : 0;
}

// What was allocated since the last look and is no block: pages of the index. One of them holds the places of 170
// seconds, and of a quiet symbol each trade takes a new one.
static int64_t grown_beside_blocks(struct tick_file *entry)
{
        int64_t allocated = allocated_bytes(entry->file), appended = tickfile_appended_bytes(entry->file);
        int64_t grown = allocated - entry->allocated_bytes - (appended - entry->appended_bytes);

        entry->allocated_bytes = allocated;
        entry->appended_bytes = appended;
        return grown;
}

// ---- open files ----

void tickfiles_init(struct store *store)
{
        tickfiles_note_growth(store, 0);
        store->ticks.files_limit = openfiles_limit(TICK_OPEN_FILES_MAX);
        store->ticks.clock_us = -1;
        store->ticks.closed_second = INT64_MIN;
}

static void unlink_used(struct ticks *ticks, struct tick_file *entry)
{
        if (entry->newer != NULL)
                entry->newer->older = entry->older;
        else
                ticks->newest = entry->older;
        if (entry->older != NULL)
                entry->older->newer = entry->newer;
        else
                ticks->oldest = entry->newer;
}

static void link_newest(struct ticks *ticks, struct tick_file *entry)
{
        entry->newer = NULL;
        entry->older = ticks->newest;
        if (ticks->newest != NULL)
                ticks->newest->newer = entry;
        else
                ticks->oldest = entry;
        ticks->newest = entry;
}

static void close_entry(struct ticks *ticks, struct tick_file *entry)
{
        struct tick_file **link = &entry->bucket->files;

        while (*link != entry)
                link = &(*link)->next_of_bucket;
        *link = entry->next_of_bucket;
        unlink_used(ticks, entry);
        ticks->files_count--;
        tickfile_close(entry->file);
        free(entry);
}

void tickfiles_close_all(struct store *store)
{
        while (store->ticks.oldest != NULL)
                close_entry(&store->ticks, store->ticks.oldest);
        free(store->ticks.damage);
}

static bool is_pending(const struct tick_file *entry)
{
        size_t count;

        (void)tickfile_pending(entry->file, &count);
        return count > 0;
}

// Closes the file that was not used for the longest time. Where all of them have blocks that no index points to, a sync
// makes an end of that.
static int make_room(struct store *store)
{
        struct ticks *ticks = &store->ticks;

        while (ticks->files_count >= ticks->files_limit) {
                struct tick_file *entry = ticks->oldest;

                while (entry != NULL && is_pending(entry))
                        entry = entry->newer;
                if (entry != NULL)
                        close_entry(ticks, entry);
                else if (store_sync(store) < 0 || tickfiles_settle(store) < 0)
                        return -1;
        }
        return 0;
}

static struct tick_file *open_entry(struct store *store, struct tick_bucket *bucket, int year, char why[REASON_SIZE])
{
        why[0] = '\0';
        if (make_room(store) < 0)
                return NULL;
        struct tickfile *file =
            tickfile_open_write(store->root, bucket->directory, bucket->kind, bucket->levels, year, why);
        if (file == NULL)
                return NULL;
        struct tick_file *entry = memory_zeroed(1, sizeof(*entry));
        entry->file = file;
        entry->bucket = bucket;
        entry->allocated_bytes = allocated_bytes(file);
        entry->next_of_bucket = bucket->files;
        bucket->files = entry;
        link_newest(&store->ticks, entry);
        store->ticks.files_count++;
        return entry;
}

static struct tick_file *get_entry(struct store *store, struct tick_bucket *bucket, int year, char why[REASON_SIZE])
{
        struct tick_file *entry = bucket->files;

        while (entry != NULL && tickfile_year(entry->file) != year)
                entry = entry->next_of_bucket;
        if (entry == NULL)
                return open_entry(store, bucket, year, why);
        if (store->ticks.newest != entry) {
                unlink_used(&store->ticks, entry);
                link_newest(&store->ticks, entry);
        }
        return entry;
}

// ---- looking ----

static int resolve_levels(struct store *store, struct tick_bucket *bucket)
{
        char why[REASON_SIZE];

        bucket->levels = 0;
        if (bucket->kind != TICK_DEPTH)
                return 0;
        if (tickfile_bucket_levels(store->root, bucket->directory, &bucket->levels, why) == 0) {
                if (bucket->levels != store->setup.settings.depth_levels)
                        log_warn("%s: its book is kept with %u levels, as it was begun; depth.levels %u would need "
                                 "another directory",
                            bucket->symbol, bucket->levels, store->setup.settings.depth_levels);
                return 0;
        }
        if (errno == ENOENT) {
                bucket->levels = store->setup.settings.depth_levels;
                return 0;
        }
        return errno == EINVAL || errno == ELOOP || errno == ENOTDIR || errno == EACCES
                   ? ticksink_refuse(store, bucket, why)
                   : -1;
}

static bool has_year(const int *years, int count, int64_t year)
{
        for (int i = 0; i < count; i++) {
                if (years[i] == year)
                        return true;
        }
        return false;
}

static bool years_are_there(const struct id_range *range, const int *years, int count)
{
        for (int64_t year = year_of_us(range->first_us); year <= year_of_us(range->last_us); year++) {
                if (!has_year(years, count, year))
                        return false;
        }
        return true;
}

// Withdraws the account of years whose file is gone.
static int check_years(struct store *store, struct tick_bucket *bucket)
{
        int years[YEARFILE_YEARS_MAX], count = 0;
        char why[REASON_SIZE];
        int directory =
            yeartree_open_group(store->root, bucket->directory, TICK_TIMEFRAME, tick_group(bucket->kind), why);

        if (directory < 0 && errno != ENOENT)
                return -1;
        if (directory >= 0) {
                count = yeartree_list_years(directory, years);
                (void)close(directory);
                if (count < 0)
                        return -1;
        }
        int64_t gone = 0;
        for (size_t i = bucket->covered.count; i-- > 0;) {
                struct id_range range = bucket->covered.items[i];

                if (range.source == ID_ABSENT || years_are_there(&range, years, count))
                        continue;
                gone += range.last_id - range.first_id + 1;
                tick_uncover(store, bucket, range.epoch, range.first_id, range.last_id);
        }
        if (gone > 0)
                log_warn("%s %s: the ledger counts %lld rows as stored of which year files are gone from %s; they are "
                         "fetched again",
                    bucket->symbol, tick_group(bucket->kind), (long long)gone, store->root);
        return 0;
}

static int look(struct store *store, struct tick_bucket *bucket)
{
        int result = resolve_levels(store, bucket);

        if (result != 0)
                return result;
        return bucket->adopting ? tickadopt_step(store, bucket) : check_years(store, bucket);
}

// ---- staging ----

static bool is_foreign(int error)
{
        return error == EINVAL || error == EEXIST || error == ELOOP || error == ENOTDIR || error == EISDIR ||
               error == EACCES || error == EPERM;
}

static void account(struct store *store, struct tick_file *entry, int64_t bytes_before)
{
        int64_t bytes = tickfile_appended_bytes(entry->file);

        store->rows_dirty = true;
        store->ticks.appended_bytes += bytes - bytes_before;
        store_mark_dirty(store, bytes - bytes_before, true);
        if (bytes - entry->paced_bytes < STORE_PACE_BYTES)
                return;
        // Only a hint to begin early; syncfs() is what counts.
        (void)sync_file_range(tickfile_fd(entry->file), 0, 0, SYNC_FILE_RANGE_WRITE);
        entry->paced_bytes = bytes;
}

static int stage(struct store *store, struct tick_bucket *bucket, const struct tick_rows *rows)
{
        char why[REASON_SIZE];
        int result = tickfiles_settle(store);

        for (int year = tick_rows_next_year(rows, 0); year > 0 && result == 0;
             year = tick_rows_next_year(rows, year + 1)) {
                struct tick_file *entry = get_entry(store, bucket, year, why);

                if (entry == NULL)
                        return why[0] != '\0' && is_foreign(errno) ? ticksink_refuse(store, bucket, why) : -1;
                int64_t before = tickfile_appended_bytes(entry->file);
                result = tickfile_stage(entry->file, rows, tickdamage_note, store, why);
                int saved = errno;
                account(store, entry, before);
                tickdamage_settle(store, bucket, entry->file);
                errno = saved;
        }
        return result;
}

// ---- the later steps ----

int tickfiles_settle(struct store *store)
{
        if (!store->ticks.owed)
                return 0;
        tickfiles_point(store);
        if (!store->ticks.owed)
                return 0;
        errno = ENOSPC;
        return -1;
}

void tickfiles_point(struct store *store)
{
        store->ticks.owed = false;
        for (struct tick_file *entry = store->ticks.newest; entry != NULL; entry = entry->older) {
                if (!is_pending(entry))
                        continue;
                store->ticks.pointed = true;
                if (tickfile_commit(entry->file) == 0) {
                        tickfiles_note_growth(store, grown_beside_blocks(entry));
                        continue;
                }
                log_error(
                    "%s: its index cannot be written (%s); tried again", tickfile_name(entry->file), strerror(errno));
                store->ticks.owed = true;
        }
}

int tickfiles_each_pending(const struct store *store, tickfiles_triple *callback, void *context)
{
        int result = 0;

        for (const struct tick_file *entry = store->ticks.newest; entry != NULL; entry = entry->older) {
                size_t count;
                const struct tick_triple *triples = tickfile_pending(entry->file, &count);

                for (size_t i = 0; i < count && result == 0; i++)
                        result = callback(context, entry->bucket, tickfile_year(entry->file), &triples[i]);
        }
        return result;
}

bool tickfiles_any_pending(const struct store *store)
{
        for (const struct tick_file *entry = store->ticks.newest; entry != NULL; entry = entry->older) {
                if (is_pending(entry))
                        return true;
        }
        return false;
}

int tickfiles_redo(struct store *store, struct tick_bucket *bucket, int year, const struct tick_triple *triples,
    size_t count, char why[REASON_SIZE])
{
        const char *directory = bucket->directory_before;

        if (tickfile_redo(store->root, directory, bucket->kind, year, triples, count, tickdamage_note, store, why) ==
            0) {
                store->ticks.pointed = true;
                tickdamage_settle(store, bucket, NULL);
                return 0;
        }
        if (errno != ENOENT && errno != EINVAL)
                return -1;
        log_warn("%s %s: %s; its rows are fetched again where that can be done", bucket->symbol,
            tick_group(bucket->kind), why);
        return 0;
}

const struct tick_sink tickfiles = {look, stage};
