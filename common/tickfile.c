// SPDX-License-Identifier: Apache-2.0
#include "common/tickfile.h"

#include "common/clock.h"
#include "common/ioall.h"
#include "common/memory.h"
#include "common/tickpending.h"
#include "common/ticktime.h"
#include "common/yearopen.h"
#include "common/yearslot.h"
#include "common/yeartree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VARIABLE_RECORD_TYPE 1
#define FILE_NAME_SIZE (BUCKET_NAME_SIZE + 16)

struct tickfile {
        int fd;
        int year;
        char name[FILE_NAME_SIZE];
        struct yearfile_schema schema;
        struct tick_layout layout;
        struct tick_index index;
        int64_t data_begin; // blocks lie from here …
        int64_t end;        // … to here; the next one begins here
        int64_t appended;
        struct tick_pending pending;
};

static int __attribute__((format(printf, 3, 4))) fail(int error, char why[REASON_SIZE], const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(why, REASON_SIZE, format, arguments);
        va_end(arguments);
        errno = error;
        return -1;
}

// ---- opening ----

// Takes the descriptor over, also on failure.
static struct tickfile *new_file(int fd, const char *name, enum tick_kind kind, const struct yearfile_schema *schema,
    int year, char why[REASON_SIZE])
{
        struct stat status;

        if (fstat(fd, &status) != 0) {
                fail(errno, why, "%s: %s", name, strerror(errno));
                goto refuse;
        }
        if (schema->timeframe_ns != TICK_NS_PER_S) {
                fail(EINVAL, why, "%s: its timeframe is %lld ns, not a second", name, (long long)schema->timeframe_ns);
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
        file->index.seconds = yearfile_slots(schema->timeframe_ns, year);
        file->data_begin = yearfile_size(schema, year);
        file->end = status.st_size;
        return file;
refuse:;
        int saved_errno = errno;
        close(fd);
        errno = saved_errno;
        return NULL;
}

static void format_name(const char *symbol, enum tick_kind kind, int year, char name[FILE_NAME_SIZE])
{
        char bucket[BUCKET_NAME_SIZE];

        tick_bucket_format(symbol, kind, bucket);
        snprintf(name, FILE_NAME_SIZE, "%s/%d.bin", bucket, year);
}

struct tickfile *tickfile_open_write(
    const char *root, const char *symbol, enum tick_kind kind, unsigned levels, int year, char why[REASON_SIZE])
{
        int directory_fd = yeartree_make_group(root, symbol, TICK_TIMEFRAME, tick_group(kind), why);
        char bucket[BUCKET_NAME_SIZE], name[FILE_NAME_SIZE];
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
        char name[FILE_NAME_SIZE], path[PATH_SIZE + FILE_NAME_SIZE];
        struct yearfile_schema schema;

        format_name(symbol, kind, year, name);
        int length = snprintf(path, sizeof(path), "%s/%s", root, name), stated_year;
        if (length < 0 || (size_t)length >= sizeof(path)) {
                fail(ENAMETOOLONG, why, "%s: the path is too long", name);
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
                return fail(
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

static int load_block(
    const struct tickfile *file, const struct tick_triple *triple, struct tick_block *block, char why[REASON_SIZE])
{
        char defect[REASON_SIZE], time[TIME_TEXT_SIZE];

        tick_block_clear(block);
        time_format_us(triple->second * US_PER_S, time);
        if (triple->offset < file->data_begin || triple->length <= 0 || triple->length > TICK_BLOCK_BYTES_MAX ||
            triple->offset > INT64_MAX - triple->length || triple->offset + triple->length > current_end(file))
                return fail(EBADMSG, why, "%s: %s points outside the file (%lld bytes at %lld)", file->name, time,
                    (long long)triple->length, (long long)triple->offset);
        unsigned char *bytes = memory_resized(NULL, (size_t)triple->length, 1);
        int result = io_read_all_at(file->fd, bytes, (size_t)triple->length, triple->offset);
        if (result != 0)
                result = fail(errno, why, "%s: cannot read: %s", file->name, strerror(errno));
        else if ((result = tick_block_load(block, bytes, (size_t)triple->length, defect)) != 0)
                result = fail(EBADMSG, why, "%s: %s: %.*s", file->name, time, REASON_SIZE / 2, defect);
        int saved_errno = errno;
        free(bytes);
        errno = saved_errno;
        return result;
}

int tickfile_read_block(
    const struct tickfile *file, const struct tick_triple *triple, struct tick_block *block, char why[REASON_SIZE])
{
        if (load_block(file, triple, block, why) != 0)
                return -1;
        return tick_block_unite(block); // no larger than what was loaded
}

// Returns 1, 0 where the second has no rows, or -1.
static int find_triple(const struct tickfile *file, int64_t second, struct tick_triple *triple, char why[REASON_SIZE])
{
        const struct tick_triple *pending = tick_pending_find(&file->pending, second);

        if (pending != NULL) {
                *triple = *pending;
                return 1;
        }
        int found = tick_index_find(&file->index, second, triple);
        if (found < 0)
                return fail(errno, why, "%s: cannot read its index: %s", file->name, strerror(errno));
        return found;
}

static bool is_in_year(const struct tickfile *file, int64_t second)
{
        return second >= file->index.first_second && second - file->index.first_second < file->index.seconds;
}

int tickfile_read_second(const struct tickfile *file, int64_t second, struct tick_block *block, char why[REASON_SIZE])
{
        struct tick_triple triple;

        tick_block_clear(block);
        int found = is_in_year(file, second) ? find_triple(file, second, &triple, why) : 0;
        if (found <= 0)
                return found;
        return tickfile_read_block(file, &triple, block, why) == 0 ? 1 : -1;
}

int64_t tickfile_check(const struct tickfile *file, int64_t first_second, int64_t end_second, tickfile_damage *damage,
    void *context, char why[REASON_SIZE])
{
        struct tick_block *block = tick_block_new(&file->layout);
        struct tick_triple *triples = memory_resized(NULL, TICK_INDEX_SLOTS_MAX, sizeof(*triples));
        int64_t damaged = 0;

        while (damaged >= 0 && first_second < end_second) {
                ssize_t count = tick_index_read(&file->index, &first_second, end_second, triples, TICK_INDEX_SLOTS_MAX);

                if (count < 0)
                        damaged = fail(errno, why, "%s: cannot read its index: %s", file->name, strerror(errno));
                for (ssize_t i = 0; damaged >= 0 && i < count; i++) {
                        if (load_block(file, &triples[i], block, why) == 0)
                                continue;
                        if (errno != EBADMSG) {
                                damaged = -1;
                                break;
                        }
                        damaged++;
                        damage(context, file, triples[i].second, why);
                }
        }
        int saved_errno = errno;
        free(triples);
        tick_block_free(block);
        errno = saved_errno;
        return damaged;
}

// ---- staging ----

// Rows of one list on their way into blocks.
struct staging {
        struct tickfile *file;
        const struct tick_rows *rows;
        struct order {
                int64_t second;
                size_t row;
        } * order; // of the rows in the file's year, by second, then as they were added
        size_t count;
        struct tick_block *block;
        unsigned char *bytes; // blocks to be appended
        size_t bytes_used, bytes_capacity;
        struct tick_pending blocks; // their triples
        tickfile_damage *damage;
        void *context;
        char *why;
};

static int by_second(const void *left, const void *right)
{
        const struct order *a = left, *b = right;

        if (a->second != b->second)
                return a->second < b->second ? -1 : 1;
        return a->row < b->row ? -1 : 1;
}

static void order_rows(struct staging *staging)
{
        size_t all = tick_rows_count(staging->rows);
        bool ascending = true;

        staging->order = memory_resized(NULL, all > 0 ? all : 1, sizeof(staging->order[0]));
        for (size_t i = 0; i < all; i++) {
                int64_t second = tick_second_of(tick_rows_time_ns(staging->rows, i));

                if (!is_in_year(staging->file, second))
                        continue;
                ascending = ascending && (staging->count == 0 || staging->order[staging->count - 1].second <= second);
                staging->order[staging->count++] = (struct order){second, i};
        }
        if (!ascending)
                qsort(staging->order, staging->count, sizeof(staging->order[0]), by_second);
}

static int append_blocks(struct staging *staging)
{
        struct tickfile *file = staging->file;

        if (staging->bytes_used == 0)
                return 0;
        if (io_write_all_at(file->fd, staging->bytes, staging->bytes_used, file->end) != 0)
                return fail(errno, staging->why, "%s: cannot append: %s", file->name, strerror(errno));
        file->end += (int64_t)staging->bytes_used;
        file->appended += (int64_t)staging->bytes_used;
        staging->bytes_used = 0;
        tick_pending_merge(&file->pending, &staging->blocks);
        return 0;
}

static void gather_block(struct staging *staging, int64_t second)
{
        size_t needed = staging->bytes_used + tick_block_compressed_max(staging->block);

        if (needed > staging->bytes_capacity) {
                staging->bytes_capacity = needed > 2 * staging->bytes_capacity ? needed : 2 * staging->bytes_capacity;
                staging->bytes = memory_resized(staging->bytes, staging->bytes_capacity, 1);
        }
        size_t length = tick_block_compress(staging->block, staging->bytes + staging->bytes_used);
        struct tick_triple triple = {second, staging->file->end + (int64_t)staging->bytes_used, (int64_t)length};
        tick_pending_put(&staging->blocks, &triple);
        staging->bytes_used += length;
}

// Loads what the second has. Returns 1, 0 where it has nothing or only damage, or -1.
static int load_old(struct staging *staging, int64_t second)
{
        struct tick_triple triple;

        tick_block_clear(staging->block);
        int found = find_triple(staging->file, second, &triple, staging->why);
        if (found <= 0)
                return found;
        if (load_block(staging->file, &triple, staging->block, staging->why) == 0)
                return 1;
        if (errno != EBADMSG)
                return -1;
        staging->damage(staging->context, staging->file, second, staging->why);
        return 0;
}

// The rows order[begin, end) are one second's.
static int stage_second(struct staging *staging, size_t begin, size_t end)
{
        int64_t second = staging->order[begin].second;
        int found = load_old(staging, second);

        if (found < 0)
                return -1;
        for (size_t i = begin; i < end; i++) {
                size_t row = staging->order[i].row;
                int64_t nanosecond = tick_rows_time_ns(staging->rows, row) - second * TICK_NS_PER_S;

                tick_block_add(staging->block, tick_of_nanosecond(nanosecond), tick_rows_columns(staging->rows, row));
        }
        if (tick_block_unite(staging->block) != 0)
                return fail(errno, staging->why, "%s: %zu rows in one second are too many for a block",
                    staging->file->name, tick_block_count(staging->block));
        if (found > 0 && tick_block_is_unchanged(staging->block))
                return 0;
        gather_block(staging, second);
        return staging->bytes_used >= TICK_STAGE_BYTES ? append_blocks(staging) : 0;
}

int tickfile_stage(
    struct tickfile *file, const struct tick_rows *rows, tickfile_damage *damage, void *context, char why[REASON_SIZE])
{
        struct staging staging = {.file = file, .rows = rows, .damage = damage, .context = context, .why = why};
        int result = 0;

        staging.block = tick_block_new(&file->layout);
        order_rows(&staging);
        for (size_t begin = 0, end; begin < staging.count && result == 0; begin = end) {
                for (end = begin + 1; end < staging.count && staging.order[end].second == staging.order[begin].second;)
                        end++;
                result = stage_second(&staging, begin, end);
        }
        if (result == 0)
                result = append_blocks(&staging);
        int saved_errno = errno;
        free(staging.order);
        free(staging.bytes);
        tick_pending_clear(&staging.blocks);
        tick_block_free(staging.block);
        errno = saved_errno;
        return result;
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
        if (!is_in_year(file, triple->second)) {
                damage(context, file, triple->second, "the second does not lie in the file's year");
                return 0;
        }
        if (load_block(file, triple, block, why) != 0) {
                if (errno != EBADMSG)
                        return -1;
                damage(context, file, triple->second, why);
                return 0;
        }
        if (tick_index_point(&file->index, triple, 1) != 0)
                return fail(errno, why, "%s: cannot write its index: %s", file->name, strerror(errno));
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
