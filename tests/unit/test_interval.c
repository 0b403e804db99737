// SPDX-License-Identifier: Apache-2.0
#include "common/interval.h"

#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/at.h"

#include <string.h>

static void assert_time(int64_t us, const char *expected)
{
        char text[TIME_TEXT_SIZE];

        assert_string_equal(time_format_us(us, text), expected);
}

static void every_spelling_of_an_interval_is_understood(void **state)
{
        static const struct {
                enum interval interval;
                const char *binance, *archive, *marketstore;
        } cases[] = {
            {INTERVAL_1S, "1s", "1s", "1Sec"},
            {INTERVAL_1M, "1m", "1m", "1Min"},
            {INTERVAL_3M, "3m", "3m", "3Min"},
            {INTERVAL_5M, "5m", "5m", "5Min"},
            {INTERVAL_15M, "15m", "15m", "15Min"},
            {INTERVAL_30M, "30m", "30m", "30Min"},
            {INTERVAL_1H, "1h", "1h", "1H"},
            {INTERVAL_2H, "2h", "2h", "2H"},
            {INTERVAL_4H, "4h", "4h", "4H"},
            {INTERVAL_6H, "6h", "6h", "6H"},
            {INTERVAL_8H, "8h", "8h", "8H"},
            {INTERVAL_12H, "12h", "12h", "12H"},
            {INTERVAL_1D, "1d", "1d", "1D"},
            {INTERVAL_3D, "3d", "3d", "3D"},
            {INTERVAL_1W, "1w", "1w", "1W"},
            {INTERVAL_1MO, "1M", "1mo", "1M"},
        };
        enum interval interval;

        (void)state;
        assert_int_equal(sizeof(cases) / sizeof(cases[0]), INTERVAL_COUNT);
        for (size_t i = 0; i < INTERVAL_COUNT; i++) {
                const char *const spellings[] = {cases[i].binance, cases[i].archive, cases[i].marketstore};

                for (int s = 0; s < 3; s++) {
                        assert_int_equal(interval_parse(spellings[s], &interval), 0);
                        assert_int_equal(interval, cases[i].interval);
                }
                assert_string_equal(interval_name(cases[i].interval), cases[i].binance);
                assert_string_equal(interval_marketstore_name(cases[i].interval), cases[i].marketstore);
                assert_non_null(strstr(interval_names(), cases[i].binance));
        }
        static const char *const bad[] = {"", "1", "m", "1min", "2m", "1S", "1MO", "1Mo", "01m", "1m ", "7d", "1y"};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(interval_parse(bad[i], &interval), -1);
}

static void bars_open_on_the_grid_of_their_interval(void **state)
{
        // 2024-02-29 was a Thursday; 19,782 days since 1970 are 6,594 times three.
        static const struct {
                enum interval interval;
                const char *floor, *next;
        } cases[] = {
            {INTERVAL_1S, "2024-02-29T13:47:58Z", "2024-02-29T13:47:59Z"},
            {INTERVAL_1M, "2024-02-29T13:47:00Z", "2024-02-29T13:48:00Z"},
            {INTERVAL_3M, "2024-02-29T13:45:00Z", "2024-02-29T13:48:00Z"},
            {INTERVAL_5M, "2024-02-29T13:45:00Z", "2024-02-29T13:50:00Z"},
            {INTERVAL_15M, "2024-02-29T13:45:00Z", "2024-02-29T14:00:00Z"},
            {INTERVAL_30M, "2024-02-29T13:30:00Z", "2024-02-29T14:00:00Z"},
            {INTERVAL_1H, "2024-02-29T13:00:00Z", "2024-02-29T14:00:00Z"},
            {INTERVAL_2H, "2024-02-29T12:00:00Z", "2024-02-29T14:00:00Z"},
            {INTERVAL_4H, "2024-02-29T12:00:00Z", "2024-02-29T16:00:00Z"},
            {INTERVAL_6H, "2024-02-29T12:00:00Z", "2024-02-29T18:00:00Z"},
            {INTERVAL_8H, "2024-02-29T08:00:00Z", "2024-02-29T16:00:00Z"},
            {INTERVAL_12H, "2024-02-29T12:00:00Z", "2024-03-01T00:00:00Z"},
            {INTERVAL_1D, "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"},
            {INTERVAL_3D, "2024-02-29T00:00:00Z", "2024-03-03T00:00:00Z"},
            {INTERVAL_1W, "2024-02-26T00:00:00Z", "2024-03-04T00:00:00Z"},
            {INTERVAL_1MO, "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
        };
        int64_t us = at("2024-02-29T13:47:58.5");

        (void)state;
        for (size_t i = 0; i < INTERVAL_COUNT; i++) {
                int64_t open_us = interval_floor_us(cases[i].interval, us);

                assert_time(open_us, cases[i].floor);
                assert_time(interval_next_us(cases[i].interval, open_us), cases[i].next);
                assert_time(interval_ceil_us(cases[i].interval, us), cases[i].next);
                assert_int_equal(interval_floor_us(cases[i].interval, open_us), open_us);
                assert_int_equal(interval_ceil_us(cases[i].interval, open_us), open_us);
                assert_int_equal(interval_floor_us(cases[i].interval, open_us - 1),
                    interval_step_us(cases[i].interval, open_us, -1));
        }
}

static void anchors_are_those_of_the_exchange(void **state)
{
        (void)state;
        // The first weekly bar of BTCUSDT, listed on Thursday 2017-08-17, opens on Monday the 14th.
        assert_time(interval_floor_us(INTERVAL_1W, at("2017-08-17T04:00")), "2017-08-14T00:00:00Z");
        assert_time(interval_floor_us(INTERVAL_3D, at("2017-08-17T04:00")), "2017-08-16T00:00:00Z");
        assert_time(interval_floor_us(INTERVAL_1MO, at("2017-08-17T04:00")), "2017-08-01T00:00:00Z");
        assert_time(interval_floor_us(INTERVAL_1W, -1), "1969-12-29T00:00:00Z");
        assert_time(interval_floor_us(INTERVAL_1MO, -1), "1969-12-01T00:00:00Z");
}

static void steps_cross_months_and_years(void **state)
{
        (void)state;
        assert_time(interval_step_us(INTERVAL_1MO, at("2023-11-01"), 3), "2024-02-01T00:00:00Z");
        assert_time(interval_step_us(INTERVAL_1MO, at("2024-02-01"), -14), "2022-12-01T00:00:00Z");
        assert_time(interval_step_us(INTERVAL_1D, at("2024-02-28"), 2), "2024-03-01T00:00:00Z");
        assert_time(interval_step_us(INTERVAL_1M, at("2024-01-01"), -1), "2023-12-31T23:59:00Z");
}

static void counts_open_times_in_a_half_open_range(void **state)
{
        (void)state;
        assert_int_equal(interval_count(INTERVAL_1M, at("2024-01-01"), at("2025-01-01")), 527040);
        assert_int_equal(interval_count(INTERVAL_1M, at("2024-01-01T00:00:30"), at("2024-01-01T00:02:30")), 2);
        assert_int_equal(interval_count(INTERVAL_1M, at("2024-01-01T00:00"), at("2024-01-01T00:01")), 1);
        assert_int_equal(interval_count(INTERVAL_1W, at("2024-01-01"), at("2024-01-08")), 1); // a Monday
        assert_int_equal(interval_count(INTERVAL_1MO, at("2023-12-15"), at("2024-03-01")), 2);
        assert_int_equal(interval_count(INTERVAL_1MO, at("2024-01-01"), at("2025-01-01")), 12);
        assert_int_equal(interval_count(INTERVAL_1H, at("2024-01-02"), at("2024-01-01")), 0);
        assert_int_equal(interval_count(INTERVAL_1H, 5, 5), 0);
}

static void lengths_are_microseconds(void **state)
{
        (void)state;
        assert_int_equal(interval_length_us(INTERVAL_1S), 1000000);
        assert_int_equal(interval_length_us(INTERVAL_1W), 7 * US_PER_DAY);
        assert_int_equal(interval_length_us(INTERVAL_1MO), 30 * US_PER_DAY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_spelling_of_an_interval_is_understood),
            cmocka_unit_test(bars_open_on_the_grid_of_their_interval),
            cmocka_unit_test(anchors_are_those_of_the_exchange),
            cmocka_unit_test(steps_cross_months_and_years),
            cmocka_unit_test(counts_open_times_in_a_half_open_range),
            cmocka_unit_test(lengths_are_microseconds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
