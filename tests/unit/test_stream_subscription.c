// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/subscription.c
#include "workers/stream/subscription.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static mono_time at_ms(int64_t ms)
{
        return (mono_time){7000000 + ms * US_PER_MS};
}

struct names {
        size_t left_out; // one index that is quarantined; SIZE_MAX: none
        size_t length;   // pad names to this length
};

static const char *name_of(const void *names, size_t index)
{
        static char text[256];
        const struct names *n = names;

        if (index == n->left_out)
                return NULL;
        int written = snprintf(text, sizeof(text), "s%05zu@kline_1m", index);
        for (size_t i = (size_t)written; i < n->length; i++) {
                text[i] = 'x';
                text[i + 1] = '\0';
        }
        return text;
}

static size_t count_names(const char *message, size_t length)
{
        size_t count = 0;

        for (size_t i = 0; i + 1 < length; i++)
                count += message[i] == '@';
        return count;
}

static void long_lists_go_in_spaced_answered_pieces(void **state)
{
        static const size_t pieces[] = {150, 150, 100};
        struct names names = {SIZE_MAX, 0};
        struct subscription s = {0};
        struct name_range range;
        char message[SUBSCRIBE_BYTES_MAX];
        int64_t now = 0;

        (void)state;
        subscription_start(&s, 100, 500, at_ms(0));
        for (size_t i = 0; i < 3; i++) {
                assert_false(subscription_is_complete(&s));
                size_t length = subscription_next(&s, at_ms(now), name_of, &names, message);
                assert_int_equal(count_names(message, length), pieces[i]);
                assert_true(length <= 4000);
                assert_int_equal(subscription_next(&s, at_ms(now + 5000), name_of, &names, message), 0); // unanswered
                assert_int_equal(subscription_answer(&s, s.id + 1, true, &range), SUBSCRIPTION_FOREIGN);
                assert_int_equal(subscription_answer(&s, s.id, true, &range), SUBSCRIPTION_ACCEPTED);
                assert_int_equal(range.from, 100 + i * 150);
                assert_int_equal(range.to, range.from + pieces[i]);
                assert_int_equal(
                    subscription_next(&s, at_ms(now + CLIENT_MESSAGE_SPACING_MS - 1), name_of, &names, message), 0);
                now += CLIENT_MESSAGE_SPACING_MS;
        }
        assert_true(subscription_is_complete(&s));
        assert_int_equal(subscription_deadline(&s).us, INT64_MAX);
}

static void message_is_what_the_exchange_reads(void **state)
{
        struct names names = {3, 0};
        struct subscription s = {0};
        char message[SUBSCRIBE_BYTES_MAX];

        (void)state;
        subscription_start(&s, 2, 5, at_ms(0));
        size_t length = subscription_next(&s, at_ms(0), name_of, &names, message);
        assert_int_equal(length, strlen(message));
        assert_string_equal(
            message, "{\"method\":\"SUBSCRIBE\",\"params\":[\"s00002@kline_1m\",\"s00004@kline_1m\"],\"id\":1}");
}

static void long_names_stay_below_the_swallowing_limit(void **state)
{
        struct names names = {SIZE_MAX, 60};
        struct subscription s = {0};
        struct name_range range;
        char message[SUBSCRIBE_BYTES_MAX];
        size_t asked = 0;

        (void)state;
        subscription_start(&s, 0, 400, at_ms(0));
        for (int64_t now = 0; !subscription_is_complete(&s); now += 1000) {
                size_t length = subscription_next(&s, at_ms(now), name_of, &names, message);
                assert_true(length > 0 && length < SUBSCRIBE_BYTES_MAX);
                asked += count_names(message, length);
                assert_int_equal(subscription_answer(&s, s.id, true, &range), SUBSCRIPTION_ACCEPTED);
        }
        assert_int_equal(asked, 400);
}

// An exchange that refuses every message with a name from a set: all others end up subscribed.
static void bad_names_are_found_by_halving(void **state)
{
        struct names names = {SIZE_MAX, 0};
        static const size_t bad[] = {0, 77, 78, 299, 1023};
        struct subscription s = {0};
        bool accepted[1024] = {false}, refused[1024] = {false};
        char message[SUBSCRIBE_BYTES_MAX];
        unsigned messages = 0;

        (void)state;
        subscription_start(&s, 0, 1024, at_ms(0));
        for (int64_t now = 0; !subscription_is_complete(&s); now += 1000, messages++) {
                struct name_range range;
                bool good = true;

                assert_true(subscription_next(&s, at_ms(now), name_of, &names, message) > 0);
                for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                        good = good && (bad[i] < s.asked.from || bad[i] >= s.asked.to);
                enum subscription_answer answer = subscription_answer(&s, s.id, good, &range);
                for (size_t i = range.from; answer == SUBSCRIPTION_ACCEPTED && i < range.to; i++)
                        accepted[i] = true;
                if (answer == SUBSCRIPTION_REFUSED)
                        refused[range.from] = true;
        }
        for (size_t i = 0; i < 1024; i++)
                assert_true(accepted[i] != refused[i]);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_true(refused[bad[i]]);
        assert_true(messages < 100);
}

static void all_refused_stays_within_bounds(void **state)
{
        struct names names = {SIZE_MAX, 0};
        struct subscription s = {0};
        struct name_range range;
        char message[SUBSCRIBE_BYTES_MAX];
        size_t refused = 0;

        (void)state;
        subscription_start(&s, 0, STREAMS_PER_CONNECTION_MAX, at_ms(0));
        for (int64_t now = 0; !subscription_is_complete(&s); now += 1000) {
                subscription_next(&s, at_ms(now), name_of, &names, message);
                refused += subscription_answer(&s, s.id, false, &range) == SUBSCRIPTION_REFUSED;
        }
        assert_int_equal(refused, STREAMS_PER_CONNECTION_MAX);
}

static void swallowed_message_is_noticed(void **state)
{
        struct names names = {SIZE_MAX, 0};
        struct subscription s = {0};
        char message[SUBSCRIBE_BYTES_MAX];

        (void)state;
        subscription_start(&s, 0, 3, at_ms(0));
        assert_false(subscription_is_overdue(&s, at_ms(60000)));
        subscription_next(&s, at_ms(0), name_of, &names, message);
        assert_false(subscription_is_overdue(&s, at_ms(SUBSCRIBE_ANSWER_MS - 1)));
        assert_true(subscription_is_overdue(&s, at_ms(SUBSCRIBE_ANSWER_MS)));
}

static void nothing_left_after_quarantine_is_complete(void **state)
{
        struct names names = {5, 0};
        struct subscription s = {0};
        char message[SUBSCRIBE_BYTES_MAX];

        (void)state;
        subscription_start(&s, 5, 6, at_ms(0));
        assert_int_equal(subscription_next(&s, at_ms(0), name_of, &names, message), 0);
        assert_true(subscription_is_complete(&s));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(long_lists_go_in_spaced_answered_pieces),
            cmocka_unit_test(message_is_what_the_exchange_reads),
            cmocka_unit_test(long_names_stay_below_the_swallowing_limit),
            cmocka_unit_test(bad_names_are_found_by_halving),
            cmocka_unit_test(all_refused_stays_within_bounds),
            cmocka_unit_test(swallowed_message_is_noticed),
            cmocka_unit_test(nothing_left_after_quarantine_is_complete),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
