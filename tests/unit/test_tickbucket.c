// SPDX-License-Identifier: Apache-2.0
#include "common/tickbucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

// "Price f8, Size f8, ..." as design and README write it.
static void expect_columns(enum tick_kind kind, unsigned levels, const char *expected)
{
        struct yearfile_schema schema;
        char text[4096] = "";

        tick_schema(kind, levels, &schema);
        assert_int_equal(schema.timeframe_ns, 1000000000);
        assert_int_equal(schema.record_type, 1);
        assert_int_equal(schema.record_length, 24);
        for (size_t i = 0; i < schema.columns_count; i++) {
                size_t used = strlen(text);

                snprintf(text + used, sizeof(text) - used, "%s%s %s", i > 0 ? ", " : "", schema.columns[i].name,
                    column_type_name(schema.columns[i].type));
        }
        assert_string_equal(text, expected);
}

static void columns_are_the_documented_ones_in_their_order(void **state)
{
        (void)state;
        expect_columns(
            TICK_TRADE, 0, "Price f8, Size f8, Exchange U16, Tape U16, TradeId i8, BuyerMaker u1, RecvTime i8");
        expect_columns(
            TICK_AGG_TRADE, 0, "Price f8, Size f8, AggId i8, FirstId i8, LastId i8, BuyerMaker u1, RecvTime i8");
        expect_columns(TICK_QUOTE, 0, "BidPrice f8, BidSize f8, AskPrice f8, AskSize f8, UpdateId i8, RecvTime i8");
        expect_columns(TICK_DEPTH, 2,
            "BidPrice1 f8, BidSize1 f8, BidPrice2 f8, BidSize2 f8, AskPrice1 f8, AskSize1 f8, AskPrice2 f8, "
            "AskSize2 f8, UpdateId i8, RecvTime i8");
        expect_columns(TICK_DEPTH_DIFF, 0, "FirstId i8, UpdateId i8, Side u1, Price f8, Size f8, RecvTime i8");
}

static void a_book_of_twenty_levels_fits_a_header(void **state)
{
        struct yearfile_schema schema, decoded;
        uint8_t header[YEARFILE_HEADER_BYTES];
        char why[REASON_SIZE];

        (void)state;
        tick_schema(TICK_DEPTH, TICK_LEVELS_MAX, &schema);
        assert_int_equal(schema.columns_count, 82);
        assert_string_equal(schema.columns[79].name, "AskSize20");
        yearheader_encode(&schema, 2024, header);
        assert_int_equal(yearheader_decode(header, 2024, &decoded, why), 0);
        assert_true(yearfile_schema_equal(&schema, &decoded));
        assert_int_equal(tick_schema_levels(&decoded), TICK_LEVELS_MAX);
}

static void levels_are_known_from_columns(void **state)
{
        struct yearfile_schema schema;

        (void)state;
        for (unsigned levels = 1; levels <= TICK_LEVELS_MAX; levels++) {
                tick_schema(TICK_DEPTH, levels, &schema);
                assert_int_equal(tick_schema_levels(&schema), levels);
        }
        strcpy(schema.columns[0].name, "BidPrice2");
        assert_int_equal(tick_schema_levels(&schema), 0);
        tick_schema(TICK_QUOTE, 0, &schema);
        assert_int_equal(tick_schema_levels(&schema), 0);
}

static void keys_and_receive_times_are_found_by_name(void **state)
{
        struct yearfile_schema schema;
        struct tick_layout layout;

        (void)state;
        tick_schema(TICK_TRADE, 0, &schema);
        tick_layout_make(TICK_TRADE, &schema, &layout);
        assert_int_equal(layout.columns_bytes, 161);
        assert_int_equal(layout.row_bytes, 165);
        assert_int_equal(layout.key_parts, 1);
        assert_int_equal(layout.key[0].offset, 144);
        assert_true(layout.has_received);
        assert_int_equal(layout.received_offset, 153);
        tick_schema(TICK_DEPTH_DIFF, 0, &schema);
        tick_layout_make(TICK_DEPTH_DIFF, &schema, &layout);
        assert_int_equal(layout.key_parts, 3);
        assert_int_equal(layout.key[0].offset, 8);
        assert_int_equal(layout.key[1].offset, 16);
        assert_int_equal(layout.key[2].offset, 17);
}

// Alpaca's trades have no id; a TradeId of another type is not ours.
static void buckets_of_other_people_have_no_key(void **state)
{
        struct yearfile_schema schema = {.timeframe_ns = 1000000000,
            .record_type = 1,
            .record_length = 24,
            .columns_count = 3,
            .columns = {{"Price", COLUMN_F8}, {"Size", COLUMN_U8}, {"TradeId", COLUMN_I4}}};
        struct tick_layout layout;

        (void)state;
        tick_layout_make(TICK_TRADE, &schema, &layout);
        assert_int_equal(layout.columns_bytes, 20);
        assert_int_equal(layout.key_parts, 0);
        assert_false(layout.has_received);
}

static void buckets_are_named_in_every_spelling(void **state)
{
        static const struct {
                const char *text, *name;
        } table[] = {
            {"BTCUSDT/1Sec/TRADE", "BTCUSDT/1Sec/TRADE"},
            {"BTCUSDT/TRADE", "BTCUSDT/1Sec/TRADE"},
            {"BTCUSDT/1s/trade", "BTCUSDT/1Sec/TRADE"},
            {"binance_BTC-USDT/AggTrade", "binance_BTC-USDT/1Sec/AGGTRADE"},
            {"ETHUSDT/QUOTE", "ETHUSDT/1Sec/QUOTE"},
            {"ETHUSDT/depth", "ETHUSDT/1Sec/DEPTH"},
            {"ETHUSDT/1Sec/DEPTHDIFF", "ETHUSDT/1Sec/DEPTHDIFF"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
                char symbol[BUCKET_SYMBOL_SIZE], name[BUCKET_NAME_SIZE];
                enum tick_kind kind;
                const char *why = "";

                assert_true(tick_bucket_is_named(table[i].text));
                if (tick_bucket_parse(table[i].text, symbol, &kind, &why) != 0)
                        fail_msg("%s: %s", table[i].text, why);
                tick_bucket_format(symbol, kind, name);
                assert_string_equal(name, table[i].name);
        }
}

static void other_names_are_refused(void **state)
{
        static const struct {
                const char *text, *accepted;
        } table[] = {
            {"TRADE", "SYMBOL/1Sec/GROUP"},
            {"/TRADE", "SYMBOL/1Sec/GROUP"},
            {"", "SYMBOL/1Sec/GROUP"},
            {"../TRADE", "does not begin with"},
            {"BTC:USDT/TRADE", "A-Z a-z"},
            {"BTCUSDT/1Min/TRADE", "timeframe 1Sec"},
            {"BTCUSDT/1S/TRADE", "timeframe 1Sec"},
            {"BTCUSDT//TRADE", "timeframe 1Sec"},
            {"BTCUSDT/1Sec/x/TRADE", "timeframe 1Sec"},
            {"BTCUSDT/1Sec/OHLCV", "TRADE AGGTRADE QUOTE DEPTH DEPTHDIFF"},
            {"BTCUSDT/1Sec/", "TRADE AGGTRADE QUOTE DEPTH DEPTHDIFF"},
            {"A23456789012345678901234567890123456789012345678901234567890123X/TRADE", "SYMBOL/1Sec/GROUP"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
                char symbol[BUCKET_SYMBOL_SIZE];
                enum tick_kind kind;
                const char *why = "";

                if (tick_bucket_parse(table[i].text, symbol, &kind, &why) == 0)
                        fail_msg("\"%s\" was accepted", table[i].text);
                if (strstr(why, table[i].accepted) == NULL)
                        fail_msg("\"%s\": \"%s\" does not say \"%s\"", table[i].text, why, table[i].accepted);
        }
        assert_false(tick_bucket_is_named("BTCUSDT/1Sec/OHLCV"));
        assert_false(tick_bucket_is_named("BTCUSDT/1m"));
        assert_false(tick_bucket_is_named("TRADE"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(columns_are_the_documented_ones_in_their_order),
            cmocka_unit_test(a_book_of_twenty_levels_fits_a_header),
            cmocka_unit_test(levels_are_known_from_columns),
            cmocka_unit_test(keys_and_receive_times_are_found_by_name),
            cmocka_unit_test(buckets_of_other_people_have_no_key),
            cmocka_unit_test(buckets_are_named_in_every_spelling),
            cmocka_unit_test(other_names_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
