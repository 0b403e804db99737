// SPDX-License-Identifier: Apache-2.0
#include "common/tickindex.h"

#include "common/ioall.h"
#include "common/limits.h"
#include "common/memory.h"
#include "common/yearheader.h"
#include "common/yearlock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIPLE_BYTES 24
#define INDEX_BYTES 8

static off_t triple_offset(int64_t position)
{
        return YEARFILE_HEADER_BYTES + (off_t)(position * TRIPLE_BYTES);
}

static int64_t stored_index(const unsigned char *bytes)
{
        int64_t index;

        memcpy(&index, bytes, sizeof(index));
        return index;
}

// False where the slot is empty. A triple whose index is not its slot's is none: half an index that is being written,
// or damage.
static bool decode(
    const unsigned char *bytes, const struct tick_index *index, int64_t position, struct tick_triple *triple)
{
        if (stored_index(bytes) != position + 1)
                return false;
        triple->second = index->first_second + position;
        memcpy(&triple->offset, bytes + INDEX_BYTES, sizeof(triple->offset));
        memcpy(&triple->length, bytes + 2 * INDEX_BYTES, sizeof(triple->length));
        return true;
}

static void encode(const struct tick_triple *triple, int64_t stored, unsigned char *bytes)
{
        memcpy(bytes, &stored, sizeof(stored));
        memcpy(bytes + INDEX_BYTES, &triple->offset, sizeof(triple->offset));
        memcpy(bytes + 2 * INDEX_BYTES, &triple->length, sizeof(triple->length));
}

int tick_index_find(const struct tick_index *index, int64_t second, struct tick_triple *triple)
{
        int64_t position = second - index->first_second;
        unsigned char bytes[TRIPLE_BYTES];

        if (yearlock_read(index->fd, bytes, sizeof(bytes), triple_offset(position)) != 0)
                return -1;
        return decode(bytes, index, position, triple) ? 1 : 0;
}

// ---- reading many ----

static int64_t smaller(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

// First position at or after `position` that lies in no hole of the file; the number of seconds where none follows.
static int64_t skip_hole(const struct tick_index *index, int64_t position)
{
        off_t offset = triple_offset(position), data = lseek(index->fd, offset, SEEK_DATA);

        if (data < 0)
                return errno == ENXIO ? index->seconds : position; // else a file system that cannot tell
        return data <= offset ? position : smaller((data - YEARFILE_HEADER_BYTES) / TRIPLE_BYTES, index->seconds);
}

// Lowers `high` over trailing holes of [low, high). Nothing seeks data backwards, so ever larger pieces are asked for
// until one is not a hole.
static int64_t skip_hole_backward(const struct tick_index *index, int64_t low, int64_t high)
{
        int64_t piece = TICK_INDEX_SLOTS_MAX;

        while (low < high) {
                int64_t begin = larger(low, high - piece);

                if (skip_hole(index, begin) < high) {
                        if (piece == TICK_INDEX_SLOTS_MAX)
                                return high;
                        piece = TICK_INDEX_SLOTS_MAX;
                        continue;
                }
                high = begin;
                piece *= 2;
        }
        return high;
}

// Up to TICK_INDEX_SLOTS_MAX slots of [low, high) from either end, in *begin and the returned copy; NULL on failure.
static unsigned char *copy_slots(const struct tick_index *index, int64_t begin, int64_t slots)
{
        unsigned char *bytes = memory_resized(NULL, (size_t)slots, TRIPLE_BYTES);

        if (yearlock_read(index->fd, bytes, (size_t)slots * TRIPLE_BYTES, triple_offset(begin)) != 0) {
                int saved_errno = errno;

                free(bytes);
                errno = saved_errno;
                return NULL;
        }
        return bytes;
}

ssize_t tick_index_read(
    const struct tick_index *index, int64_t *low, int64_t high, struct tick_triple *triples, size_t count_max)
{
        int64_t begin = larger(*low - index->first_second, 0),
                end = smaller(high - index->first_second, index->seconds);
        size_t count = 0;

        if (begin < end)
                begin = skip_hole(index, begin);
        if (begin >= end) {
                *low = high;
                return 0;
        }
        int64_t slots = smaller(end - begin, TICK_INDEX_SLOTS_MAX), i = 0;
        unsigned char *bytes = copy_slots(index, begin, slots);
        if (bytes == NULL)
                return -1;
        for (; i < slots && count < count_max; i++)
                count += decode(bytes + i * TRIPLE_BYTES, index, begin + i, &triples[count]);
        free(bytes);
        *low = begin + i < end ? index->first_second + begin + i : high;
        return (ssize_t)count;
}

ssize_t tick_index_read_back(
    const struct tick_index *index, int64_t low, int64_t *high, struct tick_triple *triples, size_t count_max)
{
        int64_t begin = larger(low - index->first_second, 0),
                end = smaller(*high - index->first_second, index->seconds);
        size_t count = 0;

        if (begin < end)
                end = skip_hole_backward(index, begin, end);
        if (begin >= end) {
                *high = low;
                return 0;
        }
        int64_t slots = smaller(end - begin, TICK_INDEX_SLOTS_MAX), i = slots;
        unsigned char *bytes = copy_slots(index, end - slots, slots);
        if (bytes == NULL)
                return -1;
        for (; i > 0 && count < count_max; i--)
                count +=
                    decode(bytes + (i - 1) * TRIPLE_BYTES, index, end - slots + i - 1, &triples[count_max - 1 - count]);
        free(bytes);
        memmove(triples, triples + (count_max - count), count * sizeof(triples[0]));
        *high = end - slots + i > begin ? index->first_second + end - slots + i : low;
        return (ssize_t)count;
}

// ---- pointing ----

// Consecutive seconds that all have a triple, or all have none.
static int point_run(
    const struct tick_index *index, const struct tick_triple *triples, size_t count, bool is_new, unsigned char *bytes)
{
        int64_t position = triples[0].second - index->first_second;
        size_t length = count * TRIPLE_BYTES;

        if (is_new) {
                for (size_t i = 0; i < count; i++)
                        encode(&triples[i], 0, bytes + i * TRIPLE_BYTES);
                if (io_write_all_at(index->fd, bytes, length, triple_offset(position)) != 0)
                        return -1;
        }
        for (size_t i = 0; i < count; i++)
                encode(&triples[i], position + (int64_t)i + 1, bytes + i * TRIPLE_BYTES);
        if (is_new)
                return io_write_all_at(index->fd, bytes, length, triple_offset(position));
        return yearlock_write(index->fd, bytes, length, triple_offset(position));
}

static size_t count_consecutive(const struct tick_triple *triples, size_t count)
{
        size_t end = 1;

        while (end < count && end < TICK_INDEX_SLOTS_MAX && triples[end].second == triples[end - 1].second + 1)
                end++;
        return end;
}

static int point_consecutive(
    const struct tick_index *index, const struct tick_triple *triples, size_t count, unsigned char *bytes)
{
        off_t offset = triple_offset(triples[0].second - index->first_second);

        // No lock: nobody else writes.
        if (io_read_all_at(index->fd, bytes, count * TRIPLE_BYTES, offset) != 0)
                return -1;
        for (size_t begin = 0, end; begin < count; begin = end) {
                bool is_new = stored_index(bytes + begin * TRIPLE_BYTES) == 0;

                for (end = begin + 1; end < count && (stored_index(bytes + end * TRIPLE_BYTES) == 0) == is_new;)
                        end++;
                if (point_run(index, triples + begin, end - begin, is_new, bytes + begin * TRIPLE_BYTES) != 0)
                        return -1;
        }
        return 0;
}

int tick_index_point(const struct tick_index *index, const struct tick_triple *triples, size_t count)
{
        size_t largest = 0;

        for (size_t done = 0; done < count;) {
                size_t run = count_consecutive(triples + done, count - done);

                largest = run > largest ? run : largest;
                done += run;
        }
        if (count == 0)
                return 0;
        unsigned char *bytes = memory_resized(NULL, largest, TRIPLE_BYTES);
        int result = 0;
        for (size_t done = 0; done < count && result == 0;) {
                size_t run = count_consecutive(triples + done, count - done);

                result = point_consecutive(index, triples + done, run, bytes);
                done += run;
        }
        int saved_errno = errno;
        free(bytes);
        errno = saved_errno;
        return result;
}
