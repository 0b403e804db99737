// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them, and doubles that read back to the same.
#include "common/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char text[UNITS_TEXT_SIZE];

static void test_counts_are_grouped(void **state)
{
        (void)state;
        assert_string_equal(units_count(0, text), "0");
        assert_string_equal(units_count(999, text), "999");
        assert_string_equal(units_count(1000, text), "1,000");
        assert_string_equal(units_count(-1234567, text), "-1,234,567");
        assert_string_equal(units_count(INT64_MIN, text), "-9,223,372,036,854,775,808");
}

static void test_bytes_and_spans_have_two_figures(void **state)
{
        (void)state;
        assert_string_equal(units_bytes(0, text), "0 B");
        assert_string_equal(units_bytes(1536, text), "1.5 KiB");
        assert_string_equal(units_bytes(UINT64_C(20) << 30, text), "20 GiB");
        assert_string_equal(units_bytes(1048575, text), "1.0 MiB");
        assert_string_equal(units_span_s(0.44, text), "0.4 s");
        assert_string_equal(units_span_s(45.9, text), "45 s");
        assert_string_equal(units_span_s(60, text), "1 min");
        assert_string_equal(units_span_s(3 * 86400 + 4 * 3600, text), "3 d 4 h");
        assert_string_equal(units_span_s(12 * 86400 + 4 * 3600, text), "12 d");
        assert_string_equal(units_span_s(-1, text), "0.0 s");
        assert_string_equal(units_span_s(1e300, text), "over 1,000 y");
}

static void test_latencies_are_in_milliseconds(void **state)
{
        (void)state;
        assert_string_equal(units_latency_us(450, text), "0.45 ms");
        assert_string_equal(units_latency_us(1234, text), "1.2 ms");
        assert_string_equal(units_latency_us(123456, text), "123 ms");
        assert_string_equal(units_latency_us(2500000, text), "2.5 s");
        assert_string_equal(units_latency_us(-5, text), "0.00 ms");
}

static void test_a_share_is_whole_only_where_it_is(void **state)
{
        (void)state;
        assert_string_equal(units_share(999999, 1000000, text), "99.9 %");
        assert_string_equal(units_share(1000000, 1000000, text), "100 %");
        assert_string_equal(units_share(1, 1000000, text), "0.1 %");
        assert_string_equal(units_share(0, 1000000, text), "0 %");
        assert_string_equal(units_share(0, 0, text), "-");
}

static void test_times_are_as_short_as_they_can_be(void **state)
{
        (void)state;
        assert_string_equal(units_time_us(INT64_C(1709640660000000), text), "2024-03-05 12:11");
        assert_string_equal(units_time_us(INT64_C(1709640661000000), text), "2024-03-05 12:11:01");
        assert_string_equal(units_time_us(-1, text), "-");
        assert_string_equal(units_clock_us(INT64_C(1709640661500000), text), "12:11:01");
}

static void test_prices_keep_all_their_places(void **state)
{
        (void)state;
        assert_string_equal(units_price(67123.45, text), "67,123.45");
        assert_string_equal(units_price(441, text), "441.00");
        assert_string_equal(units_price(441.5, text), "441.50");
        assert_string_equal(units_price(0.00001234, text), "0.00001234");
        assert_string_equal(units_price(0, text), "0.00");
}

static void must_be(double value, const char *expected)
{
        size_t length = units_double(value, text);

        assert_string_equal(text, expected);
        assert_int_equal(length, strlen(expected));
}

static void test_doubles_are_the_shortest_that_read_back(void **state)
{
        (void)state;
        must_be(0, "0");
        must_be(0.1, "0.1");
        must_be(63763.56, "63763.56");
        must_be(-2.5, "-2.5");
        must_be(0.00000001, "0.00000001");
        must_be(182537.9401988, "182537.9401988");
        must_be(0.1 + 0.2, "0.30000000000000004");
        must_be(123456789012.12345678, "123456789012.12346");
        must_be(12345678901234567890.0, "1.2345678901234567e+19");
        must_be(1e300, "1e+300");
}

static void test_floats_are_the_shortest_that_read_back(void **state)
{
        static const struct {
                float value;
                const char *text;
        } cases[] = {{0, "0"}, {0.1f, "0.1"}, {-100000, "-100000"}, {16777216, "16777216"},
            {3.4028235e38f, "3.4028235e+38"}, {1.00000012f, "1.0000001"}};

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(units_float(cases[i].value, text), strlen(cases[i].text));
                assert_string_equal(text, cases[i].text);
        }
}

static void test_any_double_reads_back_to_the_same(void **state)
{
        uint64_t random = 88172645463325252u;

        (void)state;
        for (int i = 0; i < 200000; i++) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                // Decimals of up to eight places, as the exchange sends them, and quotients that have no end.
                double value = i % 2 == 0 ? (double)(random % UINT64_C(10000000000000)) / 1e8 : (double)random / 7e9;
                units_double(value, text);
                assert_true(strtod(text, NULL) == value);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_counts_are_grouped),
            cmocka_unit_test(test_bytes_and_spans_have_two_figures),
            cmocka_unit_test(test_latencies_are_in_milliseconds),
            cmocka_unit_test(test_a_share_is_whole_only_where_it_is),
            cmocka_unit_test(test_times_are_as_short_as_they_can_be),
            cmocka_unit_test(test_prices_keep_all_their_places),
            cmocka_unit_test(test_doubles_are_the_shortest_that_read_back),
            cmocka_unit_test(test_floats_are_the_shortest_that_read_back),
            cmocka_unit_test(test_any_double_reads_back_to_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
