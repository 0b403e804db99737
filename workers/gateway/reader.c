// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/reader.h"

#include "common/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// By the record type in a year file's header.
static const struct reader_kind *const kinds[] = {&reader_fixed, &reader_ticks};

struct reader *reader_open(const char *root, const char *symbol, const struct place *place,
    const struct row_range *range, char why[REASON_SIZE])
{
        struct reader *reader = memory_zeroed(1, sizeof(*reader));

        if (tree_find_bucket(root, symbol, place->timeframe, place->group, &reader->bucket, why) != 0)
                goto refuse;
        reader->kind = kinds[reader->bucket.schema.record_type];
        reader->root = root;
        snprintf(reader->symbol, sizeof(reader->symbol), "%s", symbol);
        reader->place = *place;
        reader->range = *range;
        if (reader->kind->begin(reader, why) == 0)
                return reader;
refuse:;
        int saved_errno = errno;
        free(reader);
        errno = saved_errno;
        return NULL;
}

size_t reader_estimate(const struct reader *reader)
{
        return reader->kind->estimate(reader);
}

enum reader_result reader_read(struct reader *reader, struct columns *columns, size_t rows_max, char why[REASON_SIZE])
{
        return reader->kind->read(reader, columns, rows_max, why);
}

int reader_cut(struct reader *reader, struct reader **part, char why[REASON_SIZE])
{
        return reader->kind->cut(reader, part, why);
}

struct reader *reader_copy(const struct reader *reader, void *state)
{
        struct reader *copy = memory_copied(reader, sizeof(*reader));

        copy->state = state;
        return copy;
}

void reader_close(struct reader *reader)
{
        if (reader == NULL)
                return;
        reader->kind->end(reader);
        free(reader);
}
