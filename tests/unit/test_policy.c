// SPDX-License-Identifier: Apache-2.0
// LINK: supervisor/policy.c supervisor/policylimits.c
#include "supervisor/policy.h"

#include "common/exitcode.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1000000
#define NO_JITTER 200 // of 0..400: exactly the delay
#define KEEP (-2)     // the deadline stays
#define NEVER (-1)

static struct policy_limits limits;

static mono_time at_ms(int64_t ms)
{
        return (mono_time){ms * US_PER_MS};
}

static struct policy_child in_state(enum policy_state state, enum child_class class)
{
        struct policy_child child;

        policy_child_init(&child, class);
        child.state = state;
        child.wanted = state != POLICY_DOWN;
        if (state != POLICY_DOWN)
                child.deadline = at_ms(NOW_MS + 777);
        return child;
}

static enum policy_action step_at(struct policy_child *child, enum policy_event event, int64_t now_ms)
{
        struct policy_input input = {.now = at_ms(now_ms), .random = NO_JITTER};
        struct policy_step step = policy_step(&limits, child, event, &input);

        *child = step.child;
        return step.action;
}

static int64_t deadline_in_ms(const struct policy_child *child, int64_t now_ms)
{
        return child->deadline.us == POLICY_NEVER.us ? NEVER : child->deadline.us / US_PER_MS - now_ms;
}

// ---- the whole table: a stream worker that is wanted, without history ----

struct expected {
        enum policy_state state;
        enum policy_action action;
        int64_t deadline_ms; // from now, or KEEP, NEVER
};

#define SAME(of)                                                                                                       \
        {                                                                                                              \
                of, POLICY_NONE, KEEP                                                                                  \
        }

static const struct expected expected[POLICY_STATES][POLICY_EVENTS] =
    {
        [POLICY_DOWN] =
            {
                [POLICY_WANT] = {POLICY_BACKOFF, POLICY_NONE, 0},
                [POLICY_UNWANT] = SAME(POLICY_DOWN),
                [POLICY_RECONFIGURE] = SAME(POLICY_DOWN),
                [POLICY_STARTED_UP] = SAME(POLICY_DOWN),
                [POLICY_HEARTBEAT] = SAME(POLICY_DOWN),
                [POLICY_SUSPECT] = SAME(POLICY_DOWN),
                [POLICY_SPAWN_FAILED] = SAME(POLICY_DOWN),
                [POLICY_EXIT_DONE] = SAME(POLICY_DOWN),
                [POLICY_EXIT_CONFIG] = SAME(POLICY_DOWN),
                [POLICY_EXIT_LATER] = SAME(POLICY_DOWN),
                [POLICY_EXIT_CRASH] = SAME(POLICY_DOWN),
                [POLICY_RELEASE] = SAME(POLICY_DOWN),
                [POLICY_HURRY] = SAME(POLICY_DOWN),
                [POLICY_AMNESTY] = SAME(POLICY_DOWN),
                [POLICY_DEADLINE] = SAME(POLICY_DOWN),
            },
        [POLICY_BACKOFF] =
            {
                [POLICY_WANT] = SAME(POLICY_BACKOFF),
                [POLICY_UNWANT] = {POLICY_DOWN, POLICY_NONE, NEVER},
                [POLICY_RECONFIGURE] = {POLICY_BACKOFF, POLICY_NONE, 0},
                [POLICY_STARTED_UP] = SAME(POLICY_BACKOFF),
                [POLICY_HEARTBEAT] = SAME(POLICY_BACKOFF),
                [POLICY_SUSPECT] = SAME(POLICY_BACKOFF),
                [POLICY_SPAWN_FAILED] = SAME(POLICY_BACKOFF),
                [POLICY_EXIT_DONE] = SAME(POLICY_BACKOFF),
                [POLICY_EXIT_CONFIG] = SAME(POLICY_BACKOFF),
                [POLICY_EXIT_LATER] = SAME(POLICY_BACKOFF),
                [POLICY_EXIT_CRASH] = SAME(POLICY_BACKOFF),
                [POLICY_RELEASE] = SAME(POLICY_BACKOFF), // it is not held
                [POLICY_HURRY] = {POLICY_DOWN, POLICY_NONE, NEVER},
                [POLICY_AMNESTY] = SAME(POLICY_BACKOFF),
                [POLICY_DEADLINE] = {POLICY_STARTING, POLICY_START, 30000},
            },
        [POLICY_STARTING] =
            {
                [POLICY_WANT] = SAME(POLICY_STARTING),
                [POLICY_UNWANT] = {POLICY_STOPPING, POLICY_DRAIN, 10000},
                [POLICY_RECONFIGURE] = {POLICY_STOPPING, POLICY_DRAIN, 10000},
                [POLICY_STARTED_UP] = {POLICY_READY, POLICY_NONE, 10000},
                [POLICY_HEARTBEAT] = {POLICY_STARTING, POLICY_NONE, 30000},
                [POLICY_SUSPECT] = {POLICY_ABORTING, POLICY_KILL, NEVER},
                [POLICY_SPAWN_FAILED] = {POLICY_BACKOFF, POLICY_NONE, 60000},
                [POLICY_EXIT_DONE] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_EXIT_CONFIG] = {POLICY_FAILED, POLICY_NONE, NEVER},
                [POLICY_EXIT_LATER] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_EXIT_CRASH] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_RELEASE] = SAME(POLICY_STARTING),
                [POLICY_HURRY] = {POLICY_STOPPING, POLICY_TERM, 5000},
                [POLICY_AMNESTY] = {POLICY_STARTING, POLICY_NONE, 30000},
                [POLICY_DEADLINE] = {POLICY_ABORTING, POLICY_ABORT, 5000},
            },
        [POLICY_READY] =
            {
                [POLICY_WANT] = SAME(POLICY_READY),
                [POLICY_UNWANT] = {POLICY_STOPPING, POLICY_DRAIN, 10000},
                [POLICY_RECONFIGURE] = {POLICY_STOPPING, POLICY_DRAIN, 10000},
                [POLICY_STARTED_UP] = SAME(POLICY_READY),
                [POLICY_HEARTBEAT] = {POLICY_READY, POLICY_NONE, 10000},
                [POLICY_SUSPECT] = {POLICY_ABORTING, POLICY_KILL, NEVER},
                [POLICY_SPAWN_FAILED] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_EXIT_DONE] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_EXIT_CONFIG] = {POLICY_FAILED, POLICY_NONE, NEVER},
                [POLICY_EXIT_LATER] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_EXIT_CRASH] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_RELEASE] = SAME(POLICY_READY),
                [POLICY_HURRY] = {POLICY_STOPPING, POLICY_TERM, 5000},
                [POLICY_AMNESTY] = {POLICY_READY, POLICY_NONE, 10000},
                [POLICY_DEADLINE] = {POLICY_ABORTING, POLICY_ABORT, 5000},
            },
        [POLICY_ABORTING] =
            {
                [POLICY_WANT] = SAME(POLICY_ABORTING),
                [POLICY_UNWANT] = SAME(POLICY_ABORTING),
                [POLICY_RECONFIGURE] = SAME(POLICY_ABORTING),
                [POLICY_STARTED_UP] = SAME(POLICY_ABORTING),
                [POLICY_HEARTBEAT] = SAME(POLICY_ABORTING),
                [POLICY_SUSPECT] = {POLICY_ABORTING, POLICY_KILL, NEVER},
                [POLICY_SPAWN_FAILED] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_EXIT_DONE] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_EXIT_CONFIG] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_EXIT_LATER] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_EXIT_CRASH] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_RELEASE] = SAME(POLICY_ABORTING),
                [POLICY_HURRY] = SAME(POLICY_ABORTING),
                [POLICY_AMNESTY] = {POLICY_ABORTING, POLICY_NONE, 5000},
                [POLICY_DEADLINE] = {POLICY_ABORTING, POLICY_KILL, NEVER},
            },
        [POLICY_STOPPING] =
            {
                // for a reload, so it is wanted
                [POLICY_WANT] = SAME(POLICY_STOPPING),
                [POLICY_UNWANT] = SAME(POLICY_STOPPING),
                [POLICY_RECONFIGURE] = SAME(POLICY_STOPPING),
                [POLICY_STARTED_UP] = SAME(POLICY_STOPPING),
                [POLICY_HEARTBEAT] = SAME(POLICY_STOPPING),
                [POLICY_SUSPECT] = {POLICY_STOPPING, POLICY_KILL, NEVER},
                [POLICY_SPAWN_FAILED] = {POLICY_BACKOFF, POLICY_NONE, 60000},
                [POLICY_EXIT_DONE] = {POLICY_BACKOFF, POLICY_NONE, 0},
                [POLICY_EXIT_CONFIG] = {POLICY_FAILED, POLICY_NONE, NEVER},
                [POLICY_EXIT_LATER] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_EXIT_CRASH] = {POLICY_BACKOFF, POLICY_NONE, 1000},
                [POLICY_RELEASE] = SAME(POLICY_STOPPING),
                [POLICY_HURRY] = {POLICY_STOPPING, POLICY_TERM, 5000},
                [POLICY_AMNESTY] = {POLICY_STOPPING, POLICY_NONE, 10000},
                [POLICY_DEADLINE] = {POLICY_STOPPING, POLICY_TERM, 5000},
            },
        [POLICY_FAILED] =
            {
                [POLICY_WANT] = SAME(POLICY_FAILED),
                [POLICY_UNWANT] = {POLICY_DOWN, POLICY_NONE, NEVER},
                [POLICY_RECONFIGURE] = {POLICY_BACKOFF, POLICY_NONE, 0},
                [POLICY_STARTED_UP] = SAME(POLICY_FAILED),
                [POLICY_HEARTBEAT] = SAME(POLICY_FAILED),
                [POLICY_SUSPECT] = SAME(POLICY_FAILED),
                [POLICY_SPAWN_FAILED] = SAME(POLICY_FAILED),
                [POLICY_EXIT_DONE] = SAME(POLICY_FAILED),
                [POLICY_EXIT_CONFIG] = SAME(POLICY_FAILED),
                [POLICY_EXIT_LATER] = SAME(POLICY_FAILED),
                [POLICY_EXIT_CRASH] = SAME(POLICY_FAILED),
                [POLICY_RELEASE] = SAME(POLICY_FAILED),
                [POLICY_HURRY] = {POLICY_DOWN, POLICY_NONE, NEVER},
                [POLICY_AMNESTY] = SAME(POLICY_FAILED),
                [POLICY_DEADLINE] = {POLICY_STARTING, POLICY_START, 30000},
            },
};

static void every_event_in_every_state_has_its_answer(void **state)
{
        (void)state;
        for (enum policy_state from = 0; from < POLICY_STATES; from++) {
                for (enum policy_event event = 0; event < POLICY_EVENTS; event++) {
                        const struct expected *want = &expected[from][event];
                        struct policy_child child = in_state(from, CHILD_STREAM);
                        int64_t before = deadline_in_ms(&child, NOW_MS);
                        enum policy_action action = step_at(&child, event, NOW_MS);
                        int64_t deadline = want->deadline_ms == KEEP ? before : want->deadline_ms;
                        if (child.state != want->state || action != want->action ||
                            deadline_in_ms(&child, NOW_MS) != deadline)
                                fail_msg("state %d, event %d: state %d, action %d, deadline %lld", from, event,
                                    child.state, action, (long long)deadline_in_ms(&child, NOW_MS));
                        // Only what is wanted or running ever leaves DOWN, and nothing else forgets what was wanted.
                        bool wanted = from == POLICY_DOWN ? event == POLICY_WANT
                                                          : event != POLICY_UNWANT && event != POLICY_HURRY;
                        assert_int_equal(child.wanted, wanted);
                }
        }
}

static void an_unwanted_child_is_down_however_it_ends(void **state)
{
        static const enum policy_state states[] = {POLICY_STOPPING, POLICY_ABORTING};
        static const enum policy_event ends[] = {
            POLICY_EXIT_DONE, POLICY_EXIT_CONFIG, POLICY_EXIT_LATER, POLICY_EXIT_CRASH, POLICY_SPAWN_FAILED};

        (void)state;
        for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
                for (size_t j = 0; j < sizeof(ends) / sizeof(ends[0]); j++) {
                        struct policy_child child = in_state(states[i], CHILD_STREAM);
                        child.wanted = false;
                        assert_int_equal(step_at(&child, ends[j], NOW_MS), POLICY_NONE);
                        assert_int_equal(child.state, POLICY_DOWN);
                        assert_int_equal(child.deadline.us, POLICY_NEVER.us);
                }
        }
}

// ---- delays ----

static int64_t crash(struct policy_child *child, int64_t now_ms)
{
        child->state = POLICY_STARTING;
        step_at(child, POLICY_EXIT_CRASH, now_ms);
        return deadline_in_ms(child, now_ms);
}

static void the_delay_doubles_to_a_minute(void **state)
{
        static const int64_t delays_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
        struct policy_child child = in_state(POLICY_STARTING, CHILD_STREAM);
        int64_t now_ms = NOW_MS;

        (void)state;
        for (size_t i = 0; i < sizeof(delays_ms) / sizeof(delays_ms[0]); i++) {
                now_ms += 20000; // slow enough for the crash brake
                assert_int_equal(crash(&child, now_ms), delays_ms[i]);
                assert_int_equal(child.state, POLICY_BACKOFF);
        }
}

static void only_the_writers_first_restart_is_at_once(void **state)
{
        static const int64_t delays_ms[] = {0, 1000, 2000, 4000};
        struct policy_child child = in_state(POLICY_STARTING, CHILD_WRITER);
        int64_t now_ms = NOW_MS;

        (void)state;
        for (size_t i = 0; i < sizeof(delays_ms) / sizeof(delays_ms[0]); i++) {
                now_ms += 20000;
                assert_int_equal(crash(&child, now_ms), delays_ms[i]);
        }
        child = in_state(POLICY_STARTING, CHILD_WRITER);
        step_at(&child, POLICY_EXIT_LATER, NOW_MS);
        assert_int_equal(deadline_in_ms(&child, NOW_MS), 1000); // a full disk is no better a moment later
}

static void a_minute_of_health_forgets_failures_and_less_does_not(void **state)
{
        (void)state;
        for (int healthy = 0; healthy < 2; healthy++) {
                struct policy_child child = in_state(POLICY_STARTING, CHILD_STREAM);
                assert_int_equal(crash(&child, NOW_MS), 1000);
                assert_int_equal(crash(&child, NOW_MS + 1), 2000);
                child.state = POLICY_STARTING;
                step_at(&child, POLICY_STARTED_UP, NOW_MS + 2);
                int64_t end_ms = NOW_MS + 2 + (healthy ? 60000 : 59999);
                step_at(&child, POLICY_EXIT_CRASH, end_ms);
                assert_int_equal(deadline_in_ms(&child, end_ms), healthy ? 1000 : 4000);
        }
}

static void jitter_stays_within_a_fifth(void **state)
{
        int64_t least = INT64_MAX, most = 0;

        (void)state;
        for (uint32_t random = 0; random < 5000; random++) {
                int64_t delay_ms = policy_jitter_ms(1000, random * 2654435761u);
                assert_in_range(delay_ms, 800, 1200);
                least = delay_ms < least ? delay_ms : least;
                most = delay_ms > most ? delay_ms : most;
        }
        assert_true(least < 810 && most > 1190);
        struct policy_child child = in_state(POLICY_STARTING, CHILD_STREAM);
        struct policy_input input = {.now = at_ms(NOW_MS), .random = 0};
        child = policy_step(&limits, &child, POLICY_EXIT_CRASH, &input).child;
        assert_int_equal(deadline_in_ms(&child, NOW_MS), 800);
}

// ---- brakes ----

static void five_crashes_in_a_minute_fail_and_one_trial_follows(void **state)
{
        struct policy_child child = in_state(POLICY_STARTING, CHILD_STREAM);

        (void)state;
        for (int i = 0; i < 4; i++) {
                crash(&child, NOW_MS + i * 15000);
                assert_int_equal(child.state, POLICY_BACKOFF);
        }
        assert_int_equal(crash(&child, NOW_MS + 60000), 300000);
        assert_int_equal(child.state, POLICY_FAILED);
        int64_t trial_ms = NOW_MS + 360000;
        assert_int_equal(step_at(&child, POLICY_DEADLINE, trial_ms), POLICY_START);
        step_at(&child, POLICY_EXIT_CRASH, trial_ms + 100);
        assert_int_equal(child.state, POLICY_FAILED);
        assert_int_equal(deadline_in_ms(&child, trial_ms + 100), 300000);
        // A trial that stays healthy is pardoned.
        trial_ms += 300100;
        step_at(&child, POLICY_DEADLINE, trial_ms);
        step_at(&child, POLICY_STARTED_UP, trial_ms);
        step_at(&child, POLICY_EXIT_CRASH, trial_ms + 60000);
        assert_int_equal(child.state, POLICY_BACKOFF);
        assert_int_equal(deadline_in_ms(&child, trial_ms + 60000), 1000);
}

static void five_crashes_in_more_than_a_minute_do_not_fail(void **state)
{
        struct policy_child child = in_state(POLICY_STARTING, CHILD_STREAM);

        (void)state;
        for (int i = 0; i < 20; i++) {
                crash(&child, NOW_MS + i * 15001);
                assert_int_equal(child.state, POLICY_BACKOFF);
        }
}

static void try_later_never_fails(void **state)
{
        struct policy_child child = in_state(POLICY_STARTING, CHILD_STREAM);

        (void)state;
        for (int i = 0; i < 50; i++) {
                child.state = POLICY_STARTING;
                step_at(&child, POLICY_EXIT_LATER, NOW_MS + i);
                assert_int_equal(child.state, POLICY_BACKOFF);
        }
        assert_int_equal(child.last_crash.us, 0);
}

static void a_braked_child_waits_for_its_release(void **state)
{
        static const enum policy_state states[] = {POLICY_BACKOFF, POLICY_FAILED};

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                struct policy_child child = in_state(states[i], CHILD_STREAM);
                struct policy_input input = {.now = at_ms(NOW_MS), .braked = true};
                struct policy_step step = policy_step(&limits, &child, POLICY_DEADLINE, &input);
                assert_int_equal(step.action, POLICY_NONE);
                assert_true(step.child.held);
                assert_int_equal(step.child.deadline.us, POLICY_NEVER.us);
                assert_int_equal(step_at(&step.child, POLICY_RELEASE, NOW_MS), POLICY_NONE);
                assert_int_equal(step_at(&step.child, POLICY_DEADLINE, NOW_MS), POLICY_START);
                assert_int_equal(step.child.trial, states[i] == POLICY_FAILED);
        }
}

// ---- hangs ----

static void a_published_limit_replaces_the_default(void **state)
{
        struct policy_child child = in_state(POLICY_READY, CHILD_WRITER);
        struct policy_input input = {.now = at_ms(NOW_MS), .hang_limit_ms = 300000};

        (void)state;
        child = policy_step(&limits, &child, POLICY_HEARTBEAT, &input).child;
        assert_int_equal(deadline_in_ms(&child, NOW_MS), 300000);
        step_at(&child, POLICY_HEARTBEAT, NOW_MS);
        assert_int_equal(deadline_in_ms(&child, NOW_MS), 10000);
        child = in_state(POLICY_STARTING, CHILD_WRITER); // recovery
        child = policy_step(&limits, &child, POLICY_HEARTBEAT, &input).child;
        assert_int_equal(deadline_in_ms(&child, NOW_MS), 300000);
}

static void stopping_escalates_to_term_then_kill(void **state)
{
        struct policy_child child = in_state(POLICY_READY, CHILD_WRITER);

        (void)state;
        assert_int_equal(step_at(&child, POLICY_UNWANT, NOW_MS), POLICY_DRAIN);
        assert_int_equal(deadline_in_ms(&child, NOW_MS), 20000);
        assert_int_equal(step_at(&child, POLICY_DEADLINE, NOW_MS), POLICY_TERM);
        step_at(&child, POLICY_AMNESTY, NOW_MS + 100);
        assert_int_equal(deadline_in_ms(&child, NOW_MS), 5100);
        assert_int_equal(step_at(&child, POLICY_HURRY, NOW_MS), POLICY_NONE); // SIGTERM is on its way already
        assert_int_equal(step_at(&child, POLICY_DEADLINE, NOW_MS), POLICY_KILL);
        assert_int_equal(child.deadline.us, POLICY_NEVER.us);
        step_at(&child, POLICY_AMNESTY, NOW_MS);
        assert_int_equal(child.deadline.us, POLICY_NEVER.us);
}

static void a_signal_of_ours_is_no_crash_of_a_stopping_child(void **state)
{
        struct policy_child child = in_state(POLICY_READY, CHILD_STREAM);

        (void)state;
        step_at(&child, POLICY_RECONFIGURE, NOW_MS);
        step_at(&child, POLICY_DEADLINE, NOW_MS);
        step_at(&child, POLICY_EXIT_CRASH, NOW_MS);
        assert_int_equal(child.state, POLICY_BACKOFF);
        assert_int_equal(deadline_in_ms(&child, NOW_MS), 0);
        assert_int_equal(child.failures, 0);
}

// ---- classification ----

static void exit_codes_are_what_they_mean(void **state)
{
        (void)state;
        assert_int_equal(policy_classify_exit(0), POLICY_EXIT_DONE);
        assert_int_equal(policy_classify_exit(78), POLICY_EXIT_CONFIG);
        assert_int_equal(policy_classify_exit(64), POLICY_EXIT_CONFIG);
        assert_int_equal(policy_classify_exit(75), POLICY_EXIT_LATER);
        assert_int_equal(policy_classify_exit(127), POLICY_SPAWN_FAILED);
        assert_int_equal(policy_classify_exit(70), POLICY_EXIT_CRASH);
        assert_int_equal(policy_classify_exit(1), POLICY_EXIT_CRASH);
        assert_int_equal(policy_classify_exit(-1), POLICY_EXIT_CRASH);
        assert_true(policy_is_own_fault(-1, SIGSEGV) && policy_is_own_fault(-1, SIGABRT) && policy_is_own_fault(70, 0));
        assert_true(policy_is_own_fault(-1, SIGBUS) && policy_is_own_fault(-1, SIGSYS));
        assert_false(
            policy_is_own_fault(-1, SIGKILL) || policy_is_own_fault(-1, SIGTERM) || policy_is_own_fault(75, 0));
}

static void a_scale_shortens_every_time(void **state)
{
        struct policy_limits scaled;

        (void)state;
        policy_limits_set(&scaled, 100);
        assert_int_equal(scaled.delay_ms, 100);
        assert_int_equal(scaled.failed_ms, 30000);
        assert_int_equal(scaled.drain_ms[CHILD_WRITER], 2000);
        assert_int_equal(scaled.tick_ms, 100);
        assert_int_equal(scaled.late_ms, 300);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_event_in_every_state_has_its_answer),
            cmocka_unit_test(an_unwanted_child_is_down_however_it_ends),
            cmocka_unit_test(the_delay_doubles_to_a_minute),
            cmocka_unit_test(only_the_writers_first_restart_is_at_once),
            cmocka_unit_test(a_minute_of_health_forgets_failures_and_less_does_not),
            cmocka_unit_test(jitter_stays_within_a_fifth),
            cmocka_unit_test(five_crashes_in_a_minute_fail_and_one_trial_follows),
            cmocka_unit_test(five_crashes_in_more_than_a_minute_do_not_fail),
            cmocka_unit_test(try_later_never_fails),
            cmocka_unit_test(a_braked_child_waits_for_its_release),
            cmocka_unit_test(a_published_limit_replaces_the_default),
            cmocka_unit_test(stopping_escalates_to_term_then_kill),
            cmocka_unit_test(a_signal_of_ours_is_no_crash_of_a_stopping_child),
            cmocka_unit_test(exit_codes_are_what_they_mean),
            cmocka_unit_test(a_scale_shortens_every_time),
        };

        policy_limits_set(&limits, 1000);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
