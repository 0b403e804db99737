// SPDX-License-Identifier: Apache-2.0
// Since when the oldest batch of the spool waits.
// LINK: workers/writer/spoolage.c
#include "workers/writer/spoolage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static wall_time at_s(double s)
{
        return (wall_time){(int64_t)(s * 1e9)};
}

static void the_oldest_that_waits_counts(void **state)
{
        struct spoolage age = {0};

        (void)state;
        assert_int_equal(spoolage_oldest_wall_ns(&age), 0);
        for (int i = 0; i < 20; i++)
                spoolage_add(&age, 1 + i, at_s(100 + i));
        assert_int_equal(spoolage_oldest_wall_ns(&age), at_s(100).ns);
        spoolage_trim(&age, 0);
        assert_int_equal(spoolage_oldest_wall_ns(&age), at_s(100).ns);
        spoolage_trim(&age, 7);
        assert_int_equal(spoolage_oldest_wall_ns(&age), at_s(107).ns);
        spoolage_trim(&age, 19);
        assert_int_equal(spoolage_oldest_wall_ns(&age), at_s(119).ns);
        spoolage_trim(&age, 20);
        assert_int_equal(spoolage_oldest_wall_ns(&age), 0);
        spoolage_add(&age, 21, at_s(500));
        assert_int_equal(spoolage_oldest_wall_ns(&age), at_s(500).ns);
}

static void within_a_second_the_first_speaks_for_all(void **state)
{
        struct spoolage age = {0};

        (void)state;
        for (int i = 0; i < 100; i++)
                spoolage_add(&age, 1 + i, at_s(100 + i / 100.0));
        spoolage_trim(&age, 50);
        assert_int_equal(spoolage_oldest_wall_ns(&age), at_s(100).ns);
        spoolage_trim(&age, 100);
        assert_int_equal(spoolage_oldest_wall_ns(&age), 0);
}

// However much waits: at most an eighth too long, never too short.
static void hours_take_no_more_room(void **state)
{
        struct spoolage age = {0};
        const int seconds = 100000;

        (void)state;
        for (int i = 0; i < seconds; i++)
                spoolage_add(&age, 1 + i, at_s(i));
        assert_int_equal(spoolage_oldest_wall_ns(&age), at_s(0).ns);
        for (int trimmed = 1000; trimmed < seconds; trimmed += 1000) {
                spoolage_trim(&age, trimmed);
                int64_t oldest_s = spoolage_oldest_wall_ns(&age) / NS_PER_S;
                assert_true(oldest_s <= trimmed && trimmed - oldest_s <= seconds / 8);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_oldest_that_waits_counts),
            cmocka_unit_test(within_a_second_the_first_speaks_for_all),
            cmocka_unit_test(hours_take_no_more_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
