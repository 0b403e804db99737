// SPDX-License-Identifier: Apache-2.0
// LINK: workers/gateway/block.c workers/gateway/body.c workers/gateway/cells.c workers/gateway/columns.c
#include "workers/gateway/cells.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One row of a column of each kind.
struct row {
        int64_t epoch;
        double number;
        float single;
        uint64_t count;
        uint32_t text[16];
        int32_t nanoseconds;
};

static void add(struct columns *columns, size_t i, const char *name, uint8_t type, const void *value)
{
        struct values *values = &columns->of[i];

        snprintf(values->name, sizeof(values->name), "%s", name);
        values->type = type;
        values->width = (size_t)column_type_bytes(type);
        assert_int_equal(block_reserve(&values->block, values->width), 0);
        memcpy(values->block.data + values->block.length, value, values->width);
        values->block.length += values->width;
        columns->count = i + 1;
}

static struct columns columns_of(const struct row *row, bool ticks)
{
        struct columns columns = {.rows = 1};

        add(&columns, 0, COLUMN_EPOCH, COLUMN_I8, &row->epoch);
        add(&columns, 1, "Price", COLUMN_F8, &row->number);
        add(&columns, 2, "Ask", COLUMN_F4, &row->single);
        add(&columns, 3, "Count", COLUMN_U8, &row->count);
        add(&columns, 4, "Tape", COLUMN_STRING16, row->text);
        if (ticks)
                add(&columns, 5, COLUMN_NANOSECONDS, COLUMN_I4, &row->nanoseconds);
        return columns;
}

static void expect(enum cells_format format, struct columns columns, const char *text)
{
        struct body body = {0};

        cells_begin(format, &columns, &body);
        cells_rows(format, &columns, false, &body);
        cells_end(format, true, &body);
        assert_int_equal(body.length, strlen(text));
        assert_memory_equal(body.first->block.data, text, body.length);
        body_release(&body);
        columns_release(&columns);
        assert_int_equal(block_charged(), 0);
}

static const struct row plain = {1709287200, 0.1, 0.1f, UINT64_MAX, {'S', 'P', 'O', 'T'}, 250};

static void a_row_of_bars(void **state)
{
        (void)state;
        expect(CELLS_CSV, columns_of(&plain, false),
            "Time,Price,Ask,Count,Tape\n2024-03-01T10:00:00Z,0.1,0.1,18446744073709551615,SPOT\n");
        expect(CELLS_JSON, columns_of(&plain, false),
            "[\n{\"Epoch\":1709287200,\"Time\":\"2024-03-01T10:00:00Z\",\"Price\":0.1,\"Ask\":0.1,\"Count\":"
            "18446744073709551615,\"Tape\":\"SPOT\"}\n]\n");
}

static void nanoseconds_are_part_of_the_time(void **state)
{
        (void)state;
        expect(CELLS_CSV, columns_of(&plain, true),
            "Time,Price,Ask,Count,Tape\n2024-03-01T10:00:00.000000250Z,0.1,0.1,18446744073709551615,SPOT\n");
        expect(CELLS_JSON, columns_of(&plain, true),
            "[\n{\"Epoch\":1709287200,\"Nanoseconds\":250,\"Time\":\"2024-03-01T10:00:00.000000250Z\",\"Price\":0.1,"
            "\"Ask\":0.1,\"Count\":18446744073709551615,\"Tape\":\"SPOT\"}\n]\n");
}

static void numbers_read_back_as_what_they_were(void **state)
{
        static const double numbers[] = {
            0.1 + 0.2, 1e22, 5e-324, 1.7976931348623157e308, 123456789.12345678, -0.5, 1e-9};
        static const char head[] = "Time,Price,Ask,Count,Tape\n2024-03-01T10:00:00Z,";

        (void)state;
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
                struct row row = plain;
                struct body body = {0};

                row.number = numbers[i];
                struct columns columns = columns_of(&row, false);
                cells_begin(CELLS_CSV, &columns, &body);
                cells_rows(CELLS_CSV, &columns, false, &body);
                double back = strtod((const char *)body.first->block.data + sizeof(head) - 1, NULL);
                assert_true(memcmp(&back, &numbers[i], sizeof(back)) == 0);
                body_release(&body);
                columns_release(&columns);
        }
}

static void what_is_no_number_has_no_digits(void **state)
{
        struct row row = plain;

        (void)state;
        row.number = (double)INFINITY;
        row.single = NAN;
        expect(CELLS_CSV, columns_of(&row, false),
            "Time,Price,Ask,Count,Tape\n2024-03-01T10:00:00Z,,,18446744073709551615,SPOT\n");
        expect(CELLS_JSON, columns_of(&row, false),
            "[\n{\"Epoch\":1709287200,\"Time\":\"2024-03-01T10:00:00Z\",\"Price\":null,\"Ask\":null,\"Count\":"
            "18446744073709551615,\"Tape\":\"SPOT\"}\n]\n");
}

static void text_cannot_break_out(void **state)
{
        struct row row = plain;

        (void)state;
        memcpy(row.text, (const uint32_t[16]){'a', '"', '\\', ',', '\n', 0x4e2d, 'z'}, sizeof(row.text));
        expect(CELLS_CSV, columns_of(&row, false),
            "Time,Price,Ask,Count,Tape\n2024-03-01T10:00:00Z,0.1,0.1,18446744073709551615,a?????z\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_row_of_bars),
            cmocka_unit_test(nanoseconds_are_part_of_the_time),
            cmocka_unit_test(numbers_read_back_as_what_they_were),
            cmocka_unit_test(what_is_no_number_has_no_digits),
            cmocka_unit_test(text_cannot_break_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
