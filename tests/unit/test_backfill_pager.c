// SPDX-License-Identifier: Apache-2.0
// LINK: workers/backfill/pager.c
// The rules of paging: which window is asked for next, and what an answer may be believed to say.
#include "workers/backfill/pager.h"

#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MIN US_PER_MIN
#define START INT64_C(1706572800000000) // 2024-01-30T00:00Z
#define LATER (START + 100 * US_PER_DAY)

// A one-minute bar that opens at START + minutes.
static struct kline bar(int64_t minutes)
{
        return (struct kline){.open_us = START + minutes * MIN, .close_us = START + (minutes + 1) * MIN - US_PER_MS};
}

// Answers `request` with the bars START + first, first + 1, … (count of them), asked at `now_us`.
static int answer(struct pager *pager, const struct pager_request *request, int64_t first, size_t count, int64_t now_us,
    struct pager_answer *result)
{
        struct kline rows[64];
        char why[REASON_SIZE];

        for (size_t i = 0; i < count; i++)
                rows[i] = bar(first + (int64_t)i);
        return pager_check(pager, request, now_us, rows, count, result, why);
}

static void windows_hold_a_page_each_and_can_be_asked_for_ahead(void **state)
{
        struct pager pager;
        struct pager_request request;

        (void)state;
        pager_init(&pager, INTERVAL_1M, 10, START, START + 25 * MIN, LATER);
        int64_t expected[][2] = {{0, 10}, {10, 20}, {20, 25}};
        for (int i = 0; i < 3; i++) {
                assert_true(pager_next(&pager, &request));
                assert_int_equal(request.start_us, START + expected[i][0] * MIN);
                assert_int_equal(request.end_us, START + expected[i][1] * MIN);
                assert_int_equal(request.rows_max, 10);
                assert_false(request.wide);
        }
        assert_false(pager_next(&pager, &request));
        assert_false(pager_is_done(&pager));
}

static void a_window_that_begins_off_the_grid_holds_no_more_than_a_page(void **state)
{
        struct pager pager;
        struct pager_request request;

        (void)state;
        pager_init(&pager, INTERVAL_1M, 10, START + US_PER_MS, START + 25 * MIN, LATER);
        assert_true(pager_next(&pager, &request));
        assert_int_equal(request.start_us, START + US_PER_MS);
        assert_int_equal(request.end_us, START + 10 * MIN);
}

static void months_and_weeks_step_by_the_calendar(void **state)
{
        struct pager pager;
        struct pager_request request;
        int64_t january = year_start_us(2024);

        (void)state;
        pager_init(&pager, INTERVAL_1MO, 2, january, year_start_us(2025), year_start_us(2026));
        assert_true(pager_next(&pager, &request));
        assert_int_equal(request.end_us, civil_to_days(2024, 3, 1) * US_PER_DAY); // a leap February
        pager_init(&pager, INTERVAL_1W, 1, civil_to_days(2024, 1, 1) * US_PER_DAY, year_start_us(2025), LATER * 2);
        assert_true(pager_next(&pager, &request));
        assert_int_equal(request.end_us, civil_to_days(2024, 1, 8) * US_PER_DAY); // Monday to Monday
}

static void nothing_is_asked_for_that_has_not_closed(void **state)
{
        struct pager pager;
        struct pager_request request;

        (void)state;
        pager_init(&pager, INTERVAL_1M, 10, START, START + 100 * MIN, START + 7 * MIN + 30 * US_PER_S);
        assert_true(pager_next(&pager, &request));
        assert_int_equal(request.end_us, START + 7 * MIN); // the eighth bar is still forming
        assert_false(pager_next(&pager, &request));

        pager_init(&pager, INTERVAL_1M, 10, START + 8 * MIN, START + 100 * MIN, START + 7 * MIN);
        assert_false(pager_next(&pager, &request));
        assert_true(pager_is_done(&pager));
        assert_int_equal(pager.answered_us, START + 8 * MIN);
}

static void a_complete_page_answers_its_window(void **state)
{
        struct pager pager;
        struct pager_request first, second;
        struct pager_answer result;

        (void)state;
        pager_init(&pager, INTERVAL_1M, 10, START, START + 20 * MIN, LATER);
        assert_true(pager_next(&pager, &first) && pager_next(&pager, &second));
        assert_int_equal(answer(&pager, &first, 0, 10, LATER, &result), 0);
        assert_int_equal(result.count, 10);
        assert_int_equal(result.answered_until_us, START + 10 * MIN);
        assert_false(pager_accept(&pager, &first, &result));
        assert_false(pager_is_done(&pager));
        assert_int_equal(answer(&pager, &second, 10, 10, LATER, &result), 0);
        assert_false(pager_accept(&pager, &second, &result));
        assert_true(pager_is_done(&pager));
        assert_int_equal(pager.answered_us, START + 20 * MIN);
}

static void a_hole_inside_a_page_is_answered_by_it(void **state)
{
        struct pager pager;
        struct pager_request request;
        struct pager_answer result;

        (void)state;
        pager_init(&pager, INTERVAL_1M, 10, START, START + 10 * MIN, LATER);
        assert_true(pager_next(&pager, &request));
        assert_int_equal(answer(&pager, &request, 7, 3, LATER, &result), 0); // skips ahead to the eighth bar
        assert_int_equal(result.answered_until_us, START + 10 * MIN);
        assert_false(pager_accept(&pager, &request, &result));
        assert_true(pager_is_done(&pager));
}

static void a_short_page_speaks_up_to_its_last_row_and_the_rest_is_asked_for_again(void **state)
{
        struct pager pager;
        struct pager_request request, ahead, again;
        struct pager_answer result;

        (void)state;
        pager_init(&pager, INTERVAL_1M, 10, START, START + 40 * MIN, LATER);
        assert_true(pager_next(&pager, &request) && pager_next(&pager, &ahead));
        assert_int_equal(answer(&pager, &request, 0, 4, LATER, &result), 0);
        assert_int_equal(result.answered_until_us, START + 3 * MIN + US_PER_MS);
        assert_true(pager_accept(&pager, &request, &result)); // `ahead` is void
        assert_true(pager_next(&pager, &again));
        assert_int_equal(again.start_us, START + 3 * MIN + US_PER_MS);
        assert_int_equal(again.end_us, START + 40 * MIN);
        assert_true(again.wide);
        assert_false(pager_next(&pager, &ahead)); // nothing is asked for ahead of a doubt
        // The rest is there after all: windows again.
        assert_int_equal(answer(&pager, &again, 4, 10, LATER, &result), 0);
        assert_true(pager_accept(&pager, &again, &result));
        assert_true(pager_next(&pager, &ahead));
        assert_false(ahead.wide);
        assert_int_equal(ahead.start_us, START + 13 * MIN + US_PER_MS);
}

static void an_empty_page_is_believed_the_second_time(void **state)
{
        struct pager pager;
        struct pager_request request, again;
        struct pager_answer result;

        (void)state;
        pager_init(&pager, INTERVAL_1M, 10, START, START + 40 * MIN, LATER);
        assert_true(pager_next(&pager, &request));
        assert_int_equal(answer(&pager, &request, 0, 0, LATER, &result), 0);
        assert_int_equal(result.answered_until_us, START);
        assert_true(pager_accept(&pager, &request, &result));
        assert_int_equal(pager.answered_us, START);
        assert_true(pager_next(&pager, &again));
        assert_int_equal(again.start_us, START);
        assert_int_equal(again.end_us, START + 40 * MIN);
        assert_int_equal(answer(&pager, &again, 0, 0, LATER, &result), 0);
        assert_int_equal(result.answered_until_us, START + 40 * MIN);
        assert_false(pager_accept(&pager, &again, &result));
        assert_true(pager_is_done(&pager));
}

static void the_second_question_skips_over_a_long_hole(void **state)
{
        struct pager pager;
        struct pager_request request, next;
        struct pager_answer result;

        (void)state;
        pager_init(&pager, INTERVAL_1M, 10, START, START + 100 * MIN, LATER);
        assert_true(pager_next(&pager, &request));
        assert_int_equal(answer(&pager, &request, 0, 0, LATER, &result), 0);
        assert_true(pager_accept(&pager, &request, &result));
        assert_true(pager_next(&pager, &request));
        assert_int_equal(answer(&pager, &request, 70, 10, LATER, &result), 0);
        assert_true(pager_accept(&pager, &request, &result));
        assert_int_equal(pager.answered_us, START + 79 * MIN + US_PER_MS);
        assert_true(pager_next(&pager, &next));
        assert_int_equal(next.start_us, START + 79 * MIN + US_PER_MS);
}

static void a_forming_bar_is_dropped_and_ends_the_job_there(void **state)
{
        struct pager pager;
        struct pager_request request, next;
        struct pager_answer result;
        int64_t now_us = START + 5 * MIN - US_PER_MS; // the very instant at which the fifth bar closes

        (void)state;
        pager_init(&pager, INTERVAL_1M, 10, START, START + 10 * MIN, START + 6 * MIN);
        assert_true(pager_next(&pager, &request));
        assert_int_equal(answer(&pager, &request, 0, 6, now_us, &result), 0);
        assert_int_equal(result.count, 4);
        assert_true(result.unclosed);
        assert_int_equal(result.answered_until_us, START + 4 * MIN);
        assert_true(pager_accept(&pager, &request, &result));
        assert_false(pager_next(&pager, &next));
        assert_true(pager_is_done(&pager));
        assert_int_equal(pager.answered_us, START + 4 * MIN);
}

static void an_off_grid_bar_is_kept_in_its_place(void **state)
{
        struct pager pager;
        struct pager_request request;
        struct pager_answer result;
        struct kline rows[2] = {bar(8), bar(9)};
        char why[REASON_SIZE];

        (void)state;
        rows[0].open_us += 14789 * US_PER_MS;
        rows[1].open_us += 14789 * US_PER_MS;
        pager_init(&pager, INTERVAL_1M, 10, START, START + 10 * MIN, LATER);
        assert_true(pager_next(&pager, &request));
        assert_int_equal(pager_check(&pager, &request, LATER, rows, 2, &result, why), 0);
        assert_int_equal(result.count, 2);
        assert_int_equal(result.answered_until_us, START + 10 * MIN); // the last slot has its bar
}

static void an_exact_repetition_is_dropped(void **state)
{
        struct pager pager;
        struct pager_request request;
        struct pager_answer result;
        struct kline rows[3] = {bar(0), bar(0), bar(1)};
        char why[REASON_SIZE];

        (void)state;
        pager_init(&pager, INTERVAL_1M, 2, START, START + 2 * MIN, LATER);
        assert_true(pager_next(&pager, &request));
        assert_int_equal(pager_check(&pager, &request, LATER, rows, 3, &result, why), 0);
        assert_int_equal(result.count, 2);
        assert_int_equal(rows[1].open_us, START + MIN);
}

static void rows_that_no_right_answer_holds_are_refused(void **state)
{
        struct kline other = bar(2), backwards = bar(3);
        other.trades = 7;
        backwards.close_us = backwards.open_us - 1;
        struct {
                struct kline rows[2];
                const char *says;
        } cases[] = {
            {{bar(3), bar(2)}, "after a later one"},
            {{bar(2), other}, "twice"},
            {{bar(-1), bar(0)}, "outside"},
            {{bar(9), bar(10)}, "outside"},
            {{bar(2), backwards}, "closes before"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct pager pager;
                struct pager_request request;
                struct pager_answer result;
                char why[REASON_SIZE] = "";

                pager_init(&pager, INTERVAL_1M, 10, START, START + 30 * MIN, LATER);
                assert_true(pager_next(&pager, &request));
                assert_int_equal(pager_check(&pager, &request, LATER, cases[i].rows, 2, &result, why), -1);
                assert_non_null(strstr(why, cases[i].says));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(windows_hold_a_page_each_and_can_be_asked_for_ahead),
            cmocka_unit_test(a_window_that_begins_off_the_grid_holds_no_more_than_a_page),
            cmocka_unit_test(months_and_weeks_step_by_the_calendar),
            cmocka_unit_test(nothing_is_asked_for_that_has_not_closed),
            cmocka_unit_test(a_complete_page_answers_its_window),
            cmocka_unit_test(a_hole_inside_a_page_is_answered_by_it),
            cmocka_unit_test(a_short_page_speaks_up_to_its_last_row_and_the_rest_is_asked_for_again),
            cmocka_unit_test(an_empty_page_is_believed_the_second_time),
            cmocka_unit_test(the_second_question_skips_over_a_long_hole),
            cmocka_unit_test(a_forming_bar_is_dropped_and_ends_the_job_there),
            cmocka_unit_test(an_off_grid_bar_is_kept_in_its_place),
            cmocka_unit_test(an_exact_repetition_is_dropped),
            cmocka_unit_test(rows_that_no_right_answer_holds_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
