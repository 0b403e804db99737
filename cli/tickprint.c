// SPDX-License-Identifier: Apache-2.0
#include "cli/tickprint.h"

#include "common/clock.h"
#include "common/memory.h"
#include "common/ticktime.h"
#include "common/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES (256 * 1024)
#define STRING16_LETTERS 16
#define CELL_BYTES_MAX (YEARFILE_NAME_BYTES + 6 * STRING16_LETTERS + 16) // a text of escapes, with its column's name
#define ROW_BYTES_MAX (128 + YEARFILE_COLUMNS_MAX * CELL_BYTES_MAX)
#define TIME_BYTES 30 // 2024-03-01T10:00:00.123456789Z
#define TABLE_WIDTH 16

struct tickprint {
        enum queryprint_format format;
        FILE *out;
        bool begun, failed;
        int64_t second; // of the text at hand, so that it is made once a second
        char second_text[TIME_TEXT_SIZE];
        size_t used;
        char buffer[BUFFER_BYTES];
};

static void flush(struct tickprint *print)
{
        if (fwrite(print->buffer, 1, print->used, print->out) != print->used)
                print->failed = true;
        print->used = 0;
}

static void put_char(struct tickprint *print, char c)
{
        print->buffer[print->used++] = c;
}

static void put_text(struct tickprint *print, const char *text)
{
        size_t length = strlen(text);

        memcpy(print->buffer + print->used, text, length);
        print->used += length;
}

static void put_time(struct tickprint *print, int64_t time_ns)
{
        int64_t second = tick_second_of(time_ns);
        char fraction[16];

        if (!print->begun || second != print->second) {
                time_format_us(second * US_PER_S, print->second_text);
                print->second_text[strlen(print->second_text) - 1] = '\0'; // the Z comes after the fraction
                print->second = second;
        }
        snprintf(fraction, sizeof(fraction), ".%09dZ", (int)(time_ns - second * TICK_NS_PER_S));
        put_text(print, print->second_text);
        put_text(print, fraction);
}

// ---- cells ----

static double read_double(const unsigned char *cell)
{
        double value;

        memcpy(&value, cell, sizeof(value));
        return value;
}

static float read_float(const unsigned char *cell)
{
        float value;

        memcpy(&value, cell, sizeof(value));
        return value;
}

static int64_t read_signed(const unsigned char *cell, size_t bytes)
{
        uint64_t value = 0;
        unsigned unused_bits = 64 - 8 * (unsigned)bytes;

        memcpy(&value, cell, bytes);
        return (int64_t)(value << unused_bits) >> unused_bits;
}

static uint64_t read_unsigned(const unsigned char *cell, size_t bytes)
{
        uint64_t value = 0;

        memcpy(&value, cell, bytes);
        return value;
}

// Number cells as text, the shortest that reads back; "" for a cell that is text.
static void format_number(const unsigned char *cell, uint8_t type, char text[UNITS_TEXT_SIZE])
{
        size_t bytes = (size_t)column_type_bytes(type);

        switch ((enum column_type)type) {
        case COLUMN_F8: units_double(read_double(cell), text); break;
        case COLUMN_F4: units_float(read_float(cell), text); break;
        case COLUMN_I1:
        case COLUMN_I2:
        case COLUMN_I4:
        case COLUMN_I8: snprintf(text, UNITS_TEXT_SIZE, "%" PRId64, read_signed(cell, bytes)); break;
        case COLUMN_BOOL:
        case COLUMN_U1:
        case COLUMN_U2:
        case COLUMN_U4:
        case COLUMN_U8: snprintf(text, UNITS_TEXT_SIZE, "%" PRIu64, read_unsigned(cell, bytes)); break;
        case COLUMN_STRING16: text[0] = '\0'; break;
        }
}

static void put_utf8(struct tickprint *print, uint32_t letter)
{
        if (letter >= 0x110000 || (letter >= 0xd800 && letter < 0xe000))
                letter = 0xfffd; // no letter at all
        if (letter < 0x80) {
                put_char(print, (char)letter);
        } else if (letter < 0x800) {
                put_char(print, (char)(0xc0 | letter >> 6));
                put_char(print, (char)(0x80 | (letter & 0x3f)));
        } else {
                if (letter < 0x10000) {
                        put_char(print, (char)(0xe0 | letter >> 12));
                } else {
                        put_char(print, (char)(0xf0 | letter >> 18));
                        put_char(print, (char)(0x80 | (letter >> 12 & 0x3f)));
                }
                put_char(print, (char)(0x80 | (letter >> 6 & 0x3f)));
                put_char(print, (char)(0x80 | (letter & 0x3f)));
        }
}

// Sixteen letters of four bytes. What means something to CSV or JSON is escaped; control characters are a blank in CSV.
static void put_string(struct tickprint *print, const unsigned char *cell)
{
        bool json = print->format == QUERYPRINT_JSON;

        put_char(print, '"');
        for (size_t i = 0; i < STRING16_LETTERS; i++) {
                uint32_t letter;
                char escape[8];

                memcpy(&letter, cell + 4 * i, sizeof(letter));
                if (letter == 0)
                        break;
                if (letter == '"' || (json && letter == '\\')) {
                        put_char(print, json ? '\\' : '"');
                        put_char(print, (char)letter);
                } else if (letter < ' ') {
                        snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)letter & 0x1f);
                        put_text(print, json ? escape : " ");
                } else {
                        put_utf8(print, letter);
                }
        }
        put_char(print, '"');
}

static bool is_plain_string(const unsigned char *cell)
{
        for (size_t i = 0; i < STRING16_LETTERS; i++) {
                uint32_t letter;

                memcpy(&letter, cell + 4 * i, sizeof(letter));
                if (letter == 0)
                        return true;
                if (letter <= ' ' || letter == ',' || letter == '"' || letter >= 0x7f)
                        return false;
        }
        return true;
}

static void put_plain_string(struct tickprint *print, const unsigned char *cell)
{
        for (size_t i = 0; i < STRING16_LETTERS && cell[4 * i] != 0; i++)
                put_char(print, (char)cell[4 * i]);
}

static void put_cell(struct tickprint *print, const unsigned char *cell, uint8_t type)
{
        char text[UNITS_TEXT_SIZE];
        bool json = print->format == QUERYPRINT_JSON;

        if (type == COLUMN_STRING16) {
                if (!json && is_plain_string(cell))
                        put_plain_string(print, cell);
                else
                        put_string(print, cell);
                return;
        }
        format_number(cell, type, text);
        bool is_float = type == COLUMN_F8 || type == COLUMN_F4;
        double value = type == COLUMN_F8 ? read_double(cell) : type == COLUMN_F4 ? (double)read_float(cell) : 0;
        put_text(print, json && is_float && !isfinite(value) ? "null" : text); // JSON has no such number
}

// ---- formats ----

// In a table: no texts, no receive time, of a book's levels the first ("BidPrice1").
static bool is_shown_in_table(const struct column *column)
{
        size_t length = strlen(column->name), digits = 0;

        if (column->type == COLUMN_STRING16 || strcmp(column->name, "RecvTime") == 0)
                return false;
        while (digits < length && strchr("0123456789", column->name[length - 1 - digits]) != NULL)
                digits++;
        return digits == 0 || strcmp(column->name + length - digits, "1") == 0;
}

static void print_header(struct tickprint *print, const struct yearfile_schema *schema)
{
        char padded[YEARFILE_NAME_BYTES + TABLE_WIDTH];

        if (print->format == QUERYPRINT_JSON)
                return;
        if (print->format == QUERYPRINT_TABLE) {
                snprintf(padded, sizeof(padded), "%-*s", TIME_BYTES, "Time (UTC)");
                put_text(print, padded);
        } else {
                put_text(print, "Time");
        }
        for (size_t i = 0; i < schema->columns_count; i++) {
                const struct column *column = &schema->columns[i];

                if (print->format == QUERYPRINT_CSV) {
                        put_char(print, ',');
                        put_text(print, column->name);
                } else if (is_shown_in_table(column)) {
                        snprintf(padded, sizeof(padded), " %*s", TABLE_WIDTH, column->name);
                        put_text(print, padded);
                }
        }
        put_char(print, '\n');
}

static void print_csv(
    struct tickprint *print, int64_t time_ns, const struct yearfile_schema *schema, const unsigned char *cell)
{
        put_time(print, time_ns);
        for (size_t i = 0; i < schema->columns_count; i++) {
                put_char(print, ',');
                put_cell(print, cell, schema->columns[i].type);
                cell += column_type_bytes(schema->columns[i].type);
        }
        put_char(print, '\n');
}

static void print_json(
    struct tickprint *print, int64_t time_ns, const struct yearfile_schema *schema, const unsigned char *cell)
{
        int64_t second = tick_second_of(time_ns);
        char text[96];

        snprintf(text, sizeof(text), "%s{\"Epoch\":%" PRId64 ",\"Nanoseconds\":%d,\"Time\":\"",
            print->begun ? ",\n" : "[\n", second, (int)(time_ns - second * TICK_NS_PER_S));
        put_text(print, text);
        put_time(print, time_ns);
        put_char(print, '"');
        for (size_t i = 0; i < schema->columns_count; i++) {
                put_text(print, ",\"");
                put_text(print, schema->columns[i].name);
                put_text(print, "\":");
                put_cell(print, cell, schema->columns[i].type);
                cell += column_type_bytes(schema->columns[i].type);
        }
        put_char(print, '}');
}

static void print_table(
    struct tickprint *print, int64_t time_ns, const struct yearfile_schema *schema, const unsigned char *cell)
{
        char text[UNITS_TEXT_SIZE], padded[UNITS_TEXT_SIZE + TABLE_WIDTH];

        put_time(print, time_ns);
        for (size_t i = 0; i < schema->columns_count; i++) {
                if (is_shown_in_table(&schema->columns[i])) {
                        format_number(cell, schema->columns[i].type, text);
                        snprintf(padded, sizeof(padded), " %*s", TABLE_WIDTH, text);
                        put_text(print, padded);
                }
                cell += column_type_bytes(schema->columns[i].type);
        }
        put_char(print, '\n');
}

int tickprint_rows(void *context, const struct tick_run *run)
{
        struct tickprint *print = context;

        for (size_t i = 0; i < run->count; i++) {
                int64_t time_ns = tick_run_time_ns(run, i);
                const unsigned char *columns = tick_run_columns(run, i);

                if (!print->begun)
                        print_header(print, run->schema);
                switch (print->format) {
                case QUERYPRINT_CSV: print_csv(print, time_ns, run->schema, columns); break;
                case QUERYPRINT_JSON: print_json(print, time_ns, run->schema, columns); break;
                case QUERYPRINT_TABLE: print_table(print, time_ns, run->schema, columns); break;
                }
                print->begun = true;
                if (print->used > BUFFER_BYTES - ROW_BYTES_MAX)
                        flush(print);
        }
        return print->failed;
}

struct tickprint *tickprint_begin(enum queryprint_format format, FILE *out)
{
        struct tickprint *print = memory_zeroed(1, sizeof(*print));

        print->format = format;
        print->out = out;
        return print;
}

int tickprint_end(struct tickprint *print, const struct yearfile_schema *schema)
{
        if (!print->begun && schema != NULL)
                print_header(print, schema);
        if (print->format == QUERYPRINT_JSON)
                put_text(print, print->begun ? "\n]\n" : "[]\n");
        flush(print);
        int result = print->failed || fflush(print->out) != 0 ? -1 : 0;
        free(print);
        return result;
}

void tickprint_discard(struct tickprint *print)
{
        free(print);
}
