// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/columns.h"

#include "common/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void add(struct columns *columns, const char *name, uint8_t type)
{
        struct values *values = &columns->of[columns->count++];

        memset(values, 0, sizeof(*values));
        snprintf(values->name, sizeof(values->name), "%s", name);
        values->type = type;
        values->width = (size_t)column_type_bytes(type);
}

const struct column *columns_find(const struct yearfile_schema *schema, const char *name)
{
        for (size_t i = 0; i < schema->columns_count; i++) {
                if (strcmp(schema->columns[i].name, name) == 0)
                        return &schema->columns[i];
        }
        return NULL;
}

static bool is_there(const struct columns *columns, const char *name)
{
        for (size_t i = 0; i < columns->count; i++) {
                if (strcmp(columns->of[i].name, name) == 0)
                        return true;
        }
        return false;
}

void columns_choose(
    struct columns *columns, const struct yearfile_schema *schema, const char *const *chosen, size_t chosen_count)
{
        memset(columns, 0, sizeof(*columns));
        add(columns, COLUMN_EPOCH, COLUMN_I8);
        // A bucket that has a column of its own by the name of Epoch does not exist: MarketStore takes it out.
        for (size_t i = 0; chosen_count == 0 && i < schema->columns_count; i++)
                add(columns, schema->columns[i].name, schema->columns[i].type);
        // A name asked for twice is sent once: numpy has no type with two fields of one name.
        for (size_t i = 0; i < chosen_count; i++) {
                const struct column *column = columns_find(schema, chosen[i]);

                if (column != NULL && !is_there(columns, column->name))
                        add(columns, column->name, column->type);
        }
        if (schema->record_type == 1)
                add(columns, COLUMN_NANOSECONDS, COLUMN_I4);
}

bool columns_match(const struct columns *a, const struct columns *b)
{
        if (a->count != b->count)
                return false;
        for (size_t i = 0; i < a->count; i++) {
                if (a->of[i].type != b->of[i].type || strcmp(a->of[i].name, b->of[i].name) != 0)
                        return false;
        }
        return true;
}

size_t columns_row_bytes(const struct columns *columns)
{
        size_t bytes = 0;

        for (size_t i = 0; i < columns->count; i++)
                bytes += columns->of[i].width;
        return bytes;
}

int columns_reserve(struct columns *columns, size_t rows)
{
        if (rows > GATEWAY_ANSWER_BYTES_MAX / columns_row_bytes(columns) - columns->rows) {
                errno = ENOBUFS;
                return -1;
        }
        for (size_t i = 0; i < columns->count; i++) {
                if (block_reserve(&columns->of[i].block, rows * columns->of[i].width) != 0)
                        return -1;
        }
        return 0;
}

void columns_fit(struct columns *columns)
{
        for (size_t i = 0; i < columns->count; i++)
                block_fit(&columns->of[i].block);
}

void columns_clear(struct columns *columns)
{
        columns->rows = 0;
        for (size_t i = 0; i < columns->count; i++)
                columns->of[i].block.length = 0;
}

void columns_release(struct columns *columns)
{
        for (size_t i = 0; i < columns->count; i++)
                block_release(&columns->of[i].block);
        *columns = (struct columns){0};
}

const char *columns_wire_type(uint8_t type)
{
        return type == COLUMN_I1 || type == COLUMN_BOOL ? "u1" : column_type_name(type);
}
