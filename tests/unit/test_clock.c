// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void formats_utc_with_the_places_it_needs(void **state)
{
        static const struct {
                int64_t us;
                const char *text;
        } cases[] = {
            {0, "1970-01-01T00:00:00Z"},
            {INT64_C(1709251140000000), "2024-02-29T23:59:00Z"},
            {INT64_C(1709251140123000), "2024-02-29T23:59:00.123Z"},
            {INT64_C(1709251140123456), "2024-02-29T23:59:00.123456Z"},
            {INT64_C(1709251140000001), "2024-02-29T23:59:00.000001Z"},
            {-1, "1969-12-31T23:59:59.999999Z"},
            {INT64_C(253402300799000000), "9999-12-31T23:59:59Z"},
        };
        char text[TIME_TEXT_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_string_equal(time_format_us(cases[i].us, text), cases[i].text);
        time_format_us(INT64_MAX, text); // fits, whatever it is
        time_format_us(INT64_MIN, text);
}

static void civil_days_agree_with_known_dates_and_come_back(void **state)
{
        int64_t year;
        unsigned month, day;

        (void)state;
        assert_int_equal(civil_to_days(1970, 1, 1), 0);
        assert_int_equal(civil_to_days(2000, 3, 1), 11017);
        assert_int_equal(civil_to_days(2024, 2, 29), 19782);
        assert_int_equal(civil_to_days(2100, 3, 1) - civil_to_days(2100, 2, 28), 1);
        assert_int_equal(civil_to_days(1969, 12, 31), -1);
        // Eight centuries, beside a calendar that counts day by day.
        static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        int64_t expected_year = 1600;
        unsigned expected_month = 1, expected_day = 1;
        for (int64_t days = civil_to_days(1600, 1, 1); expected_year < 2400; days++) {
                bool leap = expected_year % 4 == 0 && (expected_year % 100 != 0 || expected_year % 400 == 0);

                civil_from_days(days, &year, &month, &day);
                if (year != expected_year || month != expected_month || day != expected_day)
                        fail_msg("day %lld became %lld-%u-%u", (long long)days, (long long)year, month, day);
                assert_int_equal(civil_to_days(year, month, day), days);
                if (++expected_day > lengths[expected_month - 1] + (expected_month == 2 && leap ? 1 : 0)) {
                        expected_day = 1;
                        expected_month = expected_month % 12 + 1;
                        expected_year += expected_month == 1;
                }
        }
}

static void years_begin_at_midnight_of_1_january(void **state)
{
        (void)state;
        assert_int_equal(year_start_us(2024), INT64_C(1704067200000000));
        assert_int_equal(year_of_us(INT64_C(1704067200000000)), 2024);
        assert_int_equal(year_of_us(INT64_C(1704067199999999)), 2023);
        assert_int_equal(year_start_us(2025) - year_start_us(2024), 366 * US_PER_DAY);
        assert_int_equal(year_start_us(2101) - year_start_us(2100), 365 * US_PER_DAY);
}

static void exchange_stamps_are_told_apart_by_their_digits(void **state)
{
        (void)state;
        assert_int_equal(exchange_stamp_us(INT64_C(1577836800000)), INT64_C(1577836800000000));
        assert_int_equal(exchange_stamp_us(INT64_C(1735776000000001)), INT64_C(1735776000000001));
        assert_int_equal(exchange_stamp_us(0), 0);
}

#define NOW INT64_C(1709210096000000) // 2024-02-29T12:34:56Z

static void reads_every_way_to_write_a_time(void **state)
{
        static const struct {
                const char *text, *time;
        } cases[] = {
            {"2024", "2024-01-01T00:00:00Z"},
            {"2024-02", "2024-02-01T00:00:00Z"},
            {"2024-02-29", "2024-02-29T00:00:00Z"},
            {"2024-02-29T23:59", "2024-02-29T23:59:00Z"},
            {"2024-02-29 23:59:58", "2024-02-29T23:59:58Z"},
            {"2024-02-29T23:59:58.5Z", "2024-02-29T23:59:58.500Z"},
            {"2024-02-29T23:59:58.1234567", "2024-02-29T23:59:58.123456Z"},
            {"2024-02-29Z", "2024-02-29T00:00:00Z"},
            {"1709251140", "2024-02-29T23:59:00Z"},
            {"1709251140123", "2024-02-29T23:59:00.123Z"},
            {"1709251140123456", "2024-02-29T23:59:00.123456Z"},
            {"1709251140123456789", "2024-02-29T23:59:00.123456Z"},
            {"0", "1970-01-01T00:00:00Z"},
            {"now", "2024-02-29T12:34:56Z"},
            {"5y", "2019-02-28T12:34:56Z"},
            {"4y", "2020-02-29T12:34:56Z"},
            {"3M", "2023-11-29T12:34:56Z"},
            {"12M", "2023-02-28T12:34:56Z"},
            {"2w", "2024-02-15T12:34:56Z"},
            {"10d", "2024-02-19T12:34:56Z"},
            {"12h", "2024-02-29T00:34:56Z"},
            {"90m", "2024-02-29T11:04:56Z"},
            {"999999y", "1970-01-01T00:00:00Z"},
        };
        char text[TIME_TEXT_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const char *accepted = NULL;
                int64_t us = -1;

                assert_int_equal(time_parse_us(cases[i].text, NOW, &us, &accepted), 0);
                assert_string_equal(time_format_us(us, text), cases[i].time);
        }
}

static void refuses_what_is_no_time_and_says_what_is(void **state)
{
        static const char *const bad[] = {"", "yesterday", "2023-02-29", "2024-13", "2024-00", "2024-02-29T24:00",
            "2024-02-29T12:60", "2024-02-29T12:00:60", "2024-02-29T12", "2024-02-29T12:00:00.", "2024-2-9", "20240229x",
            "2024-02-29T12:00:00+01:00", "1969", "-5", "5 y", "5s", "y", "1234567y", "99999999999999999999",
            "123456789012345678901", "2024-02-29ZZ", " 2024", "2024 ", "2024-02-29T"};

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                const char *accepted = NULL;
                int64_t us;

                assert_int_equal(time_parse_us(bad[i], NOW, &us, &accepted), -1);
                assert_non_null(strstr(accepted, "2024-02-29T23:59:00Z"));
        }
}

static void clocks_go_forward_and_differences_are_milliseconds(void **state)
{
        mono_time a = mono_now(), b = mono_now();

        (void)state;
        assert_true(b.us >= a.us);
        assert_true(boot_now().us > 0);
        assert_true(wall_now().ns > INT64_C(1700000000000000000));
        assert_int_equal(mono_since_ms((mono_time){3999}, (mono_time){1000}), 2);
        assert_int_equal(mono_since_ms((mono_time){1000}, (mono_time){3999}), -2);
}

static void nanoseconds_are_read_where_they_are_written(void **state)
{
        static const struct {
                const char *text;
                int64_t ns;
        } cases[] = {
            {"1970-01-01T00:00:01.000000001", 1000000001},
            {"1970-01-01T00:00:01.1234567899", 1123456789},
            {"1970-01-01T00:00:01.12", 1120000000},
            {"1709251200123456789", 1709251200123456789},
            {"1709251200123456", 1709251200123456000},
            {"1970-01-02", 86400000000000},
            {"2262-01-01", 9214646400000000000},
            {"9999", INT64_MAX},
            {"now", NOW * 1000},
        };
        const char *accepted;
        int64_t ns, us;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(time_parse_ns(cases[i].text, NOW, &ns, &accepted), 0);
                assert_int_equal(ns, cases[i].ns);
        }
        assert_int_equal(time_parse_us("1970-01-01T00:00:01.1234567899", NOW, &us, &accepted), 0);
        assert_int_equal(us, 1123456);
        assert_int_equal(time_parse_ns("1970-01-01T00:00:01.", NOW, &ns, &accepted), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(formats_utc_with_the_places_it_needs),
            cmocka_unit_test(civil_days_agree_with_known_dates_and_come_back),
            cmocka_unit_test(years_begin_at_midnight_of_1_january),
            cmocka_unit_test(exchange_stamps_are_told_apart_by_their_digits),
            cmocka_unit_test(reads_every_way_to_write_a_time),
            cmocka_unit_test(refuses_what_is_no_time_and_says_what_is),
            cmocka_unit_test(clocks_go_forward_and_differences_are_milliseconds),
            cmocka_unit_test(nanoseconds_are_read_where_they_are_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
