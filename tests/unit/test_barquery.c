// SPDX-License-Identifier: Apache-2.0
#include "common/barquery.h"

#include "common/clock.h"
#include "common/yearfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/at.h"
#include "tests/unit/store_root.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

// Writes every bar of [start, end), each bar's open price its number in the series.
static size_t fill(enum interval interval, const char *start, const char *end)
{
        int64_t timeframe_ns = bar_home_of(interval).timeframe_ns;
        size_t count = 0;
        struct yearfile *file = NULL;
        struct yearfile_schema schema;

        yearfile_bar_schema(interval, true, &schema);
        for (int64_t us = at(start); us < at(end); us = interval_next_us(interval, us)) {
                int year = yearslot_locate(timeframe_ns, us).year;
                struct bar_values values = {.open = (double)count++};

                if (file == NULL || yearfile_year(file) != year) {
                        yearfile_close(file);
                        file = yearfile_open_write(root, "BTCUSDT", interval, &schema, year, why);
                        assert_non_null(file);
                }
                assert_int_equal(yearfile_write_bars(file, &us, &values, 1, NULL), 0);
        }
        yearfile_close(file);
        return count;
}

struct answer {
        size_t rows, calls, rows_at_once_max;
        int64_t first_us, last_us;
        double first_open, last_open;
        bool ascending;
        int stop_with;
};

static int collect(void *context, const int64_t *open_us, const struct bar_values *bars, size_t count)
{
        struct answer *answer = context;

        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
                if (answer->rows == 0) {
                        answer->first_us = open_us[i];
                        answer->first_open = bars[i].open;
                } else if (open_us[i] <= answer->last_us) {
                        answer->ascending = false;
                }
                answer->last_us = open_us[i];
                answer->last_open = bars[i].open;
                answer->rows++;
        }
        answer->calls++;
        if (count > answer->rows_at_once_max)
                answer->rows_at_once_max = count;
        return answer->stop_with;
}

static struct answer ask_at(enum interval interval, int64_t start_us, int64_t end_us, size_t limit, bool from_start)
{
        struct barquery query = {root, "BTCUSDT", interval, start_us, end_us, limit, from_start};
        struct answer answer = {.ascending = true};

        if (barquery_run(&query, collect, &answer, why, sizeof(why)) != 0)
                fail_msg("%s", why);
        assert_true(answer.ascending);
        return answer;
}

static struct answer ask(enum interval interval, const char *start, const char *end, size_t limit, bool from_start)
{
        return ask_at(interval, at(start), at(end), limit, from_start);
}

static void new_years_day_is_found_from_every_side(void **state)
{
        struct answer answer;

        (void)state;
        assert_int_equal(fill(INTERVAL_1D, "2022-12-25", "2025-01-05"), 742);
        answer = ask(INTERVAL_1D, "2024-01-01", "2024-01-01", 0, false); // a stock server skips it
        assert_int_equal(answer.rows, 1);
        assert_int_equal(answer.first_us, at("2024-01-01"));
        answer = ask(INTERVAL_1D, "2024-01-01", "2024-12-31", 0, false);
        assert_int_equal(answer.rows, 366);
        answer = ask(INTERVAL_1D, "2023-12-31", "2024-01-02", 0, false);
        assert_int_equal(answer.rows, 3);
        answer = ask(INTERVAL_1D, "2025-01-01T12:00", "2025-06-01", 0, false);
        assert_int_equal(answer.first_us, at("2025-01-01"));
        assert_int_equal(answer.rows, 4);
        answer = ask(INTERVAL_1D, "2024-12-31", "2025-01-01", 1, false);
        assert_int_equal(answer.first_us, at("2025-01-01"));
}

static void the_last_and_first_minute_of_a_year_are_neighbours(void **state)
{
        struct answer answer;

        (void)state;
        fill(INTERVAL_1M, "2023-12-31T23:00", "2024-01-01T01:00");
        answer = ask(INTERVAL_1M, "2023-12-31T23:59", "2024-01-01T00:00", 0, false);
        assert_int_equal(answer.rows, 2);
        assert_true(answer.first_open == 59 && answer.last_open == 60);
        answer = ask(INTERVAL_1M, "2024-01-01", "2024-01-01", 0, false);
        assert_int_equal(answer.rows, 1);
        fill(INTERVAL_1M, "2024-02-28T23:59", "2024-03-01T00:01");
        answer = ask(INTERVAL_1M, "2024-02-28T23:59", "2024-03-01", 0, false);
        assert_int_equal(answer.rows, 1442); // with all of 29 February
}

static void both_ends_are_inclusive_and_the_start_is_floored_to_its_bar(void **state)
{
        struct answer answer;

        (void)state;
        fill(INTERVAL_4H, "2024-06-01", "2024-06-03");
        answer = ask(INTERVAL_4H, "2024-06-01T07:59", "2024-06-01T12:00", 0, false);
        assert_int_equal(answer.first_us, at("2024-06-01T04:00"));
        assert_int_equal(answer.last_us, at("2024-06-01T12:00"));
        assert_int_equal(answer.rows, 3);
        answer = ask(INTERVAL_4H, "2024-06-01T04:00", "2024-06-01T11:59", 0, false);
        assert_int_equal(answer.rows, 2);
        answer = ask(INTERVAL_4H, "2024-06-02", "2024-06-01", 0, false);
        assert_int_equal(answer.rows, 0);
        fill(INTERVAL_1W, "2024-01-01", "2024-03-01");
        answer = ask(INTERVAL_1W, "2024-01-03", "2024-01-08", 0, false); // a Wednesday
        assert_int_equal(answer.first_us, at("2024-01-01"));
        assert_int_equal(answer.rows, 2);
        fill(INTERVAL_1MO, "2023-01-01", "2025-02-01");
        answer = ask(INTERVAL_1MO, "2023-12-31", "2025-01-01", 0, false);
        assert_int_equal(answer.first_us, at("2023-12-01"));
        assert_int_equal(answer.rows, 14);
}

static void limits_count_from_either_end_across_years(void **state)
{
        struct answer answer;
        size_t count = fill(INTERVAL_1H, "2022-12-01", "2025-01-10");

        (void)state;
        answer = ask_at(INTERVAL_1H, INT64_MIN, INT64_MAX, 0, false);
        assert_int_equal(answer.rows, count);
        assert_true(answer.rows_at_once_max <= BARQUERY_ROWS_MAX);
        assert_true(answer.calls > count / BARQUERY_ROWS_MAX);
        const size_t limits[] = {
            1, 2, 215, 216, 217, 4095, 4096, 4097, 8999, 9001, 17999, count - 1, count, count + 1, SIZE_MAX};
        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
                size_t expected = limits[i] < count ? limits[i] : count;

                answer = ask_at(INTERVAL_1H, INT64_MIN, INT64_MAX, limits[i], false);
                assert_int_equal(answer.rows, expected);
                assert_true(answer.last_open == (double)(count - 1));
                assert_true(answer.first_open == (double)(count - expected));
                answer = ask_at(INTERVAL_1H, INT64_MIN, INT64_MAX, limits[i], true);
                assert_int_equal(answer.rows, expected);
                assert_true(answer.first_open == 0);
        }
        answer = ask(INTERVAL_1H, "2023-12-31T22:00", "2024-01-01T01:00", 3, false);
        assert_int_equal(answer.rows, 3);
        assert_int_equal(answer.first_us, at("2023-12-31T23:00"));
        answer = ask(INTERVAL_1H, "2023-12-31T22:00", "2024-01-01T01:00", 3, true);
        assert_int_equal(answer.last_us, at("2024-01-01T00:00"));
        answer = ask(INTERVAL_1H, "2030", "2031", 5, false);
        assert_int_equal(answer.rows, 0);
}

static void years_between_may_be_missing(void **state)
{
        struct answer answer;

        (void)state;
        fill(INTERVAL_1H, "2020-01-01", "2020-01-02");
        fill(INTERVAL_1H, "2023-01-01", "2023-01-02");
        answer = ask_at(INTERVAL_1H, INT64_MIN, INT64_MAX, 30, false);
        assert_int_equal(answer.rows, 30);
        assert_int_equal(answer.first_us, at("2020-01-01T18:00"));
}

static void a_callback_stops_the_query_with_its_value(void **state)
{
        struct barquery query = {root, "BTCUSDT", INTERVAL_1H, INT64_MIN, INT64_MAX, 0, false};
        struct answer answer = {.stop_with = 7};

        (void)state;
        fill(INTERVAL_1H, "2023-12-01", "2024-02-01");
        assert_int_equal(barquery_run(&query, collect, &answer, why, sizeof(why)), 7);
        assert_int_equal(answer.calls, 1);
}

static void a_bucket_that_is_not_there_is_named(void **state)
{
        struct barquery query = {root, "BTCUSDT", INTERVAL_4H, 0, INT64_MAX, 0, false};
        struct answer answer = {.rows = 0};

        (void)state;
        assert_int_equal(barquery_run(&query, collect, &answer, why, sizeof(why)), -1);
        assert_int_equal(errno, ENOENT);
        assert_non_null(strstr(why, "BTCUSDT/2H/OHLCV_4H"));
        fill(INTERVAL_4H, "2024-06-01", "2024-06-02");
        char path[128];
        snprintf(path, sizeof(path), "%s/BTCUSDT/2H/OHLCV_4H/2024.bin", root);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(barquery_run(&query, collect, &answer, why, sizeof(why)), -1);
        assert_int_equal(errno, ENOENT);
        query.symbol = "../x";
        assert_int_equal(barquery_run(&query, collect, &answer, why, sizeof(why)), -1);
        assert_int_equal(errno, EINVAL);
        query.root = "/nonexistent/root";
        query.symbol = "BTCUSDT";
        assert_int_equal(barquery_run(&query, collect, &answer, why, sizeof(why)), -1);
        assert_int_equal(errno, ENOENT);
}

static void a_file_that_is_no_year_file_is_named(void **state)
{
        struct barquery query = {root, "BTCUSDT", INTERVAL_1H, 0, INT64_MAX, 0, false};
        struct answer answer = {.rows = 0};
        char path[128], other[128];

        (void)state;
        fill(INTERVAL_1H, "2024-06-01", "2024-06-02");
        snprintf(path, sizeof(path), "%s/BTCUSDT/1H/OHLCV/2024.bin", root);
        assert_int_equal(truncate(path, 50000), 0);
        assert_int_equal(barquery_run(&query, collect, &answer, why, sizeof(why)), -1);
        assert_int_equal(errno, EINVAL);
        assert_non_null(strstr(why, "BTCUSDT/1H/OHLCV/2024.bin: short: 50000 bytes"));
        // A sound file of another timeframe in its place.
        fill(INTERVAL_30M, "2024-06-01", "2024-06-02");
        snprintf(other, sizeof(other), "%s/BTCUSDT/30Min/OHLCV/2024.bin", root);
        assert_int_equal(rename(other, path), 0);
        assert_int_equal(barquery_run(&query, collect, &answer, why, sizeof(why)), -1);
        assert_int_equal(errno, EINVAL);
        assert_non_null(strstr(why, "its timeframe is 1800 s, not 1H"));
        // A year that is not asked for does no harm.
        query.end_us = at("2023-06-01");
        assert_int_equal(barquery_run(&query, collect, &answer, why, sizeof(why)), 0);
        assert_int_equal(answer.rows, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            IN_ROOT(new_years_day_is_found_from_every_side),
            IN_ROOT(the_last_and_first_minute_of_a_year_are_neighbours),
            IN_ROOT(both_ends_are_inclusive_and_the_start_is_floored_to_its_bar),
            IN_ROOT(limits_count_from_either_end_across_years),
            IN_ROOT(years_between_may_be_missing),
            IN_ROOT(a_callback_stops_the_query_with_its_value),
            IN_ROOT(a_bucket_that_is_not_there_is_named),
            IN_ROOT(a_file_that_is_no_year_file_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
