// SPDX-License-Identifier: Apache-2.0
#include "common/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct decimal parsed(const char *text)
{
        struct decimal value;

        assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
        return value;
}

static void digits_come_back_as_they_were_written(void **state)
{
        static const char *const texts[] = {"0", "0.00000000", "1", "-1", "5.10", "0.00012300", "-0.5",
            "67000.01000000", "92233720368547758.07", "123456789012345678901.23456789",
            "170141183460469231731687303715884105727", "-170141183460469231731687303715884105727",
            "0.00000000000000000000000000000000000001", "1.70141183460469231731687303715884105727",
            "9999999999999999999", "10000000000000000000", "18446744073709551616"};
        char text[DECIMAL_TEXT_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                assert_int_equal(decimal_format(parsed(texts[i]), text), (int)strlen(texts[i]));
                assert_string_equal(text, texts[i]);
        }
}

static void refuses_what_is_no_plain_decimal(void **state)
{
        static const char *const bad[] = {"", "-", ".", "-.", ".5", "5.", "+5", "1e5", " 1", "1 ", "1.2.3", "0x1",
            "1,5", "nan", "inf", "--1", "1-", "\xd9\xa1"};
        struct decimal value;
        int64_t mantissa;
        int8_t exponent;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                errno = 0;
                assert_int_equal(decimal_parse(bad[i], strlen(bad[i]), &value), -1);
                assert_int_equal(errno, EINVAL);
                assert_int_equal(decimal64_parse(bad[i], strlen(bad[i]), &mantissa, &exponent), -1);
        }
        // Only `length` bytes are the number's.
        assert_int_equal(decimal64_parse("12.5\",", 4, &mantissa, &exponent), 0);
        assert_int_equal(mantissa, 125);
        assert_int_equal(exponent, -1);
        assert_int_equal(decimal_parse("1\0002", 3, &value), -1);
}

static void refuses_what_does_not_fit(void **state)
{
        struct decimal value;
        int64_t mantissa;
        int8_t exponent;
        static const char *const wide[] = {"170141183460469231731687303715884105728",
            "999999999999999999999999999999999999999", "0.000000000000000000000000000000000000001",
            "1000000000000000000000000000000000000000000000000000000000000000000000000"};

        (void)state;
        for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
                assert_int_equal(decimal_parse(wide[i], strlen(wide[i]), &value), -1);
                assert_int_equal(errno, ERANGE);
        }
        assert_int_equal(decimal64_parse("9223372036854775807", 19, &mantissa, &exponent), 0);
        assert_true(mantissa == INT64_MAX);
        assert_int_equal(decimal64_parse("9223372036854775808", 19, &mantissa, &exponent), -1);
        assert_int_equal(errno, ERANGE);
        assert_int_equal(decimal64_parse("-0.00000001", 11, &mantissa, &exponent), 0);
        assert_int_equal(mantissa, -1);
        assert_int_equal(exponent, -8);
}

static void doubles_are_what_strtod_gives(void **state)
{
        static const char *const edges[] = {"9007199254740993", "9007199254740992.5", "9007199254740993.00000001",
            "9007199254740993.0000000000000000001", "9007199254740992.9999999999999999999", "0.1", "0.3",
            "123456789.12345678", "90071992547409.93", "170141183460469231731687303715884105727",
            "0.00000000000000000000000000000000000001", "1.7976931348623157", "72057594037927945", "72057594037927944",
            "72057594037927947.99999999", "4611686018427387905.5", "-9007199254740993", "0.0000000000000000000001",
            "1234567890123456789012345678901234.5678"};
        char text[64];

        (void)state;
        for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
                assert_true(decimal_to_double(parsed(edges[i])) == strtod(edges[i], NULL));
        srand(1);
        for (int i = 0; i < 200000; i++) {
                int digits = 1 + rand() % 38, places = rand() % digits, length = 0;

                for (int k = 0; k < digits; k++) {
                        if (k == digits - places)
                                text[length++] = '.';
                        text[length++] = (char)('0' + rand() % 10);
                }
                text[length] = '\0';
                double value = decimal_to_double(parsed(text)), expected = strtod(text, NULL);
                if (value != expected)
                        fail_msg("%s became %.17g, not %.17g", text, value, expected);
        }
        // Exponents that no text of ours has, but a damaged record might.
        assert_true(decimal64_to_double(15, 3) == 15000.0);
        assert_true(decimal64_to_double(1, 127) == 1e127);
        assert_true(decimal64_to_double(INT64_MIN, -128) == -9223372036854775808e-128);
}

static void shortest_decimal_reads_back_as_the_same_double(void **state)
{
        static const struct {
                double value;
                const char *text;
        } cases[] = {{0.1, "0.1"}, {67000.01, "67000.01"}, {-2.5, "-2.5"}, {1e22, "10000000000000000000000"},
            {0.0, "0"}, {0.1 + 0.2, "0.30000000000000004"}, {5e-324, NULL}, {1e300, NULL}, {100.0, "100"},
            {1e-8, "0.00000001"}, {1.0 / 3, "0.3333333333333333"}, {9007199254740993.0, "9007199254740992"},
            {1e-38, "0.00000000000000000000000000000000000001"}, {123456789.12345678, "123456789.12345678"}};
        char text[DECIMAL_TEXT_SIZE];
        struct decimal value;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                if (cases[i].text == NULL) {
                        assert_int_equal(decimal_from_double(cases[i].value, &value), -1);
                        assert_int_equal(errno, ERANGE);
                        continue;
                }
                assert_int_equal(decimal_from_double(cases[i].value, &value), 0);
                decimal_format(value, text);
                assert_string_equal(text, cases[i].text);
        }
        assert_int_equal(decimal_from_double(INFINITY, &value), -1);
        assert_int_equal(decimal_from_double(NAN, &value), -1);
        srand(2);
        for (int i = 0; i < 100000; i++) {
                double number = (double)rand() * (double)rand() / 7 / (1 + rand() % 1000000);

                assert_int_equal(decimal_from_double(number, &value), 0);
                assert_true(decimal_to_double(value) == number);
        }
}

static void sums_are_exact(void **state)
{
        static const struct {
                const char *a, *b, *sum;
        } cases[] = {
            {"0.1", "0.2", "0.3"},
            {"1.50", "2.5", "4.00"},
            {"-1.5", "1.50", "0.00"},
            {"123456789012345678901.23456789", "0.00000001", "123456789012345678901.23456790"},
            {"10000000000000000000000000000000000000", "0.10", "10000000000000000000000000000000000000.1"},
            {"10000000000000000000000000000000000000", "5.00", "10000000000000000000000000000000000005"},
            {"0", "0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001"},
            {"170141183460469231731687303715884105726", "1", "170141183460469231731687303715884105727"},
            {"170141183460469231731687303715884105727", "1", NULL},
            {"170141183460469231731687303715884105727", "0.1", NULL},
        };
        char text[DECIMAL_TEXT_SIZE];
        struct decimal sum;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                for (int swapped = 0; swapped < 2; swapped++) {
                        struct decimal a = parsed(swapped ? cases[i].b : cases[i].a);
                        struct decimal b = parsed(swapped ? cases[i].a : cases[i].b);

                        if (cases[i].sum == NULL) {
                                assert_int_equal(decimal_add(a, b, &sum), -1);
                                assert_int_equal(errno, ERANGE);
                                continue;
                        }
                        assert_int_equal(decimal_add(a, b, &sum), 0);
                        decimal_format(sum, text);
                        assert_string_equal(text, cases[i].sum);
                }
        }
}

static void values_compare_whatever_their_places(void **state)
{
        static const struct {
                const char *a, *b;
                int order;
        } cases[] = {{"1.50", "1.5", 0}, {"0", "0.000", 0}, {"1", "1.00000001", -1}, {"-1", "-1.00000001", 1},
            {"-1", "1", -1}, {"2", "10", -1}, {"0.1", "0.09", 1},
            {"170141183460469231731687303715884105727", "0.00000000000000000000000000000000000001", 1},
            {"-170141183460469231731687303715884105727", "0.00000000000000000000000000000000000001", -1},
            {"1.00000000000000000000000000000000000001", "1", 1}};

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                int order = decimal_compare(parsed(cases[i].a), parsed(cases[i].b));

                assert_int_equal((order > 0) - (order < 0), cases[i].order);
                order = decimal_compare(parsed(cases[i].b), parsed(cases[i].a));
                assert_int_equal((order > 0) - (order < 0), -cases[i].order);
        }
}

static void wide_words_are_twos_complement(void **state)
{
        struct wide minus_one = wide_from_int64(-1);

        (void)state;
        assert_true(minus_one.low == UINT64_MAX && minus_one.high == -1);
        __int128 large = (__int128)INT64_MAX * INT64_MAX;
        assert_true(wide_to_int128(wide_from_int128(large)) == large);
        assert_true(wide_to_int128(wide_from_int128(-large)) == -large);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(digits_come_back_as_they_were_written),
            cmocka_unit_test(refuses_what_is_no_plain_decimal),
            cmocka_unit_test(refuses_what_does_not_fit),
            cmocka_unit_test(doubles_are_what_strtod_gives),
            cmocka_unit_test(shortest_decimal_reads_back_as_the_same_double),
            cmocka_unit_test(sums_are_exact),
            cmocka_unit_test(values_compare_whatever_their_places),
            cmocka_unit_test(wide_words_are_twos_complement),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
