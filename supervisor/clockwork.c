// SPDX-License-Identifier: Apache-2.0
#include "supervisor/clockwork.h"

#include "common/log.h"
#include "supervisor/brake.h"
#include "supervisor/children.h"
#include "supervisor/notify.h"
#include "supervisor/obituary.h"
#include "supervisor/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct {
        struct event *timer;
        mono_time armed;       // when the timer should fire
        mono_time tick_due;    // next look at the heartbeats
        int64_t suspended_us;  // boot time minus monotonic time: grows while the machine sleeps
        mono_time slice_until; // end of the present slice of starts
        unsigned starts;       // in it
        bool starts_postponed; // a start waits for the next slice
        char status[160];      // last STATUS= sent
} clockwork;

static mono_time after_ms(mono_time now, int64_t ms)
{
        return (mono_time){now.us + ms * US_PER_MS};
}

static mono_time earlier(mono_time a, mono_time b)
{
        return a.us < b.us ? a : b;
}

// ---- pace of starts ----

static bool may_start(mono_time now)
{
        if (now.us >= clockwork.slice_until.us) {
                clockwork.slice_until = after_ms(now, START_SLICE_MS);
                clockwork.starts = 0;
        }
        if (clockwork.starts < STARTS_PER_SLICE_MAX) {
                clockwork.starts++;
                return true;
        }
        clockwork.starts_postponed = true;
        return false;
}

// ---- deadlines ----

static void run_children(struct supervisor *supervisor, mono_time now)
{
        clockwork.starts_postponed = false;
        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                struct managed *child = supervisor->slots[i];
                if (child == NULL || child->policy.deadline.us > now.us)
                        continue;
                if (!policy_has_process(child->policy.state) && !brake_holds(supervisor, child) && !may_start(now))
                        continue;
                children_event(supervisor, child, POLICY_DEADLINE);
        }
}

static mono_time earliest_deadline(const struct supervisor *supervisor, mono_time now)
{
        mono_time earliest = POLICY_NEVER;

        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                const struct managed *child = supervisor->slots[i];
                if (child == NULL)
                        continue;
                bool postponed = child->policy.deadline.us <= now.us && clockwork.starts_postponed &&
                                 !policy_has_process(child->policy.state);
                earliest = earlier(earliest, postponed ? clockwork.slice_until : child->policy.deadline);
        }
        for (size_t class = 0; class < CHILD_CLASSES; class ++) {
                if (supervisor->brakes[class].state != BRAKE_OPEN)
                        earliest = earlier(earliest, supervisor->brakes[class].deadline);
        }
        return earlier(earliest, clockwork.tick_due);
}

// ---- the tick ----

static void look_at_pulse(struct supervisor *supervisor, struct managed *child, mono_time now)
{
        struct vitals *vitals = &supervisor->page->vitals[child->slot];
        uint64_t heartbeat = atomic_load_explicit(&vitals->heartbeat, memory_order_acquire);
        uint32_t limit = atomic_load_explicit(&vitals->hang_limit_ms, memory_order_relaxed);

        if (heartbeat == child->heartbeat && limit == child->hang_limit_ms)
                return;
        child->heartbeat = heartbeat;
        child->hang_limit_ms = limit;
        child->heartbeat_at = now;
        children_event(supervisor, child, POLICY_HEARTBEAT);
}

static void tell_status(struct supervisor *supervisor)
{
        char status[sizeof(clockwork.status)];

        snprintf(status, sizeof(status), "writer %s, %zu of %zu streams and %zu of %zu backfill workers ready",
            supervisor->writer == NULL
                ? "down"
                : child_state_name((uint32_t)policy_shown_state(supervisor->writer->policy.state)),
            children_count(supervisor, CHILD_STREAM, POLICY_READY), children_wanted(supervisor, CHILD_STREAM),
            children_count(supervisor, CHILD_BACKFILL, POLICY_READY), children_wanted(supervisor, CHILD_BACKFILL));
        if (strcmp(status, clockwork.status) != 0)
                notify_send("STATUS=%s", status);
        memcpy(clockwork.status, status, sizeof(status));
        if (notify_has_watchdog())
                notify_send("WATCHDOG=1");
}

static void tick(struct supervisor *supervisor, mono_time now)
{
        clockwork.tick_due = after_ms(now, supervisor->limits.tick_ms);
        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                struct managed *child = supervisor->slots[i];
                if (child != NULL && child->pid != 0)
                        look_at_pulse(supervisor, child, now);
        }
        state_save_ban(supervisor->settings.state_directory, supervisor->page, &supervisor->ban_saved_us);
        tell_status(supervisor);
}

// Suspended, stopped or starved: either way nobody's heartbeat could be seen, or given.
static void look_for_lateness(struct supervisor *supervisor, mono_time now)
{
        char span[SPAN_TEXT_SIZE];
        int64_t suspended_us = boot_now().us - now.us;
        int64_t slept_ms = (suspended_us - clockwork.suspended_us) / US_PER_MS;
        int64_t late_ms = mono_since_ms(now, clockwork.armed);

        clockwork.suspended_us = suspended_us;
        clockwork.armed = now; // judged once
        if (late_ms <= supervisor->limits.late_ms && slept_ms <= supervisor->limits.late_ms)
                return;
        log_warn("this process or the whole machine stood still for %s: no child is judged by the silence",
            obituary_span(late_ms > slept_ms ? late_ms : slept_ms, span));
        children_event_all(supervisor, CHILD_NONE, POLICY_AMNESTY);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
        struct supervisor *supervisor = context;
        mono_time now = mono_now();

        (void)fd;
        (void)events;
        look_for_lateness(supervisor, now); // this first: what follows would punish for it
        if (clockwork.tick_due.us <= now.us)
                tick(supervisor, now);
        run_children(supervisor, now);
        (void)brake_run_due(supervisor, now);
        supervisor_settle(supervisor);
}

void clockwork_arm(struct supervisor *supervisor)
{
        mono_time now = mono_now();
        // What has arrived is handled before the timer fires: setting it anew must not make it look punctual.
        look_for_lateness(supervisor, now);
        mono_time at = earliest_deadline(supervisor, now);
        int64_t wait_us = at.us > now.us ? at.us - now.us : 0;
        struct timeval wait = {.tv_sec = wait_us / US_PER_S, .tv_usec = wait_us % US_PER_S};

        clockwork.armed = at.us > now.us ? at : now;
        if (event_add(clockwork.timer, &wait) != 0)
                log_error("the timer cannot be set: %m");
}

int clockwork_start(struct supervisor *supervisor)
{
        mono_time now = mono_now();

        clockwork.timer = event_new(supervisor->base, -1, 0, on_timer, supervisor);
        if (clockwork.timer == NULL)
                return -1;
        clockwork.suspended_us = boot_now().us - now.us;
        clockwork.tick_due = after_ms(now, supervisor->limits.tick_ms);
        clockwork.armed = now;
        clockwork_arm(supervisor);
        return 0;
}
