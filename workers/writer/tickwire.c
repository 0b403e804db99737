// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/tickwire.h"

#include "common/log.h"
#include "common/ticktime.h"

#include <stdio.h>
#include <string.h>

#define EPOCH_BYTES 8

static const char *const keys[TICK_KINDS][3] = {
    [TICK_TRADE] = {"TradeId"},
    [TICK_AGG_TRADE] = {"AggId"},
    [TICK_QUOTE] = {"UpdateId"},
    [TICK_DEPTH] = {"UpdateId"},
    [TICK_DEPTH_DIFF] = {"UpdateId", "Side", "Price"},
};

// Without these a row says nothing.
static const char *const needed[TICK_KINDS][4] = {
    [TICK_TRADE] = {"Price", "Size"},
    [TICK_AGG_TRADE] = {"Price", "Size"},
    [TICK_QUOTE] = {"BidPrice", "BidSize", "AskPrice", "AskSize"},
};

static bool has_column(const struct yearfile_schema *schema, const char *name)
{
        for (size_t i = 0; i < schema->columns_count; i++) {
                if (strcmp(schema->columns[i].name, name) == 0)
                        return true;
        }
        return false;
}

static bool has_needed(enum tick_kind kind, const struct yearfile_schema *schema, char why[REASON_SIZE])
{
        for (size_t i = 0; i < 4 && needed[kind][i] != NULL; i++) {
                if (has_column(schema, needed[kind][i]))
                        continue;
                (void)snprintf(why, REASON_SIZE, "it has no column %s", needed[kind][i]);
                return false;
        }
        return true;
}

// Finds the column of ours that is meant. False: there is none, or it cannot be turned into that type.
static bool find_source(
    const struct yearfile_schema *ours, const struct column *column, size_t *from, uint8_t *type, char why[REASON_SIZE])
{
        *from = 0;
        for (size_t i = 0; i < ours->columns_count; i++) {
                *type = ours->columns[i].type;
                if (strcmp(ours->columns[i].name, column->name) == 0) {
                        if (column->type == *type || (column->type == COLUMN_F4 && *type == COLUMN_F8))
                                return true;
                        (void)snprintf(why, REASON_SIZE, "its column %s is of type %s, not %s", column->name,
                            column_type_name(column->type), column_type_name(*type));
                        return false;
                }
                *from += (size_t)column_type_bytes(*type);
        }
        (void)snprintf(why, REASON_SIZE, "nothing is known to put into its column %s", column->name);
        return false;
}

bool tick_wire_make(
    enum tick_kind kind, const struct yearfile_schema *schema, struct tick_wire *wire, char why[REASON_SIZE])
{
        struct yearfile_schema ours;

        REQUIRE(kind < TICK_KINDS);
        memset(wire, 0, sizeof(*wire));
        wire->kind = kind;
        wire->levels = kind == TICK_DEPTH ? tick_schema_levels(schema) : 0;
        if (kind == TICK_DEPTH && wire->levels == 0) {
                (void)snprintf(why, REASON_SIZE, "they are not those of a book that this program keeps");
                return false;
        }
        tick_schema(kind, wire->levels, &ours);
        if (kind == TICK_DEPTH_DIFF && schema->columns_count != ours.columns_count) {
                (void)snprintf(why, REASON_SIZE, "changes of a book need all of their columns");
                return false;
        }
        if (!has_needed(kind, schema, why))
                return false;
        sinkmatch_shape_make(schema, keys[kind], &wire->shape);
        for (size_t i = 0; i < schema->columns_count; i++) {
                if (!find_source(&ours, &schema->columns[i], &wire->source[i].from, &wire->source[i].from_type, why))
                        return false;
        }
        return true;
}

static uint8_t *encode_cell(uint8_t *to, const unsigned char *from, uint8_t type, uint8_t from_type)
{
        size_t bytes = (size_t)column_type_bytes(type);

        if (type == from_type) {
                memcpy(to, from, bytes);
        } else {
                double value;
                float single;

                memcpy(&value, from, sizeof(value));
                single = (float)value;
                memcpy(to, &single, sizeof(single));
        }
        return to + bytes;
}

void tick_wire_encode(const struct tick_wire *wire, const struct tick_rows *rows, uint8_t *out)
{
        const struct storerpc_layout *layout = &wire->shape.layout;

        for (size_t row = 0; row < tick_rows_count(rows); row++) {
                const unsigned char *from = tick_rows_columns(rows, row);
                int64_t time_ns = tick_rows_time_ns(rows, row), second = tick_second_of(time_ns);
                int32_t nanos = (int32_t)(time_ns - second * TICK_NS_PER_S);
                uint8_t *to = out + row * layout->row_bytes;

                storerpc_row_set_epoch_s(to, second);
                to += EPOCH_BYTES;
                for (size_t i = 1; i + 1 < layout->count; i++)
                        to = encode_cell(to, from + wire->source[i - 1].from, layout->columns[i].type,
                            wire->source[i - 1].from_type);
                // What a server reads a second too late is not written.
                if (nanos > TICK_NANOSECONDS_MAX)
                        nanos = TICK_NANOSECONDS_MAX;
                memcpy(to, &nanos, sizeof(nanos));
        }
}

int64_t tick_wire_time_us(const struct sink_shape *shape, const uint8_t *row, bool look)
{
        const struct storerpc_layout *layout = look ? &shape->look : &shape->layout;

        return storerpc_row_epoch_s(row) * 1000000 + storerpc_row_nanos(layout, row) / 1000;
}

int64_t tick_wire_id(const struct sink_shape *shape, const uint8_t *row, bool look)
{
        const struct sink_key *key = look ? &shape->look_key : &shape->key;
        int64_t id;

        if (shape->key.parts == 0)
                return -1;
        memcpy(&id, row + key->part[0].offset, sizeof(id));
        return id;
}
