// SPDX-License-Identifier: Apache-2.0
// How fast a figure changes, over a window that is bounded.
#include "common/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct pace pace;

static boot_time at(int64_t second)
{
        return (boot_time){second * US_PER_S};
}

static int set_up(void **state)
{
        (void)state;
        memset((void *)&pace, 0, sizeof(pace));
        return 0;
}

static void nothing_is_known_of_nothing_and_of_a_moment(void **state)
{
        double per_s;

        (void)state;
        assert_false(pace_per_s(&pace, at(100), 5, 0, 60, &per_s));
        pace_note(&pace, at(100), 10, 5);
        assert_false(pace_per_s(&pace, at(129), 5, 30, 60, &per_s));
        assert_true(pace_per_s(&pace, at(130), 5, 30, 60, &per_s));
        assert_true(per_s == 0);
}

static void the_present_value_counts_against_the_oldest_of_the_window(void **state)
{
        double per_s;

        (void)state;
        pace_note(&pace, at(0), 10, 1000);
        pace_note(&pace, at(9), 10, 5000); // too early to be kept
        pace_note(&pace, at(10), 10, 2000);
        assert_true(pace_per_s(&pace, at(20), 4000, 1, 60, &per_s));
        assert_true(per_s == 150);
        assert_true(pace_per_s(&pace, at(20), 4000, 1, 10, &per_s));
        assert_true(per_s == 200);
        assert_true(pace_per_s(&pace, at(20), 1000, 1, 10, &per_s)); // it shrinks
        assert_true(per_s == -100);
        assert_false(pace_per_s(&pace, at(200), 4000, 1, 60, &per_s)); // nothing was noted since
}

static void old_samples_make_room(void **state)
{
        double per_s;

        (void)state;
        for (int64_t i = 0; i < 1000; i++)
                pace_note(&pace, at(i), 1, i < 900 ? 0 : (i - 900) * 7);
        assert_true(pace_per_s(&pace, at(999), 99 * 7, 1, 1000000, &per_s));
        assert_true(per_s == 7); // over the last 63 of them
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(nothing_is_known_of_nothing_and_of_a_moment, set_up),
            cmocka_unit_test_setup(the_present_value_counts_against_the_oldest_of_the_window, set_up),
            cmocka_unit_test_setup(old_samples_make_room, set_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
