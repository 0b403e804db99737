// SPDX-License-Identifier: Apache-2.0
// LINK: workers/backfill/idseek.c
// From times to ids: which aggregate trade is asked for, and what its answer means for trades and for aggregates.
#include "workers/backfill/idseek.h"

#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define START INT64_C(1706572800000000)
#define END (START + US_PER_HOUR)
#define LATER (END + US_PER_DAY)

static struct idseek seek;
static struct idseek_request request;
static struct tickpage page;
static char why[REASON_SIZE];

static void begin(uint32_t kind, int64_t first_id, int64_t last_id, int64_t now_us)
{
        struct job job = {.kind = kind, .first_id = first_id, .last_id = last_id, .start_us = START, .end_us = END};

        idseek_init(&seek, &job, now_us);
}

static void asks_since(int64_t us)
{
        assert_true(idseek_next(&seek, &request));
        assert_int_equal(request.from_id, -1);
        assert_int_equal(request.start_us, us);
        assert_int_equal(request.rows_max, 1);
}

static void answer(size_t count)
{
        page.kind = TICK_AGG_TRADE;
        page.count = page.received = count;
        assert_int_equal(idseek_take(&seek, &request, &page, why), 0);
}

// An aggregate that sums two trades, or a tombstone.
static void row(size_t at, int64_t id, int64_t first_id, int64_t time_us)
{
        page.ids[at] = id;
        page.agg_trades[at] = (struct agg_trade){
            .id = id, .first_id = first_id, .last_id = first_id < 0 ? -1 : first_id + 1, .time_us = time_us};
}

static void answer_one(int64_t id, int64_t first_id, int64_t time_us)
{
        row(0, id, first_id, time_us);
        answer(1);
}

static void found(int64_t first_id, int64_t last_id, int64_t newest_id, bool end_seen)
{
        assert_false(idseek_next(&seek, &request));
        assert_int_equal(seek.first_id, first_id);
        assert_int_equal(seek.last_id, last_id);
        assert_int_equal(seek.newest_id, newest_id);
        assert_int_equal(seek.end_seen, end_seen);
}

static void known_ids_are_not_asked_for(void **state)
{
        (void)state;
        begin(JOB_TRADES, 5, 9, LATER);
        found(5, 9, -1, false);
}

static void both_ends_are_found_by_time(void **state)
{
        (void)state;
        begin(JOB_AGG_TRADES, -1, -1, LATER);
        asks_since(START);
        answer_one(100, 200, START);
        asks_since(END);
        answer_one(150, 300, END);
        found(100, 149, 150, true);

        begin(JOB_TRADES, -1, -1, LATER);
        asks_since(START);
        answer_one(100, 200, START);
        asks_since(END);
        answer_one(150, 300, END);
        found(200, 299, 301, true);
}

static void a_symbol_that_is_younger_begins_with_its_first_trade(void **state)
{
        (void)state;
        begin(JOB_TRADES, -1, -1, LATER);
        asks_since(START);
        answer_one(0, 0, START + 59 * US_PER_MIN);
        asks_since(END);
        answer_one(7, 14, LATER);
        found(0, 13, 15, true);
}

static void nothing_in_the_range_is_said_by_a_later_row(void **state)
{
        (void)state;
        begin(JOB_AGG_TRADES, -1, -1, LATER);
        asks_since(START);
        answer_one(100, 200, END);
        found(100, 99, 100, true);
}

static void an_empty_answer_is_believed_when_it_comes_twice(void **state)
{
        (void)state;
        begin(JOB_AGG_TRADES, -1, -1, LATER);
        asks_since(START);
        answer(0);
        asks_since(START);
        answer_one(100, 200, START); // it was a mistake
        asks_since(END);
        answer(0);
        asks_since(END);
        answer(0);
        assert_true(idseek_next(&seek, &request)); // no row behind the end: up to the newest
        assert_int_equal(request.start_us, -1);
        answer(0); // the first that is empty of this question
        assert_true(idseek_next(&seek, &request));
        answer_one(140, 280, END - 1);
        found(100, 140, 140, false);

        begin(JOB_TRADES, -1, -1, LATER);
        asks_since(START);
        answer(0);
        asks_since(START);
        answer(0);
        found(0, -1, -1, false);
}

static void an_end_to_come_is_the_newest(void **state)
{
        (void)state;
        begin(JOB_TRADES, -1, -1, END - 1);
        asks_since(START);
        answer_one(100, 200, START);
        assert_true(idseek_next(&seek, &request));
        assert_int_equal(request.from_id, -1);
        assert_int_equal(request.start_us, -1);
        answer_one(150, 300, END - 2);
        found(200, 301, 301, false);
}

static void a_first_id_alone_goes_up_to_the_newest(void **state)
{
        (void)state;
        begin(JOB_AGG_TRADES, 120, -1, LATER);
        assert_true(idseek_next(&seek, &request));
        assert_int_equal(request.start_us, -1);
        answer_one(150, 300, LATER);
        found(120, 150, 150, false);

        begin(JOB_AGG_TRADES, 151, -1, LATER);
        assert_true(idseek_next(&seek, &request));
        answer_one(150, 300, LATER);
        found(151, 150, 150, false); // nothing new

        begin(JOB_AGG_TRADES, 160, -1, LATER);
        assert_true(idseek_next(&seek, &request));
        answer_one(150, 300, LATER);
        found(160, 159, 150, false);
}

static void tombstones_are_walked_over_for_trades_alone(void **state)
{
        (void)state;
        begin(JOB_AGG_TRADES, -1, 150, LATER);
        asks_since(START);
        answer_one(100, -1, START);
        found(100, 150, 100, false);

        begin(JOB_TRADES, -1, -1, LATER);
        asks_since(START);
        answer_one(100, -1, START);
        assert_true(idseek_next(&seek, &request));
        assert_int_equal(request.from_id, 101);
        assert_int_equal(request.rows_max, REST_PAGE_ROWS_MAX);
        row(0, 101, -1, START);
        row(1, 102, -1, START);
        answer(2);
        assert_true(idseek_next(&seek, &request));
        assert_int_equal(request.from_id, 103);
        row(0, 103, -1, START);
        row(1, 104, 210, START);
        row(2, 105, 212, START);
        answer(3);
        asks_since(END);
        answer_one(150, -1, END);
        assert_true(idseek_next(&seek, &request));
        assert_int_equal(request.from_id, 151);
        answer_one(151, 300, END);
        found(210, 299, 301, true);
}

static void a_tombstone_at_the_newest_leaves_the_end_to_paging(void **state)
{
        (void)state;
        begin(JOB_TRADES, 10, -1, LATER);
        assert_true(idseek_next(&seek, &request));
        answer_one(150, -1, LATER);
        found(10, INT64_MAX, -1, false);
}

static void rows_that_were_not_asked_for_are_refused(void **state)
{
        (void)state;
        begin(JOB_TRADES, -1, -1, LATER);
        asks_since(START);
        row(0, 99, 198, START - 1);
        page.count = page.received = 1;
        assert_int_equal(idseek_take(&seek, &request, &page, why), -1);
        assert_string_equal(why, "the row with id 99 comes before the first asked for");
        asks_since(START);
        answer_one(100, -1, START);
        assert_true(idseek_next(&seek, &request));
        row(0, 100, 200, START);
        assert_int_equal(idseek_take(&seek, &request, &page, why), -1); // from 101 on
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(known_ids_are_not_asked_for),
            cmocka_unit_test(both_ends_are_found_by_time),
            cmocka_unit_test(a_symbol_that_is_younger_begins_with_its_first_trade),
            cmocka_unit_test(nothing_in_the_range_is_said_by_a_later_row),
            cmocka_unit_test(an_empty_answer_is_believed_when_it_comes_twice),
            cmocka_unit_test(an_end_to_come_is_the_newest),
            cmocka_unit_test(a_first_id_alone_goes_up_to_the_newest),
            cmocka_unit_test(tombstones_are_walked_over_for_trades_alone),
            cmocka_unit_test(a_tombstone_at_the_newest_leaves_the_end_to_paging),
            cmocka_unit_test(rows_that_were_not_asked_for_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
