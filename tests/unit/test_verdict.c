// SPDX-License-Identifier: Apache-2.0
// What a hole in an answer means.
// LINK: workers/writer/verdict.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "workers/writer/verdict.h"

#define T0 (INT64_C(1704067200) * US_PER_S)
#define MIN(n) (T0 + (n)*US_PER_MIN)

static void a_hole_is_split_by_listing_and_age(void **state)
{
        static const struct {
                enum interval interval;
                int64_t start_us, end_us, first_us, asked_us;
                size_t count;
                struct verdict expected[VERDICT_KINDS];
        } cases[] = {
            // long ago
            {INTERVAL_1M, T0, MIN(5), -2, MIN(1000), 1, {{VERDICT_ABSENT, T0, MIN(5)}}},
            // the bar of 4 closed at 5, ten minutes ago to the microsecond
            {INTERVAL_1M, T0, MIN(5), -2, MIN(15), 1, {{VERDICT_ABSENT, T0, MIN(5)}}},
            {INTERVAL_1M, T0, MIN(5), -2, MIN(15) - 1, 2,
                {{VERDICT_ABSENT, T0, MIN(4)}, {VERDICT_YOUNG, MIN(4), MIN(5)}}},
            // an hour that closed five minutes ago is young, however long ago it opened
            {INTERVAL_1H, T0, MIN(60), T0, MIN(65), 1, {{VERDICT_YOUNG, T0, MIN(60)}}},
            {INTERVAL_1H, T0, MIN(60), T0, MIN(70), 1, {{VERDICT_ABSENT, T0, MIN(60)}}},
            // before, old, young
            {INTERVAL_1M, T0, MIN(30), MIN(10), MIN(35), 3,
                {{VERDICT_BEFORE_LISTING, T0, MIN(10)}, {VERDICT_ABSENT, MIN(10), MIN(25)},
                    {VERDICT_YOUNG, MIN(25), MIN(30)}}},
            // listed a minute ago: what lies before it needs no age
            {INTERVAL_1M, T0, MIN(30), MIN(29), MIN(30), 2,
                {{VERDICT_BEFORE_LISTING, T0, MIN(29)}, {VERDICT_YOUNG, MIN(29), MIN(30)}}},
            // no bar at all: nothing can be said of a listing
            {INTERVAL_1M, T0, MIN(5), -1, MIN(1000), 1, {{VERDICT_ABSENT, T0, MIN(5)}}},
            {INTERVAL_1M, MIN(5), MIN(5), -1, MIN(1000), 0, {{VERDICT_ABSENT, 0, 0}}},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct verdict verdicts[VERDICT_KINDS];
                size_t count = verdict_split(cases[i].interval, cases[i].start_us, cases[i].end_us, cases[i].first_us,
                    cases[i].asked_us, verdicts);

                assert_int_equal(count, cases[i].count);
                for (size_t j = 0; j < count; j++) {
                        assert_int_equal(verdicts[j].kind, cases[i].expected[j].kind);
                        assert_int_equal(verdicts[j].start_us, cases[i].expected[j].start_us);
                        assert_int_equal(verdicts[j].end_us, cases[i].expected[j].end_us);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_hole_is_split_by_listing_and_age),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
