// SPDX-License-Identifier: Apache-2.0
// What goes to a MarketStore server: its messages, when a row counts, and what is left of a write that was read back.
// LINK: workers/writer/sinkmatch.c workers/writer/sinkparcel.c workers/writer/sinkrule.c workers/writer/tickwire.c
// LINK: -lmsgpackc
#include "common/storerpc.h"
#include "workers/writer/sinkparcel.h"
#include "workers/writer/sinkrule.h"
#include "workers/writer/tickwire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BAR_BYTES 48
#define EPOCH INT64_C(1704067200) // 2024-01-01

static struct storerpc_layout seed_layout(void)
{
        struct yearfile_schema schema;
        struct storerpc_layout layout;

        yearfile_bar_schema(INTERVAL_1M, false, &schema);
        storerpc_layout_make(&schema, &layout);
        return layout;
}

static void make_bar(uint8_t row[BAR_BYTES], int64_t epoch_s, double open)
{
        const double values[5] = {open, open + 1, open - 1, open, 100};

        storerpc_row_set_epoch_s(row, epoch_s);
        memcpy(row + 8, values, sizeof(values));
}

// ---- messages ----

// An answer as a stock server wrote it (query of two bars, four columns f4 and one f8).
static const char captured[] =
    "83a76a736f6e727063a3322e30a6726573756c7483a9726573706f6e7365739181a6726573756c7486a5747970657396a26938a26634a26634"
    "a26634a26634a26638a56e616d657396a545706f6368a44f70656ea448696768a34c6f77a5436c6f7365a6566f6c756d65a46461746196c410"
    "8000926500000000bc00926500000000c4080000803f00000040c4080000004000004040c4080000003f0000c03fc4080000c03f00002040c4"
    "1000000000000059400000000000405940a66c656e677468d30000000000000002aa7374617274696e64657881d932425443555344542f314d"
    "696e2f4f484c43563a53796d626f6c2f54696d656672616d652f41747472696275746547726f7570d30000000000000000a76c656e67746873"
    "81d932425443555344542f314d696e2f4f484c43563a53796d626f6c2f54696d656672616d652f41747472696275746547726f7570d3000000"
    "0000000002a776657273696f6ea0a874696d657a6f6e65a3555443a26964a131";

static size_t unhex(const char *hex, uint8_t *bytes)
{
        size_t count = strlen(hex) / 2;

        for (size_t i = 0; i < count; i++) {
                unsigned byte = 0;

                assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
                bytes[i] = (uint8_t)byte;
        }
        return count;
}

static struct storerpc_layout captured_layout(void)
{
        struct yearfile_schema schema;
        struct storerpc_layout layout;

        yearfile_bar_schema(INTERVAL_1M, false, &schema);
        for (size_t i = 0; i < 4; i++)
                schema.columns[i].type = COLUMN_F4;
        storerpc_layout_make(&schema, &layout);
        return layout;
}

static void a_stock_server_s_answer_becomes_rows(void **state)
{
        struct storerpc_layout layout = captured_layout();
        uint8_t bytes[1024], *rows;
        size_t count, length = unhex(captured, bytes);
        char why[REASON_SIZE];
        float close;
        double volume;

        (void)state;
        assert_int_equal(layout.row_bytes, 32);
        assert_int_equal(
            storerpc_decode_query(bytes, length, &layout, layout.count, &rows, &count, why), STORERPC_FINE);
        assert_int_equal(count, 2);
        assert_int_equal(storerpc_row_epoch_s(rows), EPOCH);
        assert_int_equal(storerpc_row_epoch_s(rows + 32), EPOCH + 60);
        memcpy(&close, rows + 32 + 20, sizeof(close));
        memcpy(&volume, rows + 32 + 24, sizeof(volume));
        assert_true(close == 2.5f);
        assert_true(volume == 101);
        free(rows);
}

static void an_answer_cut_anywhere_is_garbled_and_costs_nothing(void **state)
{
        struct storerpc_layout layout = captured_layout();
        uint8_t bytes[1024], *rows;
        size_t count, length = unhex(captured, bytes);
        char why[REASON_SIZE];

        (void)state;
        for (size_t cut = 0; cut < length; cut++) {
                assert_int_equal(
                    storerpc_decode_query(bytes, cut, &layout, layout.count, &rows, &count, why), STORERPC_GARBLED);
                assert_null(rows);
        }
}

static void an_answer_in_other_columns_is_refused(void **state)
{
        struct storerpc_layout layout = seed_layout(); // f8 where the answer has f4
        uint8_t bytes[1024], *rows;
        size_t count, length = unhex(captured, bytes);
        char why[REASON_SIZE];

        (void)state;
        assert_int_equal(
            storerpc_decode_query(bytes, length, &layout, layout.count, &rows, &count, why), STORERPC_REFUSED);
        assert_string_equal(why, "the server answers without a column Open of type f8");
}

static void pack_word(msgpack_packer *packer, const char *text)
{
        msgpack_pack_str_with_body(packer, text, strlen(text));
}

// {result: {responses: [{DSV: [{Name: .., Type: 1}, ...]}]}}
static void a_bucket_of_too_many_columns_is_refused(void **state)
{
        struct {
                struct yearfile_schema schema;
                uint8_t behind[64];
        } info = {.behind = {0}};
        static const uint8_t nothing[64];
        msgpack_sbuffer bytes;
        msgpack_packer packer;
        char why[REASON_SIZE], name[32];

        (void)state;
        msgpack_sbuffer_init(&bytes);
        msgpack_packer_init(&packer, &bytes, msgpack_sbuffer_write);
        msgpack_pack_map(&packer, 1);
        pack_word(&packer, "result");
        msgpack_pack_map(&packer, 1);
        pack_word(&packer, "responses");
        msgpack_pack_array(&packer, 1);
        msgpack_pack_map(&packer, 1);
        pack_word(&packer, "DSV");
        msgpack_pack_array(&packer, YEARFILE_COLUMNS_MAX + 1); // one more than fit: none of them is Epoch
        for (int i = 0; i <= YEARFILE_COLUMNS_MAX; i++) {
                (void)snprintf(name, sizeof(name), "ColumnWithALongName%d", i);
                msgpack_pack_map(&packer, 2);
                pack_word(&packer, "Name");
                pack_word(&packer, name);
                pack_word(&packer, "Type");
                msgpack_pack_int(&packer, COLUMN_F8);
        }
        assert_int_equal(storerpc_decode_info(bytes.data, bytes.size, &info.schema, why), STORERPC_REFUSED);
        assert_string_equal(why, "the bucket has more than 96 columns");
        assert_memory_equal(info.behind, nothing, sizeof(nothing));
        msgpack_sbuffer_destroy(&bytes);
}

static void a_write_is_told_apart_from_its_failures(void **state)
{
        static const struct {
                const char *hex;
                enum storerpc_verdict verdict;
        } cases[] = {
            // {result: {responses: nil}}
            {"81a6726573756c7481a9726573706f6e736573c0", STORERPC_FINE},
            // {result: {responses: [{error: "x"}]}}
            {"81a6726573756c7481a9726573706f6e7365739181a56572726f72a178", STORERPC_REFUSED},
            // {error: {message: "x"}}
            {"81a56572726f7281a76d657373616765a178", STORERPC_REFUSED},
            {"80", STORERPC_GARBLED},
            {"c1", STORERPC_GARBLED},
            {"", STORERPC_GARBLED},
        };
        uint8_t bytes[256];
        char why[REASON_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                size_t length = unhex(cases[i].hex, bytes);

                assert_int_equal(storerpc_decode_write(bytes, length, why), cases[i].verdict);
        }
}

static void a_written_dataset_holds_columns_in_the_bucket_s_order(void **state)
{
        struct storerpc_layout layout = seed_layout();
        msgpack_sbuffer out;
        uint8_t rows[2 * BAR_BYTES];
        int64_t epochs[2] = {EPOCH, EPOCH + 60};

        (void)state;
        make_bar(rows, epochs[0], 10);
        make_bar(rows + BAR_BYTES, epochs[1], 20);
        msgpack_sbuffer_init(&out);
        const struct storerpc_part parts[] = {
            {"BTCUSDT/1Min/OHLCV", rows, 1}, {"ETHUSDT/1Min/OHLCV", rows + BAR_BYTES, 1}};
        storerpc_encode_write(&out, &layout, parts, 2);
        const char names[] = "\xa5"
                             "Epoch\xa4"
                             "Open\xa4"
                             "High\xa3"
                             "Low\xa5"
                             "Close\xa6"
                             "Volume";
        assert_non_null(memmem(out.data, out.size, names, sizeof(names) - 1));
        assert_non_null(memmem(out.data, out.size, epochs, sizeof(epochs)));
        const double opens[2] = {10, 20};
        assert_non_null(memmem(out.data, out.size, opens, sizeof(opens)));
        assert_non_null(memmem(out.data, out.size, "BTCUSDT/1Min/OHLCV:Symbol/Timeframe/AttributeGroup", 50));
        // Where the second bucket's rows begin: behind the first one's.
        // The second bucket's rows begin behind the first one's.
        const char starts[] = "startindex\x82\xd9\x32"
                              "BTCUSDT/1Min/OHLCV:Symbol/Timeframe/AttributeGroup\x00\xd9\x32"
                              "ETHUSDT/1Min/OHLCV:Symbol/Timeframe/AttributeGroup\x01";
        assert_non_null(memmem(out.data, out.size, starts, sizeof(starts) - 1));
        msgpack_sbuffer_destroy(&out);
}

// ---- the cursor's rule ----

static void a_row_counts_after_a_later_success_on_its_connection(void **state)
{
        static const struct {
                uint64_t written, proof;
                int64_t later_ms;
                bool durable;
        } cases[] = {
            {1, 1, 1000, true}, {1, 1, 999, false}, {1, 1, -5000, false},
            {1, 2, 60000, false}, // the server may have been started anew in between
            {0, 0, 60000, false}, // never acknowledged
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct sink_moment written = {cases[i].written, {10 * US_PER_S}};
                struct sink_moment proof = {cases[i].proof, {10 * US_PER_S + cases[i].later_ms * US_PER_MS}};

                assert_int_equal(sinkrule_is_durable(&written, &proof), cases[i].durable);
        }
}

// ---- parcels ----

static struct parcel *parcel_of(const struct storerpc_layout *layout, const int *minutes, size_t count)
{
        struct parcel *parcel = parcel_new(NULL, 2024);
        uint8_t row[BAR_BYTES];

        for (size_t i = 0; i < count; i++) {
                make_bar(row, EPOCH + 60 * minutes[i], (double)i);
                parcel_add(parcel, layout, row);
        }
        return parcel;
}

static void rows_go_out_in_order_of_time_and_the_last_of_a_slot_wins(void **state)
{
        static const int minutes[] = {5, 3, 5, 1, 3};
        struct storerpc_layout layout = seed_layout();
        struct parcel *parcel = parcel_of(&layout, minutes, 5);
        const double opens[] = {3, 4, 2};
        double open;

        (void)state;
        parcel_sort(parcel, &layout);
        assert_int_equal(parcel->count, 3);
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(storerpc_row_epoch_s(parcel->rows + i * BAR_BYTES), EPOCH + 60 * (1 + 2 * (int64_t)i));
                memcpy(&open, parcel->rows + i * BAR_BYTES + 8, sizeof(open));
                assert_true(open == opens[i]);
        }
        parcel_free(parcel);
}

static void only_what_the_server_has_not_stays(void **state)
{
        static const int minutes[] = {0, 1, 2, 3};
        struct storerpc_layout layout = seed_layout();
        struct parcel *parcel = parcel_of(&layout, minutes, 4);
        struct sink_shape shape = {.layout = layout, .look = layout};
        uint8_t found[3 * BAR_BYTES];

        (void)state;
        make_bar(found, EPOCH, 0);
        make_bar(found + BAR_BYTES, EPOCH + 120, 77); // another value
        make_bar(found + 2 * BAR_BYTES, EPOCH + 180, 3);
        assert_int_equal(parcel_mark(parcel, &shape, 0, 4, found, 3), 1);
        parcel_keep_missing(parcel, &layout);
        assert_int_equal(parcel->count, 2);
        assert_int_equal(storerpc_row_epoch_s(parcel->rows), EPOCH + 60);
        assert_int_equal(storerpc_row_epoch_s(parcel->rows + BAR_BYTES), EPOCH + 120);
        parcel_free(parcel);
}

static void a_newer_row_replaces_one_that_is_under_way(void **state)
{
        static const int minutes[] = {0, 1, 2, 3};
        struct storerpc_layout layout = seed_layout();
        struct parcel *parcel = parcel_of(&layout, minutes, 4);
        uint8_t newer[2 * BAR_BYTES];

        (void)state;
        make_bar(newer, EPOCH + 60, 9);
        make_bar(newer + BAR_BYTES, EPOCH + 600, 9);
        parcel_forget(parcel, &layout, newer, 2);
        assert_int_equal(parcel->count, 3);
        assert_int_equal(storerpc_row_epoch_s(parcel->rows + BAR_BYTES), EPOCH + 120);
        parcel_free(parcel);
}

static void rows_far_apart_are_read_back_apart(void **state)
{
        static const int minutes[] = {0, 1, 2, 400000, 400001};
        struct storerpc_layout layout = seed_layout();
        struct parcel *parcel = parcel_of(&layout, minutes, 5);
        struct storerpc_range range;

        (void)state;
        assert_int_equal(parcel_span(parcel, &layout, 0, &range), 3);
        assert_int_equal(range.start_s, EPOCH);
        assert_int_equal(range.end_s, EPOCH + 120);
        assert_int_equal(parcel_span(parcel, &layout, 3, &range), 5);
        parcel_free(parcel);
}

// ---- ticks ----

static struct tick_rows *two_trades(int64_t first_id, int64_t time_us)
{
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

        for (int64_t i = 0; i < 2; i++) {
                const struct trade trade = {.id = first_id + i,
                    .time_us = time_us,
                    .received_wall_ns = 7,
                    .level = {.price = 425, .price_exponent = -1, .size = 5, .size_exponent = -1}};

                assert_int_equal(tick_rows_add_trade(rows, &trade), 0);
        }
        return rows;
}

static void a_trade_goes_into_our_columns_and_into_an_old_feeder_s(void **state)
{
        struct tick_rows *rows = two_trades(100, EPOCH * US_PER_S + 250001);
        struct yearfile_schema schema, old = {.timeframe_ns = 1000000000, .record_type = 1, .columns_count = 2};
        struct tick_wire wire;
        uint8_t out[512];
        char why[REASON_SIZE];
        double price;
        float single;
        int64_t id;

        (void)state;
        tick_schema(TICK_TRADE, 0, &schema);
        assert_true(tick_wire_make(TICK_TRADE, &schema, &wire, why));
        assert_int_equal(wire.shape.layout.row_bytes, 8 + 8 + 8 + 64 + 64 + 8 + 1 + 8 + 4);
        assert_int_equal(wire.shape.look.row_bytes, 8 + 8 + 4); // the id, and when
        tick_wire_encode(&wire, rows, out);
        assert_int_equal(storerpc_row_epoch_s(out), EPOCH);
        assert_int_equal(storerpc_row_nanos(&wire.shape.layout, out), 250001000);
        assert_int_equal(tick_wire_time_us(&wire.shape, out, false), EPOCH * US_PER_S + 250001);
        memcpy(&price, out + 8, sizeof(price));
        assert_true(price == 42.5);
        memcpy(&id, out + 8 + 16 + 128, sizeof(id));
        assert_int_equal(id, 100);
        assert_int_equal(tick_wire_id(&wire.shape, out + wire.shape.layout.row_bytes, false), 101);

        old.columns[0] = (struct column){"Size", COLUMN_F8};
        old.columns[1] = (struct column){"Price", COLUMN_F4};
        assert_true(tick_wire_make(TICK_TRADE, &old, &wire, why));
        tick_wire_encode(&wire, rows, out);
        memcpy(&single, out + 16, sizeof(single));
        assert_true(single == 42.5f);
        assert_int_equal(tick_wire_id(&wire.shape, out, false), -1);
        tick_rows_free(rows);
}

static void columns_that_cannot_be_filled_are_refused(void **state)
{
        struct yearfile_schema alpaca = {.timeframe_ns = 1000000000,
            .record_type = 1,
            .columns_count = 3,
            .columns = {{"Price", COLUMN_F8}, {"Size", COLUMN_F8}, {"Cond1", COLUMN_U1}}};
        struct yearfile_schema whole = {.timeframe_ns = 1000000000,
            .record_type = 1,
            .columns_count = 2,
            .columns = {{"Price", COLUMN_F8}, {"Size", COLUMN_I4}}};
        struct tick_wire wire;
        char why[REASON_SIZE];

        (void)state;
        assert_false(tick_wire_make(TICK_TRADE, &alpaca, &wire, why));
        assert_string_equal(why, "nothing is known to put into its column Cond1");
        assert_false(tick_wire_make(TICK_TRADE, &whole, &wire, why));
        assert_string_equal(why, "its column Size is of type i4, not f8");
        assert_false(tick_wire_make(TICK_QUOTE, &whole, &wire, why));
        assert_string_equal(why, "it has no column BidPrice");
        assert_false(tick_wire_make(TICK_DEPTH, &whole, &wire, why));
        assert_false(tick_wire_make(TICK_DEPTH_DIFF, &whole, &wire, why));
}

static void rows_are_told_apart_by_their_ids_whatever_else_they_say(void **state)
{
        struct tick_rows *rows = two_trades(100, EPOCH * US_PER_S + 250001);
        struct yearfile_schema schema;
        struct tick_wire wire;
        uint8_t out[3 * 256], found[2 * 32] = {0};
        char why[REASON_SIZE];
        bool present[3] = {0};
        int64_t id = 101, other = 7;

        (void)state;
        tick_schema(TICK_TRADE, 0, &schema);
        assert_true(tick_wire_make(TICK_TRADE, &schema, &wire, why));
        tick_wire_encode(&wire, rows, out);
        size_t row_bytes = wire.shape.layout.row_bytes, look_bytes = wire.shape.look.row_bytes;
        memcpy(out + 2 * row_bytes, out, row_bytes); // trade 100 again
        // The server has 101, in milliseconds, and something else.
        storerpc_row_set_epoch_s(found, EPOCH);
        memcpy(found + 8, &other, sizeof(other));
        storerpc_row_set_epoch_s(found + look_bytes, EPOCH);
        memcpy(found + look_bytes + 8, &id, sizeof(id));
        const struct sink_rows mine = {&wire.shape.layout, &wire.shape.key, out, 3};
        const struct sink_rows theirs = {&wire.shape.look, &wire.shape.look_key, found, 2};
        assert_int_equal(sinkmatch_mark_repeated(&mine, present), 1);
        assert_true(!present[0] && !present[1] && present[2]);
        sinkmatch_mark(&mine, present, &theirs);
        assert_true(!present[0] && present[1] && present[2]);
        tick_rows_free(rows);
}

static void without_ids_equal_rows_are_counted(void **state)
{
        struct tick_rows *rows = two_trades(100, EPOCH * US_PER_S + 250001);
        struct yearfile_schema old = {.timeframe_ns = 1000000000,
            .record_type = 1,
            .columns_count = 2,
            .columns = {{"Price", COLUMN_F8}, {"Size", COLUMN_F8}}};
        struct tick_wire wire;
        uint8_t out[2 * 64];
        char why[REASON_SIZE];
        bool present[2] = {0};

        (void)state;
        assert_true(tick_wire_make(TICK_TRADE, &old, &wire, why));
        tick_wire_encode(&wire, rows, out);
        const struct sink_rows mine = {&wire.shape.layout, &wire.shape.key, out, 2};
        const struct sink_rows theirs = {&wire.shape.look, &wire.shape.look_key, out, 1};
        assert_int_equal(sinkmatch_mark_repeated(&mine, present), 0); // two trades, perhaps
        sinkmatch_mark(&mine, present, &theirs);
        assert_int_equal(present[0] + present[1], 1);
        tick_rows_free(rows);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_stock_server_s_answer_becomes_rows),
            cmocka_unit_test(an_answer_cut_anywhere_is_garbled_and_costs_nothing),
            cmocka_unit_test(an_answer_in_other_columns_is_refused),
            cmocka_unit_test(a_bucket_of_too_many_columns_is_refused),
            cmocka_unit_test(a_write_is_told_apart_from_its_failures),
            cmocka_unit_test(a_written_dataset_holds_columns_in_the_bucket_s_order),
            cmocka_unit_test(a_row_counts_after_a_later_success_on_its_connection),
            cmocka_unit_test(rows_go_out_in_order_of_time_and_the_last_of_a_slot_wins),
            cmocka_unit_test(only_what_the_server_has_not_stays),
            cmocka_unit_test(a_newer_row_replaces_one_that_is_under_way),
            cmocka_unit_test(rows_far_apart_are_read_back_apart),
            cmocka_unit_test(a_trade_goes_into_our_columns_and_into_an_old_feeder_s),
            cmocka_unit_test(columns_that_cannot_be_filled_are_refused),
            cmocka_unit_test(rows_are_told_apart_by_their_ids_whatever_else_they_say),
            cmocka_unit_test(without_ids_equal_rows_are_counted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
