// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/openfiles.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>

#define DESCRIPTORS_OTHERS 128 // left for sockets, data bases, libraries

struct open_file {
        struct open_file *newer, *older; // over all buckets
        struct open_file *next_of_bucket;
        struct bucket_state *bucket;
        struct yearfile *file;
        int64_t unpaced_bytes;
};

// Bars and ticks have half each of what the process may open.
size_t openfiles_limit(size_t wanted)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
            limit.rlim_cur >= 2 * wanted + DESCRIPTORS_OTHERS)
                return wanted;
        return limit.rlim_cur > 2 * DESCRIPTORS_OTHERS ? ((size_t)limit.rlim_cur - DESCRIPTORS_OTHERS) / 2 : 16;
}

void openfiles_init(struct store *store)
{
        store->files.limit = openfiles_limit(STORE_OPEN_FILES_MAX);
}

static void unlink_used(struct open_files *files, struct open_file *entry)
{
        if (entry->newer != NULL)
                entry->newer->older = entry->older;
        else
                files->newest = entry->older;
        if (entry->older != NULL)
                entry->older->newer = entry->newer;
        else
                files->oldest = entry->newer;
}

static void link_newest(struct open_files *files, struct open_file *entry)
{
        entry->newer = NULL;
        entry->older = files->newest;
        if (files->newest != NULL)
                files->newest->newer = entry;
        else
                files->oldest = entry;
        files->newest = entry;
}

static void close_entry(struct store *store, struct open_file *entry)
{
        struct open_file **link = &entry->bucket->files;

        while (*link != entry)
                link = &(*link)->next_of_bucket;
        *link = entry->next_of_bucket;
        unlink_used(&store->files, entry);
        store->files.count--;
        yearfile_close(entry->file);
        free(entry);
}

void openfiles_close_all(struct store *store)
{
        while (store->files.oldest != NULL)
                close_entry(store, store->files.oldest);
}

static struct open_file *open_entry(
    struct store *store, struct bucket_state *bucket, int64_t slot_us, char why[REASON_SIZE])
{
        int year = yearslot_locate(bucket->timeframe_ns, slot_us).year;

        while (store->files.count >= store->files.limit)
                close_entry(store, store->files.oldest);
        struct open_file *entry = calloc(1, sizeof(*entry));
        store_require_memory(entry != NULL ? 0 : -1);
        entry->file = yearfile_open_write(store->root, bucket->directory, bucket->interval, &bucket->schema, year, why);
        if (entry->file == NULL) {
                int saved = errno;

                free(entry);
                errno = saved;
                return NULL;
        }
        entry->bucket = bucket;
        entry->next_of_bucket = bucket->files;
        bucket->files = entry;
        link_newest(&store->files, entry);
        store->files.count++;
        return entry;
}

static struct open_file *find_entry(struct bucket_state *bucket, int64_t slot_us)
{
        for (struct open_file *entry = bucket->files; entry != NULL; entry = entry->next_of_bucket) {
                if (slot_us >= yearfile_first_us(entry->file) && slot_us <= yearfile_last_us(entry->file))
                        return entry;
        }
        return NULL;
}

struct yearfile *openfiles_get(struct store *store, struct bucket_state *bucket, int64_t slot_us, char why[REASON_SIZE])
{
        struct open_file *entry = find_entry(bucket, slot_us);

        if (entry == NULL)
                entry = open_entry(store, bucket, slot_us, why);
        if (entry == NULL)
                return NULL;
        if (store->files.newest != entry) {
                unlink_used(&store->files, entry);
                link_newest(&store->files, entry);
        }
        return entry->file;
}

void openfiles_wrote(struct bucket_state *bucket, const struct yearfile *file, int64_t bytes)
{
        for (struct open_file *entry = bucket->files; entry != NULL; entry = entry->next_of_bucket) {
                if (entry->file != file)
                        continue;
                entry->unpaced_bytes += bytes;
                if (entry->unpaced_bytes < STORE_PACE_BYTES)
                        return;
                // Only a hint to begin early; syncfs() is what counts, and reports what went wrong.
                (void)sync_file_range(yearfile_fd(file), 0, 0, SYNC_FILE_RANGE_WRITE);
                entry->unpaced_bytes = 0;
                return;
        }
}
