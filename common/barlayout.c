// SPDX-License-Identifier: Apache-2.0
#include "common/barlayout.h"

#include "common/interval.h"

#include <stdio.h>
#include <string.h>

#define INDEX_BYTES 8

// In the order of struct bar_values, whose members are all eight bytes.
static_assert(sizeof(struct bar_values) == 8 * BAR_VALUES_COUNT, "one word a value");

#define SEED_COLUMNS 5

// Number of the value that a column's name stands for, -1 for a name that is none of ours.
static int value_of_column(const struct yearfile_schema *ours, const char *name)
{
        for (size_t i = 0; i < ours->columns_count; i++) {
                if (strcmp(ours->columns[i].name, name) == 0)
                        return (int)i;
        }
        return -1;
}

void bar_layout_make(const struct yearfile_schema *schema, struct bar_layout *layout)
{
        struct yearfile_schema ours;
        size_t at = INDEX_BYTES;
        bool is_whole = true;

        yearfile_bar_schema(INTERVAL_1M, true, &ours);
        memset(layout, 0, sizeof(*layout));
        for (size_t i = 0; i < schema->columns_count; i++) {
                const struct column *column = &schema->columns[i];
                int value = value_of_column(&ours, column->name);

                is_whole = is_whole && value == (int)i && column->type == ours.columns[i].type;
                if (value >= 0 && layout->count < BAR_VALUES_COUNT)
                        layout->places[layout->count++] = (struct bar_place){
                            (uint16_t)at, (uint16_t)(8 * value), column->type, ours.columns[value].type == COLUMN_I8};
                at += (size_t)column_type_bytes(column->type);
        }
        layout->is_whole = is_whole && schema->columns_count == BAR_VALUES_COUNT;
}

static bool takes_bars(const struct yearfile_schema *schema, bool single, char why[REASON_SIZE])
{
        struct yearfile_schema ours;
        bool seen[BAR_VALUES_COUNT] = {false};

        yearfile_bar_schema(INTERVAL_1M, true, &ours);
        for (size_t i = 0; i < schema->columns_count; i++) {
                const struct column *column = &schema->columns[i];
                int value = value_of_column(&ours, column->name);

                if (value < 0 || seen[value]) {
                        snprintf(why, REASON_SIZE, "its column %s is %s", column->name,
                            value < 0 ? "none that a bar has" : "there twice");
                        return false;
                }
                if (column->type != ours.columns[value].type &&
                    !(single && column->type == COLUMN_F4 && ours.columns[value].type == COLUMN_F8)) {
                        snprintf(why, REASON_SIZE, "its column %s is %s, not %s", column->name,
                            column_type_name(column->type), column_type_name(ours.columns[value].type));
                        return false;
                }
                seen[value] = true;
        }
        for (size_t i = 0; i < SEED_COLUMNS; i++) {
                if (!seen[i]) {
                        snprintf(why, REASON_SIZE, "it has no column %s", ours.columns[i].name);
                        return false;
                }
        }
        return true;
}

bool bar_layout_is_writable(const struct yearfile_schema *schema, char why[REASON_SIZE])
{
        return takes_bars(schema, false, why);
}

bool bar_layout_is_acceptable(const struct yearfile_schema *schema, char why[REASON_SIZE])
{
        return takes_bars(schema, true, why);
}

static void encode_value(const struct bar_place *place, const char *value, uint8_t *cell)
{
        double number;

        if (place->type != COLUMN_F4) {
                memcpy(cell, value, 8);
                return;
        }
        memcpy(&number, value, sizeof(number));
        const float single = (float)number;
        memcpy(cell, &single, sizeof(single));
}

void bar_layout_encode(const struct bar_layout *layout, int64_t index, const struct bar_values *values, uint8_t *record)
{
        memcpy(record, &index, sizeof(index));
        if (layout->is_whole) {
                memcpy(record + INDEX_BYTES, values, sizeof(*values));
                return;
        }
        for (size_t i = 0; i < layout->count; i++)
                encode_value(&layout->places[i], (const char *)values + layout->places[i].value_offset,
                    record + layout->places[i].record_offset);
}

#define LOAD_AS(type)                                                                                                  \
        do {                                                                                                           \
                type loaded;                                                                                           \
                memcpy(&loaded, cell, sizeof(loaded));                                                                 \
                *as_double = (double)loaded;                                                                           \
                *as_integer = (int64_t)loaded;                                                                         \
        } while (0)

// Text has no number; it reads as 0. A float too large for an integer, too: only other people's files hold one where we
// count trades.
static void load_cell(const uint8_t *cell, uint8_t type, double *as_double, int64_t *as_integer)
{
        float single;
        double number;

        *as_double = 0;
        *as_integer = 0;
        switch (type) {
        case COLUMN_F4:
                memcpy(&single, cell, sizeof(single));
                *as_double = (double)single;
                *as_integer = single > -9e18f && single < 9e18f ? (int64_t)single : 0;
                break;
        case COLUMN_F8:
                memcpy(&number, cell, sizeof(number));
                *as_double = number;
                *as_integer = number > -9e18 && number < 9e18 ? (int64_t)number : 0;
                break;
        case COLUMN_I8: LOAD_AS(int64_t); break;
        case COLUMN_I4: LOAD_AS(int32_t); break;
        case COLUMN_I2: LOAD_AS(int16_t); break;
        case COLUMN_I1: LOAD_AS(int8_t); break;
        case COLUMN_BOOL:
        case COLUMN_U1: LOAD_AS(uint8_t); break;
        case COLUMN_U2: LOAD_AS(uint16_t); break;
        case COLUMN_U4: LOAD_AS(uint32_t); break;
        case COLUMN_U8: LOAD_AS(uint64_t); break;
        default: break;
        }
}

void bar_layout_decode(const struct bar_layout *layout, const uint8_t *record, struct bar_values *values)
{
        if (layout->is_whole) {
                memcpy(values, record + INDEX_BYTES, sizeof(*values));
                return;
        }
        memset(values, 0, sizeof(*values));
        for (size_t i = 0; i < layout->count; i++) {
                const struct bar_place *place = &layout->places[i];
                char *value = (char *)values + place->value_offset;
                double as_double;
                int64_t as_integer;

                load_cell(record + place->record_offset, place->type, &as_double, &as_integer);
                memcpy(value, place->is_integer ? (const void *)&as_integer : (const void *)&as_double, 8);
        }
}
