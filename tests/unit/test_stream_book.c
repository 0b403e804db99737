// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/book.c workers/stream/booksync.c
#include "workers/stream/booksync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define NOW(ms) ((mono_time){(ms)*US_PER_MS})

static struct booksync sync;
static struct {
        struct depth head;
        struct level levels[8000];
} event;

static int set_up(void **state)
{
        (void)state;
        booksync_init(&sync);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        booksync_free(&sync);
        return 0;
}

static struct level level(int64_t price, int64_t size)
{
        return (struct level){.price = price, .size = size, .price_exponent = -2, .size_exponent = -1};
}

// An event or snapshot without levels; add them bids first.
static void begin(int64_t first, int64_t last)
{
        event.head = (struct depth){.first_id = first, .update_id = last, .time_us = last * 1000};
}

static void bid(int64_t price, int64_t size)
{
        event.levels[event.head.bids++] = level(price, size);
}

static void ask(int64_t price, int64_t size)
{
        event.levels[event.head.bids + event.head.asks++] = level(price, size);
}

static enum booksync_verdict feed(int64_t first, int64_t last, int64_t ms)
{
        begin(first, last);
        bid(9900 - last, 5);
        return booksync_event(&sync, &event.head, event.levels, false, NOW(ms));
}

static enum booksync_answer snapshot(int64_t id, int64_t ms)
{
        begin(0, id);
        bid(10000, 1);
        bid(9990, 2);
        ask(10010, 3);
        ask(10020, 4);
        return booksync_snapshot(&sync, &event.head, event.levels, 1000, NOW(ms));
}

static unsigned drain(void)
{
        const struct level *levels;
        const struct depth *buffered;
        unsigned applied = 0;

        while ((buffered = booksync_next_buffered(&sync, &levels)) != NULL)
                applied += booksync_event(&sync, buffered, levels, false, NOW(0)) == BOOK_APPLIED;
        return applied;
}

static int64_t best(const struct book_side *side)
{
        struct level top;

        return book_top(side, 1, &top) == 1 ? top.price : 0;
}

// ---- the first event behind a snapshot ----

static void first_event_must_touch_the_snapshot(void **state)
{
        static const struct {
                int64_t first, last;
                enum booksync_answer answer;
                unsigned applied;
        } cases[] = {
            {95, 99, SNAPSHOT_TAKEN, 0},     // older: dropped
            {95, 100, SNAPSHOT_TAKEN, 0},    // ends with it
            {95, 101, SNAPSHOT_TAKEN, 1},    // U <= L+1 <= u
            {100, 105, SNAPSHOT_TAKEN, 1},   // contains L
            {101, 105, SNAPSHOT_TAKEN, 1},   // U = L+1: the ordinary case
            {102, 105, SNAPSHOT_TOO_OLD, 0}, // 101 is missing
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                booksync_begin(&sync, NOW(0));
                assert_int_equal(feed(cases[i].first, cases[i].last, 0), BOOK_BUFFERED);
                assert_int_equal(snapshot(100, 0), cases[i].answer);
                assert_int_equal(drain(), cases[i].applied);
                if (cases[i].answer == SNAPSHOT_TAKEN)
                        assert_int_equal(sync.book.update_id, cases[i].last > 100 ? cases[i].last : 100);
                booksync_stop(&sync);
                sync.failures = 0;
        }
}

static void every_later_event_must_follow(void **state)
{
        (void)state;
        booksync_begin(&sync, NOW(0));
        assert_int_equal(snapshot(100, 0), SNAPSHOT_TAKEN);
        assert_int_equal(feed(101, 103, 0), BOOK_APPLIED);
        assert_int_equal(feed(101, 103, 0), BOOK_OLD);
        assert_int_equal(feed(103, 104, 0), BOOK_APPLIED); // overlaps
        assert_int_equal(feed(106, 107, 0), BOOK_GAP);
        assert_int_equal(sync.state, BOOK_BUFFERING);
        assert_int_equal(sync.book.bids.count, 0);
        assert_int_equal(sync.buffered_count, 1); // the event is the first one for the next snapshot
        assert_int_equal(snapshot(105, 0), SNAPSHOT_TAKEN);
        assert_int_equal(drain(), 1);
        assert_int_equal(sync.book.update_id, 107);
}

static void another_connection_may_fill_the_hole(void **state)
{
        (void)state;
        booksync_begin(&sync, NOW(0));
        snapshot(100, 0);
        begin(105, 106);
        bid(9000, 1);
        assert_int_equal(booksync_event(&sync, &event.head, event.levels, true, NOW(0)), BOOK_AHEAD);
        assert_int_equal(sync.state, BOOK_LIVE);
        assert_int_equal(feed(101, 104, 0), BOOK_APPLIED);
        assert_int_equal(feed(105, 106, 0), BOOK_APPLIED);
}

static void hole_inside_the_buffer_is_found(void **state)
{
        (void)state;
        booksync_begin(&sync, NOW(0));
        feed(95, 101, 0);
        feed(103, 104, 0);
        assert_int_equal(snapshot(100, 0), SNAPSHOT_TAKEN);
        assert_int_equal(drain(), 1);
        assert_int_equal(sync.state, BOOK_BUFFERING);
        assert_int_equal(sync.failures, 1);
}

static void crossed_book_is_given_up(void **state)
{
        (void)state;
        booksync_begin(&sync, NOW(0));
        snapshot(100, 0);
        begin(101, 101);
        bid(10010, 1);
        assert_int_equal(booksync_event(&sync, &event.head, event.levels, false, NOW(0)), BOOK_CROSSED);
        assert_int_equal(sync.state, BOOK_BUFFERING);
        begin(0, 200);
        bid(10010, 1);
        ask(10010, 1);
        assert_int_equal(booksync_snapshot(&sync, &event.head, event.levels, 1000, NOW(0)), SNAPSHOT_UNUSABLE);
        begin(0, 200);
        bid(9000, 1);
        bid(9001, 1); // not in order
        assert_int_equal(booksync_snapshot(&sync, &event.head, event.levels, 1000, NOW(0)), SNAPSHOT_UNUSABLE);
        assert_int_equal(sync.failures, 3);
}

// ---- manners ----

static void failures_make_longer_pauses(void **state)
{
        (void)state;
        booksync_begin(&sync, NOW(0));
        assert_false(booksync_wants_snapshot(&sync, NOW(0))); // nothing flows yet
        assert_true(booksync_wants_snapshot(&sync, NOW(FIRST_EVENT_WAIT_MS)));
        feed(5, 6, 0);
        assert_true(booksync_wants_snapshot(&sync, NOW(0)));
        int64_t now = 0, asked = 0;
        while (now < 3600000) { // an hour in which every snapshot is too old
                if (booksync_wants_snapshot(&sync, NOW(now))) {
                        assert_int_equal(snapshot(0, now), SNAPSHOT_TOO_OLD);
                        asked++;
                }
                now += 100;
        }
        assert_in_range(asked, 15, 25);
        assert_int_equal(booksync_pause_ms(&sync), RESYNC_PAUSE_MS_MAX);
        assert_int_equal(snapshot(5, now), SNAPSHOT_TAKEN);
        booksync_fail(&sync, NOW(now + RESYNC_HEALTHY_MS - 1));
        assert_int_equal(booksync_pause_ms(&sync), RESYNC_PAUSE_MS_MAX);
        snapshot(5, now);
        booksync_fail(&sync, NOW(now + RESYNC_HEALTHY_MS));
        assert_int_equal(booksync_pause_ms(&sync), RESYNC_PAUSE_MS_MIN); // it was right for a minute
}

static void buffer_is_bounded(void **state)
{
        (void)state;
        booksync_begin(&sync, NOW(0));
        for (int64_t id = 1; id <= BOOK_EVENTS_MAX + 10; id++)
                assert_int_equal(feed(id, id, 0), BOOK_BUFFERED);
        assert_int_equal(sync.buffered_count, BOOK_EVENTS_MAX);
        assert_int_equal(snapshot(9, 0), SNAPSHOT_TOO_OLD); // the oldest were given up
        assert_int_equal(snapshot(10, 0), SNAPSHOT_TAKEN);
        assert_int_equal(drain(), BOOK_EVENTS_MAX);
}

// ---- the book ----

static void levels_stand_in_order(void **state)
{
        struct level top[8];

        (void)state;
        booksync_begin(&sync, NOW(0));
        snapshot(100, 0);
        begin(101, 101);
        bid(9995, 7);
        bid(10000, 0);
        bid(12345, 0); // unknown levels may go
        ask(10005, 8);
        ask(10020, 9);
        assert_int_equal(booksync_event(&sync, &event.head, event.levels, false, NOW(0)), BOOK_APPLIED);
        assert_int_equal(book_top(&sync.book.bids, 8, top), 2);
        assert_int_equal(top[0].price, 9995);
        assert_int_equal(top[1].price, 9990);
        assert_int_equal(book_top(&sync.book.asks, 8, top), 3);
        assert_int_equal(top[0].price, 10005);
        assert_int_equal(top[1].price, 10010);
        assert_int_equal(top[2].price, 10020);
        assert_int_equal(top[2].size, 9);
        assert_int_equal(book_top(&sync.book.asks, 1, top), 1);
}

static void equal_prices_are_one_level_however_written(void **state)
{
        struct level a = {.price = 105, .price_exponent = -1}, b = {.price = 1050000000, .price_exponent = -8};
        struct level c = {.price = 10, .price_exponent = 0}, d = {.price = 1, .price_exponent = -18};

        (void)state;
        assert_int_equal(level_compare_price(&a, &b), 0);
        assert_true(level_compare_price(&c, &a) < 0);
        assert_true(level_compare_price(&b, &c) > 0);
        assert_true(level_compare_price(&d, &c) < 0);
        d.price = c.price = INT64_MAX;
        assert_true(level_compare_price(&c, &d) > 0);
}

static void book_knows_what_it_knows(void **state)
{
        (void)state;
        begin(0, 100);
        for (int64_t i = 0; i < 10; i++)
                bid(10000 - i, 1);
        for (int64_t i = 0; i < 5; i++)
                ask(10001 + i, 1);
        booksync_begin(&sync, NOW(0));
        assert_int_equal(booksync_snapshot(&sync, &event.head, event.levels, 10, NOW(0)), SNAPSHOT_TAKEN);
        assert_true(book_is_certain(&sync.book, 10)); // 5 asks are all there are
        begin(101, 101);
        bid(9000, 1);  // there may be others before it
        bid(10000, 0); // nine are left that are known
        booksync_event(&sync, &event.head, event.levels, false, NOW(0));
        assert_true(book_is_certain(&sync.book, 9));
        assert_false(book_is_certain(&sync.book, 10));
}

static void far_levels_are_forgotten(void **state)
{
        (void)state;
        booksync_begin(&sync, NOW(0));
        snapshot(100, 0);
        for (int64_t i = 0; i < 8000; i++) {
                begin(101 + i, 101 + i);
                bid(9000 - i, 1);
                assert_int_equal(booksync_event(&sync, &event.head, event.levels, false, NOW(0)), BOOK_APPLIED);
        }
        assert_in_range(sync.book.bids.count, BOOK_LEVELS_MAX, BOOK_LEVELS_MAX * 6 / 5);
        assert_int_equal(best(&sync.book.bids), 10000);
        assert_true(book_is_certain(&sync.book, 20));
        assert_true(sync.book.bids.bounded); // and says so
        assert_false(sync.book.asks.bounded);
}

static void set_bid(int64_t id, int64_t price, int64_t size)
{
        begin(id, id);
        bid(price, size);
        assert_int_equal(booksync_event(&sync, &event.head, event.levels, false, NOW(0)), BOOK_APPLIED);
}

static void side_may_be_emptied_from_either_end(void **state)
{
        int64_t id = 1;

        (void)state;
        for (int from_touch = 0; from_touch < 2; from_touch++) {
                booksync_begin(&sync, NOW(0));
                begin(0, id);
                booksync_snapshot(&sync, &event.head, event.levels, 1000, NOW(0));
                for (int64_t i = 0; i < 300; i++)
                        set_bid(++id, 1000 + i * 7 % 300, 1);
                for (int64_t i = 0; i < 300; i++) {
                        assert_int_equal(sync.book.bids.count, 300 - i);
                        assert_int_equal(best(&sync.book.bids), from_touch ? 1299 - i : 1299);
                        set_bid(++id, from_touch ? 1299 - i : 1000 + i, 0);
                }
                assert_int_equal(best(&sync.book.bids), 0);
                assert_int_equal(sync.book.bids.chunks_count, 0);
        }
}

static void comparison_counts_what_both_know(void **state)
{
        struct book other;
        size_t same, all;

        (void)state;
        book_init(&other);
        booksync_begin(&sync, NOW(0));
        snapshot(100, 0);
        assert_true(book_load(&other, &event.head, event.levels, 1000));
        book_compare(&sync.book, &other, &same, &all);
        assert_int_equal(same, 4);
        assert_int_equal(all, 4);
        begin(101, 101);
        bid(9990, 9);  // another size
        ask(10015, 1); // only here
        ask(10020, 0); // only there
        book_apply(&other, &event.head, event.levels);
        book_compare(&sync.book, &other, &same, &all);
        assert_int_equal(same, 2);
        assert_int_equal(all, 5);
        other.asks.bounded = true; // knows nothing behind 100.10
        other.asks.bound = level(10010, 1);
        book_compare(&sync.book, &other, &same, &all);
        assert_int_equal(all, 3);
        book_free(&other);
}

// Against a plain array that is searched from end to end.
static void random_changes_agree_with_a_plain_book(void **state)
{
        static int64_t plain[2][200];
        unsigned seed = 7;

        (void)state;
        memset(plain, 0, sizeof(plain));
        booksync_begin(&sync, NOW(0));
        begin(0, 1);
        assert_int_equal(booksync_snapshot(&sync, &event.head, event.levels, 1000, NOW(0)), SNAPSHOT_TAKEN);
        for (int64_t id = 2; id < 20000; id++) {
                int64_t price = rand_r(&seed) % 200, size = rand_r(&seed) % 3;
                bool asks = rand_r(&seed) % 2 == 0;

                begin(id, id);
                if (asks)
                        ask(1000 + price, size);
                else
                        bid(700 + price, size);
                plain[asks][asks ? price : 199 - price] = size;
                assert_int_equal(booksync_event(&sync, &event.head, event.levels, false, NOW(0)), BOOK_APPLIED);
                for (int side = 0; id % 97 == 0 && side < 2; side++) {
                        struct level top[200];
                        size_t count = book_top(side == 1 ? &sync.book.asks : &sync.book.bids, 200, top), at = 0;

                        for (int64_t i = 0; i < 200; i++) {
                                if (plain[side][i] == 0)
                                        continue;
                                assert_true(at < count);
                                assert_int_equal(top[at].price, side == 1 ? 1000 + i : 899 - i);
                                assert_int_equal(top[at++].size, plain[side][i]);
                        }
                        assert_int_equal(at, count);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(first_event_must_touch_the_snapshot, set_up, tear_down),
            cmocka_unit_test_setup_teardown(every_later_event_must_follow, set_up, tear_down),
            cmocka_unit_test_setup_teardown(another_connection_may_fill_the_hole, set_up, tear_down),
            cmocka_unit_test_setup_teardown(hole_inside_the_buffer_is_found, set_up, tear_down),
            cmocka_unit_test_setup_teardown(crossed_book_is_given_up, set_up, tear_down),
            cmocka_unit_test_setup_teardown(failures_make_longer_pauses, set_up, tear_down),
            cmocka_unit_test_setup_teardown(buffer_is_bounded, set_up, tear_down),
            cmocka_unit_test_setup_teardown(levels_stand_in_order, set_up, tear_down),
            cmocka_unit_test_setup_teardown(equal_prices_are_one_level_however_written, set_up, tear_down),
            cmocka_unit_test_setup_teardown(book_knows_what_it_knows, set_up, tear_down),
            cmocka_unit_test_setup_teardown(far_levels_are_forgotten, set_up, tear_down),
            cmocka_unit_test_setup_teardown(side_may_be_emptied_from_either_end, set_up, tear_down),
            cmocka_unit_test_setup_teardown(comparison_counts_what_both_know, set_up, tear_down),
            cmocka_unit_test_setup_teardown(random_changes_agree_with_a_plain_book, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
