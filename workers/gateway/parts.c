// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/parts.h"

#include "common/memory.h"
#include "workers/gateway/pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_LEFT_MIN (GATEWAY_SEGMENT_ROWS / 16) // with less room, a segment is full

struct part {
        struct reader *reader;
        struct columns *segments;
        size_t segments_count;
        enum reader_result result;
        int error;
        char why[REASON_SIZE];
};

struct parts {
        const struct columns *columns;
        size_t count;
        struct part of[GATEWAY_SEGMENTS_PER_TURN];
};

static struct columns *room_in(struct part *part, const struct columns *model)
{
        if (part->segments_count > 0) {
                struct columns *last = &part->segments[part->segments_count - 1];

                if (last->rows + ROWS_LEFT_MIN <= GATEWAY_SEGMENT_ROWS)
                        return last;
                columns_fit(last);
        }
        part->segments = memory_resized(part->segments, part->segments_count + 1, sizeof(part->segments[0]));
        struct columns *segment = &part->segments[part->segments_count++];
        *segment = *model;
        // All at once, for growing would copy. What there is no room for is refused when the rows are there.
        (void)columns_reserve(segment, GATEWAY_SEGMENT_ROWS);
        return segment;
}

// On one of the pool's threads.
static void read_part(void *context, size_t i)
{
        struct parts *parts = context;
        struct part *part = &parts->of[i];

        do {
                struct columns *segment = room_in(part, parts->columns);

                part->result = reader_read(part->reader, segment, GATEWAY_SEGMENT_ROWS - segment->rows, part->why);
        } while (part->result == READER_MORE);
        part->error = errno;
        columns_fit(&part->segments[part->segments_count - 1]);
}

static int cut_parts(struct reader *reader, struct parts *parts, char why[REASON_SIZE])
{
        int result = 1;

        while (parts->count < GATEWAY_SEGMENTS_PER_TURN && result == 1) {
                struct part *part = &parts->of[parts->count];

                result = reader_cut(reader, &part->reader, why);
                parts->count += result == 1;
        }
        return result;
}

// Moves the rows of all parts that were read to the dataset.
static enum reader_result gather(struct parts *parts, struct dataset *dataset, char why[REASON_SIZE])
{
        for (size_t i = 0; i < parts->count; i++) {
                struct part *part = &parts->of[i];

                if (part->result == READER_FAILED) {
                        snprintf(why, REASON_SIZE, "%s", part->why);
                        errno = part->error;
                        return READER_FAILED;
                }
                for (size_t j = 0; j < part->segments_count; j++)
                        dataset_append(dataset, &part->segments[j]);
        }
        return READER_MORE;
}

static void release(struct parts *parts)
{
        int saved_errno = errno;

        for (size_t i = 0; i < parts->count; i++) {
                struct part *part = &parts->of[i];

                reader_close(part->reader);
                for (size_t j = 0; j < part->segments_count; j++)
                        columns_release(&part->segments[j]);
                free(part->segments);
        }
        free(parts);
        errno = saved_errno;
}

enum reader_result parts_read(struct reader *reader, struct dataset *dataset, char why[REASON_SIZE])
{
        struct parts *parts = memory_zeroed(1, sizeof(*parts));

        parts->columns = &dataset->columns;
        int cut = cut_parts(reader, parts, why);
        enum reader_result result = READER_FAILED;
        if (cut != READER_FAILED) {
                pool_each(parts->count, read_part, parts);
                result = gather(parts, dataset, why);
        }
        release(parts);
        return result == READER_MORE && cut == 0 ? READER_END : result;
}
