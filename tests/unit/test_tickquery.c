// SPDX-License-Identifier: Apache-2.0
#include "common/tickquery.h"

#include "common/clock.h"
#include "common/tickdecode.h"
#include "common/ticktime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/store_root.h"
#include "tests/unit/tick_events.h"

#include <errno.h>
#include <fcntl.h>
#include <snappy-c.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRADES_MAX 4096

struct answer {
        size_t count, calls;
        int64_t ids[TRADES_MAX];
        int64_t times_ns[TRADES_MAX];
        int stop_with;
};

static int collect(void *context, const struct tick_run *run)
{
        struct answer *answer = context;

        assert_true(run->count > 0);
        for (size_t i = 0; i < run->count; i++) {
                struct trade trade;

                assert_true(answer->count < TRADES_MAX);
                assert_int_equal(tick_decode_trade(tick_run_columns(run, i), tick_run_time_ns(run, i), &trade), 0);
                answer->ids[answer->count] = trade.id;
                answer->times_ns[answer->count++] = tick_run_time_ns(run, i);
        }
        answer->calls++;
        return answer->stop_with;
}

static struct answer answer;

static int ask(int64_t start_ns, int64_t end_ns, size_t limit, bool from_start)
{
        struct tickquery query = {.root = root,
            .symbol = "BTCUSDT",
            .kind = TICK_TRADE,
            .start_ns = start_ns,
            .end_ns = end_ns,
            .limit = limit,
            .limit_from_start = from_start};

        memset(&answer, 0, sizeof(answer));
        return tickquery_run(&query, collect, &answer, why);
}

static void expect_ids(int64_t first, int64_t last)
{
        assert_int_equal(answer.count, last - first + 1);
        for (size_t i = 0; i < answer.count; i++)
                assert_int_equal(answer.ids[i], first + (int64_t)i);
}

static int64_t at_ns(const char *text)
{
        return at(text) * 1000;
}

// Four trades a second, 250 ms apart, ids from 0.
static void fill(const char *start, int64_t seconds)
{
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

        for (int64_t i = 0; i < 4 * seconds; i++)
                add_trade(rows, i, at(start) + 250000 * i);
        store_rows(root, "BTCUSDT", rows);
        tick_rows_free(rows);
}

static void ends_are_inclusive_to_the_nanosecond(void **state)
{
        int64_t start = at_ns("2024-03-01T12:00:00");

        (void)state;
        fill("2024-03-01T12:00:00", 10);
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 0, false), 0);
        expect_ids(0, 39);
        for (int64_t i = 0; i < 40; i++)
                assert_int_equal(answer.times_ns[i], start + 250000000 * i);
        assert_int_equal(ask(start + 250000000, start + 1500000000, 0, false), 0);
        expect_ids(1, 6);
        assert_int_equal(ask(start + 250000001, start + 1499999999, 0, false), 0);
        expect_ids(2, 5);
        assert_int_equal(ask(start + 500000000, start + 500000000, 0, false), 0);
        expect_ids(2, 2);
        assert_int_equal(ask(start + 500000001, start + 749999999, 0, false), 0);
        assert_int_equal(answer.count, 0);
        assert_int_equal(ask(start + 9, start, 0, false), 0);
        assert_int_equal(answer.count, 0);
        assert_int_equal(ask(INT64_MIN, start - 1, 5, false), 0);
        assert_int_equal(answer.count, 0);
        assert_int_equal(ask(INT64_MIN, -1, 0, false), 0);
        assert_int_equal(answer.count, 0);
}

static void limits_count_rows_from_either_end(void **state)
{
        int64_t start = at_ns("2024-03-01T12:00:00");

        (void)state;
        fill("2024-03-01T12:00:00", 10);
        for (size_t limit = 1; limit <= 41; limit++) {
                int64_t taken = limit < 40 ? (int64_t)limit : 40;

                assert_int_equal(ask(INT64_MIN, INT64_MAX, limit, true), 0);
                expect_ids(0, taken - 1);
                assert_int_equal(ask(INT64_MIN, INT64_MAX, limit, false), 0);
                expect_ids(40 - taken, 39);
        }
        // Counted within the range.
        assert_int_equal(ask(start + 300000000, start + 5000000000, 3, false), 0);
        expect_ids(18, 20);
        assert_int_equal(ask(start + 300000000, start + 5000000000, 3, true), 0);
        expect_ids(2, 4);
        assert_int_equal(ask(start + 300000000, start + 400000000, 3, false), 0);
        assert_int_equal(answer.count, 0);
        assert_int_equal(ask(start + 250000000, start + 800000000, 100, false), 0);
        expect_ids(1, 3);
}

// A server counts back in slices, whatever else it reads in between.
static void a_limit_is_found_in_slices(void **state)
{
        (void)state;
        fill("2023-12-31T23:59:55", 10);
        for (size_t limit = 1; limit <= 41; limit++) {
                struct tickquery query = {.root = root,
                    .symbol = "BTCUSDT",
                    .kind = TICK_TRADE,
                    .start_ns = INT64_MIN,
                    .end_ns = at_ns("2024-01-01T00:00:04.5"),
                    .limit = limit};
                struct tickquery_search search = {0};
                int64_t last = 38, first = limit < 39 ? last + 1 - (int64_t)limit : 0;
                int slices = 1, found;

                while ((found = tickquery_find_start(&query, &search, 1, why)) == 1)
                        slices++;
                assert_int_equal(found, 0);
                assert_true(query.limit_from_start);
                assert_int_equal(slices, limit < 3 ? 1 : limit > 39 ? 11 : (limit + 4) / 4);
                memset(&answer, 0, sizeof(answer));
                assert_int_equal(tickquery_run(&query, collect, &answer, why), 0);
                expect_ids(first, last);
        }
}

static void a_query_crosses_the_turn_of_the_year(void **state)
{
        (void)state;
        fill("2023-12-31T23:59:58", 4);
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 0, false), 0);
        expect_ids(0, 15);
        assert_int_equal(ask(at_ns("2023-12-31T23:59:59.75"), at_ns("2024-01-01"), 0, false), 0);
        expect_ids(7, 8);
        assert_int_equal(ask(at_ns("2024-01-01"), INT64_MAX, 0, false), 0);
        expect_ids(8, 15);
        assert_int_equal(ask(INT64_MIN, at_ns("2024-01-01") - 1, 0, false), 0);
        expect_ids(0, 7);
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 10, false), 0);
        expect_ids(6, 15);
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 10, true), 0);
        expect_ids(0, 9);
}

// One trade every 31 hours or so for four years: nearly everything is hole.
static void a_quiet_symbol_is_read_across_its_holes(void **state)
{
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

        (void)state;
        for (int64_t i = 0; i < 1000; i++)
                add_trade(rows, i, at("2021-06-15T07:00:01.000001") + i * (31 * US_PER_HOUR + 17 * US_PER_S));
        store_rows(root, "BTCUSDT", rows);
        tick_rows_free(rows);
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 0, false), 0);
        expect_ids(0, 999);
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 700, false), 0);
        expect_ids(300, 999);
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 1, false), 0);
        expect_ids(999, 999);
        assert_int_equal(ask(INT64_MIN, at_ns("2021-06-15T08:00"), 5, false), 0);
        expect_ids(0, 0);
}

static void the_rows_of_a_second_come_together_and_may_stop_the_query(void **state)
{
        struct tickquery query = {
            .root = root, .symbol = "BTCUSDT", .kind = TICK_TRADE, .start_ns = INT64_MIN, .end_ns = INT64_MAX};

        (void)state;
        fill("2024-03-01T12:00:00", 10);
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 0, false), 0);
        assert_int_equal(answer.calls, 10);
        memset(&answer, 0, sizeof(answer));
        answer.stop_with = 7;
        assert_int_equal(tickquery_run(&query, collect, &answer, why), 7);
        assert_int_equal(answer.count, 4);
}

// A stock server that replays its log appends a second's rows once more.
static void rows_doubled_by_a_stock_server_are_read_once(void **state)
{
        struct tick_triple triple;
        unsigned char doubled[2 * 4 * 165], compressed[2048], once[4 * 165];
        size_t bytes = sizeof(once), length = sizeof(compressed);

        (void)state;
        fill("2024-03-01T12:00:00", 3);
        struct tickfile *file = tickfile_open_write(root, "BTCUSDT", TICK_TRADE, 0, 2024, why);
        assert_non_null(file);
        assert_int_equal(tick_index_find(tickfile_index(file), at("2024-03-01T12:00:01") / US_PER_S, &triple), 1);
        assert_int_equal(pread(tickfile_fd(file), compressed, (size_t)triple.length, triple.offset), triple.length);
        assert_int_equal(snappy_uncompress((char *)compressed, (size_t)triple.length, (char *)once, &bytes), SNAPPY_OK);
        assert_int_equal(bytes, sizeof(once));
        for (size_t i = 0; i < 8; i++)
                memcpy(doubled + i * 165, once + i / 2 * 165, 165);
        assert_int_equal(snappy_compress((char *)doubled, sizeof(doubled), (char *)compressed, &length), SNAPPY_OK);
        triple.offset = lseek(tickfile_fd(file), 0, SEEK_END);
        triple.length = (int64_t)length;
        assert_int_equal(pwrite(tickfile_fd(file), compressed, length, triple.offset), length);
        assert_int_equal(tick_index_point(tickfile_index(file), &triple, 1), 0);
        tickfile_close(file);
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 0, false), 0);
        expect_ids(0, 11);
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 6, false), 0);
        expect_ids(6, 11);
}

static void a_damaged_second_is_named_after_the_rows_before_it(void **state)
{
        struct tick_triple triple;

        (void)state;
        fill("2024-03-01T12:00:00", 3);
        struct tickfile *file = tickfile_open_write(root, "BTCUSDT", TICK_TRADE, 0, 2024, why);
        assert_int_equal(tick_index_find(tickfile_index(file), at("2024-03-01T12:00:01") / US_PER_S, &triple), 1);
        triple.offset = INT64_C(1) << 40;
        assert_int_equal(tick_index_point(tickfile_index(file), &triple, 1), 0);
        tickfile_close(file);
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 0, false), -1);
        assert_int_equal(errno, EBADMSG);
        assert_non_null(strstr(why, "BTCUSDT/1Sec/TRADE/2024.bin: 2024-03-01T12:00:01Z points outside the file"));
        expect_ids(0, 3);
}

static void buckets_that_are_not_there_are_named(void **state)
{
        char path[PATH_SIZE];

        (void)state;
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 0, false), -1);
        assert_int_equal(errno, ENOENT);
        assert_non_null(strstr(why, "no bucket BTCUSDT/1Sec/TRADE"));
        fill("2024-03-01", 1);
        snprintf(path, sizeof(path), "%s/BTCUSDT/1Sec/TRADE/2024.bin", root);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 0, false), -1);
        assert_int_equal(errno, ENOENT);
        assert_non_null(strstr(why, "no year in bucket BTCUSDT/1Sec/TRADE"));
        close(open(path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(ask(INT64_MIN, INT64_MAX, 0, false), -1);
        assert_int_equal(errno, EINVAL);
}

// Random trades against a plain list.
static void any_range_and_limit_agrees_with_a_list(void **state)
{
        static int64_t times_us[300];
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);
        int64_t us = at("2023-12-31T23:58:00");

        (void)state;
        srand48(12);
        for (int64_t i = 0; i < 300; i++) {
                us += (int64_t)(drand48() * drand48() * 2e6);
                times_us[i] = us;
                add_trade(rows, i, us);
        }
        store_rows(root, "BTCUSDT", rows);
        tick_rows_free(rows);
        for (int turn = 0; turn < 500; turn++) {
                int64_t a = (int64_t)(drand48() * 300), b = (int64_t)(drand48() * 300), first = 0, last = 299;
                int64_t start_ns = times_us[a] * 1000 + (turn % 3 - 1),
                        end_ns = times_us[b] * 1000 + (turn / 3 % 3 - 1);
                size_t limit = turn % 4 == 0 ? 0 : (size_t)(1 + drand48() * 100);
                bool from_start = turn % 2 == 0;

                while (first < 300 && times_us[first] * 1000 < start_ns)
                        first++;
                while (last >= 0 && times_us[last] * 1000 > end_ns)
                        last--;
                if (limit > 0 && last - first + 1 > (int64_t)limit && from_start)
                        last = first + (int64_t)limit - 1;
                else if (limit > 0 && last - first + 1 > (int64_t)limit)
                        first = last - (int64_t)limit + 1;
                assert_int_equal(ask(start_ns, end_ns, limit, from_start), 0);
                if (first > last)
                        assert_int_equal(answer.count, 0);
                else
                        expect_ids(first, last);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            IN_ROOT(ends_are_inclusive_to_the_nanosecond),
            IN_ROOT(limits_count_rows_from_either_end),
            IN_ROOT(a_limit_is_found_in_slices),
            IN_ROOT(a_query_crosses_the_turn_of_the_year),
            IN_ROOT(a_quiet_symbol_is_read_across_its_holes),
            IN_ROOT(the_rows_of_a_second_come_together_and_may_stop_the_query),
            IN_ROOT(rows_doubled_by_a_stock_server_are_read_once),
            IN_ROOT(a_damaged_second_is_named_after_the_rows_before_it),
            IN_ROOT(buckets_that_are_not_there_are_named),
            IN_ROOT(any_range_and_limit_agrees_with_a_list),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
