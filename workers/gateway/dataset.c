// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/dataset.h"

#include "common/limits.h"
#include "common/memory.h"
#include "workers/gateway/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Clients cut a key at its colon.
#define KEY_SUFFIX ":Symbol/Timeframe/AttributeGroup"

static struct columns *add_segment(struct dataset *dataset)
{
        if (dataset->segments_count == dataset->segments_capacity) {
                dataset->segments_capacity = dataset->segments_capacity > 0 ? dataset->segments_capacity * 2 : 1;
                dataset->segments =
                    memory_resized(dataset->segments, dataset->segments_capacity, sizeof(dataset->segments[0]));
        }
        return &dataset->segments[dataset->segments_count++];
}

struct columns *dataset_tail(struct dataset *dataset)
{
        struct columns *tail = dataset->segments_count > 0 ? &dataset->segments[dataset->segments_count - 1] : NULL;

        if (tail == NULL || tail->rows >= GATEWAY_SEGMENT_ROWS) {
                if (tail != NULL)
                        columns_fit(tail);
                tail = add_segment(dataset);
                *tail = dataset->columns;
        }
        return tail;
}

void dataset_count_rows(struct dataset *dataset, size_t rows)
{
        dataset->rows += rows;
}

void dataset_append(struct dataset *dataset, struct columns *segment)
{
        if (dataset->segments_count > 0)
                columns_fit(&dataset->segments[dataset->segments_count - 1]);
        dataset->rows += segment->rows;
        *add_segment(dataset) = *segment;
        *segment = (struct columns){0};
}

void dataset_begin_part(struct dataset *dataset, const char *symbol, const char *timeframe, const char *group)
{
        size_t size = strlen(symbol) + strlen(timeframe) + strlen(group) + sizeof("//" KEY_SUFFIX);

        if (dataset->parts_count == dataset->parts_capacity) {
                dataset->parts_capacity = dataset->parts_capacity > 0 ? dataset->parts_capacity * 2 : 4;
                dataset->parts = memory_resized(dataset->parts, dataset->parts_capacity, sizeof(dataset->parts[0]));
        }
        struct dataset_part *part = &dataset->parts[dataset->parts_count++];
        *part = (struct dataset_part){memory_zeroed(size, 1), dataset->rows, 0};
        snprintf(part->key, size, "%s/%s/%s" KEY_SUFFIX, symbol, timeframe, group);
}

void dataset_end_part(struct dataset *dataset)
{
        struct dataset_part *part = &dataset->parts[dataset->parts_count - 1];

        part->rows = dataset->rows - part->start;
}

static void pack_parts(const struct dataset *dataset, const char *name, bool lengths, struct body *body)
{
        pack_text(body, name);
        pack_map(body, (uint32_t)dataset->parts_count);
        for (size_t i = 0; i < dataset->parts_count; i++) {
                const struct dataset_part *part = &dataset->parts[i];

                pack_text(body, part->key);
                pack_integer(body, (int64_t)(lengths ? part->rows : part->start));
        }
}

static void pack_column(struct dataset *dataset, size_t number, struct body *body)
{
        pack_bytes_begin(body, dataset->rows * dataset->columns.of[number].width);
        for (size_t i = 0; i < dataset->segments_count; i++)
                body_take(body, &dataset->segments[i].of[number].block);
}

// In the stock server's order of keys. A column without rows is an empty byte array, never nil: pymarketstore makes an
// empty array of it.
void dataset_pack(struct dataset *dataset, struct body *body)
{
        const struct columns *columns = &dataset->columns;

        pack_map(body, 6);
        pack_text(body, "types");
        pack_array(body, columns->count);
        for (size_t i = 0; i < columns->count; i++)
                pack_text(body, columns_wire_type(columns->of[i].type));
        pack_text(body, "names");
        pack_array(body, columns->count);
        for (size_t i = 0; i < columns->count; i++)
                pack_text(body, columns->of[i].name);
        pack_text(body, "data");
        pack_array(body, columns->count);
        for (size_t i = 0; i < columns->count; i++)
                pack_column(dataset, i, body);
        pack_text(body, "length");
        pack_integer(body, (int64_t)dataset->rows);
        pack_parts(dataset, "startindex", false, body);
        pack_parts(dataset, "lengths", true, body);
}

void dataset_release(struct dataset *dataset)
{
        for (size_t i = 0; i < dataset->segments_count; i++)
                columns_release(&dataset->segments[i]);
        free(dataset->segments);
        for (size_t i = 0; i < dataset->parts_count; i++)
                free(dataset->parts[i].key);
        free(dataset->parts);
        *dataset = (struct dataset){0};
}
