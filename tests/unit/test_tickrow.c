// SPDX-License-Identifier: Apache-2.0
#include "common/tickrow.h"

#include "common/tickdecode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/tick_events.h"

#include <errno.h>
#include <stdlib.h>

static double double_at(const unsigned char *columns, size_t offset)
{
        double value;

        memcpy(&value, columns + offset, sizeof(value));
        return value;
}

static int64_t int64_at(const unsigned char *columns, size_t offset)
{
        int64_t value;

        memcpy(&value, columns + offset, sizeof(value));
        return value;
}

static void a_trade_lies_in_its_columns(void **state)
{
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);
        struct trade trade = {.id = 4711,
            .time_us = 1700000000123456,
            .received_wall_ns = 1700000000124000001,
            .level = {.price = 6789012, .size = 100, .price_exponent = -2, .size_exponent = -8},
            .buyer_maker = 1};

        (void)state;
        assert_int_equal(tick_rows_add_trade(rows, &trade), 0);
        assert_int_equal(tick_rows_count(rows), 1);
        assert_int_equal(tick_rows_time_ns(rows, 0), INT64_C(1700000000123456000));
        const unsigned char *columns = tick_rows_columns(rows, 0);
        assert_true(double_at(columns, 0) == 67890.12);
        assert_true(double_at(columns, 8) == 0.000001);
        // numpy's "<U16": four bytes a letter, little-endian, zeros behind.
        assert_memory_equal(columns + 16, "B\0\0\0I\0\0\0N\0\0\0A\0\0\0N\0\0\0C\0\0\0E\0\0\0\0\0\0\0", 32);
        assert_memory_equal(columns + 80, "S\0\0\0P\0\0\0O\0\0\0T\0\0\0\0\0\0\0", 20);
        assert_int_equal(int64_at(columns, 144), 4711);
        assert_int_equal(columns[152], 1);
        assert_int_equal(int64_at(columns, 153), 1700000000124000001);
        tick_rows_free(rows);
}

static void expect_level(const struct level *is, double price, double size)
{
        double scale = 1;

        for (int8_t e = is->price_exponent; e < 0; e++)
                scale *= 10;
        assert_true((double)is->price / scale == price);
        scale = 1;
        for (int8_t e = is->size_exponent; e < 0; e++)
                scale *= 10;
        assert_true((double)is->size / scale == size);
}

static void trades_are_read_back_as_they_were(void **state)
{
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

        (void)state;
        srand48(1);
        for (int64_t i = 0; i < 1000; i++)
                add_trade(rows, i, 1700000000000000 + (int64_t)(drand48() * 1e9));
        for (size_t i = 0; i < 1000; i++) {
                struct trade trade;

                assert_int_equal(tick_decode_trade(tick_rows_columns(rows, i), tick_rows_time_ns(rows, i), &trade), 0);
                struct trade wanted = make_trade((int64_t)i, trade.time_us);
                assert_int_equal(trade.id, wanted.id);
                assert_int_equal(trade.time_us * 1000, tick_rows_time_ns(rows, i));
                assert_int_equal(trade.received_wall_ns, wanted.received_wall_ns);
                assert_int_equal(trade.buyer_maker, wanted.buyer_maker);
                assert_int_equal(trade.microseconds, wanted.microseconds);
                expect_level(&trade.level, (double)(6000000 + i) / 100, 0.00012345);
        }
        tick_rows_free(rows);
}

static void aggregate_trades_keep_their_ids_and_tombstones_are_no_rows(void **state)
{
        struct tick_rows *rows = tick_rows_new(TICK_AGG_TRADE, 0);
        struct agg_trade trade = {.id = 9,
            .first_id = 20,
            .last_id = 25,
            .time_us = 1700000000000000,
            .received_wall_ns = 7,
            .level = {.price = 5, .size = 2, .price_exponent = -1},
            .buyer_maker = 1};
        struct agg_trade tombstone = {.id = 10, .first_id = -1, .last_id = -1, .time_us = 1700000000000000}, read;

        (void)state;
        assert_int_equal(tick_rows_add_agg_trade(rows, &trade), 0);
        assert_int_equal(tick_rows_add_agg_trade(rows, &tombstone), 0);
        assert_int_equal(tick_rows_count(rows), 1);
        assert_int_equal(tick_decode_agg_trade(tick_rows_columns(rows, 0), tick_rows_time_ns(rows, 0), &read), 0);
        assert_memory_equal(&read, &trade, sizeof(trade));
        tick_rows_free(rows);
}

static void quotes_are_read_back_as_they_were(void **state)
{
        struct tick_rows *rows = tick_rows_new(TICK_QUOTE, 0);
        struct quote quote = {.update_id = 77,
                         .time_us = 1700000000000001,
                         .received_wall_ns = 8,
                         .bid = {.price = 4999, .size = 3, .price_exponent = -3, .size_exponent = -1},
                         .ask = {.price = 5001, .size = 17, .price_exponent = -3, .size_exponent = -2}},
                     read;

        (void)state;
        assert_int_equal(tick_rows_add_quote(rows, &quote), 0);
        assert_int_equal(tick_decode_quote(tick_rows_columns(rows, 0), tick_rows_time_ns(rows, 0), &read), 0);
        assert_memory_equal(&read, &quote, sizeof(quote));
        tick_rows_free(rows);
}

static void a_snapshot_is_padded_and_cut_to_its_levels(void **state)
{
        struct tick_rows *rows = tick_rows_new(TICK_DEPTH, 3);
        struct level levels[] = {{.price = 99, .size = 1}, {.price = 98, .size = 2}, {.price = 97, .size = 3},
            {.price = 96, .size = 4}, {.price = 101, .size = 5}};
        struct depth depth = {.update_id = 5, .time_us = 1700000000000000, .bids = 4, .asks = 1, .kind = DEPTH_TOP},
                     read;
        struct level back[6];

        (void)state;
        assert_int_equal(tick_rows_add_depth(rows, &depth, levels), 0);
        assert_int_equal(tick_rows_count(rows), 1);
        const unsigned char *columns = tick_rows_columns(rows, 0);
        const double wanted[] = {99, 1, 98, 2, 97, 3, 101, 5, 0, 0, 0, 0};
        for (size_t i = 0; i < 12; i++)
                assert_true(double_at(columns, 8 * i) == wanted[i]);
        assert_int_equal(int64_at(columns, 96), 5);
        assert_int_equal(tick_decode_depth(columns, tick_rows_time_ns(rows, 0), 3, &read, back), 0);
        assert_int_equal(read.bids, 3);
        assert_int_equal(read.asks, 1);
        assert_memory_equal(&back[2], &levels[2], sizeof(levels[0]));
        assert_memory_equal(&back[3], &levels[4], sizeof(levels[0]));
        tick_rows_free(rows);
}

static void expect_change(
    const struct tick_rows *rows, size_t i, int64_t first_id, int64_t update_id, int side, int64_t price, int64_t size)
{
        struct book_change change;

        assert_int_equal(tick_decode_change(tick_rows_columns(rows, i), tick_rows_time_ns(rows, i), &change), 0);
        assert_int_equal(change.first_id, first_id);
        assert_int_equal(change.update_id, update_id);
        assert_int_equal(change.side, side);
        assert_int_equal(change.level.price, price);
        assert_int_equal(change.level.size, size);
}

static void changes_are_a_row_for_each_level_in_the_order_of_a_block(void **state)
{
        struct tick_rows *rows = tick_rows_new(TICK_DEPTH_DIFF, 0);
        struct level levels[] = {{.price = 99, .size = 1}, {.price = 98, .size = 0}, {.price = 101, .size = 5}};
        struct depth changes = {
            .first_id = 10, .update_id = 12, .time_us = 1700000000000000, .bids = 2, .asks = 1, .kind = DEPTH_CHANGES};
        struct depth snapshot = {
            .first_id = 5, .update_id = 20, .time_us = 1700000000000000, .bids = 1, .asks = 1, .kind = DEPTH_SNAPSHOT};
        struct depth clear = {.update_id = 12, .time_us = 1700000000000000, .kind = DEPTH_CLEAR};

        (void)state;
        assert_int_equal(tick_rows_add_depth(rows, &changes, levels), 0);
        assert_int_equal(tick_rows_add_depth(rows, &clear, NULL), 0);
        assert_int_equal(tick_rows_add_depth(rows, &snapshot, levels), 0);
        assert_int_equal(tick_rows_count(rows), 6);
        expect_change(rows, 0, 10, 12, TICK_SIDE_BID, 98, 0);
        expect_change(rows, 1, 10, 12, TICK_SIDE_BID, 99, 1);
        expect_change(rows, 2, 10, 12, TICK_SIDE_ASK, 101, 5);
        expect_change(rows, 3, 0, 12, TICK_SIDE_CLEAR, 0, 0);
        expect_change(rows, 4, 0, 20, TICK_SIDE_SNAPSHOT_BID, 99, 1);
        expect_change(rows, 5, 0, 20, TICK_SIDE_SNAPSHOT_ASK, 98, 0);
        tick_rows_free(rows);
}

static void what_no_bucket_keeps_is_refused(void **state)
{
        struct tick_rows *trades = tick_rows_new(TICK_TRADE, 0), *tops = tick_rows_new(TICK_DEPTH, 5),
                         *changes = tick_rows_new(TICK_DEPTH_DIFF, 0);
        struct trade trade = make_trade(1, -1);
        struct depth depth = {.time_us = 1, .kind = DEPTH_CHANGES};

        (void)state;
        assert_int_equal(tick_rows_add_trade(trades, &trade), -1);
        assert_int_equal(errno, EINVAL);
        trade.time_us = INT64_MAX;
        assert_int_equal(tick_rows_add_trade(trades, &trade), -1);
        assert_int_equal(tick_rows_count(trades), 0);
        assert_int_equal(tick_rows_add_depth(tops, &depth, NULL), -1);
        assert_int_equal(errno, EINVAL);
        depth.kind = DEPTH_TOP;
        assert_int_equal(tick_rows_add_depth(changes, &depth, NULL), -1);
        depth.kind = DEPTH_CLEAR + 1;
        assert_int_equal(tick_rows_add_depth(changes, &depth, NULL), -1);
        tick_rows_free(trades);
        tick_rows_free(tops);
        tick_rows_free(changes);
}

static void the_years_of_a_list_are_found_one_by_one(void **state)
{
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

        (void)state;
        assert_int_equal(tick_rows_next_year(rows, 0), 0);
        add_trade(rows, 3, at("2026-06-01"));
        add_trade(rows, 1, at("2023-12-31T23:59:59.999999"));
        add_trade(rows, 2, at("2024-01-01"));
        assert_int_equal(tick_rows_next_year(rows, 0), 2023);
        assert_int_equal(tick_rows_next_year(rows, 2024), 2024);
        assert_int_equal(tick_rows_next_year(rows, 2025), 2026);
        assert_int_equal(tick_rows_next_year(rows, 2027), 0);
        tick_rows_clear(rows);
        assert_int_equal(tick_rows_next_year(rows, 0), 0);
        tick_rows_free(rows);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_trade_lies_in_its_columns),
            cmocka_unit_test(trades_are_read_back_as_they_were),
            cmocka_unit_test(aggregate_trades_keep_their_ids_and_tombstones_are_no_rows),
            cmocka_unit_test(quotes_are_read_back_as_they_were),
            cmocka_unit_test(a_snapshot_is_padded_and_cut_to_its_levels),
            cmocka_unit_test(changes_are_a_row_for_each_level_in_the_order_of_a_block),
            cmocka_unit_test(what_no_bucket_keeps_is_refused),
            cmocka_unit_test(the_years_of_a_list_are_found_one_by_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
