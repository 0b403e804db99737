// SPDX-License-Identifier: Apache-2.0
// The simulated exchange's limits: wall-clock minutes, 429, 418 that grows, connections per five minutes.
// LINK: tests/exchange/ratelimit.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/exchange/ratelimit.h"

#define MINUTE INT64_C(60000)
#define START (INT64_C(29000000) * MINUTE + 15000) // a quarter into a minute

static struct rate rate;

static int fresh(void **state)
{
        (void)state;
        rate_init(&rate, 100, 300, 120000);
        return 0;
}

static void weight_counts_per_wall_minute(void **state)
{
        (void)state;
        int64_t retry;
        for (int i = 0; i < 50; i++) {
                assert_int_equal(rate_take(&rate, 2, START, &retry), RATE_OK);
        }
        assert_int_equal(rate_used(&rate, START), 100);
        assert_int_equal(rate_take(&rate, 2, START, &retry), RATE_LIMITED);
        assert_int_equal(retry, 45);          // to the end of the minute
        assert_int_equal(rate.violations, 0); // the first one could not know
        assert_int_equal(rate_take(&rate, 2, START + 45000, &retry), RATE_OK);
        assert_int_equal(rate_used(&rate, START + 45000), 2);
        assert_int_equal(rate.weight_used_max, 102);
        assert_int_equal(rate.minute_count, 2);
}

static void insisting_after_429_is_banned_and_the_ban_grows(void **state)
{
        (void)state;
        int64_t retry, until;
        rate_take(&rate, 101, START, &retry);
        for (int i = 0; i < 9; i++) {
                assert_int_equal(rate_take(&rate, 1, START, &retry), RATE_LIMITED);
        }
        assert_int_equal(rate_take(&rate, 1, START, &retry), RATE_BANNED);
        assert_int_equal(retry, 120);
        assert_int_equal(rate.violations, 10);
        until = rate.banned_until_ms;
        assert_int_equal(rate_take(&rate, 1, START + 1000, &retry), RATE_BANNED);
        assert_true(rate.banned_until_ms > until);
        assert_int_equal(rate.violations, 11);
        assert_int_equal(rate_take(&rate, 1, rate.banned_until_ms, &retry), RATE_OK);
        rate_ban(&rate, START, rate.ban_next_ms);
        assert_int_equal(rate.banned_until_ms, START + 240000); // the second ban is twice as long
}

static void a_ban_never_exceeds_three_days(void **state)
{
        (void)state;
        int64_t retry;
        rate_ban(&rate, START, RATE_BAN_MS_MAX);
        for (int i = 0; i < 10; i++) {
                assert_int_equal(rate_take(&rate, 1, START, &retry), RATE_BANNED);
        }
        assert_int_equal(retry, RATE_BAN_MS_MAX / 1000);
}

static void without_limits_nothing_is_refused(void **state)
{
        (void)state;
        int64_t retry;
        rate_init(&rate, 0, 0, 120000);
        for (int i = 0; i < 1000; i++) {
                assert_int_equal(rate_take(&rate, 1000, START, &retry), RATE_OK);
                assert_true(rate_take_connection(&rate, START));
        }
}

static void requests_into_an_injected_silence_are_violations(void **state)
{
        (void)state;
        int64_t retry;
        rate_ask_silence(&rate, START, 5000);
        assert_int_equal(rate_take(&rate, 1, START + 4999, &retry), RATE_OK);
        assert_int_equal(rate_take(&rate, 1, START + 5000, &retry), RATE_OK);
        assert_int_equal(rate.violations, 1);
}

static void connections_count_in_a_rolling_window(void **state)
{
        (void)state;
        for (int i = 0; i < 300; i++) {
                assert_true(rate_take_connection(&rate, START + i));
        }
        assert_false(rate_take_connection(&rate, START + 299999));
        assert_true(rate_take_connection(&rate, START + 300150)); // half of them are old now
        assert_int_equal(rate.connections, 302);
        assert_int_equal(rate.connections_refused, 1);
        assert_int_equal(rate.connections_in_window_max, 301);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(weight_counts_per_wall_minute, fresh),
            cmocka_unit_test_setup(insisting_after_429_is_banned_and_the_ban_grows, fresh),
            cmocka_unit_test_setup(a_ban_never_exceeds_three_days, fresh),
            cmocka_unit_test_setup(without_limits_nothing_is_refused, fresh),
            cmocka_unit_test_setup(requests_into_an_injected_silence_are_violations, fresh),
            cmocka_unit_test_setup(connections_count_in_a_rolling_window, fresh),
        };
        return cmocka_run_group_tests_name("exchange limits", tests, NULL, NULL);
}
