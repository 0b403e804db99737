// SPDX-License-Identifier: Apache-2.0
#include "common/tickblock.h"

#include "common/clock.h"
#include "common/fail.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/ticktime.h"

#include <errno.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFS_MIN 64

// A row before it is packed.
struct ref {
        int64_t key[3];
        int64_t received;
        const unsigned char *columns;
        uint32_t ticks;
        uint32_t sequence; // order in which rows were added
};

struct bytes {
        unsigned char *data;
        size_t length, capacity;
};

struct tick_block {
        struct tick_layout layout;
        struct ref *refs;
        size_t count, capacity;
        struct bytes loaded; // rows of the stored block
        struct bytes packed; // the united rows
};

static void make_room(struct bytes *bytes, size_t length)
{
        if (length > bytes->capacity) {
                bytes->capacity = length > 2 * bytes->capacity ? length : 2 * bytes->capacity;
                bytes->data = memory_resized(bytes->data, bytes->capacity, 1);
        }
        bytes->length = length;
}

struct tick_block *tick_block_new(const struct tick_layout *layout)
{
        struct tick_block *block = memory_zeroed(1, sizeof(*block));

        block->layout = *layout;
        return block;
}

void tick_block_free(struct tick_block *block)
{
        if (block == NULL)
                return;
        free(block->refs);
        free(block->loaded.data);
        free(block->packed.data);
        free(block);
}

void tick_block_clear(struct tick_block *block)
{
        block->count = 0;
        block->loaded.length = 0;
        block->packed.length = 0;
}

// ---- adding rows ----

// Key parts as integers of the same order: what is compared must only be equal or not, and sort the same always.
static int64_t key_part(const unsigned char *columns, const struct tick_key_part *part)
{
        int64_t value;

        if (part->type == COLUMN_U1)
                return columns[part->offset];
        memcpy(&value, columns + part->offset, sizeof(value)); // i8, or the bits of a price, which is not negative
        return value;
}

void tick_block_add(struct tick_block *block, uint32_t ticks, const unsigned char *columns)
{
        const struct tick_layout *layout = &block->layout;

        if (block->count == block->capacity) {
                block->capacity = block->capacity > 0 ? 2 * block->capacity : REFS_MIN;
                block->refs = memory_resized(block->refs, block->capacity, sizeof(block->refs[0]));
        }
        struct ref *ref = &block->refs[block->count];
        *ref = (struct ref){.columns = columns, .ticks = ticks, .sequence = (uint32_t)block->count};
        for (size_t part = 0; part < layout->key_parts; part++)
                ref->key[part] = key_part(columns, &layout->key[part]);
        if (layout->has_received)
                memcpy(&ref->received, columns + layout->received_offset, sizeof(ref->received));
        block->count++;
}

int tick_block_load(struct tick_block *block, const void *compressed, size_t length, char why[REASON_SIZE])
{
        size_t row_bytes = block->layout.row_bytes, bytes;

        tick_block_clear(block);
        if (snappy_uncompressed_length(compressed, length, &bytes) != SNAPPY_OK)
                return fail_with(EBADMSG, why, "the block's length cannot be read");
        if (bytes > TICK_BLOCK_BYTES_MAX)
                return fail_with(
                    EBADMSG, why, "the block says it has %zu bytes, more than %ld", bytes, TICK_BLOCK_BYTES_MAX);
        if (bytes == 0 || bytes % row_bytes != 0)
                return fail_with(
                    EBADMSG, why, "the block says it has %zu bytes, no whole number of rows of %zu", bytes, row_bytes);
        make_room(&block->loaded, bytes);
        if (snappy_uncompress(compressed, length, (char *)block->loaded.data, &bytes) != SNAPPY_OK) {
                block->loaded.length = 0;
                return fail_with(EBADMSG, why, "the block does not decompress");
        }
        for (size_t at = 0; at < bytes; at += row_bytes) {
                const unsigned char *row = block->loaded.data + at;
                uint32_t ticks;

                memcpy(&ticks, row + block->layout.columns_bytes, sizeof(ticks));
                tick_block_add(block, ticks, row);
        }
        return 0;
}

// ---- uniting ----

static int compare_int64(int64_t a, int64_t b)
{
        return (a > b) - (a < b);
}

static int compare_keys(const struct ref *a, const struct ref *b)
{
        for (size_t part = 0; part < 3; part++) {
                if (a->key[part] != b->key[part])
                        return compare_int64(a->key[part], b->key[part]);
        }
        return 0;
}

static int by_key(const void *left, const void *right)
{
        const struct ref *a = left, *b = right;
        int order = compare_keys(a, b);

        return order != 0 ? order : compare_int64(a->sequence, b->sequence);
}

static int by_time(const void *left, const void *right)
{
        const struct ref *a = left, *b = right;

        return a->ticks != b->ticks ? compare_int64(a->ticks, b->ticks) : by_key(left, right);
}

// Rows mostly come as they shall lie: times and keys both ascend, so no key is there twice.
static bool is_in_order(const struct tick_block *block)
{
        bool keyed = block->layout.key_parts > 0;

        for (size_t i = 1; i < block->count; i++) {
                const struct ref *before = &block->refs[i - 1], *ref = &block->refs[i];

                if (ref->ticks < before->ticks || (keyed && compare_keys(before, ref) >= 0))
                        return false;
        }
        return true;
}

// Whether `later`, the same event as `kept` and added after it, takes its place.
static bool takes_place(const struct tick_layout *layout, const struct ref *kept, const struct ref *later)
{
        int64_t kept_ns = tick_nanosecond(kept->ticks), later_ns = tick_nanosecond(later->ticks);
        bool kept_finer = kept_ns % NS_PER_MS != 0, later_finer = later_ns % NS_PER_MS != 0;

        if (layout->finer_time_wins && kept_finer != later_finer)
                return later_finer;
        return later_ns <= kept_ns;
}

static int64_t earliest_received(int64_t a, int64_t b)
{
        if (a == 0 || b == 0)
                return a != 0 ? a : b;
        return a < b ? a : b;
}

// Refs sorted by key, then as added: leaves one of each key.
static void leave_one_of_each(struct tick_block *block)
{
        size_t kept = 0;

        for (size_t i = 1; i < block->count; i++) {
                struct ref *last = &block->refs[kept], *ref = &block->refs[i];

                if (compare_keys(last, ref) != 0) {
                        block->refs[++kept] = *ref;
                        continue;
                }
                int64_t received = earliest_received(last->received, ref->received);
                if (takes_place(&block->layout, last, ref))
                        *last = *ref;
                last->received = received;
        }
        block->count = kept + 1;
}

static void pack(struct tick_block *block)
{
        const struct tick_layout *layout = &block->layout;
        unsigned char *at = block->packed.data;

        for (size_t i = 0; i < block->count; i++, at += layout->row_bytes) {
                const struct ref *ref = &block->refs[i];

                memcpy(at, ref->columns, layout->columns_bytes);
                memcpy(at + layout->columns_bytes, &ref->ticks, sizeof(ref->ticks));
                if (layout->has_received)
                        memcpy(at + layout->received_offset, &ref->received, sizeof(ref->received));
        }
}

int tick_block_unite(struct tick_block *block)
{
        if (block->count > 0 && !is_in_order(block)) {
                if (block->layout.key_parts > 0) {
                        qsort(block->refs, block->count, sizeof(block->refs[0]), by_key);
                        leave_one_of_each(block);
                }
                qsort(block->refs, block->count, sizeof(block->refs[0]), by_time);
        }
        if (block->count > TICK_BLOCK_BYTES_MAX / block->layout.row_bytes) {
                errno = EFBIG;
                return -1;
        }
        make_room(&block->packed, block->count * block->layout.row_bytes);
        pack(block);
        return 0;
}

// ---- what came of it ----

size_t tick_block_count(const struct tick_block *block)
{
        return block->count;
}

const unsigned char *tick_block_rows(const struct tick_block *block)
{
        return block->packed.data;
}

bool tick_block_is_unchanged(const struct tick_block *block)
{
        return block->packed.length == block->loaded.length &&
               memcmp(block->packed.data, block->loaded.data, block->packed.length) == 0;
}

// ---- compression ----

// A stock server makes room for four times what a query's blocks take together, doubles it at a block for which it is
// too little, once, and panics where it is still too little (MarketStore v4.1.23, executor/readvariable.go): a quiet
// book's snapshots, all alike, are ten times as large, and so is a twelfth of the seconds of a real backfill of trades.
// Where no block's rows are more than eight times the block, the first doubling makes room for all of any query. So no
// block of ours is smaller; a row becomes eight bytes longer there. (Four times would double what trades take on disk.)
#define ROOM 8
#define ROW_GROWTH_BYTES 8

#define VARINT_BYTES_MAX 5
#define LITERAL_HEAD_BYTES 5
#define LITERAL_OF_FOUR_LENGTH_BYTES 0xfc

size_t tick_block_compressed_max(const struct tick_block *block)
{
        return snappy_max_compressed_length(block->packed.length) + VARINT_BYTES_MAX + 2 * LITERAL_HEAD_BYTES;
}

static size_t put_varint(unsigned char *out, size_t value)
{
        size_t used = 0;

        for (; value >= 0x80; value >>= 7)
                out[used++] = (unsigned char)(value | 0x80);
        out[used++] = (unsigned char)value;
        return used;
}

static void compress(const unsigned char *data, size_t data_length, unsigned char *out, size_t *length)
{
        *length = snappy_max_compressed_length(data_length);
        // Fails only where there is less room than this.
        REQUIRE(snappy_compress((const char *)data, data_length, (char *)out, length) == SNAPPY_OK);
}

// One snappy block all the same: the first bytes compressed, the last `plain` as they are.
static size_t compress_in_part(const struct bytes *packed, size_t plain, unsigned char *out)
{
        size_t before = packed->length - plain, length, head = 0;
        size_t used = put_varint(out, packed->length);

        compress(packed->data, before, out + VARINT_BYTES_MAX, &length);
        while (out[VARINT_BYTES_MAX + head] >= 0x80) // the length of what is compressed, which is not that of all
                head++;
        head++;
        memmove(out + used, out + VARINT_BYTES_MAX + head, length - head);
        used += length - head;
        out[used++] = LITERAL_OF_FOUR_LENGTH_BYTES;
        for (unsigned i = 0; i < 4; i++)
                out[used++] = (unsigned char)((plain - 1) >> 8 * i);
        memcpy(out + used, packed->data + before, plain);
        return used + plain;
}

size_t tick_block_compress(const struct tick_block *block, void *out)
{
        size_t rows_length = tick_block_count(block) * (block->layout.row_bytes + ROW_GROWTH_BYTES);
        size_t needed = (rows_length + ROOM - 1) / ROOM, length;

        compress(block->packed.data, block->packed.length, out, &length);
        if (length >= needed || needed > block->packed.length)
                return length;
        return compress_in_part(&block->packed, needed, out);
}
