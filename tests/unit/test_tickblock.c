// SPDX-License-Identifier: Apache-2.0
#include "common/tickblock.h"

#include "common/tickdecode.h"
#include "common/ticktime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/tick_events.h"

#include <errno.h>
#include <snappy-c.h>
#include <stdlib.h>

static char why[REASON_SIZE];

static struct tick_block *new_block(enum tick_kind kind)
{
        struct yearfile_schema schema;
        struct tick_layout layout;

        tick_schema(kind, 5, &schema);
        tick_layout_make(kind, &schema, &layout);
        return tick_block_new(&layout);
}

// Adds all rows of a list; those of one second.
static void add_all(struct tick_block *block, const struct tick_rows *rows)
{
        for (size_t i = 0; i < tick_rows_count(rows); i++)
                tick_block_add(
                    block, tick_of_nanosecond(tick_rows_time_ns(rows, i) % SECOND_NS), tick_rows_columns(rows, i));
}

static struct trade trade_at(const struct tick_block *block, size_t i)
{
        const unsigned char *row = tick_block_rows(block) + i * 165;
        struct trade trade;
        uint32_t ticks;

        memcpy(&ticks, row + 161, sizeof(ticks));
        assert_int_equal(tick_decode_trade(row, tick_nanosecond(ticks), &trade), 0);
        return trade;
}

// Unites, compresses and loads again.
static void round_trip(struct tick_block *block)
{
        unsigned char compressed[65536];

        assert_int_equal(tick_block_unite(block), 0);
        assert_true(tick_block_compressed_max(block) <= sizeof(compressed));
        size_t length = tick_block_compress(block, compressed);
        assert_int_equal(tick_block_load(block, compressed, length, why), 0);
}

static void rows_come_back_in_order_of_time_then_key(void **state)
{
        struct tick_block *block = new_block(TICK_TRADE);
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

        (void)state;
        add_trade(rows, 12, 500000);
        add_trade(rows, 10, 400000);
        add_trade(rows, 13, 500000);
        add_trade(rows, 11, 500000);
        add_all(block, rows);
        round_trip(block);
        assert_int_equal(tick_block_unite(block), 0);
        assert_true(tick_block_is_unchanged(block));
        assert_int_equal(tick_block_count(block), 4);
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(trade_at(block, i).id, 10 + (int64_t)i);
        assert_int_equal(trade_at(block, 0).time_us, 400000);
        tick_rows_free(rows);
        tick_block_free(block);
}

static void repeated_rows_are_there_once(void **state)
{
        struct tick_block *block = new_block(TICK_TRADE);
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

        (void)state;
        for (int repeat = 0; repeat < 3; repeat++) {
                for (int64_t id = 0; id < 50; id++)
                        add_trade(rows, id, 1000 * (id / 5));
        }
        add_all(block, rows);
        round_trip(block);
        assert_int_equal(tick_block_count(block), 50);
        tick_block_clear(block);
        add_all(block, rows);
        assert_int_equal(tick_block_unite(block), 0);
        for (size_t i = 0; i < 50; i++)
                assert_int_equal(trade_at(block, i).id, (int64_t)i);
        tick_rows_free(rows);
        tick_block_free(block);
}

// What stays of two records of one trade, whichever comes first.
static void expect_union(struct trade a, struct trade b, int64_t time_us, int64_t received)
{
        for (int order = 0; order < 2; order++) {
                struct tick_block *block = new_block(TICK_TRADE);
                struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

                assert_int_equal(tick_rows_add_trade(rows, order == 0 ? &a : &b), 0);
                assert_int_equal(tick_rows_add_trade(rows, order == 0 ? &b : &a), 0);
                add_all(block, rows);
                assert_int_equal(tick_block_unite(block), 0);
                assert_int_equal(tick_block_count(block), 1);
                assert_int_equal(trade_at(block, 0).time_us, time_us);
                assert_int_equal(trade_at(block, 0).received_wall_ns, received);
                tick_rows_free(rows);
                tick_block_free(block);
        }
}

static void the_microsecond_and_the_receive_time_stay(void **state)
{
        struct trade live = make_trade(7, 123000), archive = make_trade(7, 123456);

        (void)state;
        live.received_wall_ns = 99;
        archive.received_wall_ns = 0;
        expect_union(live, archive, 123456, 99);
        live.received_wall_ns = 0;
        archive.received_wall_ns = 98;
        expect_union(live, archive, 123456, 98);
        live.received_wall_ns = 97;
        expect_union(live, archive, 123456, 97);
        live.received_wall_ns = archive.received_wall_ns = 0;
        expect_union(live, archive, 123456, 0);
}

// Of an update told twice at two moments the first counts, coarser or not.
static void of_other_rows_the_earlier_stays(void **state)
{
        struct tick_block *block = new_block(TICK_QUOTE);
        struct tick_rows *rows = tick_rows_new(TICK_QUOTE, 0);
        struct quote early = {.update_id = 5, .time_us = 2000, .bid = {.price = 1}},
                     late = {.update_id = 5, .time_us = 2001, .bid = {.price = 2}}, read;

        (void)state;
        assert_int_equal(tick_rows_add_quote(rows, &late), 0);
        assert_int_equal(tick_rows_add_quote(rows, &early), 0);
        add_all(block, rows);
        assert_int_equal(tick_block_unite(block), 0);
        assert_int_equal(tick_block_count(block), 1);
        assert_int_equal(tick_decode_quote(tick_block_rows(block), 0, &read), 0);
        assert_int_equal(read.bid.price, 1);
        tick_rows_free(rows);
        tick_block_free(block);
}

static void changes_differ_by_update_side_and_price(void **state)
{
        struct tick_block *block = new_block(TICK_DEPTH_DIFF);
        struct tick_rows *rows = tick_rows_new(TICK_DEPTH_DIFF, 0);
        struct level levels[] = {{.price = 100, .size = 1}, {.price = 101, .size = 1}, {.price = 100, .size = 1}};
        struct depth changes = {.update_id = 1, .time_us = 5000, .bids = 2, .asks = 1, .kind = DEPTH_CHANGES};

        (void)state;
        for (int repeat = 0; repeat < 2; repeat++) {
                for (int64_t id = 1; id <= 2; id++) {
                        changes.update_id = id;
                        assert_int_equal(tick_rows_add_depth(rows, &changes, levels), 0);
                }
        }
        add_all(block, rows);
        assert_int_equal(tick_block_unite(block), 0);
        assert_int_equal(tick_block_count(block), 6);
        tick_rows_free(rows);
        tick_block_free(block);
}

// Loaded rows and new ones, again and again in another order: always the same bytes.
static void any_order_gives_the_same_block(void **state)
{
        enum { ROWS = 200 };
        unsigned char first[65536], compressed[65536];
        size_t first_length = 0;

        (void)state;
        srand48(9);
        for (int turn = 0; turn < 30; turn++) {
                struct tick_block *block = new_block(TICK_TRADE);
                struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0), *more = tick_rows_new(TICK_TRADE, 0);

                for (int i = 0; i < 3 * ROWS; i++) {
                        int64_t id = (int64_t)(drand48() * ROWS);
                        add_trade(i % 2 == 0 ? rows : more, id, 1000 * (id % 70));
                }
                for (int64_t id = 0; id < ROWS; id++)
                        add_trade(more, id, 1000 * (id % 70));
                add_all(block, rows);
                round_trip(block);
                add_all(block, more);
                assert_int_equal(tick_block_unite(block), 0);
                assert_int_equal(tick_block_count(block), ROWS);
                size_t length = tick_block_compress(block, compressed);
                if (turn == 0) {
                        first_length = length;
                        memcpy(first, compressed, length);
                }
                assert_int_equal(length, first_length);
                assert_memory_equal(compressed, first, length);
                tick_rows_free(rows);
                tick_rows_free(more);
                tick_block_free(block);
        }
}

static void rows_without_a_key_are_kept_as_they_are(void **state)
{
        struct yearfile_schema schema = {.timeframe_ns = 1000000000,
            .record_type = 1,
            .record_length = 24,
            .columns_count = 1,
            .columns = {{"Price", COLUMN_F8}}};
        struct tick_layout layout;
        const unsigned char a[8] = {1}, b[8] = {2};

        (void)state;
        tick_layout_make(TICK_TRADE, &schema, &layout);
        struct tick_block *block = tick_block_new(&layout);
        tick_block_add(block, 5, a);
        tick_block_add(block, 5, a);
        tick_block_add(block, 4, b);
        assert_int_equal(tick_block_unite(block), 0);
        assert_int_equal(tick_block_count(block), 3);
        assert_int_equal(tick_block_rows(block)[0], 2);
        tick_block_free(block);
}

static void expect_refused(struct tick_block *block, const void *bytes, size_t length, const char *says)
{
        assert_int_equal(tick_block_load(block, bytes, length, why), -1);
        assert_int_equal(errno, EBADMSG);
        assert_int_equal(tick_block_count(block), 0);
        if (strstr(why, says) == NULL)
                fail_msg("\"%s\" does not say \"%s\"", why, says);
}

static void bytes_that_are_no_block_are_refused(void **state)
{
        struct tick_block *block = new_block(TICK_TRADE);
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);
        unsigned char compressed[65536], damaged[65536];
        char odd[100] = "", packed[200];
        size_t packed_length = sizeof(packed);

        (void)state;
        for (int64_t id = 0; id < 20; id++)
                add_trade(rows, id, id);
        add_all(block, rows);
        assert_int_equal(tick_block_unite(block), 0);
        size_t length = tick_block_compress(block, compressed);
        expect_refused(block, "", 0, "length cannot be read");
        expect_refused(block, compressed, length - 1, "does not decompress");
        expect_refused(block, "\xff\xff\xff\xff\x0f", 5, "4294967295 bytes, more than");
        expect_refused(block, "\0", 1, "0 bytes, no whole number of rows");
        assert_int_equal(snappy_compress(odd, sizeof(odd), packed, &packed_length), SNAPPY_OK);
        expect_refused(block, packed, packed_length, "100 bytes, no whole number of rows of 165");
        // No damage does harm, whatever it is taken for.
        srand48(3);
        for (int turn = 0; turn < 20000; turn++) {
                memcpy(damaged, compressed, length);
                damaged[(size_t)(drand48() * (double)length)] ^= (unsigned char)(1 + drand48() * 255);
                if (tick_block_load(block, damaged, length, why) == 0)
                        assert_int_equal(tick_block_unite(block), 0);
        }
        tick_rows_free(rows);
        tick_block_free(block);
}

// A stock server makes room for four times the block's bytes, for rows that are eight bytes longer there.
static void no_block_is_smaller_than_a_stock_server_can_read(void **state)
{
        static unsigned char compressed[1 << 20];
        static const struct level levels[40];
        struct depth depth = {.kind = DEPTH_TOP, .bids = 20, .asks = 20, .time_us = 1700000000000000};

        (void)state;
        for (size_t count = 1; count <= 600; count = count * 2 + 1) {
                struct tick_rows *rows = tick_rows_new(TICK_DEPTH, 20);
                struct yearfile_schema schema;
                struct tick_layout layout;

                tick_schema(TICK_DEPTH, 20, &schema);
                tick_layout_make(TICK_DEPTH, &schema, &layout);
                struct tick_block *block = tick_block_new(&layout);
                for (size_t i = 0; i < count; i++, depth.update_id++)
                        assert_int_equal(tick_rows_add_depth(rows, &depth, levels), 0);
                add_all(block, rows);
                assert_int_equal(tick_block_unite(block), 0);
                assert_true(tick_block_compressed_max(block) <= sizeof(compressed));
                size_t length = tick_block_compress(block, compressed);
                assert_true(8 * length >= count * (layout.row_bytes + 8));
                assert_true(length < count * layout.row_bytes / 3 + 16);
                assert_int_equal(tick_block_load(block, compressed, length, why), 0);
                assert_int_equal(tick_block_unite(block), 0);
                assert_int_equal(tick_block_count(block), count);
                assert_true(tick_block_is_unchanged(block));
                tick_rows_free(rows);
                tick_block_free(block);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(rows_come_back_in_order_of_time_then_key),
            cmocka_unit_test(repeated_rows_are_there_once),
            cmocka_unit_test(the_microsecond_and_the_receive_time_stay),
            cmocka_unit_test(of_other_rows_the_earlier_stays),
            cmocka_unit_test(changes_differ_by_update_side_and_price),
            cmocka_unit_test(any_order_gives_the_same_block),
            cmocka_unit_test(rows_without_a_key_are_kept_as_they_are),
            cmocka_unit_test(bytes_that_are_no_block_are_refused),
            cmocka_unit_test(no_block_is_smaller_than_a_stock_server_can_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
