// SPDX-License-Identifier: Apache-2.0
// LINK: supervisor/brakerule.c supervisor/policylimits.c
#include "supervisor/brakerule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_MS 1000000

static struct policy_limits limits;

static mono_time at_ms(int64_t ms)
{
        return (mono_time){ms * US_PER_MS};
}

static void a_class_is_braked_by_five_and_more_than_a_quarter(void **state)
{
        static const struct {
                size_t crashed, wanted;
                bool braked;
        } cases[] = {{4, 4, false}, {5, 5, true}, {5, 19, true}, {5, 20, false}, {6, 20, true}, {15, 60, false},
            {16, 60, true}, {0, 0, false}};

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct brakerule brake = {0};
                enum brake_action action =
                    brakerule_step(&limits, &brake, BRAKE_CRASH, at_ms(NOW_MS), cases[i].crashed, cases[i].wanted);
                assert_int_equal(action, cases[i].braked ? BRAKE_ENGAGE : BRAKE_NONE);
        }
}

static void a_brake_probes_until_a_probe_lives(void **state)
{
        struct brakerule brake = {0};

        (void)state;
        brakerule_step(&limits, &brake, BRAKE_CRASH, at_ms(NOW_MS), 8, 8);
        assert_int_equal(brake.deadline.us, at_ms(NOW_MS + 30000).us);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(brakerule_step(&limits, &brake, BRAKE_DEADLINE, at_ms(NOW_MS), 0, 8), BRAKE_PROBE);
                brakerule_step(&limits, &brake, BRAKE_PROBE_DIED, at_ms(NOW_MS), 1, 8);
                assert_int_equal(brake.deadline.us, at_ms(NOW_MS + 30000).us);
        }
        brakerule_step(&limits, &brake, BRAKE_DEADLINE, at_ms(NOW_MS), 0, 8);
        brakerule_step(&limits, &brake, BRAKE_PROBE_READY, at_ms(NOW_MS), 0, 8);
        assert_int_equal(brake.deadline.us, at_ms(NOW_MS + 10000).us);
        assert_int_equal(brakerule_step(&limits, &brake, BRAKE_DEADLINE, at_ms(NOW_MS), 0, 8), BRAKE_RELEASE);
        assert_int_equal(brake.state, BRAKE_OPEN);
}

static void every_brake_event_in_every_state_has_its_answer(void **state)
{
        static const struct {
                enum brake_state state;
                enum brake_action action;
        } want[4][BRAKE_EVENTS] = {
            [BRAKE_OPEN] = {{BRAKE_WAITING, BRAKE_ENGAGE}, {BRAKE_OPEN, BRAKE_NONE}, {BRAKE_OPEN, BRAKE_NONE},
                {BRAKE_OPEN, BRAKE_NONE}, {BRAKE_OPEN, BRAKE_NONE}},
            [BRAKE_WAITING] = {{BRAKE_WAITING, BRAKE_NONE}, {BRAKE_WAITING, BRAKE_NONE}, {BRAKE_WAITING, BRAKE_NONE},
                {BRAKE_WAITING, BRAKE_NONE}, {BRAKE_PROBING, BRAKE_PROBE}},
            [BRAKE_PROBING] = {{BRAKE_PROBING, BRAKE_NONE}, {BRAKE_WATCHING, BRAKE_NONE}, {BRAKE_WAITING, BRAKE_NONE},
                {BRAKE_OPEN, BRAKE_RELEASE}, {BRAKE_PROBING, BRAKE_NONE}},
            [BRAKE_WATCHING] = {{BRAKE_WATCHING, BRAKE_NONE}, {BRAKE_WATCHING, BRAKE_NONE}, {BRAKE_WAITING, BRAKE_NONE},
                {BRAKE_WATCHING, BRAKE_NONE}, {BRAKE_OPEN, BRAKE_RELEASE}},
        };

        (void)state;
        for (int from = 0; from < 4; from++) {
                for (enum brake_event event = 0; event < BRAKE_EVENTS; event++) {
                        struct brakerule brake = {.state = (enum brake_state)from};
                        enum brake_action action = brakerule_step(&limits, &brake, event, at_ms(NOW_MS), 9, 9);
                        assert_int_equal(brake.state, want[from][event].state);
                        assert_int_equal(action, want[from][event].action);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_class_is_braked_by_five_and_more_than_a_quarter),
            cmocka_unit_test(a_brake_probes_until_a_probe_lives),
            cmocka_unit_test(every_brake_event_in_every_state_has_its_answer),
        };

        policy_limits_set(&limits, 1000);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
