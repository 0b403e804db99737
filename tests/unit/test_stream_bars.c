// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/bars.c
#include "workers/stream/bars.h"

#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define T0 (INT64_C(1709251140000000)) // 2024-02-29T23:59:00Z
#define MIN(n) (T0 + (n)*US_PER_MIN)
#define LEG_0 1u
#define LEG_1 2u

static struct bars minute_bars(void)
{
        struct bars bars;

        bars_init(&bars, INTERVAL_1M);
        return bars;
}

static void closed_bars_count_once(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        assert_int_equal(bars_note(&bars, 0, MIN(0), false), BARS_FORMING);
        assert_int_equal(bars_note(&bars, 0, MIN(0), true), BARS_CLOSED);
        assert_int_equal(bars_note(&bars, 0, MIN(0), true), BARS_REPEAT);
        assert_int_equal(bars_note(&bars, 0, MIN(1), true), BARS_CLOSED);
        assert_int_equal(bars_note(&bars, 1, MIN(0), true), BARS_REPEAT);
        assert_int_equal(bars_note(&bars, 1, MIN(1), true), BARS_REPEAT);
        assert_int_equal(bars_missed(&bars, LEG_0), 0);
}

static void missed_close_is_noticed_with_the_next_bar(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        bars_note(&bars, 0, MIN(0), true);
        bars_note(&bars, 0, MIN(1), false);
        assert_int_equal(bars_missed(&bars, LEG_0), 0);
        bars_note(&bars, 0, MIN(2), false);
        assert_int_equal(bars_missed(&bars, LEG_0), 1);
        assert_int_equal(bars_missed(&bars, LEG_0), 0); // said once
        bars_note(&bars, 0, MIN(5), true);
        assert_int_equal(bars_missed(&bars, LEG_0), 3); // 2, 3 and 4
}

static void late_close_is_kept_all_the_same(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        bars_note(&bars, 0, MIN(0), true);
        bars_note(&bars, 0, MIN(2), true);
        assert_int_equal(bars_missed(&bars, LEG_0), 1);
        assert_int_equal(bars_note(&bars, 0, MIN(1), true), BARS_CLOSED);
        assert_int_equal(bars_note(&bars, 0, MIN(1), true), BARS_REPEAT);
}

static void hole_before_the_first_event_is_not_ours(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        bars_note(&bars, 0, MIN(0), true);
        bars_restart(&bars, 1);
        bars_note(&bars, 1, MIN(10), false);
        assert_int_equal(bars_missed(&bars, LEG_1), 0);
        bars_note(&bars, 1, MIN(11), false);
        assert_int_equal(bars_missed(&bars, LEG_1), 1);
}

static void repeats_are_known_after_a_reconnect(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        bars_note(&bars, 0, MIN(0), true);
        bars_note(&bars, 0, MIN(1), true);
        bars_restart(&bars, 0);
        assert_int_equal(bars_note(&bars, 0, MIN(1), true), BARS_REPEAT);
        assert_int_equal(bars_note(&bars, 0, MIN(2), true), BARS_CLOSED);
}

static void window_forgets_what_is_older_than_64_bars(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        bars_note(&bars, 0, MIN(0), true);
        bars_note(&bars, 0, MIN(63), true);
        assert_int_equal(bars_note(&bars, 0, MIN(0), true), BARS_REPEAT);
        assert_int_equal(bars_note(&bars, 0, MIN(1), true), BARS_CLOSED);
        bars_note(&bars, 0, MIN(65), true);
        assert_int_equal(bars_note(&bars, 0, MIN(1), true), BARS_REPEAT); // taken for one
        assert_int_equal(bars_note(&bars, 0, MIN(0), true), BARS_REPEAT);
        assert_int_equal(bars_note(&bars, 0, MIN(2), true), BARS_CLOSED);
        assert_int_equal(bars_note(&bars, 0, MIN(1000), true), BARS_CLOSED);
        assert_int_equal(bars_note(&bars, 0, MIN(999), true), BARS_CLOSED);
}

static void long_hole_is_counted_whole(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        bars_note(&bars, 0, MIN(0), true);
        bars_note(&bars, 0, MIN(1001), false);
        assert_int_equal(bars_missed(&bars, LEG_0), 1000);
}

static void overlap_waits_for_the_slower_leg(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        bars_note(&bars, 0, MIN(0), false);
        bars_overlap(&bars, 1);
        bars_note(&bars, 1, MIN(1), false); // the new leg is ahead; the old one may still bring the close of 0
        assert_int_equal(bars_missed(&bars, LEG_0 | LEG_1), 0);
        assert_int_equal(bars_note(&bars, 0, MIN(0), true), BARS_CLOSED);
        bars_note(&bars, 0, MIN(1), false);
        assert_int_equal(bars_missed(&bars, LEG_0 | LEG_1), 0);
        bars_note(&bars, 0, MIN(2), false);
        assert_int_equal(bars_missed(&bars, LEG_0 | LEG_1), 0);
        bars_note(&bars, 1, MIN(2), false);
        assert_int_equal(bars_missed(&bars, LEG_0 | LEG_1), 1);
}

static void hole_is_said_before_the_bar_behind_it(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        bars_note(&bars, 0, MIN(0), true); // then the old leg falls silent
        bars_note(&bars, 0, MIN(1), false);
        bars_overlap(&bars, 1);
        bars_note(&bars, 1, MIN(5), false);
        assert_int_equal(bars_missed(&bars, LEG_0 | LEG_1), 0);
        assert_false(bars_overlap_proven(&bars, 0, 1));
        assert_int_equal(bars_note(&bars, 1, MIN(5), true), BARS_CLOSED);
        assert_int_equal(bars_missed(&bars, LEG_0 | LEG_1), 4);
        assert_false(bars_overlap_proven(&bars, 0, 1)); // four bars were lost
        assert_int_equal(bars_note(&bars, 1, MIN(6), true), BARS_CLOSED);
        assert_int_equal(bars_missed(&bars, LEG_1), 0);
}

static void long_wait_for_the_new_leg_is_no_hole(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        bars_note(&bars, 0, MIN(0), true);
        bars_overlap(&bars, 1);
        for (int64_t n = 1; n < 200; n++) {
                bars_note(&bars, 0, MIN(n), true);
                assert_int_equal(bars_missed(&bars, LEG_0 | LEG_1), 0);
        }
        bars_note(&bars, 1, MIN(200), false);
        bars_note(&bars, 0, MIN(200), true);
        assert_int_equal(bars_missed(&bars, LEG_0 | LEG_1), 0);
        bars_note(&bars, 0, MIN(202), true);
        bars_note(&bars, 1, MIN(202), true);
        assert_int_equal(bars_missed(&bars, LEG_0 | LEG_1), 1);
}

static void overlap_is_proven_by_the_same_bar_on_both(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        bars_note(&bars, 0, MIN(0), false);
        bars_overlap(&bars, 1);
        assert_false(bars_overlap_proven(&bars, 0, 1)); // nothing came on the new leg
        bars_note(&bars, 1, MIN(0), false);
        assert_true(bars_overlap_proven(&bars, 0, 1));
        // A bar that the old leg missed is said as such; the overlap is proven all the same.
        bars = minute_bars();
        bars_note(&bars, 0, MIN(0), false);
        bars_note(&bars, 0, MIN(1), false);
        bars_overlap(&bars, 1);
        bars_note(&bars, 1, MIN(1), false);
        assert_true(bars_overlap_proven(&bars, 0, 1));
}

static void overlap_is_proven_by_the_close_before_the_new_leg(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        bars_note(&bars, 0, MIN(0), false);
        bars_overlap(&bars, 1);
        bars_note(&bars, 1, MIN(1), false);
        assert_false(bars_overlap_proven(&bars, 0, 1)); // the close of bar 0 may be on its way on the old leg
        bars_note(&bars, 0, MIN(0), true);
        assert_true(bars_overlap_proven(&bars, 0, 1));
}

static void overlap_of_a_stream_never_seen_is_not_proven(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        bars_overlap(&bars, 1);
        bars_note(&bars, 1, MIN(1), true);
        assert_false(bars_overlap_proven(&bars, 0, 1));
        bars_note(&bars, 0, MIN(1), false);
        assert_true(bars_overlap_proven(&bars, 0, 1));
}

static void calendar_months_and_off_grid_opens_are_understood(void **state)
{
        struct bars bars;

        (void)state;
        bars_init(&bars, INTERVAL_1MO);
        bars_note(&bars, 0, INT64_C(1706745600000000), true);  // 2024-02-01
        bars_note(&bars, 0, INT64_C(1709251200000000), false); // 2024-03-01
        assert_int_equal(bars_missed(&bars, LEG_0), 0);
        bars_note(&bars, 0, INT64_C(1711929600000000), false); // 2024-04-01
        assert_int_equal(bars_missed(&bars, LEG_0), 1);
        bars = minute_bars();
        assert_int_equal(bars_note(&bars, 0, MIN(0) + 14789000, true), BARS_CLOSED);
        assert_int_equal(bars_note(&bars, 0, MIN(0) + 14789000, true), BARS_REPEAT);
        assert_int_equal(bars_note(&bars, 0, MIN(0), true), BARS_REPEAT); // the same slot
}

static void next_close_follows_what_was_seen(void **state)
{
        struct bars bars = minute_bars();

        (void)state;
        assert_int_equal(bars_next_close_us(&bars), 0);
        bars_note(&bars, 0, MIN(0), false);
        assert_int_equal(bars_next_close_us(&bars), MIN(1));
        bars_note(&bars, 0, MIN(0), true);
        assert_int_equal(bars_next_close_us(&bars), MIN(2));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(closed_bars_count_once),
            cmocka_unit_test(missed_close_is_noticed_with_the_next_bar),
            cmocka_unit_test(late_close_is_kept_all_the_same),
            cmocka_unit_test(hole_before_the_first_event_is_not_ours),
            cmocka_unit_test(repeats_are_known_after_a_reconnect),
            cmocka_unit_test(window_forgets_what_is_older_than_64_bars),
            cmocka_unit_test(long_hole_is_counted_whole),
            cmocka_unit_test(overlap_waits_for_the_slower_leg),
            cmocka_unit_test(hole_is_said_before_the_bar_behind_it),
            cmocka_unit_test(long_wait_for_the_new_leg_is_no_hole),
            cmocka_unit_test(overlap_is_proven_by_the_same_bar_on_both),
            cmocka_unit_test(overlap_is_proven_by_the_close_before_the_new_leg),
            cmocka_unit_test(overlap_of_a_stream_never_seen_is_not_proven),
            cmocka_unit_test(calendar_months_and_off_grid_opens_are_understood),
            cmocka_unit_test(next_close_follows_what_was_seen),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
