// SPDX-License-Identifier: Apache-2.0
// Why a range counts as missing, and which part of it is asked for next.
// LINK: workers/writer/planner.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "workers/writer/planner.h"

#define T0 (INT64_C(1704067200) * US_PER_S) // 2024-01-01, a Monday
#define MIN(n) (T0 + (n)*US_PER_MIN)

static void the_horizon_is_the_first_bar_that_is_not_to_be_asked_for(void **state)
{
        static const struct {
                enum interval interval;
                bool live;
                int64_t now_us, horizon_us, next_us;
        } cases[] = {
            {INTERVAL_1M, false, MIN(10), MIN(10), MIN(11)}, // the bar of 9 closed just now
            {INTERVAL_1M, false, MIN(10) - 1, MIN(9), MIN(10)}, {INTERVAL_1M, true, MIN(10), MIN(9), MIN(11)},
            {INTERVAL_1M, true, MIN(11) - 1, MIN(9), MIN(11)}, {INTERVAL_1M, true, MIN(11), MIN(10), MIN(12)},
            {INTERVAL_1H, true, MIN(60), T0, MIN(61)}, {INTERVAL_1H, true, MIN(61), MIN(60), MIN(121)},
            {INTERVAL_1W, false, T0 + 6 * US_PER_DAY, T0, T0 + 7 * US_PER_DAY},
            {INTERVAL_1MO, false, T0 + 40 * US_PER_DAY, T0 + 31 * US_PER_DAY, T0 + 60 * US_PER_DAY}, // 29 February
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(
                    planner_horizon_us(cases[i].interval, cases[i].now_us, cases[i].live), cases[i].horizon_us);
                assert_int_equal(
                    planner_horizon_next_us(cases[i].interval, cases[i].now_us, cases[i].live), cases[i].next_us);
        }
}

static void wanted_is_backfill_from_the_first_bar_and_everything_from_the_first_streamed_one(void **state)
{
        static const struct {
                struct planner_want want;
                size_t count;
                struct range expected[2];
        } cases[] = {
            // first bar not known: nothing yet
            {{.interval = INTERVAL_1M,
                 .backfill = true,
                 .backfill_start_us = T0,
                 .backfill_end_us = INT64_MAX,
                 .first_bar_us = -2,
                 .live_from_us = -1},
                0, {{0, 0, 0}}},
            // no bar at all
            {{.interval = INTERVAL_1M,
                 .backfill = true,
                 .backfill_start_us = T0,
                 .backfill_end_us = INT64_MAX,
                 .first_bar_us = -1,
                 .live_from_us = -1},
                0, {{0, 0, 0}}},
            {{.interval = INTERVAL_1M,
                 .backfill = true,
                 .backfill_start_us = INT64_MIN,
                 .backfill_end_us = INT64_MAX,
                 .first_bar_us = MIN(3),
                 .live_from_us = -1},
                1, {{MIN(3), INT64_MAX, 0}}},
            // listed later than asked for; asked for later than listed, between two bars
            {{.interval = INTERVAL_1M,
                 .backfill = true,
                 .backfill_start_us = T0,
                 .backfill_end_us = MIN(9) + 1,
                 .first_bar_us = MIN(3),
                 .live_from_us = -1},
                1, {{MIN(3), MIN(10), 0}}},
            {{.interval = INTERVAL_1M,
                 .backfill = true,
                 .backfill_start_us = MIN(5) + 1,
                 .backfill_end_us = MIN(9),
                 .first_bar_us = MIN(3),
                 .live_from_us = -1},
                1, {{MIN(6), MIN(9), 0}}},
            // an off-grid first bar lies in the slot that contains it
            {{.interval = INTERVAL_1M,
                 .backfill = true,
                 .backfill_start_us = INT64_MIN,
                 .backfill_end_us = MIN(9),
                 .first_bar_us = MIN(3) + 14789000,
                 .live_from_us = -1},
                1, {{MIN(3), MIN(9), 0}}},
            // an end together with a stream: the stretch between is not wanted
            {{.interval = INTERVAL_1M,
                 .backfill = true,
                 .backfill_start_us = T0,
                 .backfill_end_us = MIN(9),
                 .first_bar_us = T0,
                 .live = true,
                 .live_from_us = MIN(20)},
                2, {{T0, MIN(9), 0}, {MIN(20), INT64_MAX, 0}}},
            // streamed before, not now
            {{.interval = INTERVAL_1M, .first_bar_us = T0, .live = false, .live_from_us = MIN(20)}, 0, {{0, 0, 0}}},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct ranges wanted = {0};

                assert_int_equal(planner_add_wanted(&cases[i].want, &wanted), 0);
                assert_int_equal(wanted.count, cases[i].count);
                for (size_t j = 0; j < wanted.count; j++) {
                        assert_int_equal(wanted.items[j].start_us, cases[i].expected[j].start_us);
                        assert_int_equal(wanted.items[j].end_us, cases[i].expected[j].end_us);
                }
                ranges_free(&wanted);
        }
}

static void a_job_is_the_first_missing_stretch_that_is_not_busy(void **state)
{
        struct ranges missing = {0}, busy = {0}, cuts = {0};
        struct range job;

        (void)state;
        assert_false(planner_pick(&missing, &busy, &cuts, INTERVAL_1M, INT64_MIN, INT64_MAX, 100, &job));
        assert_int_equal(ranges_set(&missing, MIN(10), MIN(500), 0), 0);
        assert_int_equal(ranges_set(&missing, MIN(600), MIN(700), 0), 0);
        assert_true(planner_pick(&missing, &busy, &cuts, INTERVAL_1M, INT64_MIN, INT64_MAX, 100, &job));
        assert_int_equal(job.start_us, MIN(10));
        assert_int_equal(job.end_us, MIN(110));
        // two workers have the first two hundred bars
        assert_int_equal(ranges_set(&busy, MIN(10), MIN(110), 0), 0);
        assert_int_equal(ranges_set(&busy, MIN(110), MIN(210), 1), 0);
        assert_true(planner_pick(&missing, &busy, &cuts, INTERVAL_1M, INT64_MIN, INT64_MAX, 1000, &job));
        assert_int_equal(job.start_us, MIN(210));
        assert_int_equal(job.end_us, MIN(500));
        // a busy stretch ahead ends it
        assert_int_equal(ranges_set(&busy, MIN(300), MIN(400), 0), 0);
        assert_true(planner_pick(&missing, &busy, &cuts, INTERVAL_1M, INT64_MIN, INT64_MAX, 1000, &job));
        assert_int_equal(job.end_us, MIN(300));
        // from the first streamed bar on
        assert_true(planner_pick(&missing, &busy, &cuts, INTERVAL_1M, MIN(450), INT64_MAX, 1000, &job));
        assert_int_equal(job.start_us, MIN(450));
        assert_int_equal(job.end_us, MIN(500));
        // what failed before is tried as it was
        assert_int_equal(ranges_set(&cuts, MIN(230), MIN(240), 0), 0);
        assert_true(planner_pick(&missing, &busy, &cuts, INTERVAL_1M, INT64_MIN, INT64_MAX, 1000, &job));
        assert_int_equal(job.end_us, MIN(230));
        assert_int_equal(ranges_set(&busy, MIN(210), MIN(230), 0), 0);
        assert_true(planner_pick(&missing, &busy, &cuts, INTERVAL_1M, INT64_MIN, INT64_MAX, 1000, &job));
        assert_int_equal(job.start_us, MIN(230));
        assert_int_equal(job.end_us, MIN(240));
        assert_int_equal(ranges_set(&busy, T0, INT64_MAX, 0), 0);
        assert_false(planner_pick(&missing, &busy, &cuts, INTERVAL_1M, INT64_MIN, INT64_MAX, 1000, &job));
        ranges_free(&missing);
        ranges_free(&busy);
        ranges_free(&cuts);
}

static void a_job_of_months_counts_months(void **state)
{
        struct ranges missing = {0}, none = {0};
        struct range job;

        (void)state;
        assert_int_equal(ranges_set(&missing, T0, T0 + 366 * US_PER_DAY, 0), 0);
        assert_true(planner_pick(&missing, &none, &none, INTERVAL_1MO, INT64_MIN, INT64_MAX, 3, &job));
        assert_int_equal(job.end_us, T0 + (31 + 29 + 31) * US_PER_DAY);
        ranges_free(&missing);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_horizon_is_the_first_bar_that_is_not_to_be_asked_for),
            cmocka_unit_test(wanted_is_backfill_from_the_first_bar_and_everything_from_the_first_streamed_one),
            cmocka_unit_test(a_job_is_the_first_missing_stretch_that_is_not_busy),
            cmocka_unit_test(a_job_of_months_counts_months),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
