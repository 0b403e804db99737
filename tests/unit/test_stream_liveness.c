// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/liveness.c
#include "workers/stream/liveness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define X0 INT64_C(1709251140000000)

static mono_time at_ms(int64_t ms)
{
        return (mono_time){5000000 + ms * US_PER_MS};
}

static void live_connection_is_pinged_every_30_s_for_ever(void **state)
{
        struct liveness l;
        int64_t now = 0;

        (void)state;
        liveness_start(&l, at_ms(0));
        for (int i = 0; i < 5; i++) {
                assert_int_equal(liveness_check(&l, at_ms(now + PING_EVERY_MS - 1)), LIVENESS_OK);
                now += PING_EVERY_MS;
                assert_int_equal(liveness_check(&l, at_ms(now)), LIVENESS_PING);
                liveness_pinged(&l, at_ms(now));
                assert_int_equal(liveness_check(&l, at_ms(now + PONG_WITHIN_MS - 1)), LIVENESS_OK);
                now += 100;
                liveness_pong(&l, at_ms(now));
        }
}

static void dead_link_is_found_within_a_minute(void **state)
{
        struct liveness l;

        (void)state;
        liveness_start(&l, at_ms(0));
        liveness_pinged(&l, at_ms(PING_EVERY_MS));
        assert_int_equal(liveness_check(&l, at_ms(PING_EVERY_MS + PONG_WITHIN_MS)), LIVENESS_DEAD);
        assert_true(PING_EVERY_MS + PONG_WITHIN_MS <= 60000);
}

static struct silence silent_since(int64_t ms, int64_t exchange_us)
{
        struct silence s = {0};

        silence_start(&s, at_ms(ms), exchange_us);
        return s;
}

static void silence_needs_both_clocks(void **state)
{
        struct silence s = silent_since(0, X0);
        int64_t overdue_us = X0 + SILENCE_BARS * US_PER_MIN + SILENCE_GRACE_US;

        (void)state;
        assert_false(silence_is_due(&s, at_ms(SILENCE_MS - 1), overdue_us, US_PER_MIN)); // a fast test clock
        assert_false(silence_is_due(&s, at_ms(SILENCE_MS), overdue_us - 1, US_PER_MIN));
        assert_false(silence_is_due(&s, at_ms(SILENCE_MS), -1, US_PER_MIN));
        assert_true(silence_is_due(&s, at_ms(SILENCE_MS), overdue_us, US_PER_MIN));
}

static void silence_of_long_bars_counts_after_an_hour(void **state)
{
        struct silence s = silent_since(0, X0);

        (void)state;
        assert_false(silence_is_due(&s, at_ms(SILENCE_MS), X0 + US_PER_HOUR, US_PER_DAY));
        assert_true(silence_is_due(&s, at_ms(SILENCE_MS), X0 + US_PER_HOUR + SILENCE_GRACE_US, US_PER_DAY));
}

static void halted_symbols_do_not_make_questions_pile_up(void **state)
{
        struct silence s = silent_since(0, X0);
        int64_t pauses_ms[] = {5 * 60000, 10 * 60000, 20 * 60000}, now = SILENCE_MS;

        (void)state;
        assert_true(silence_is_due(&s, at_ms(now), X0 + US_PER_DAY, US_PER_MIN));
        silence_asked(&s, at_ms(now));
        for (size_t i = 0; i < 3; i++) {
                assert_false(silence_is_due(&s, at_ms(now + pauses_ms[i] - 1), X0 + US_PER_DAY, US_PER_MIN));
                now += pauses_ms[i];
                assert_true(silence_is_due(&s, at_ms(now), X0 + US_PER_DAY, US_PER_MIN));
                silence_asked(&s, at_ms(now));
        }
        for (int i = 0; i < 20; i++) {
                now += SILENCE_ASK_MS_MAX;
                assert_true(silence_is_due(&s, at_ms(now), X0 + US_PER_DAY, US_PER_MIN));
                silence_asked(&s, at_ms(now));
        }
        silence_heard(&s, at_ms(now), X0 + US_PER_DAY);
        now += SILENCE_MS;
        assert_true(silence_is_due(&s, at_ms(now), X0 + 2 * US_PER_DAY, US_PER_MIN));
}

static void a_question_without_an_answer_is_asked_again_in_a_minute(void **state)
{
        struct silence s = silent_since(0, X0);

        (void)state;
        silence_asked(&s, at_ms(SILENCE_MS));
        silence_unanswered(&s);
        assert_false(silence_is_due(&s, at_ms(SILENCE_MS + SILENCE_ASK_AGAIN_MS - 1), X0 + US_PER_DAY, US_PER_MIN));
        assert_true(silence_is_due(&s, at_ms(SILENCE_MS + SILENCE_ASK_AGAIN_MS), X0 + US_PER_DAY, US_PER_MIN));
        // Over before the answer failed: the next silence begins from the start.
        silence_heard(&s, at_ms(SILENCE_MS), X0 + US_PER_DAY);
        silence_unanswered(&s);
        assert_true(silence_is_due(&s, at_ms(2 * SILENCE_MS), X0 + 2 * US_PER_DAY, US_PER_MIN));
}

static void silence_from_the_start_counts_from_the_first_exchange_time_that_is_known(void **state)
{
        struct silence s = silent_since(0, -1);
        int64_t overdue_us = SILENCE_BARS * US_PER_MIN + SILENCE_GRACE_US;

        (void)state;
        assert_false(silence_is_due(&s, at_ms(10000), -1, US_PER_MIN));
        assert_false(silence_is_due(&s, at_ms(20000), X0, US_PER_MIN));
        assert_false(silence_is_due(&s, at_ms(SILENCE_MS), X0 + overdue_us - 1, US_PER_MIN));
        assert_true(silence_is_due(&s, at_ms(SILENCE_MS), X0 + overdue_us, US_PER_MIN));
}

static void bar_is_late_a_minute_after_its_close(void **state)
{
        (void)state;
        assert_false(liveness_bar_is_late(0, X0));
        assert_false(liveness_bar_is_late(X0, X0 + SILENCE_GRACE_US));
        assert_true(liveness_bar_is_late(X0, X0 + SILENCE_GRACE_US + 1));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(live_connection_is_pinged_every_30_s_for_ever),
            cmocka_unit_test(dead_link_is_found_within_a_minute),
            cmocka_unit_test(silence_needs_both_clocks),
            cmocka_unit_test(silence_of_long_bars_counts_after_an_hour),
            cmocka_unit_test(halted_symbols_do_not_make_questions_pile_up),
            cmocka_unit_test(a_question_without_an_answer_is_asked_again_in_a_minute),
            cmocka_unit_test(silence_from_the_start_counts_from_the_first_exchange_time_that_is_known),
            cmocka_unit_test(bar_is_late_a_minute_after_its_close),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
