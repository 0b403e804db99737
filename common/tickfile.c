// SPDX-License-Identifier: Apache-2.0
#include "common/tickfile.h"

#include "common/clock.h"
#include "common/fail.h"
#include "common/ioall.h"
#include "common/memory.h"
#include "common/tickfile_parts.h"
#include "common/ticktime.h"
#include "common/yearopen.h"
#include "common/yearslot.h"
#include "common/yeartree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VARIABLE_RECORD_TYPE 1

// ---- opening ----

// Takes the descriptor over, also on failure.
static struct tickfile *new_file(int fd, const char *name, enum tick_kind kind, const struct yearfile_schema *schema,
    int year, char why[REASON_SIZE])
{
        struct stat status;

        if (fstat(fd, &status) != 0) {
                fail_with(errno, why, "%s: %s", name, strerror(errno));
                goto refuse;
        }
        if (schema->timeframe_ns != TICK_NS_PER_S) {
                fail_with(
                    EINVAL, why, "%s: its timeframe is %lld ns, not a second", name, (long long)schema->timeframe_ns);
                goto refuse;
        }
        struct tickfile *file = memory_zeroed(1, sizeof(*file));
        file->fd = fd;
        file->year = year;
        snprintf(file->name, sizeof(file->name), "%s", name);
        file->schema = *schema;
        tick_layout_make(kind, schema, &file->layout);
        file->index.fd = fd;
        file->index.first_second = year_start_us(year) / US_PER_S;
        file->index.seconds = yearslot_count(schema->timeframe_ns, year);
        file->data_begin = yearfile_size(schema, year);
        file->end = status.st_size;
        return file;
refuse:;
        int saved_errno = errno;
        close(fd);
        errno = saved_errno;
        return NULL;
}

static void format_name(const char *symbol, enum tick_kind kind, int year, char name[TICKFILE_NAME_SIZE])
{
        char bucket[BUCKET_NAME_SIZE];

        tick_bucket_format(symbol, kind, bucket);
        snprintf(name, TICKFILE_NAME_SIZE, "%s/%d.bin", bucket, year);
}

struct tickfile *tickfile_open_write(
    const char *root, const char *symbol, enum tick_kind kind, unsigned levels, int year, char why[REASON_SIZE])
{
        int directory_fd = yeartree_make_group(root, symbol, TICK_TIMEFRAME, tick_group(kind), why);
        char bucket[BUCKET_NAME_SIZE], name[TICKFILE_NAME_SIZE];
        struct yearfile_schema schema;

        if (directory_fd < 0)
                return NULL;
        tick_bucket_format(symbol, kind, bucket);
        format_name(symbol, kind, year, name);
        tick_schema(kind, levels, &schema);
        int fd = yearopen_write(directory_fd, bucket, &schema, year, why);
        int saved_errno = errno;
        close(directory_fd);
        errno = saved_errno;
        return fd >= 0 ? new_file(fd, name, kind, &schema, year, why) : NULL;
}

static struct tickfile *open_existing(
    const char *root, const char *symbol, enum tick_kind kind, int year, bool writable, char why[REASON_SIZE])
{
        char name[TICKFILE_NAME_SIZE], path[PATH_SIZE + TICKFILE_NAME_SIZE];
        struct yearfile_schema schema;

        format_name(symbol, kind, year, name);
        int length = snprintf(path, sizeof(path), "%s/%s", root, name), stated_year;
        if (length < 0 || (size_t)length >= sizeof(path)) {
                fail_with(ENAMETOOLONG, why, "%s: the path is too long", name);
                return NULL;
        }
        int fd = yearopen_file(path, writable, VARIABLE_RECORD_TYPE, &stated_year, &schema, why);
        return fd >= 0 ? new_file(fd, name, kind, &schema, year, why) : NULL;
}

struct tickfile *tickfile_open_read(
    const char *root, const char *symbol, enum tick_kind kind, int year, char why[REASON_SIZE])
{
        return open_existing(root, symbol, kind, year, false, why);
}

void tickfile_close(struct tickfile *file)
{
        if (file == NULL)
                return;
        close(file->fd);
        tick_pending_clear(&file->pending);
        free(file);
}

int tickfile_bucket_levels(const char *root, const char *symbol, unsigned *levels, char why[REASON_SIZE])
{
        int directory_fd = yeartree_open_group(root, symbol, TICK_TIMEFRAME, tick_group(TICK_DEPTH), why);
        char bucket[BUCKET_NAME_SIZE];
        struct yearfile_schema schema;

        if (directory_fd < 0)
                return -1;
        tick_bucket_format(symbol, TICK_DEPTH, bucket);
        int result = yearopen_newest_schema(directory_fd, bucket, &schema, why);
        int saved_errno = errno;
        close(directory_fd);
        errno = saved_errno;
        if (result != 0)
                return -1;
        *levels = tick_schema_levels(&schema);
        if (*levels == 0)
                return fail_with(
                    EINVAL, why, "%s: its columns are not those of a book of 1 to %d levels", bucket, TICK_LEVELS_MAX);
        return 0;
}

int tickfile_fd(const struct tickfile *file)
{
        return file->fd;
}

int tickfile_year(const struct tickfile *file)
{
        return file->year;
}

const char *tickfile_name(const struct tickfile *file)
{
        return file->name;
}

const struct yearfile_schema *tickfile_schema(const struct tickfile *file)
{
        return &file->schema;
}

const struct tick_layout *tickfile_layout(const struct tickfile *file)
{
        return &file->layout;
}

const struct tick_index *tickfile_index(const struct tickfile *file)
{
        return &file->index;
}

int64_t tickfile_appended_bytes(const struct tickfile *file)
{
        return file->appended;
}

// ---- reading ----

// Where the file ends now: a reader's file grows.
static int64_t current_end(const struct tickfile *file)
{
        struct stat status;

        return fstat(file->fd, &status) == 0 ? status.st_size : file->end;
}

int tickfile_load_block(
    const struct tickfile *file, const struct tick_triple *triple, struct tick_block *block, char why[REASON_SIZE])
{
        char defect[REASON_SIZE], time[TIME_TEXT_SIZE];

        tick_block_clear(block);
        time_format_us(triple->second * US_PER_S, time);
        if (triple->offset < file->data_begin || triple->length <= 0 || triple->length > TICK_BLOCK_BYTES_MAX ||
            triple->offset > INT64_MAX - triple->length || triple->offset + triple->length > current_end(file))
                return fail_with(EBADMSG, why, "%s: %s points outside the file (%lld bytes at %lld)", file->name, time,
                    (long long)triple->length, (long long)triple->offset);
        unsigned char *bytes = memory_resized(NULL, (size_t)triple->length, 1);
        int result = io_read_all_at(file->fd, bytes, (size_t)triple->length, triple->offset);
        if (result != 0)
                result = fail_with(errno, why, "%s: cannot read: %s", file->name, strerror(errno));
        else if ((result = tick_block_load(block, bytes, (size_t)triple->length, defect)) != 0)
                result = fail_with(EBADMSG, why, "%s: %s: %.*s", file->name, time, REASON_SIZE / 2, defect);
        int saved_errno = errno;
        free(bytes);
        errno = saved_errno;
        return result;
}

int tickfile_read_block(
    const struct tickfile *file, const struct tick_triple *triple, struct tick_block *block, char why[REASON_SIZE])
{
        if (tickfile_load_block(file, triple, block, why) != 0)
                return -1;
        return tick_block_unite(block); // no larger than what was loaded
}

int tickfile_find_triple(const struct tickfile *file, int64_t second, struct tick_triple *triple, char why[REASON_SIZE])
{
        const struct tick_triple *pending = tick_pending_find(&file->pending, second);

        if (pending != NULL) {
                *triple = *pending;
                return 1;
        }
        int found = tick_index_find(&file->index, second, triple);
        if (found < 0)
                return fail_with(errno, why, "%s: cannot read its index: %s", file->name, strerror(errno));
        return found;
}

bool tickfile_is_in_year(const struct tickfile *file, int64_t second)
{
        return second >= file->index.first_second && second - file->index.first_second < file->index.seconds;
}

// ---- committing ----

const struct tick_triple *tickfile_pending(const struct tickfile *file, size_t *count)
{
        *count = file->pending.count;
        return file->pending.triples;
}

int tickfile_commit(struct tickfile *file)
{
        if (tick_index_point(&file->index, file->pending.triples, file->pending.count) != 0)
                return -1;
        tick_pending_clear(&file->pending);
        return 0;
}

static int redo_triple(struct tickfile *file, const struct tick_triple *triple, struct tick_block *block,
    tickfile_damage *damage, void *context, char why[REASON_SIZE])
{
        if (!tickfile_is_in_year(file, triple->second)) {
                damage(context, file, triple->second, "the second does not lie in the file's year");
                return 0;
        }
        if (tickfile_load_block(file, triple, block, why) != 0) {
                if (errno != EBADMSG)
                        return -1;
                damage(context, file, triple->second, why);
                return 0;
        }
        if (tick_index_point(&file->index, triple, 1) != 0)
                return fail_with(errno, why, "%s: cannot write its index: %s", file->name, strerror(errno));
        return 0;
}

int tickfile_redo(const char *root, const char *symbol, enum tick_kind kind, int year,
    const struct tick_triple *triples, size_t count, tickfile_damage *damage, void *context, char why[REASON_SIZE])
{
        struct tickfile *file = open_existing(root, symbol, kind, year, true, why);
        int result = 0;

        if (file == NULL)
                return -1;
        struct tick_block *block = tick_block_new(&file->layout);
        for (size_t i = 0; i < count && result == 0; i++)
                result = redo_triple(file, &triples[i], block, damage, context, why);
        int saved_errno = errno;
        tick_block_free(block);
        tickfile_close(file);
        errno = saved_errno;
        return result;
}
