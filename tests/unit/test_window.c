// SPDX-License-Identifier: Apache-2.0
#include "common/window.h"

#include "common/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct window_limits limits = {
    .bytes_max = 1000, .records_max = 100, .batches_max = 20, .bytes_reserved = 100, .batches_reserved = 4};

static mono_time at_ms(int64_t ms)
{
        return (mono_time){ms * US_PER_MS};
}

static struct window sealed_window(unsigned batches)
{
        struct window window;

        window_init(&window, &limits, 1, at_ms(0));
        for (unsigned i = 1; i <= batches; i++)
                assert_int_equal(window_seal(&window, 10, 1), i);
        return window;
}

// Sends what may be sent; returns how many.
static unsigned send_all(struct window *window, int64_t now_ms)
{
        unsigned count = 0;

        while (window_next(window) != 0) {
                window_sent(window, at_ms(now_ms));
                count++;
        }
        return count;
}

static void batches_are_sent_once_and_in_order(void **state)
{
        struct window window = sealed_window(3);

        (void)state;
        for (uint64_t i = 1; i <= 3; i++) {
                assert_int_equal(window_next(&window), i);
                assert_int_equal(window_next(&window), i); // until the socket took it
                window_sent(&window, at_ms(0));
        }
        assert_int_equal(window_next(&window), 0);
        assert_int_equal(window_seal(&window, 10, 1), 4);
        assert_int_equal(window_next(&window), 4);
}

static void without_progress_the_oldest_are_sent_again_at_growing_intervals(void **state)
{
        static const int64_t resends_ms[] = {300, 900, 2100, 4500, 7500, 10500};
        struct window window = sealed_window(10);
        size_t next = 0;

        (void)state;
        assert_int_equal(send_all(&window, 0), 10);
        for (int64_t ms = 1; ms <= 12000; ms++) {
                if (!window_check_time(&window, at_ms(ms)))
                        continue;
                assert_true(next < sizeof(resends_ms) / sizeof(resends_ms[0]));
                assert_int_equal(ms, resends_ms[next++]);
                assert_int_equal(window_next(&window), 1);
                assert_int_equal(send_all(&window, ms), RESEND_PROBE_BATCHES);
        }
        assert_int_equal(next, sizeof(resends_ms) / sizeof(resends_ms[0]));
}

static void progress_ends_probing_and_restores_the_interval(void **state)
{
        struct window window = sealed_window(10);

        (void)state;
        send_all(&window, 0);
        assert_true(window_check_time(&window, at_ms(300)));
        assert_int_equal(send_all(&window, 300), RESEND_PROBE_BATCHES);
        assert_true(window_acknowledge(&window, 2, at_ms(310)));
        assert_int_equal(window_next(&window), RESEND_PROBE_BATCHES + 1);
        assert_int_equal(send_all(&window, 310), 10 - RESEND_PROBE_BATCHES);
        assert_false(window_check_time(&window, at_ms(609)));
        assert_true(window_check_time(&window, at_ms(610)));
}

static void what_was_not_lost_is_not_sent_again(void **state)
{
        struct window window = sealed_window(10);

        (void)state;
        send_all(&window, 0);
        assert_true(window_check_time(&window, at_ms(300)));
        assert_int_equal(window_next(&window), 1);
        // The writer was only slow.
        assert_true(window_acknowledge(&window, 8, at_ms(305)));
        assert_int_equal(window_next(&window), 9);
        assert_true(window_acknowledge(&window, 10, at_ms(306)));
        assert_int_equal(window_next(&window), 0);
}

static void the_wait_begins_with_the_first_batch_under_way(void **state)
{
        struct window window = sealed_window(1);

        (void)state;
        assert_false(window_check_time(&window, at_ms(5000))); // nobody took it yet: nothing to send again
        send_all(&window, 5000);
        assert_false(window_check_time(&window, at_ms(5299)));
        assert_true(window_acknowledge(&window, 1, at_ms(5299)));
        assert_false(window_check_time(&window, at_ms(9000)));
        window_seal(&window, 10, 1);
        send_all(&window, 9000);
        assert_false(window_check_time(&window, at_ms(9299)));
        assert_true(window_check_time(&window, at_ms(9300)));
}

static void a_new_writer_gets_everything_again_at_once(void **state)
{
        struct window window = sealed_window(10);

        (void)state;
        send_all(&window, 0);
        window_acknowledge(&window, 3, at_ms(1));
        assert_false(window_check_writer(&window, 1, at_ms(2)));
        assert_false(window_check_writer(&window, 0, at_ms(2))); // none has published itself yet
        assert_true(window_check_writer(&window, 2, at_ms(3)));
        assert_int_equal(window_next(&window), 4);
        assert_int_equal(send_all(&window, 3), RESEND_PROBE_BATCHES);
        assert_false(window_check_writer(&window, 2, at_ms(4)));
}

static void acknowledgements_of_what_does_not_exist_are_refused(void **state)
{
        struct window window = sealed_window(2);

        (void)state;
        send_all(&window, 0);
        assert_false(window_acknowledge(&window, 3, at_ms(1)));
        assert_int_equal(window.acknowledged, 0);
        assert_true(window_acknowledge(&window, 2, at_ms(1)));
        assert_true(window_acknowledge(&window, 1, at_ms(2))); // older than what is known: nothing new
        assert_int_equal(window.acknowledged, 2);
}

static void data_leaves_room_for_boundaries(void **state)
{
        struct window window;

        (void)state;
        window_init(&window, &limits, 1, at_ms(0));
        assert_true(window_fits(&window, 900, 100, false));
        assert_false(window_fits(&window, 901, 1, false));
        assert_true(window_fits(&window, 1000, 101, true));
        assert_false(window_fits(&window, 1001, 1, true));
        assert_false(window_fits(&window, 10, 101, false));
        window_seal(&window, 890, 99);
        assert_true(window_fits(&window, 10, 1, false));
        assert_false(window_fits(&window, 11, 1, false));
        assert_false(window_fits(&window, 10, 2, false));
        assert_true(window_fits(&window, 110, 1, true));
}

static void so_do_its_batches(void **state)
{
        struct window window = sealed_window(15);

        (void)state;
        assert_true(window_may_seal(&window, false));
        window_seal(&window, 10, 1);
        assert_false(window_may_seal(&window, false));
        for (unsigned i = 16; i < 20; i++) {
                assert_true(window_may_seal(&window, true));
                window_seal(&window, 10, 1);
        }
        assert_false(window_may_seal(&window, true));
        send_all(&window, 0);
        window_acknowledge(&window, 5, at_ms(1));
        assert_true(window_may_seal(&window, false));
}

static void a_full_window_has_room_again_at_three_quarters(void **state)
{
        struct window window;

        (void)state;
        window_init(&window, &limits, 1, at_ms(0));
        window_relax(&window, 0, 0);
        assert_false(window.full);
        for (unsigned i = 0; i < 9; i++)
                window_seal(&window, 100, 1);
        window_relax(&window, 0, 0);
        assert_false(window.full); // only a refusal makes it full
        window_refuse(&window);
        window_relax(&window, 0, 0);
        assert_true(window.full);
        window_release(&window, 100, 1);
        window_relax(&window, 0, 0);
        assert_true(window.full);
        window_release(&window, 100, 1);
        window_relax(&window, 50, 1); // what is under construction counts too
        assert_true(window.full);
        window_relax(&window, 49, 1);
        assert_false(window.full);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(batches_are_sent_once_and_in_order),
            cmocka_unit_test(without_progress_the_oldest_are_sent_again_at_growing_intervals),
            cmocka_unit_test(progress_ends_probing_and_restores_the_interval),
            cmocka_unit_test(what_was_not_lost_is_not_sent_again),
            cmocka_unit_test(the_wait_begins_with_the_first_batch_under_way),
            cmocka_unit_test(a_new_writer_gets_everything_again_at_once),
            cmocka_unit_test(acknowledgements_of_what_does_not_exist_are_refused),
            cmocka_unit_test(data_leaves_room_for_boundaries),
            cmocka_unit_test(so_do_its_batches),
            cmocka_unit_test(a_full_window_has_room_again_at_three_quarters),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
