// SPDX-License-Identifier: Apache-2.0
// LINK: cli/tickprint.c
#include "cli/tickprint.h"

#include "common/ticktime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/tick_events.h"

#include <stdlib.h>
#include <string.h>

// 2024-03-01T10:00:00Z
#define SECOND INT64_C(1709287200)

// Rows of columns and ticks, built column by column.
struct page {
        struct yearfile_schema schema;
        unsigned char rows[8192];
        size_t used, count;
};

static void put(struct page *page, const void *bytes, size_t length)
{
        memcpy(page->rows + page->used, bytes, length);
        page->used += length;
}

static void end_row(struct page *page, int64_t nanosecond)
{
        uint32_t ticks = tick_of_nanosecond(nanosecond);

        put(page, &ticks, sizeof(ticks));
        page->count++;
}

static void expect_print(const struct page *page, enum queryprint_format format, const char *expected)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        struct tickprint *print = tickprint_begin(format, out);
        struct tick_run run = {.schema = &page->schema, .second = SECOND, .count = page->count, .rows = page->rows};

        if (page->count > 0) {
                run.row_bytes = page->used / page->count;
                assert_int_equal(tickprint_rows(print, &run), 0);
        }
        assert_int_equal(tickprint_end(print, &page->schema), 0);
        fclose(out);
        assert_string_equal(text, expected);
        free(text);
}

static void add_trades(struct page *page)
{
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);
        struct trade trade = {.id = 7,
            .time_us = SECOND * 1000000 + 123456,
            .received_wall_ns = 99,
            .level = {.price = 6100001, .size = 10, .price_exponent = -2, .size_exponent = -8},
            .buyer_maker = 1};

        tick_schema(TICK_TRADE, 0, &page->schema);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(tick_rows_add_trade(rows, &trade), 0);
                put(page, tick_rows_columns(rows, (size_t)i), 161);
                end_row(page, tick_rows_time_ns(rows, (size_t)i) % SECOND_NS);
                trade.id++;
                trade.time_us++;
        }
        tick_rows_free(rows);
}

static void trades_in_every_format(void **state)
{
        struct page page = {0};

        (void)state;
        add_trades(&page);
        expect_print(&page, QUERYPRINT_CSV,
            "Time,Price,Size,Exchange,Tape,TradeId,BuyerMaker,RecvTime\n"
            "2024-03-01T10:00:00.123456000Z,61000.01,0.0000001,BINANCE,SPOT,7,1,99\n"
            "2024-03-01T10:00:00.123457000Z,61000.01,0.0000001,BINANCE,SPOT,8,1,99\n");
        expect_print(&page, QUERYPRINT_JSON,
            "[\n"
            "{\"Epoch\":1709287200,\"Nanoseconds\":123456000,\"Time\":\"2024-03-01T10:00:00.123456000Z\","
            "\"Price\":61000.01,\"Size\":0.0000001,\"Exchange\":\"BINANCE\",\"Tape\":\"SPOT\",\"TradeId\":7,"
            "\"BuyerMaker\":1,\"RecvTime\":99},\n"
            "{\"Epoch\":1709287200,\"Nanoseconds\":123457000,\"Time\":\"2024-03-01T10:00:00.123457000Z\","
            "\"Price\":61000.01,\"Size\":0.0000001,\"Exchange\":\"BINANCE\",\"Tape\":\"SPOT\",\"TradeId\":8,"
            "\"BuyerMaker\":1,\"RecvTime\":99}\n"
            "]\n");
        expect_print(&page, QUERYPRINT_TABLE,
            "Time (UTC)                                Price             Size          TradeId       BuyerMaker\n"
            "2024-03-01T10:00:00.123456000Z         61000.01        0.0000001                7                1\n"
            "2024-03-01T10:00:00.123457000Z         61000.01        0.0000001                8                1\n");
}

static void seconds_follow_each_other(void **state)
{
        struct page page = {0};
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        struct tickprint *print = tickprint_begin(QUERYPRINT_TABLE, out);

        (void)state;
        add_trades(&page);
        struct tick_run run = {
            .schema = &page.schema, .second = SECOND, .count = 1, .row_bytes = page.used / 2, .rows = page.rows};
        for (; run.second < SECOND + 2; run.second++)
                assert_int_equal(tickprint_rows(print, &run), 0);
        assert_int_equal(tickprint_end(print, NULL), 0);
        fclose(out);
        assert_non_null(strstr(text, "\n2024-03-01T10:00:00.123456000Z"));
        assert_non_null(strstr(text, "\n2024-03-01T10:00:01.123456000Z"));
        free(text);
}

static void no_rows_are_a_header_or_an_empty_array(void **state)
{
        struct page page = {0};

        (void)state;
        tick_schema(TICK_QUOTE, 0, &page.schema);
        expect_print(&page, QUERYPRINT_CSV, "Time,BidPrice,BidSize,AskPrice,AskSize,UpdateId,RecvTime\n");
        expect_print(&page, QUERYPRINT_JSON, "[]\n");
}

static void a_table_of_a_book_shows_its_best_level(void **state)
{
        struct page page = {0};

        (void)state;
        tick_schema(TICK_DEPTH, 20, &page.schema);
        expect_print(&page, QUERYPRINT_TABLE,
            "Time (UTC)                            BidPrice1         BidSize1        AskPrice1         AskSize1"
            "         UpdateId\n");
}

// Every type that a bucket of other people's may have.
static void columns_of_other_people_are_printed_by_type(void **state)
{
        struct page page = {.schema = {.columns_count = 12,
                                .columns = {{"f4", COLUMN_F4}, {"f8", COLUMN_F8}, {"i1", COLUMN_I1}, {"i2", COLUMN_I2},
                                    {"i4", COLUMN_I4}, {"i8", COLUMN_I8}, {"b", COLUMN_BOOL}, {"u1", COLUMN_U1},
                                    {"u2", COLUMN_U2}, {"u4", COLUMN_U4}, {"u8", COLUMN_U8}, {"s", COLUMN_STRING16}}}};
        const float f4 = 0.1f;
        const double f8 = __builtin_nan("");
        const int64_t minus = -2;
        const uint64_t large = UINT64_MAX;
        uint32_t text[16] = {'a', '"', ',', '\\', '\n', 0xe9, 0x20ac, 0x1f600, 0xd800};

        (void)state;
        put(&page, &f4, 4);
        put(&page, &f8, 8);
        put(&page, &minus, 1);
        put(&page, &minus, 2);
        put(&page, &minus, 4);
        put(&page, &minus, 8);
        put(&page, "\1", 1);
        put(&page, &large, 1);
        put(&page, &large, 2);
        put(&page, &large, 4);
        put(&page, &large, 8);
        put(&page, text, sizeof(text));
        end_row(&page, 0);
        expect_print(&page, QUERYPRINT_CSV,
            "Time,f4,f8,i1,i2,i4,i8,b,u1,u2,u4,u8,s\n"
            "2024-03-01T10:00:00.000000000Z,0.1,nan,-2,-2,-2,-2,1,255,65535,4294967295,18446744073709551615,"
            "\"a\"\",\\ \u00e9\u20ac\U0001f600\ufffd\"\n");
        expect_print(&page, QUERYPRINT_JSON,
            "[\n{\"Epoch\":1709287200,\"Nanoseconds\":0,\"Time\":\"2024-03-01T10:00:00.000000000Z\",\"f4\":0.1,"
            "\"f8\":null,\"i1\":-2,\"i2\":-2,\"i4\":-2,\"i8\":-2,\"b\":1,\"u1\":255,\"u2\":65535,\"u4\":4294967295,"
            "\"u8\":18446744073709551615,\"s\":\"a\\\",\\\\\\u000a\u00e9\u20ac\U0001f600\ufffd\"}\n]\n");
}

static void a_full_page_of_the_widest_rows_fits_the_buffer(void **state)
{
        static unsigned char rows[200][YEARFILE_COLUMNS_MAX * 64 + 4];
        struct yearfile_schema schema = {.columns_count = YEARFILE_COLUMNS_MAX};
        struct tick_run run = {
            .schema = &schema, .second = SECOND, .count = 200, .row_bytes = sizeof(rows[0]), .rows = rows[0]};
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        struct tickprint *print = tickprint_begin(QUERYPRINT_JSON, out);

        (void)state;
        for (size_t i = 0; i < YEARFILE_COLUMNS_MAX; i++) {
                memset(schema.columns[i].name, 'c', YEARFILE_NAME_BYTES);
                schema.columns[i].type = COLUMN_STRING16;
        }
        for (size_t i = 0; i < 200; i++) {
                for (size_t at = 0; at < YEARFILE_COLUMNS_MAX * 64; at += 4)
                        rows[i][at] = '\n';
        }
        assert_int_equal(tickprint_rows(print, &run), 0);
        assert_int_equal(tickprint_end(print, NULL), 0);
        fclose(out);
        assert_true(size > 200 * YEARFILE_COLUMNS_MAX * 96);
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(trades_in_every_format),
            cmocka_unit_test(seconds_follow_each_other),
            cmocka_unit_test(no_rows_are_a_header_or_an_empty_array),
            cmocka_unit_test(a_table_of_a_book_shows_its_best_level),
            cmocka_unit_test(columns_of_other_people_are_printed_by_type),
            cmocka_unit_test(a_full_page_of_the_widest_rows_fits_the_buffer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
