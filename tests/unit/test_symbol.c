// SPDX-License-Identifier: Apache-2.0
#include "common/symbol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void the_usual_spellings_become_one_name(void **state)
{
        static const char *const spellings[] = {"BTCUSDT", "btcusdt", "BTC/USDT", "BTC-USDT", "btc_usdt", "Btc/Usdt"};
        char name[SYMBOL_SIZE];
        const char *why;

        (void)state;
        for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
                assert_int_equal(symbol_normalize(spellings[i], name, &why), 0);
                assert_string_equal(name, "BTCUSDT");
        }
        assert_int_equal(symbol_normalize("1000SATSUSDT", name, &why), 0);
        assert_string_equal(name, "1000SATSUSDT");
        assert_int_equal(symbol_normalize("ABCDEFGHIJ/KLMNOPQRST", name, &why), 0);
        assert_int_equal(strlen(name), SYMBOL_LENGTH_MAX);
}

static void anything_else_is_refused_with_a_reason(void **state)
{
        static const char *const bad[] = {"", "../x", "/", "BTC/", "/USDT", "BTC//USDT", "BTC/USDT/", "B-T-C",
            "BTC USDT", "BTC.USDT", "BTC%2FUSDT", "B\xc3\x84R", "BTCUSDT\n", "ABCDEFGHIJKLMNOPQRSTU", "btcusdt@trade"};
        char name[SYMBOL_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                const char *why = NULL;

                assert_int_equal(symbol_normalize(bad[i], name, &why), -1);
                assert_non_null(why);
        }
}

static void only_upper_case_and_digits_are_valid(void **state)
{
        (void)state;
        assert_true(symbol_is_valid("BTCUSDT"));
        assert_true(symbol_is_valid("ABCDEFGHIJKLMNOPQRST"));
        assert_false(symbol_is_valid("ABCDEFGHIJKLMNOPQRSTU"));
        assert_false(symbol_is_valid(""));
        assert_false(symbol_is_valid("btcusdt"));
        assert_false(symbol_is_valid("BTC/USDT"));
        assert_false(symbol_is_valid(".."));
}

static void stream_names_are_lower_case(void **state)
{
        char lower[SYMBOL_SIZE];

        (void)state;
        symbol_to_lower("1000SATSUSDT", lower);
        assert_string_equal(lower, "1000satsusdt");
}

static void a_list_holds_each_name_once_and_is_bounded(void **state)
{
        struct symbol_list *list = calloc(1, sizeof(*list));
        char name[SYMBOL_SIZE];

        (void)state;
        assert_int_equal(symbol_list_add(list, "BTCUSDT"), 0);
        assert_int_equal(symbol_list_add(list, "BTCUSDT"), 0);
        assert_int_equal(list->count, 1);
        assert_true(symbol_list_contains(list, "BTCUSDT"));
        assert_false(symbol_list_contains(list, "BTCUSD"));
        for (int i = 1; i < SYMBOLS_MAX; i++) {
                snprintf(name, sizeof(name), "S%dUSDT", i);
                assert_int_equal(symbol_list_add(list, name), 0);
        }
        assert_int_equal(symbol_list_add(list, "ONEMORE"), -1);
        assert_int_equal(errno, ENOSPC);
        assert_int_equal(symbol_list_add(list, "BTCUSDT"), 0);
        free(list);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_usual_spellings_become_one_name),
            cmocka_unit_test(anything_else_is_refused_with_a_reason),
            cmocka_unit_test(only_upper_case_and_digits_are_valid),
            cmocka_unit_test(stream_names_are_lower_case),
            cmocka_unit_test(a_list_holds_each_name_once_and_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
