// SPDX-License-Identifier: Apache-2.0
#include "supervisor/policy.h"

#include "common/exitcode.h"
#include "common/log.h"

#include <signal.h>
#include <stddef.h>

void policy_child_init(struct policy_child *child, enum child_class class)
{
        *child = (struct policy_child){.state = POLICY_DOWN, .class = class, .deadline = POLICY_NEVER};
}

int64_t policy_jitter_ms(int64_t delay_ms, uint32_t random)
{
        // 800 to 1200 permille
        return delay_ms * (800 + (int64_t)(random % 401)) / 1000;
}

bool policy_has_process(enum policy_state state)
{
        return state == POLICY_STARTING || state == POLICY_READY || state == POLICY_ABORTING ||
               state == POLICY_STOPPING;
}

enum child_state policy_shown_state(enum policy_state state)
{
        static const enum child_state shown[POLICY_STATES] = {
            [POLICY_DOWN] = CHILD_DOWN,
            [POLICY_BACKOFF] = CHILD_BACKOFF,
            [POLICY_STARTING] = CHILD_STARTING,
            [POLICY_READY] = CHILD_READY,
            [POLICY_ABORTING] = CHILD_STOPPING,
            [POLICY_STOPPING] = CHILD_STOPPING,
            [POLICY_FAILED] = CHILD_FAILED,
        };
        return shown[state];
}

enum policy_event policy_classify_exit(int code)
{
        switch (code) {
        case EXIT_DONE: return POLICY_EXIT_DONE;
        case EXIT_BAD_CONFIG:
        case EXIT_CHILD_USAGE: return POLICY_EXIT_CONFIG;
        case EXIT_TRY_LATER: return POLICY_EXIT_LATER;
        case POLICY_EXEC_FAILED_CODE: return POLICY_SPAWN_FAILED;
        default: return POLICY_EXIT_CRASH;
        }
}

bool policy_is_own_fault(int code, int term_signal)
{
        switch (term_signal) {
        case SIGSEGV:
        case SIGABRT:
        case SIGBUS:
        case SIGFPE:
        case SIGILL:
        case SIGSYS: return true;
        default: return code == EXIT_BUG;
        }
}

// ---- what the cells of the table do ----

struct context {
        const struct policy_limits *limits;
        const struct policy_input *input;
};

typedef enum policy_action cell(struct policy_child *child, const struct context *context);

static mono_time after_ms(const struct context *context, int64_t ms)
{
        return (mono_time){context->input->now.us + ms * US_PER_MS};
}

static void forget_failures(struct policy_child *child)
{
        struct policy_child fresh;

        policy_child_init(&fresh, child->class);
        fresh.state = child->state;
        fresh.deadline = child->deadline;
        fresh.wanted = child->wanted;
        fresh.held = child->held;
        fresh.ready_since = child->ready_since;
        *child = fresh;
}

static enum policy_action start_when_due(struct policy_child *child, mono_time deadline)
{
        child->state = POLICY_BACKOFF;
        child->held = false;
        child->ready_since = (mono_time){0};
        child->deadline = deadline;
        return POLICY_NONE;
}

static enum policy_action become_down(struct policy_child *child)
{
        child->state = POLICY_DOWN;
        child->held = false;
        child->ready_since = (mono_time){0};
        child->deadline = POLICY_NEVER;
        return POLICY_NONE;
}

static enum policy_action begin_stop(struct policy_child *child, const struct context *context)
{
        child->state = POLICY_STOPPING;
        child->stage = POLICY_STAGE_DRAIN;
        child->deadline = after_ms(context, context->limits->drain_ms[child->class]);
        return POLICY_DRAIN;
}

static enum policy_action nop(struct policy_child *child, const struct context *context)
{
        (void)child, (void)context; // an event that means nothing in this state
        return POLICY_NONE;
}

static enum policy_action want(struct policy_child *child, const struct context *context)
{
        (void)context; // it runs, or will be started when its deadline comes
        child->wanted = true;
        return POLICY_NONE;
}

static enum policy_action unwant(struct policy_child *child, const struct context *context)
{
        (void)context; // it is on its way out already
        child->wanted = false;
        return POLICY_NONE;
}

// ---- without a process ----

static enum policy_action down_want(struct policy_child *child, const struct context *context)
{
        child->wanted = true;
        forget_failures(child);
        return start_when_due(child, context->input->now);
}

static enum policy_action wait_unwant(struct policy_child *child, const struct context *context)
{
        (void)context;
        child->wanted = false;
        return become_down(child);
}

static enum policy_action wait_reconfigure(struct policy_child *child, const struct context *context)
{
        forget_failures(child);
        return start_when_due(child, context->input->now);
}

static enum policy_action wait_release(struct policy_child *child, const struct context *context)
{
        if (!child->held)
                return POLICY_NONE;
        if (child->state == POLICY_FAILED)
                child->trial = true;
        return start_when_due(child, context->input->now);
}

static enum policy_action wait_deadline(struct policy_child *child, const struct context *context)
{
        if (context->input->braked) {
                child->held = true;
                child->deadline = POLICY_NEVER;
                return POLICY_NONE;
        }
        if (child->state == POLICY_FAILED)
                child->trial = true;
        child->state = POLICY_STARTING;
        child->held = false;
        child->ready_since = (mono_time){0};
        child->deadline = after_ms(context, context->limits->start_ms);
        return POLICY_START;
}

// ---- with a process ----

static int64_t published_ms(const struct context *context)
{
        return context->input->hang_limit_ms * context->limits->scale_permille / 1000;
}

static int64_t larger(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

// A start may take long (a writer replays its spool), so the limit runs from the last heartbeat.
static enum policy_action starting_beat(struct policy_child *child, const struct context *context)
{
        child->deadline = after_ms(context, larger(context->limits->start_ms, published_ms(context)));
        return POLICY_NONE;
}

static enum policy_action ready_beat(struct policy_child *child, const struct context *context)
{
        int64_t published = published_ms(context);

        child->deadline = after_ms(context, published > 0 ? published : context->limits->hang_ms);
        return POLICY_NONE;
}

static enum policy_action starting_up(struct policy_child *child, const struct context *context)
{
        child->state = POLICY_READY;
        child->ready_since = context->input->now;
        return ready_beat(child, context);
}

static enum policy_action run_unwant(struct policy_child *child, const struct context *context)
{
        child->wanted = false;
        return begin_stop(child, context);
}

static enum policy_action run_reconfigure(struct policy_child *child, const struct context *context)
{
        forget_failures(child);
        return begin_stop(child, context);
}

static enum policy_action suspect(struct policy_child *child, const struct context *context)
{
        (void)context; // nothing follows a SIGKILL
        child->state = POLICY_ABORTING;
        child->deadline = POLICY_NEVER;
        return POLICY_KILL;
}

static enum policy_action hang(struct policy_child *child, const struct context *context)
{
        child->state = POLICY_ABORTING;
        child->deadline = after_ms(context, context->limits->abort_ms);
        return POLICY_ABORT;
}

static enum policy_action aborting_deadline(struct policy_child *child, const struct context *context)
{
        (void)context;
        child->deadline = POLICY_NEVER;
        return POLICY_KILL;
}

static enum policy_action aborting_amnesty(struct policy_child *child, const struct context *context)
{
        if (child->deadline.us != POLICY_NEVER.us)
                child->deadline = after_ms(context, context->limits->abort_ms);
        return POLICY_NONE;
}

static enum policy_action stopping_deadline(struct policy_child *child, const struct context *context)
{
        if (child->stage == POLICY_STAGE_DRAIN) {
                child->stage = POLICY_STAGE_TERM;
                child->deadline = after_ms(context, context->limits->term_ms);
                return POLICY_TERM;
        }
        child->stage = POLICY_STAGE_KILL;
        child->deadline = POLICY_NEVER;
        return POLICY_KILL;
}

static enum policy_action stopping_suspect(struct policy_child *child, const struct context *context)
{
        (void)context;
        child->stage = POLICY_STAGE_KILL;
        child->deadline = POLICY_NEVER;
        return POLICY_KILL;
}

static enum policy_action stopping_amnesty(struct policy_child *child, const struct context *context)
{
        if (child->stage == POLICY_STAGE_DRAIN)
                child->deadline = after_ms(context, context->limits->drain_ms[child->class]);
        else if (child->stage == POLICY_STAGE_TERM)
                child->deadline = after_ms(context, context->limits->term_ms);
        return POLICY_NONE;
}

static enum policy_action hurry(struct policy_child *child, const struct context *context)
{
        child->wanted = false;
        if (child->state == POLICY_STOPPING && child->stage != POLICY_STAGE_DRAIN)
                return POLICY_NONE;
        child->state = POLICY_STOPPING;
        child->stage = POLICY_STAGE_TERM;
        child->deadline = after_ms(context, context->limits->term_ms);
        return POLICY_TERM;
}

// ---- deaths ----

// READY for long enough before it died: whatever went wrong earlier is history.
static void judge_health(struct policy_child *child, const struct context *context)
{
        int64_t ready_us = context->input->now.us - child->ready_since.us;

        if (child->ready_since.us != 0 && ready_us >= context->limits->healthy_ms * US_PER_MS)
                forget_failures(child);
        child->ready_since = (mono_time){0};
}

static bool count_crash(struct policy_child *child, const struct context *context)
{
        child->crashes[child->crash_next] = context->input->now;
        child->crash_next = (child->crash_next + 1) % POLICY_CRASHES_MAX;
        mono_time first = child->crashes[child->crash_next]; // the oldest of the last POLICY_CRASHES_MAX
        return first.us != 0 && context->input->now.us - first.us <= context->limits->crash_window_ms * US_PER_MS;
}

static int64_t next_delay_ms(struct policy_child *child, const struct context *context)
{
        // Everything upstream waits for the writer, and it tells by its own exit code when it should not be hurried.
        bool at_once = child->class == CHILD_WRITER && child->failures == 0;
        uint32_t doublings = child->failures - (child->class == CHILD_WRITER && child->failures > 0 ? 1 : 0);
        int64_t delay_ms = context->limits->delay_ms;

        for (uint32_t i = 0; i < doublings && delay_ms < context->limits->delay_max_ms; i++)
                delay_ms *= 2;
        if (delay_ms > context->limits->delay_max_ms)
                delay_ms = context->limits->delay_max_ms;
        child->failures++;
        return at_once ? 0 : policy_jitter_ms(delay_ms, context->input->random);
}

static enum policy_action exit_later(struct policy_child *child, const struct context *context)
{
        judge_health(child, context);
        // The environment refuses; even a writer gains nothing by asking again at once.
        if (child->failures == 0)
                child->failures = child->class == CHILD_WRITER ? 1 : 0;
        return start_when_due(child, after_ms(context, next_delay_ms(child, context)));
}

static enum policy_action fail_for_a_while(struct policy_child *child, const struct context *context)
{
        child->state = POLICY_FAILED;
        child->trial = false;
        child->deadline = after_ms(context, context->limits->failed_ms);
        return POLICY_NONE;
}

static enum policy_action exit_crash(struct policy_child *child, const struct context *context)
{
        judge_health(child, context);
        child->last_crash = context->input->now;
        bool too_often = count_crash(child, context);
        if (too_often || child->trial)
                return fail_for_a_while(child, context);
        return start_when_due(child, after_ms(context, next_delay_ms(child, context)));
}

// Nobody asked it to end. A failure, but one that lost nothing: the shortest delay.
static enum policy_action exit_done(struct policy_child *child, const struct context *context)
{
        judge_health(child, context);
        if (count_crash(child, context) || child->trial)
                return fail_for_a_while(child, context);
        return start_when_due(
            child, after_ms(context, policy_jitter_ms(context->limits->delay_ms, context->input->random)));
}

static enum policy_action exit_config(struct policy_child *child, const struct context *context)
{
        (void)context;
        child->state = POLICY_FAILED;
        child->ready_since = (mono_time){0};
        child->deadline = POLICY_NEVER;
        return POLICY_NONE;
}

static enum policy_action spawn_failed(struct policy_child *child, const struct context *context)
{
        return start_when_due(child, after_ms(context, context->limits->spawn_failed_ms));
}

// However it ended: it was hung or not believed, and that is a crash.
static enum policy_action aborting_exit(struct policy_child *child, const struct context *context)
{
        return child->wanted ? exit_crash(child, context) : become_down(child);
}

static enum policy_action stopping_done(struct policy_child *child, const struct context *context)
{
        return child->wanted ? start_when_due(child, context->input->now) : become_down(child);
}

static enum policy_action stopping_config(struct policy_child *child, const struct context *context)
{
        return child->wanted ? exit_config(child, context) : become_down(child);
}

static enum policy_action stopping_later(struct policy_child *child, const struct context *context)
{
        return child->wanted ? exit_later(child, context) : become_down(child);
}

static enum policy_action stopping_crash(struct policy_child *child, const struct context *context)
{
        // After our own TERM or KILL the signal says nothing about the child.
        if (child->wanted && child->stage == POLICY_STAGE_DRAIN)
                return exit_crash(child, context);
        return stopping_done(child, context);
}

static enum policy_action stopping_spawn_failed(struct policy_child *child, const struct context *context)
{
        return child->wanted ? spawn_failed(child, context) : become_down(child);
}

static cell *const table[POLICY_STATES][POLICY_EVENTS] = {
    [POLICY_DOWN] =
        {
            [POLICY_WANT] = down_want,
            [POLICY_UNWANT] = nop,
            [POLICY_RECONFIGURE] = nop,
            [POLICY_STARTED_UP] = nop,
            [POLICY_HEARTBEAT] = nop,
            [POLICY_SUSPECT] = nop,
            [POLICY_SPAWN_FAILED] = nop,
            [POLICY_EXIT_DONE] = nop,
            [POLICY_EXIT_CONFIG] = nop,
            [POLICY_EXIT_LATER] = nop,
            [POLICY_EXIT_CRASH] = nop,
            [POLICY_RELEASE] = nop,
            [POLICY_HURRY] = nop,
            [POLICY_AMNESTY] = nop,
            [POLICY_DEADLINE] = nop,
        },
    [POLICY_BACKOFF] =
        {
            [POLICY_WANT] = want,
            [POLICY_UNWANT] = wait_unwant,
            [POLICY_RECONFIGURE] = wait_reconfigure,
            [POLICY_STARTED_UP] = nop,
            [POLICY_HEARTBEAT] = nop,
            [POLICY_SUSPECT] = nop,
            [POLICY_SPAWN_FAILED] = nop,
            [POLICY_EXIT_DONE] = nop,
            [POLICY_EXIT_CONFIG] = nop,
            [POLICY_EXIT_LATER] = nop,
            [POLICY_EXIT_CRASH] = nop,
            [POLICY_RELEASE] = wait_release,
            [POLICY_HURRY] = wait_unwant,
            [POLICY_AMNESTY] = nop,
            [POLICY_DEADLINE] = wait_deadline,
        },
    [POLICY_STARTING] =
        {
            [POLICY_WANT] = want,
            [POLICY_UNWANT] = run_unwant,
            [POLICY_RECONFIGURE] = run_reconfigure,
            [POLICY_STARTED_UP] = starting_up,
            [POLICY_HEARTBEAT] = starting_beat,
            [POLICY_SUSPECT] = suspect,
            [POLICY_SPAWN_FAILED] = spawn_failed,
            [POLICY_EXIT_DONE] = exit_done,
            [POLICY_EXIT_CONFIG] = exit_config,
            [POLICY_EXIT_LATER] = exit_later,
            [POLICY_EXIT_CRASH] = exit_crash,
            [POLICY_RELEASE] = nop,
            [POLICY_HURRY] = hurry,
            [POLICY_AMNESTY] = starting_beat,
            [POLICY_DEADLINE] = hang,
        },
    [POLICY_READY] =
        {
            [POLICY_WANT] = want,
            [POLICY_UNWANT] = run_unwant,
            [POLICY_RECONFIGURE] = run_reconfigure,
            [POLICY_STARTED_UP] = nop,
            [POLICY_HEARTBEAT] = ready_beat,
            [POLICY_SUSPECT] = suspect,
            [POLICY_SPAWN_FAILED] = exit_crash, // it ran, so its exit code is its own
            [POLICY_EXIT_DONE] = exit_done,
            [POLICY_EXIT_CONFIG] = exit_config,
            [POLICY_EXIT_LATER] = exit_later,
            [POLICY_EXIT_CRASH] = exit_crash,
            [POLICY_RELEASE] = nop,
            [POLICY_HURRY] = hurry,
            [POLICY_AMNESTY] = ready_beat,
            [POLICY_DEADLINE] = hang,
        },
    [POLICY_ABORTING] =
        {
            [POLICY_WANT] = want,
            [POLICY_UNWANT] = unwant,
            [POLICY_RECONFIGURE] = nop,
            [POLICY_STARTED_UP] = nop,
            [POLICY_HEARTBEAT] = nop, // too late: SIGABRT is on its way
            [POLICY_SUSPECT] = suspect,
            [POLICY_SPAWN_FAILED] = aborting_exit,
            [POLICY_EXIT_DONE] = aborting_exit,
            [POLICY_EXIT_CONFIG] = aborting_exit,
            [POLICY_EXIT_LATER] = aborting_exit,
            [POLICY_EXIT_CRASH] = aborting_exit,
            [POLICY_RELEASE] = nop,
            [POLICY_HURRY] = unwant,
            [POLICY_AMNESTY] = aborting_amnesty,
            [POLICY_DEADLINE] = aborting_deadline,
        },
    [POLICY_STOPPING] =
        {
            [POLICY_WANT] = want,
            [POLICY_UNWANT] = unwant,
            [POLICY_RECONFIGURE] = nop, // it starts with the newest configuration anyway
            [POLICY_STARTED_UP] = nop,
            [POLICY_HEARTBEAT] = nop,
            [POLICY_SUSPECT] = stopping_suspect,
            [POLICY_SPAWN_FAILED] = stopping_spawn_failed,
            [POLICY_EXIT_DONE] = stopping_done,
            [POLICY_EXIT_CONFIG] = stopping_config,
            [POLICY_EXIT_LATER] = stopping_later,
            [POLICY_EXIT_CRASH] = stopping_crash,
            [POLICY_RELEASE] = nop,
            [POLICY_HURRY] = hurry,
            [POLICY_AMNESTY] = stopping_amnesty,
            [POLICY_DEADLINE] = stopping_deadline,
        },
    [POLICY_FAILED] =
        {
            [POLICY_WANT] = want,
            [POLICY_UNWANT] = wait_unwant,
            [POLICY_RECONFIGURE] = wait_reconfigure,
            [POLICY_STARTED_UP] = nop,
            [POLICY_HEARTBEAT] = nop,
            [POLICY_SUSPECT] = nop,
            [POLICY_SPAWN_FAILED] = nop,
            [POLICY_EXIT_DONE] = nop,
            [POLICY_EXIT_CONFIG] = nop,
            [POLICY_EXIT_LATER] = nop,
            [POLICY_EXIT_CRASH] = nop,
            [POLICY_RELEASE] = wait_release,
            [POLICY_HURRY] = wait_unwant,
            [POLICY_AMNESTY] = nop,
            [POLICY_DEADLINE] = wait_deadline,
        },
};

struct policy_step policy_step(const struct policy_limits *limits, const struct policy_child *child,
    enum policy_event event, const struct policy_input *input)
{
        struct context context = {limits, input};
        struct policy_step step = {.child = *child, .action = POLICY_NONE};

        REQUIRE(child->state < POLICY_STATES && event < POLICY_EVENTS && table[child->state][event] != NULL);
        step.action = table[child->state][event](&step.child, &context);
        return step;
}
