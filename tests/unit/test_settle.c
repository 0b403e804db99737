// SPDX-License-Identifier: Apache-2.0
// Which provisional bars are confirmed next, and when.
// LINK: workers/writer/settle.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/ledger.h"
#include "workers/writer/settle.h"

#define T0 (INT64_C(1704067200) * US_PER_S)
#define MIN(n) (T0 + (n)*US_PER_MIN)

struct fixture {
        struct ranges covered, wanted, busy;
        struct range job;
        int64_t due_us;
};

static void start(struct fixture *f)
{
        *f = (struct fixture){0};
        assert_int_equal(ranges_set(&f->wanted, T0, INT64_MAX, 0), 0);
}

static bool pick(struct fixture *f, int64_t now_us, uint32_t page_rows)
{
        struct settle_input input = {INTERVAL_1M, now_us, &f->covered, &f->wanted, &f->busy, page_rows};

        return settle_pick(&input, &f->job, &f->due_us);
}

static void stop(struct fixture *f)
{
        ranges_free(&f->covered);
        ranges_free(&f->wanted);
        ranges_free(&f->busy);
}

static void nothing_provisional_is_never_due(void **state)
{
        struct fixture f;

        (void)state;
        start(&f);
        assert_false(pick(&f, MIN(100), 1000));
        assert_int_equal(f.due_us, INT64_MAX);
        assert_int_equal(ranges_set(&f.covered, T0, MIN(50), BAR_REST), 0);
        assert_int_equal(ranges_set(&f.covered, MIN(60), MIN(70), BAR_DERIVED), 0);
        assert_false(pick(&f, MIN(100), 1000));
        assert_int_equal(f.due_us, INT64_MAX);
        stop(&f);
}

static void the_oldest_bar_decides_a_quarter_of_an_hour_after_it_closed(void **state)
{
        struct fixture f;

        (void)state;
        start(&f);
        assert_int_equal(ranges_set(&f.covered, T0, MIN(50), BAR_REST), 0);
        assert_int_equal(ranges_set(&f.covered, MIN(50), MIN(70), BAR_STREAM), 0);
        assert_false(pick(&f, MIN(66) - 1, 1000)); // the bar of 50 closed at 51
        assert_int_equal(f.due_us, MIN(66));
        assert_true(pick(&f, MIN(66), 1000));
        assert_int_equal(f.job.start_us, MIN(50));
        assert_int_equal(f.job.end_us, MIN(65)); // the bar of 64 closed at 65, a minute ago
        stop(&f);
}

static void a_page_of_them_is_due_at_once(void **state)
{
        struct fixture f;

        (void)state;
        start(&f);
        assert_int_equal(ranges_set(&f.covered, T0, T0 + 1000 * US_PER_S, BAR_STREAM), 0);
        struct settle_input input = {
            INTERVAL_1S, T0 + 1000 * US_PER_S + 59 * US_PER_S, &f.covered, &f.wanted, &f.busy, 1000};
        // The oldest of 1,000 seconds closed more than a quarter of an hour ago; of 999 young ones none did.
        assert_true(settle_pick(&input, &f.job, &f.due_us));
        ranges_clear(&f.covered);
        assert_int_equal(ranges_set(&f.covered, T0 + 500 * US_PER_S, T0 + 1000 * US_PER_S, BAR_STREAM), 0);
        assert_false(settle_pick(&input, &f.job, &f.due_us));
        assert_int_equal(f.due_us, T0 + (501 + 900) * US_PER_S);
        stop(&f);
}

static void a_request_never_exceeds_its_page(void **state)
{
        struct fixture f;

        (void)state;
        start(&f);
        assert_int_equal(ranges_set(&f.covered, T0, MIN(2000), BAR_ADOPTED), 0);
        assert_true(pick(&f, MIN(5000), 1000));
        assert_int_equal(f.job.start_us, T0);
        assert_int_equal(f.job.end_us, MIN(1000));
        assert_true(pick(&f, MIN(5000), 10));
        assert_int_equal(f.job.end_us, MIN(10));
        // Islands within a page are one request.
        ranges_clear(&f.covered);
        assert_int_equal(ranges_set(&f.covered, MIN(10), MIN(12), BAR_STREAM), 0);
        assert_int_equal(ranges_set(&f.covered, MIN(12), MIN(20), BAR_REST), 0);
        assert_int_equal(ranges_set(&f.covered, MIN(20), MIN(22), BAR_STREAM), 0);
        assert_int_equal(ranges_set(&f.covered, MIN(300), MIN(302), BAR_STREAM), 0);
        assert_true(pick(&f, MIN(5000), 100));
        assert_int_equal(f.job.start_us, MIN(10));
        assert_int_equal(f.job.end_us, MIN(22));
        stop(&f);
}

static void what_is_busy_or_not_wanted_is_left_out(void **state)
{
        struct fixture f;

        (void)state;
        start(&f);
        assert_int_equal(ranges_set(&f.covered, MIN(-100), MIN(50), BAR_STREAM), 0);
        assert_int_equal(ranges_set(&f.busy, T0, MIN(10), 0), 0);
        assert_int_equal(ranges_set(&f.busy, MIN(30), MIN(40), 0), 0);
        assert_true(pick(&f, MIN(5000), 1000));
        assert_int_equal(f.job.start_us, MIN(10));
        // Busy bars inside the page are simply confirmed twice; beyond a busy stretch the page goes on.
        assert_int_equal(f.job.end_us, MIN(50));
        assert_int_equal(ranges_set(&f.busy, T0, MIN(50), 0), 0);
        assert_false(pick(&f, MIN(5000), 1000));
        assert_int_equal(f.due_us, INT64_MAX);
        stop(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(nothing_provisional_is_never_due),
            cmocka_unit_test(the_oldest_bar_decides_a_quarter_of_an_hour_after_it_closed),
            cmocka_unit_test(a_page_of_them_is_due_at_once),
            cmocka_unit_test(a_request_never_exceeds_its_page),
            cmocka_unit_test(what_is_busy_or_not_wanted_is_left_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
