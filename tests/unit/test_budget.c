// SPDX-License-Identifier: Apache-2.0
#include "common/budget.h"

#include "common/clock.h"
#include "common/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>

#define MINUTE 29000000u
#define S US_PER_S

static const struct budget_rule rule_90 = {6000, 900, BUDGET_WHOLE_PERMILLE, US_PER_MIN};

static uint64_t word(uint32_t period, uint32_t used)
{
        return (uint64_t)period << 32 | used;
}

static void requests_are_paced_over_the_minute(void **state)
{
        static const struct {
                const char *what;
                uint32_t limit, utilization, share;
                int64_t elapsed_us;
                uint32_t used, amount;
                int64_t wait_ms;
        } cases[] = {
            {"a cold start is quick", 6000, 900, 1000, 0, 0, 2, 0},
            {"up to the burst: the limit less the budget and a second of it", 6000, 900, 1000, 0, 508, 2, 0},
            {"beyond it, as time allows", 6000, 900, 1000, 0, 510, 2, 23},
            {"half a minute", 6000, 900, 1000, 30 * S, 510 + 2700 - 2, 2, 0},
            {"half a minute and more", 6000, 900, 1000, 30 * S, 510 + 2700, 2, 23},
            {"a tenth of the budget where the limit leaves more room", 6000, 500, 1000, 0, 300 - 2, 2, 0},
            {"and no more", 6000, 500, 1000, 0, 300, 2, 40},
            {"the whole budget before the end", 6000, 900, 1000, 55 * S, 5398, 2, 0},
            {"then the next minute", 6000, 900, 1000, 55 * S, 5400, 2, 5000},
            {"others at this address used it", 6000, 900, 1000, 10 * S, 5990, 20, 50000},
            {"a millisecond before the end", 6000, 900, 1000, 60 * S - 1, 5400, 2, 1},
            {"never all of the limit", 6000, 1000, 1000, 59 * S, 5760, 1, 1000},
            {"a fifth for settling", 6000, 900, 200, 59 * S, 1078, 2, 0},
            {"and no more", 6000, 900, 200, 59 * S, 1080, 2, 1000},
            {"a request larger than the budget goes alone", 10, 900, 1000, 0, 0, 20, 0},
            {"and only so", 10, 900, 1000, 0, 1, 20, 60000},
            {"no budget at all still lets one through", 1, 900, 1000, 0, 0, 1, 0},
            {"but one", 1, 900, 1000, 40 * S, 1, 1, 20000},
            {"limits off", BUDGET_UNLIMITED, 900, 1000, 0, 2000000000, 1000, 0},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct budget_rule rule = {cases[i].limit, cases[i].utilization, cases[i].share, US_PER_MIN};
                struct budget_time now = {MINUTE, cases[i].elapsed_us};
                uint64_t before = word(MINUTE, cases[i].used), after = before;
                int64_t wait = budget_take(&rule, now, cases[i].amount, &after);

                if (wait != cases[i].wait_ms)
                        fail_msg("%s: waits %" PRId64 " ms, not %" PRId64, cases[i].what, wait, cases[i].wait_ms);
                assert_int_equal(after, wait == 0 ? before + cases[i].amount : before);
                // After the wait it fits, if nobody was quicker, unless the minute is over then.
                now.elapsed_us += wait * US_PER_MS;
                if (wait > 0 && now.elapsed_us < US_PER_MIN)
                        assert_int_equal(budget_take(&rule, now, cases[i].amount, &after), 0);
        }
}

static void a_new_minute_begins_at_nothing(void **state)
{
        uint64_t shared = word(MINUTE - 1, 5400);

        (void)state;
        assert_int_equal(budget_used(shared, (struct budget_time){MINUTE, 0}), 0);
        assert_int_equal(budget_take(&rule_90, (struct budget_time){MINUTE, 0}, 2, &shared), 0);
        assert_int_equal(shared, word(MINUTE, 2));
}

static void minutes_do_not_run_backwards(void **state)
{
        uint64_t shared = word(MINUTE, 509);

        (void)state;
        // Our clock stepped back by half a minute: the word's minute still counts, as if it had just begun.
        assert_true(budget_take(&rule_90, (struct budget_time){MINUTE - 1, 30 * S}, 2, &shared) > 0);
        assert_int_equal(budget_used(shared, (struct budget_time){MINUTE - 1, 30 * S}), 509);
        assert_int_equal(shared, word(MINUTE, 509));
        assert_int_equal(budget_take(&rule_90, (struct budget_time){MINUTE - 1, 30 * S}, 1, &shared), 0);
        assert_int_equal(shared, word(MINUTE, 510));
}

static void a_used_weight_header_only_raises_and_only_its_minute(void **state)
{
        uint64_t shared = word(MINUTE, 100);

        (void)state;
        assert_false(budget_raise(MINUTE, 99, &shared));
        assert_false(budget_raise(MINUTE - 1, 4000, &shared));
        assert_false(budget_raise(MINUTE + 1, 4000, &shared));
        assert_int_equal(shared, word(MINUTE, 100));
        assert_true(budget_raise(MINUTE, 250, &shared));
        assert_int_equal(shared, word(MINUTE, 250));
}

// Eight workers that always have a request of weight 2, over ten minutes; the exchange's minute begins `skew_us` after
// ours. Returns the largest weight of one of its minutes, and *total.
static int64_t simulate(const struct budget_rule *rule, int64_t idle_until_us, int64_t skew_us, int64_t *total)
{
        static int64_t minutes[16];
        int64_t begin_us = (int64_t)MINUTE * US_PER_MIN, ready_us[8], largest = 0;
        uint64_t shared = 0;

        for (size_t i = 0; i < 16; i++)
                minutes[i] = 0;
        for (size_t i = 0; i < 8; i++)
                ready_us[i] = idle_until_us;
        *total = 0;
        for (;;) {
                size_t w = 0;
                for (size_t i = 1; i < 8; i++)
                        w = ready_us[i] < ready_us[w] ? i : w;
                if (ready_us[w] >= 10 * US_PER_MIN)
                        break;
                int64_t wait = budget_take(rule, budget_time_at(begin_us + ready_us[w], US_PER_MIN), 2, &shared);
                if (wait == 0) {
                        int64_t theirs_us = ready_us[w] + 1000 + US_PER_MIN - skew_us;
                        minutes[theirs_us / US_PER_MIN] += 2;
                        *total += 2;
                }
                ready_us[w] += wait > 0 ? wait * US_PER_MS + (int64_t)w * 300 : 60 * US_PER_MS;
        }
        for (size_t i = 0; i < 16; i++)
                largest = minutes[i] > largest ? minutes[i] : largest;
        return largest;
}

static void a_misaligned_minute_never_exceeds_the_limit(void **state)
{
        static const uint32_t utilizations[] = {100, 500, 800, 900, 950, 1000};
        int64_t total;

        (void)state;
        for (size_t u = 0; u < sizeof(utilizations) / sizeof(utilizations[0]); u++) {
                struct budget_rule rule = {6000, utilizations[u], BUDGET_WHOLE_PERMILLE, US_PER_MIN};
                // Idle for part of the first minute: then the end of one and the begin of the next are worst.
                for (int64_t skew_us = -S; skew_us <= S; skew_us += S / 4) {
                        assert_true(simulate(&rule, 0, skew_us, &total) <= 6000);
                        assert_true(simulate(&rule, 2 * S, skew_us, &total) <= 6000);
                }
        }
}

static void nearly_all_of_the_configured_share_can_be_used(void **state)
{
        static const uint32_t utilizations[] = {100, 500, 800, 900, 950, 1000};
        int64_t total;

        (void)state;
        for (size_t u = 0; u < sizeof(utilizations) / sizeof(utilizations[0]); u++) {
                struct budget_rule rule = {6000, utilizations[u], BUDGET_WHOLE_PERMILLE, US_PER_MIN};
                simulate(&rule, 0, 0, &total);
                assert_true(total >= (int64_t)6000 * utilizations[u] / 1000 * 10 * 95 / 100);
                assert_true(total <= (int64_t)6000 * utilizations[u] / 1000 * 10);
        }
}

static void a_third_of_the_connections_is_kept_for_reconnects(void **state)
{
        const int64_t window_us = CONNECTIONS_WINDOW_S * S;
        struct budget_time now = {5, 100 * S};
        uint64_t shared = 0;
        unsigned first = 0, again = 0;

        (void)state;
        while (budget_connect(300, false, window_us, now, 200, &shared) == 0)
                first++;
        while (budget_connect(300, true, window_us, now, 200, &shared) == 0)
                again++;
        assert_int_equal(first, 195); // less what one second may add where windows differ
        assert_int_equal(first + again, 295);
        assert_int_equal(budget_connect(300, true, window_us, now, 200, &shared), 200000);
        now = (struct budget_time){6, 0};
        assert_int_equal(budget_connect(300, false, window_us, now, 200, &shared), 0);
}

static void a_date_header_aligns_the_minute(void **state)
{
        static const struct {
                const char *what;
                int64_t phase_us;
                bool aligned;
                int64_t our_us, date_s;
                int64_t expected_us;
        } cases[] = {
            {"the first: half a second more than it proves", 0, false, 100 * S, 107, 7 * S + S / 2},
            {"behind", 0, false, 100 * S, 90, -10 * S + S / 2},
            {"another year has the same phase", 0, false, 100 * S, 107 + 86400 * 365, 7 * S + S / 2},
            {"round the minute", 0, false, 59 * S, 61, 2 * S + S / 2},
            {"and back", 0, false, 61 * S, 59, -2 * S + S / 2},
            {"agreement changes nothing", S, true, 100 * S, 100, S},
            {"cut by nearly a second and late by another", 0, true, 101 * S, 99, 0},
            {"proof that it is further", 0, true, 100 * S, 101, S},
            {"a very late answer moves back by a step only", 0, true, 110 * S, 100, -(9 * S / 8)},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                int64_t phase_us =
                    budget_align_us(cases[i].phase_us, cases[i].aligned, cases[i].our_us, cases[i].date_s);
                if (phase_us != cases[i].expected_us)
                        fail_msg("%s: %" PRId64 ", not %" PRId64, cases[i].what, phase_us, cases[i].expected_us);
        }
}

static void answers_converge_on_the_exchange_s_minute(void **state)
{
        int64_t phase_us = 0;
        bool aligned = false;

        (void)state;
        // It is 12.3 s ahead; answers are up to 400 ms late, the first by 9 s.
        for (int64_t i = 0; i < 200; i++) {
                int64_t sent_us = 1000000 * S + i * 777777, late_us = i == 0 ? 9 * S : i * 31337 % 400000;
                phase_us = budget_align_us(phase_us, aligned, sent_us + late_us, (sent_us + 12300000) / S);
                aligned = true;
        }
        assert_in_range(phase_us, 11300000, 13300000);
}

static void bans_last_as_long_as_they_say_within_reason(void **state)
{
        static const struct {
                uint32_t status;
                int64_t retry_after_s, elapsed_us, seconds;
        } cases[] = {
            {429, 17, 0, 17},
            {429, 0, 45 * S, 16}, // to the minute's end and a second
            {429, -5, 0, 61},
            {429, INT64_MIN, 59 * S, 2},
            {429, INT64_MAX, 0, 3 * 24 * 3600},
            {418, 121, 0, 121},
            {418, 1, 0, 1},
            {418, 0, 0, 120},
            {418, -1, 0, 120},
            {418, 1000000, 0, 3 * 24 * 3600},
            {403, 0, 0, 300},
            {403, 10, 0, 300},
            {403, 400, 0, 400},
            {451, 0, 0, 60},
            {451, 3600, 0, 3600},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_int_equal(budget_ban_us(cases[i].status, cases[i].retry_after_s,
                                     (struct budget_time){MINUTE, cases[i].elapsed_us}),
                    cases[i].seconds * S);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(requests_are_paced_over_the_minute),
            cmocka_unit_test(a_new_minute_begins_at_nothing),
            cmocka_unit_test(minutes_do_not_run_backwards),
            cmocka_unit_test(a_used_weight_header_only_raises_and_only_its_minute),
            cmocka_unit_test(a_misaligned_minute_never_exceeds_the_limit),
            cmocka_unit_test(nearly_all_of_the_configured_share_can_be_used),
            cmocka_unit_test(a_third_of_the_connections_is_kept_for_reconnects),
            cmocka_unit_test(a_date_header_aligns_the_minute),
            cmocka_unit_test(answers_converge_on_the_exchange_s_minute),
            cmocka_unit_test(bans_last_as_long_as_they_say_within_reason),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
