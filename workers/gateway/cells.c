// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/cells.h"

#include "common/clock.h"
#include "common/decimal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_SIZE 72
#define ROW_SIZE ((CELL_SIZE + YEARFILE_NAME_BYTES + 4) * COLUMNS_MAX)

// ---- numbers ----

static size_t print_double(double value, int digits, char text[CELL_SIZE])
{
        struct decimal decimal;

        if (digits == 17 && decimal_from_double(value, &decimal) == 0)
                return (size_t)decimal_format(decimal, text);
        for (int some = digits == 17 ? 15 : 6;; some++) {
                int length = snprintf(text, CELL_SIZE, "%.*g", some, value);

                if (some >= digits || (digits == 17 ? strtod(text, NULL) == value : strtof(text, NULL) == (float)value))
                        return (size_t)length;
        }
}

// CSV has no text for a number that is none: the cell stays empty, as pandas writes and reads it.
static size_t print_finite(enum cells_format format, double value, int digits, char text[CELL_SIZE])
{
        if (isfinite(value))
                return print_double(value, digits, text);
        return (size_t)snprintf(text, CELL_SIZE, "%s", format == CELLS_JSON ? "null" : "");
}

// STRING16: sixteen code points of four bytes. Of them only ASCII is ever stored; others become '?'.
static size_t print_text(enum cells_format format, const uint8_t *cell, char text[CELL_SIZE])
{
        size_t used = 0;

        if (format == CELLS_JSON)
                text[used++] = '"';
        for (size_t i = 0; i < 16; i++) {
                uint32_t point;

                memcpy(&point, cell + 4 * i, sizeof(point));
                if (point == 0)
                        break;
                bool plain = point >= 0x20 && point < 0x7f && point != '"' && point != '\\' && point != ',';
                text[used++] = plain ? (char)point : '?';
        }
        if (format == CELLS_JSON)
                text[used++] = '"';
        return used;
}

#define LOAD_AS(type, print)                                                                                           \
        do {                                                                                                           \
                type loaded;                                                                                           \
                memcpy(&loaded, cell, sizeof(loaded));                                                                 \
                return (size_t)snprintf(text, CELL_SIZE, "%" print, loaded);                                           \
        } while (0)

static size_t print_cell(
    enum cells_format format, const struct values *values, const uint8_t *cell, char text[CELL_SIZE])
{
        float single;
        double number;

        switch (values->type) {
        case COLUMN_F4: memcpy(&single, cell, sizeof(single)); return print_finite(format, (double)single, 9, text);
        case COLUMN_F8: memcpy(&number, cell, sizeof(number)); return print_finite(format, number, 17, text);
        case COLUMN_I8: LOAD_AS(int64_t, PRId64);
        case COLUMN_I4: LOAD_AS(int32_t, PRId32);
        case COLUMN_I2: LOAD_AS(int16_t, PRId16);
        case COLUMN_I1: LOAD_AS(int8_t, PRId8);
        case COLUMN_BOOL:
        case COLUMN_U1: LOAD_AS(uint8_t, PRIu8);
        case COLUMN_U2: LOAD_AS(uint16_t, PRIu16);
        case COLUMN_U4: LOAD_AS(uint32_t, PRIu32);
        case COLUMN_U8: LOAD_AS(uint64_t, PRIu64);
        case COLUMN_STRING16: return print_text(format, cell, text);
        default: return 0;
        }
}

// ---- rows ----

static int64_t epoch_at(const struct columns *columns, size_t row)
{
        int64_t seconds;

        memcpy(&seconds, columns->of[0].block.data + 8 * row, sizeof(seconds));
        return seconds;
}

// Columns that are printed as such: nanoseconds are part of the time.
static size_t cells_of(const struct columns *columns)
{
        const struct values *last = &columns->of[columns->count - 1];

        return columns->count - (strcmp(last->name, COLUMN_NANOSECONDS) == 0 && last->type == COLUMN_I4);
}

static int32_t nanoseconds_at(const struct columns *columns, size_t row)
{
        int32_t nanoseconds;

        memcpy(
            &nanoseconds, columns->of[columns->count - 1].block.data + sizeof(nanoseconds) * row, sizeof(nanoseconds));
        return nanoseconds;
}

// "2024-03-01T10:00:00Z", of ticks "2024-03-01T10:00:00.250000000Z". The date is made once a day.
static size_t print_time(const struct columns *columns, size_t row, char text[CELL_SIZE])
{
        static _Thread_local int64_t day_known = INT64_MIN;
        static _Thread_local char date[TIME_TEXT_SIZE];
        int64_t seconds = epoch_at(columns, row), day = seconds / 86400, second = seconds % 86400;

        if (day != day_known) {
                time_format_us(day * US_PER_DAY, date);
                day_known = day;
        }
        memcpy(text, date, 11); // with its 'T'
        int fields[3] = {(int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60)};
        for (int i = 0; i < 3; i++) {
                text[11 + i * 3] = (char)('0' + fields[i] / 10);
                text[12 + i * 3] = (char)('0' + fields[i] % 10);
                text[13 + i * 3] = i < 2 ? ':' : 'Z';
        }
        if (cells_of(columns) == columns->count)
                return 20;
        return 19 + (size_t)snprintf(text + 19, CELL_SIZE - 19, ".%09" PRId32 "Z", nanoseconds_at(columns, row));
}

static size_t print_csv_row(const struct columns *columns, size_t row, char *text)
{
        size_t used = print_time(columns, row, text);

        for (size_t i = 1; i < cells_of(columns); i++) {
                const struct values *values = &columns->of[i];

                text[used++] = ',';
                used += print_cell(CELLS_CSV, values, values->block.data + values->width * row, text + used);
        }
        text[used++] = '\n';
        return used;
}

static size_t print_json_row(const struct columns *columns, size_t row, char *text)
{
        size_t used = (size_t)sprintf(text, "{\"Epoch\":%" PRId64, epoch_at(columns, row));

        if (cells_of(columns) < columns->count)
                used += (size_t)sprintf(text + used, ",\"Nanoseconds\":%" PRId32, nanoseconds_at(columns, row));
        used += (size_t)sprintf(text + used, ",\"Time\":\"");
        used += print_time(columns, row, text + used);
        text[used++] = '"';
        for (size_t i = 1; i < cells_of(columns); i++) {
                const struct values *values = &columns->of[i];

                used += (size_t)sprintf(text + used, ",\"%s\":", values->name);
                used += print_cell(CELLS_JSON, values, values->block.data + values->width * row, text + used);
        }
        text[used++] = '}';
        return used;
}

void cells_begin(enum cells_format format, const struct columns *columns, struct body *body)
{
        if (format == CELLS_JSON) {
                body_append(body, "[", 1);
                return;
        }
        body_append(body, "Time", 4);
        for (size_t i = 1; i < cells_of(columns); i++)
                body_print(body, ",%s", columns->of[i].name);
        body_append(body, "\n", 1);
}

void cells_rows(enum cells_format format, const struct columns *columns, bool rows_before, struct body *body)
{
        char text[ROW_SIZE];

        for (size_t row = 0; row < columns->rows; row++) {
                size_t length;

                if (format == CELLS_JSON) {
                        body_append(body, rows_before || row > 0 ? ",\n" : "\n", rows_before || row > 0 ? 2 : 1);
                        length = print_json_row(columns, row, text);
                } else {
                        length = print_csv_row(columns, row, text);
                }
                body_append(body, text, length);
        }
}

void cells_end(enum cells_format format, bool rows_before, struct body *body)
{
        if (format == CELLS_JSON)
                body_append(body, rows_before ? "\n]\n" : "]\n", rows_before ? 3 : 2);
}
