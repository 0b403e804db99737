// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/connection.c workers/stream/backoff.c workers/stream/renewal.c
#include "workers/stream/connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RETRY_MS 1000
#define RENEW_MS 3600000

static mono_time at_ms(int64_t ms)
{
        return (mono_time){1000000000 + ms * US_PER_MS};
}

static struct connection fresh(void)
{
        struct connection c;

        connection_init(&c, RETRY_MS, 3, at_ms(0));
        return c;
}

static void expect(struct connection *c, int64_t now_ms, enum connection_action action, unsigned leg)
{
        struct connection_step step = connection_step(c, at_ms(now_ms));

        assert_int_equal(step.action, action);
        if (action != CONNECTION_WAIT)
                assert_int_equal(step.leg, leg);
        else
                assert_true(step.again_at.us > at_ms(now_ms).us); // a deadline in the past would spin
}

static struct connection live_at(int64_t ms)
{
        struct connection c = fresh();

        connection_opening(&c, 0, at_ms(ms));
        connection_live(&c, 0, at_ms(ms), RENEW_MS);
        return c;
}

static struct connection overlapping_at(int64_t ms)
{
        struct connection c = live_at(0);

        connection_renew_now(&c);
        connection_opening(&c, 1, at_ms(ms));
        connection_live(&c, 1, at_ms(ms), RENEW_MS);
        return c;
}

static void connects_at_once_and_gives_up_an_attempt_after_20_s(void **state)
{
        struct connection c = fresh();

        (void)state;
        expect(&c, 0, CONNECTION_OPEN, 0);
        connection_opening(&c, 0, at_ms(0));
        expect(&c, 1, CONNECTION_WAIT, 0);
        expect(&c, CONNECT_WITHIN_MS - 1, CONNECTION_WAIT, 0);
        expect(&c, CONNECT_WITHIN_MS, CONNECTION_ABANDON, 0);
}

static void waits_where_the_budget_says_so(void **state)
{
        struct connection c = fresh();

        (void)state;
        connection_postpone(&c, 0, at_ms(0), 700);
        expect(&c, 699, CONNECTION_WAIT, 0);
        expect(&c, 700, CONNECTION_OPEN, 0);
}

static void delays_double_with_jitter_and_never_end(void **state)
{
        struct backoff backoff = {.first_ms = RETRY_MS};
        static const int64_t whole_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};

        (void)state;
        for (size_t i = 0; i < sizeof(whole_ms) / sizeof(whole_ms[0]); i++) {
                struct backoff least = backoff, most = backoff;

                assert_int_equal(backoff_fail(&least, 0), whole_ms[i] / 2);
                assert_int_equal(backoff_fail(&most, (uint64_t)whole_ms[i] / 2), whole_ms[i]);
                assert_true(backoff_fail(&backoff, i * 7919) <= whole_ms[i]);
        }
        backoff_reset(&backoff);
        assert_int_equal(backoff_fail(&backoff, 0), 500);
}

static void is_degraded_after_quick_failures_until_a_minute_of_health(void **state)
{
        struct connection c = fresh();
        int64_t delay_ms, now = 0;

        (void)state;
        for (int i = 0; i < 4; i++) {
                assert_false(connection_is_degraded(&c));
                connection_opening(&c, 0, at_ms(now));
                assert_int_equal(connection_lost(&c, 0, at_ms(now), 0, 0, &delay_ms), LOSS_ATTEMPT);
                expect(&c, now + delay_ms - 1, CONNECTION_WAIT, 0);
                now += delay_ms;
                expect(&c, now, CONNECTION_OPEN, 0);
        }
        assert_true(connection_is_degraded(&c));
        connection_opening(&c, 0, at_ms(now));
        connection_live(&c, 0, at_ms(now), RENEW_MS);
        struct connection_step step = connection_step(&c, at_ms(now));
        assert_int_equal(step.again_at.us, at_ms(now + HEALTHY_AFTER_MS).us);
        expect(&c, now + HEALTHY_AFTER_MS - 1, CONNECTION_WAIT, 0);
        assert_true(connection_is_degraded(&c));
        expect(&c, now + HEALTHY_AFTER_MS, CONNECTION_WAIT, 0);
        assert_false(connection_is_degraded(&c));
}

static void connection_that_dies_young_does_not_reset_the_delay(void **state)
{
        struct connection c = live_at(0);
        int64_t delay_ms;

        (void)state;
        assert_int_equal(connection_lost(&c, 0, at_ms(100), 0, 0, &delay_ms), LOSS_STREAMS);
        assert_int_equal(delay_ms, 500);
        connection_opening(&c, 0, at_ms(600));
        connection_live(&c, 0, at_ms(600), RENEW_MS);
        connection_lost(&c, 0, at_ms(700), 0, 0, &delay_ms);
        assert_int_equal(delay_ms, 1000);
        connection_opening(&c, 0, at_ms(2000));
        connection_live(&c, 0, at_ms(2000), RENEW_MS);
        connection_lost(&c, 0, at_ms(2000 + HEALTHY_AFTER_MS), 0, 0, &delay_ms);
        assert_int_equal(delay_ms, 500);
}

static void pause_that_the_exchange_asks_for_is_kept(void **state)
{
        struct connection c = fresh();
        int64_t delay_ms;

        (void)state;
        connection_opening(&c, 0, at_ms(0));
        connection_lost(&c, 0, at_ms(0), 4321, 60000, &delay_ms);
        assert_true(delay_ms >= 60000 && delay_ms < 65000);
        expect(&c, delay_ms - 1, CONNECTION_WAIT, 0);
        expect(&c, delay_ms, CONNECTION_OPEN, 0);
}

static void renewal_opens_beside_and_switches_when_proven(void **state)
{
        struct connection c = live_at(0);

        (void)state;
        expect(&c, RENEW_MS - 1, CONNECTION_WAIT, 0);
        expect(&c, RENEW_MS, CONNECTION_RENEW, 1);
        connection_opening(&c, 1, at_ms(RENEW_MS));
        expect(&c, RENEW_MS + 1, CONNECTION_WAIT, 0);
        connection_live(&c, 1, at_ms(RENEW_MS + 100), RENEW_MS);
        assert_true(connection_is_overlapping(&c));
        expect(&c, RENEW_MS + 101, CONNECTION_WAIT, 0);
        c.renewal.proven = true;
        expect(&c, RENEW_MS + 102, CONNECTION_SWITCH, 0);
        assert_int_equal(c.primary, 1);
        assert_false(connection_is_overlapping(&c));
        expect(&c, RENEW_MS + 103, CONNECTION_WAIT, 0);
        expect(&c, RENEW_MS + 100 + RENEW_MS, CONNECTION_RENEW, 0); // and back again
}

static void old_leg_ends_10_s_after_the_first_event_or_60_s_without(void **state)
{
        struct connection c = overlapping_at(0);

        (void)state;
        expect(&c, RENEWAL_SILENT_MS - 1, CONNECTION_WAIT, 0);
        expect(&c, RENEWAL_SILENT_MS, CONNECTION_SWITCH, 0);
        c = overlapping_at(0);
        renewal_event(&c.renewal, at_ms(2000));
        renewal_event(&c.renewal, at_ms(5000)); // only the first counts
        expect(&c, 2000 + RENEWAL_PROOF_MS - 1, CONNECTION_WAIT, 0);
        expect(&c, 2000 + RENEWAL_PROOF_MS, CONNECTION_SWITCH, 0);
}

static void failed_renewal_leaves_the_old_leg_alone(void **state)
{
        struct connection c = live_at(0);
        int64_t delay_ms;

        (void)state;
        connection_opening(&c, 1, at_ms(RENEW_MS));
        assert_int_equal(connection_lost(&c, 1, at_ms(RENEW_MS), 0, 0, &delay_ms), LOSS_RENEWAL);
        assert_true(connection_is_live(&c));
        assert_int_equal(c.primary, 0);
        expect(&c, RENEW_MS + delay_ms - 1, CONNECTION_WAIT, 0);
        expect(&c, RENEW_MS + delay_ms, CONNECTION_RENEW, 1);
        assert_false(connection_is_degraded(&c));
}

static void new_leg_takes_over_when_the_old_one_dies(void **state)
{
        struct connection c = overlapping_at(0);
        int64_t delay_ms;

        (void)state;
        assert_int_equal(connection_lost(&c, 0, at_ms(50), 0, 0, &delay_ms), LOSS_TAKEOVER);
        assert_true(connection_is_live(&c));
        assert_int_equal(c.primary, 1);
        expect(&c, 51, CONNECTION_WAIT, 0);
}

static void attempt_to_renew_becomes_the_attempt_to_reconnect(void **state)
{
        struct connection c = live_at(0);
        int64_t delay_ms;

        (void)state;
        connection_renew_now(&c);
        connection_opening(&c, 1, at_ms(10));
        assert_int_equal(connection_lost(&c, 0, at_ms(20), 0, 0, &delay_ms), LOSS_STREAMS);
        assert_int_equal(c.primary, 1);
        expect(&c, 21, CONNECTION_WAIT, 0);
        connection_live(&c, 1, at_ms(30), RENEW_MS);
        assert_true(connection_is_live(&c));
}

static void announced_shutdown_renews_at_once_and_once(void **state)
{
        struct connection c = live_at(0);

        (void)state;
        connection_renew_now(&c);
        expect(&c, 1, CONNECTION_RENEW, 1);
        connection_opening(&c, 1, at_ms(1));
        connection_live(&c, 1, at_ms(2), RENEW_MS);
        connection_renew_now(&c); // the old leg says it again
        c.renewal.proven = true;
        expect(&c, 3, CONNECTION_SWITCH, 0);
        expect(&c, 4, CONNECTION_WAIT, 0);
}

static void held_connection_opens_nothing(void **state)
{
        struct connection c = overlapping_at(0);

        (void)state;
        connection_hold(&c, true, at_ms(5));
        expect(&c, 100000, CONNECTION_WAIT, 0);
        connection_hold(&c, false, at_ms(200000));
        assert_int_equal(connection_step(&c, at_ms(200000)).action, CONNECTION_OPEN);
}

static void renewals_are_spread_around_23_hours(void **state)
{
        int64_t least = INT64_MAX, most = 0;

        (void)state;
        for (uint16_t slot = 0; slot < 60; slot++) {
                int64_t ms = renewal_plan_ms(slot, 0);

                least = ms < least ? ms : least;
                most = ms > most ? ms : most;
                for (uint16_t other = 0; other < slot; other++)
                        assert_int_not_equal(ms, renewal_plan_ms(other, 0));
        }
        assert_int_equal(least, 22 * 3600000 + 30 * 60000);
        assert_int_equal(most, 23 * 3600000 + 29 * 60000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(connects_at_once_and_gives_up_an_attempt_after_20_s),
            cmocka_unit_test(waits_where_the_budget_says_so),
            cmocka_unit_test(delays_double_with_jitter_and_never_end),
            cmocka_unit_test(is_degraded_after_quick_failures_until_a_minute_of_health),
            cmocka_unit_test(connection_that_dies_young_does_not_reset_the_delay),
            cmocka_unit_test(pause_that_the_exchange_asks_for_is_kept),
            cmocka_unit_test(renewal_opens_beside_and_switches_when_proven),
            cmocka_unit_test(old_leg_ends_10_s_after_the_first_event_or_60_s_without),
            cmocka_unit_test(failed_renewal_leaves_the_old_leg_alone),
            cmocka_unit_test(new_leg_takes_over_when_the_old_one_dies),
            cmocka_unit_test(attempt_to_renew_becomes_the_attempt_to_reconnect),
            cmocka_unit_test(announced_shutdown_renews_at_once_and_once),
            cmocka_unit_test(held_connection_opens_nothing),
            cmocka_unit_test(renewals_are_spread_around_23_hours),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
