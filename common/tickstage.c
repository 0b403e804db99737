// SPDX-License-Identifier: Apache-2.0
// tickfile_stage(): rows of one list on their way into blocks.
#include "common/tickfile_parts.h"

#include "common/fail.h"
#include "common/ioall.h"
#include "common/memory.h"
#include "common/ticktime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Where a row belongs.
struct order {
        int64_t second;
        size_t row;
};

struct staging {
        struct tickfile *file;
        const struct tick_rows *rows;
        struct order *order; // of the rows in the file's year: by second, then as they were added
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

                if (!tickfile_is_in_year(staging->file, second))
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
                return fail_with(errno, staging->why, "%s: cannot append: %s", file->name, strerror(errno));
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
        int found = tickfile_find_triple(staging->file, second, &triple, staging->why);
        if (found <= 0)
                return found;
        if (tickfile_load_block(staging->file, &triple, staging->block, staging->why) == 0)
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
                return fail_with(errno, staging->why, "%s: %zu rows in one second are too many for a block",
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
