// SPDX-License-Identifier: Apache-2.0
// LINK: workers/backfill/idpager.c
// The rules of paging by id: which window is asked for next, and what an answer may be believed to say.
#include "workers/backfill/idpager.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define IDS_MAX 64

// An exchange that has some ids.
struct exchange {
        int64_t ids[IDS_MAX];
        size_t count;
};

static struct exchange exchange_of(int64_t first_id, int64_t last_id)
{
        struct exchange exchange = {.count = 0};

        for (int64_t id = first_id; id <= last_id; id++)
                exchange.ids[exchange.count++] = id;
        return exchange;
}

static void lose(struct exchange *exchange, int64_t id)
{
        size_t kept = 0;

        for (size_t i = 0; i < exchange->count; i++) {
                if (exchange->ids[i] != id)
                        exchange->ids[kept++] = exchange->ids[i];
        }
        exchange->count = kept;
}

static struct idpager pager;
static char why[REASON_SIZE];

// Answers as the exchange does: the oldest rows from the first id on.
static size_t rows_of(const struct exchange *exchange, const struct idpager_request *request, int64_t *ids)
{
        size_t count = 0;

        for (size_t i = 0; i < exchange->count && count < request->rows_max; i++) {
                if (exchange->ids[i] >= request->first_id)
                        ids[count++] = exchange->ids[i];
        }
        return count;
}

// Checks and accepts the answer of `exchange`; returns whether later requests are void.
static bool take(const struct exchange *exchange, const struct idpager_request *request, struct idpager_answer *answer)
{
        int64_t ids[IDS_MAX];
        size_t count = rows_of(exchange, request, ids);

        assert_int_equal(idpager_check(&pager, request, ids, count, count, answer, why), 0);
        return idpager_accept(&pager, request, answer, ids, count);
}

static void next_is(struct idpager_request *request, int64_t first_id, int64_t last_id, bool again)
{
        assert_true(idpager_next(&pager, request));
        assert_int_equal(request->first_id, first_id);
        assert_int_equal(request->last_id, last_id);
        assert_int_equal(request->rows_max, last_id - first_id + 1);
        assert_int_equal(request->again, again);
}

static void answer_is(const struct idpager_answer *answer, size_t count, int64_t answered_id, bool ended)
{
        assert_int_equal(answer->count, count);
        assert_int_equal(answer->answered_id, answered_id);
        assert_int_equal(answer->ended, ended);
}

static void windows_hold_a_page_each_and_can_be_asked_for_ahead(void **state)
{
        struct idpager_request first, second, third;
        struct idpager_answer answer;
        struct exchange exchange = exchange_of(0, 60);

        (void)state;
        idpager_init(&pager, 10, 5, 27);
        next_is(&first, 5, 14, false);
        next_is(&second, 15, 24, false);
        next_is(&third, 25, 27, false);
        assert_false(idpager_next(&pager, &third));
        assert_false(take(&exchange, &first, &answer));
        answer_is(&answer, 10, 14, false);
        assert_false(take(&exchange, &second, &answer));
        assert_false(idpager_is_done(&pager));
        assert_false(take(&exchange, &third, &answer));
        answer_is(&answer, 3, 27, false);
        assert_true(idpager_is_done(&pager));
}

static void an_open_end_needs_no_last_id(void **state)
{
        struct idpager_request request;

        (void)state;
        idpager_init(&pager, 10, INT64_MAX - 3, INT64_MAX - 1);
        next_is(&request, INT64_MAX - 3, INT64_MAX - 1, false);
        idpager_init(&pager, 10, 5, INT64_MAX);
        next_is(&request, 5, 14, false);
}

static void an_id_that_is_missing_is_asked_for_once_more_and_was_there(void **state)
{
        struct idpager_request first, second, again;
        struct idpager_answer answer;
        struct exchange exchange = exchange_of(0, 60), torn = exchange_of(0, 60);

        (void)state;
        lose(&torn, 8);
        idpager_init(&pager, 10, 5, 24);
        next_is(&first, 5, 14, false);
        next_is(&second, 15, 24, false);
        assert_true(take(&torn, &first, &answer)); // the second request is void
        answer_is(&answer, 3, 7, false);
        next_is(&again, 8, 17, true);
        next_is(&second, 18, 24, false); // ahead of it as before
        assert_false(take(&exchange, &again, &answer));
        answer_is(&answer, 10, 17, false);
        assert_false(take(&exchange, &second, &answer));
        assert_true(idpager_is_done(&pager));
}

static void ids_that_two_answers_lack_do_not_exist(void **state)
{
        struct idpager_request request;
        struct idpager_answer answer;
        struct exchange exchange = exchange_of(0, 60);

        (void)state;
        lose(&exchange, 8);
        lose(&exchange, 11);
        idpager_init(&pager, 10, 5, 14);
        next_is(&request, 5, 14, false);
        assert_true(take(&exchange, &request, &answer));
        next_is(&request, 8, 14, true);
        assert_false(take(&exchange, &request, &answer));
        answer_is(&answer, 5, 14, false); // 9 10 12 13 14: both holes at once
        assert_true(idpager_is_done(&pager));
}

static void an_id_that_only_the_second_answer_lacks_is_asked_for_again(void **state)
{
        struct idpager_request request;
        struct idpager_answer answer;
        struct exchange one = exchange_of(0, 60), other = exchange_of(0, 60), whole = exchange_of(0, 60);

        (void)state;
        lose(&one, 8);
        lose(&other, 8);
        lose(&other, 11);
        idpager_init(&pager, 10, 5, 14);
        next_is(&request, 5, 14, false);
        assert_true(take(&one, &request, &answer));
        next_is(&request, 8, 14, true);
        assert_true(take(&other, &request, &answer));
        answer_is(&answer, 2, 10, false);
        next_is(&request, 11, 14, true);
        assert_false(take(&whole, &request, &answer));
        answer_is(&answer, 4, 14, false);
        assert_true(idpager_is_done(&pager));
}

// A full page that lacks an id holds one from behind the window, and speaks no further than that.
static void a_full_page_speaks_for_no_id_behind_its_last_row(void **state)
{
        struct idpager_request request;
        struct idpager_answer answer;
        struct exchange one = exchange_of(0, 60), other = exchange_of(0, 60);

        (void)state;
        lose(&one, 8);
        idpager_init(&pager, 4, 5, 40);
        next_is(&request, 5, 8, false);
        assert_true(take(&one, &request, &answer)); // 5 6 7 9
        answer_is(&answer, 3, 7, false);
        for (int64_t id = 8; id <= 20; id++)
                lose(&other, id);
        next_is(&request, 8, 11, true);
        assert_true(take(&other, &request, &answer)); // 21 22 23 24: but 9 was there
        answer_is(&answer, 0, 8, false);
        next_is(&request, 9, 12, true);
        assert_true(take(&other, &request, &answer)); // twice now
        answer_is(&answer, 0, 20, false);
        next_is(&request, 21, 24, false);
}

// A page that was full only with repetitions did not come to the ids it lacks.
static void a_page_full_of_repetitions_denies_nothing(void **state)
{
        struct idpager_request request;
        struct idpager_answer answer;
        struct exchange exchange = exchange_of(0, 60);
        int64_t ids[] = {5, 6, 7};

        (void)state;
        lose(&exchange, 9);
        idpager_init(&pager, 4, 5, 40);
        next_is(&request, 5, 8, false);
        assert_int_equal(idpager_check(&pager, &request, ids, 3, 4, &answer, why), 0);
        answer_is(&answer, 3, 7, false);
        assert_true(idpager_accept(&pager, &request, &answer, ids, 3));
        next_is(&request, 8, 11, true);
        assert_true(take(&exchange, &request, &answer)); // 8 10 11 12: the first to lack 9
        answer_is(&answer, 1, 8, false);
        next_is(&request, 9, 12, true);
        assert_false(take(&exchange, &request, &answer));
        answer_is(&answer, 3, 12, false);
}

static void a_new_job_has_no_doubt(void **state)
{
        struct idpager_request request;
        struct idpager_answer answer;
        struct exchange nothing = {.count = 0};

        (void)state;
        idpager_init(&pager, 10, 5, 14);
        next_is(&request, 5, 14, false);
        assert_true(take(&nothing, &request, &answer));
        idpager_init(&pager, 10, 5, 14);
        next_is(&request, 5, 14, false);
}

static void a_hole_wider_than_windows_is_passed_in_one_step(void **state)
{
        struct idpager_request first, second;
        struct idpager_answer answer;
        struct exchange exchange = exchange_of(1000, 1020);

        (void)state;
        idpager_init(&pager, 10, 5, 1010);
        next_is(&first, 5, 14, false);
        next_is(&second, 15, 24, false);
        assert_true(take(&exchange, &first, &answer));
        answer_is(&answer, 0, 4, false);
        next_is(&first, 5, 14, true);
        next_is(&second, 15, 24, false);
        assert_true(take(&exchange, &first, &answer));
        answer_is(&answer, 0, 999, false);
        next_is(&first, 1000, 1009, false);
        assert_false(take(&exchange, &first, &answer));
        next_is(&first, 1010, 1010, false);

        idpager_init(&pager, 10, 5, 900); // and never further than the job
        next_is(&first, 5, 14, false);
        assert_true(take(&exchange, &first, &answer));
        next_is(&first, 5, 14, true);
        assert_true(take(&exchange, &first, &answer));
        answer_is(&answer, 0, 900, false);
        assert_true(idpager_is_done(&pager));
        assert_false(idpager_next(&pager, &first));
}

static void a_short_page_is_asked_for_again_and_was_a_mistake(void **state)
{
        struct idpager_request request;
        struct idpager_answer answer;
        struct exchange exchange = exchange_of(0, 60), cut = exchange_of(0, 9);

        (void)state;
        idpager_init(&pager, 10, 5, 20);
        next_is(&request, 5, 14, false);
        assert_true(take(&cut, &request, &answer));
        answer_is(&answer, 5, 9, false);
        next_is(&request, 10, 19, true);
        assert_false(take(&exchange, &request, &answer));
        answer_is(&answer, 10, 19, false);
        next_is(&request, 20, 20, false);
}

static void a_second_answer_without_rows_is_the_end(void **state)
{
        struct idpager_request request, second;
        struct idpager_answer answer;
        struct exchange exchange = exchange_of(0, 9);

        (void)state;
        idpager_init(&pager, 10, 5, INT64_MAX);
        next_is(&request, 5, 14, false);
        assert_true(take(&exchange, &request, &answer));
        assert_false(idpager_is_done(&pager));
        next_is(&request, 10, 19, true);
        next_is(&second, 20, 29, false);
        assert_true(take(&exchange, &request, &answer));
        answer_is(&answer, 0, 9, true);
        assert_true(idpager_is_done(&pager));
        assert_false(idpager_next(&pager, &request));
}

static void a_first_answer_without_rows_is_not_believed(void **state)
{
        struct idpager_request request;
        struct idpager_answer answer;
        struct exchange nothing = {.count = 0}, exchange = exchange_of(0, 60);

        (void)state;
        idpager_init(&pager, 10, 5, 14);
        next_is(&request, 5, 14, false);
        assert_true(take(&nothing, &request, &answer));
        answer_is(&answer, 0, 4, false);
        next_is(&request, 5, 14, true);
        assert_false(take(&exchange, &request, &answer));
        answer_is(&answer, 10, 14, false);
        assert_true(idpager_is_done(&pager));
}

static void rows_before_the_first_id_are_refused(void **state)
{
        struct idpager_request request;
        struct idpager_answer answer;
        int64_t ids[] = {4, 5, 6};

        (void)state;
        idpager_init(&pager, 10, 5, 14);
        next_is(&request, 5, 14, false);
        assert_int_equal(idpager_check(&pager, &request, ids, 3, 3, &answer, why), -1);
        assert_string_equal(why, "the row with id 4 comes before the first asked for");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(windows_hold_a_page_each_and_can_be_asked_for_ahead),
            cmocka_unit_test(an_open_end_needs_no_last_id),
            cmocka_unit_test(an_id_that_is_missing_is_asked_for_once_more_and_was_there),
            cmocka_unit_test(ids_that_two_answers_lack_do_not_exist),
            cmocka_unit_test(an_id_that_only_the_second_answer_lacks_is_asked_for_again),
            cmocka_unit_test(a_full_page_speaks_for_no_id_behind_its_last_row),
            cmocka_unit_test(a_page_full_of_repetitions_denies_nothing),
            cmocka_unit_test(a_new_job_has_no_doubt),
            cmocka_unit_test(a_hole_wider_than_windows_is_passed_in_one_step),
            cmocka_unit_test(a_short_page_is_asked_for_again_and_was_a_mistake),
            cmocka_unit_test(a_second_answer_without_rows_is_the_end),
            cmocka_unit_test(a_first_answer_without_rows_is_not_believed),
            cmocka_unit_test(rows_before_the_first_id_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
