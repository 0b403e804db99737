// SPDX-License-Identifier: Apache-2.0
#include "supervisor/brake.h"

#include "common/log.h"
#include "supervisor/children.h"

static bool is_probe(const struct supervisor *supervisor, const struct managed *child)
{
        enum brake_state state = supervisor->brakes[child->policy.class].state;

        return (state == BRAKE_PROBING || state == BRAKE_WATCHING) &&
               supervisor->probes[child->policy.class] == child->slot;
}

bool brake_holds(const struct supervisor *supervisor, const struct managed *child)
{
        return supervisor->brakes[child->policy.class].state != BRAKE_OPEN && !is_probe(supervisor, child);
}

static size_t crashed_lately(const struct supervisor *supervisor, enum child_class class, mono_time now)
{
        size_t count = 0;

        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                const struct managed *child = supervisor->slots[i];
                if (child != NULL && child->policy.class == class && child->policy.last_crash.us != 0 &&
                    mono_since_ms(now, child->policy.last_crash) <= supervisor->limits.brake_window_ms)
                        count++;
        }
        return count;
}

static struct managed *find_held(const struct supervisor *supervisor, enum child_class class)
{
        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                struct managed *child = supervisor->slots[i];
                if (child != NULL && child->policy.class == class && child->policy.held)
                        return child;
        }
        return NULL;
}

static void step(struct supervisor *supervisor, enum child_class class, enum brake_event event);

static void start_probe(struct supervisor *supervisor, enum child_class class)
{
        char title[CHILD_TITLE_SIZE];
        struct managed *child = find_held(supervisor, class);

        if (child == NULL) {
                step(supervisor, class, BRAKE_NOBODY);
                return;
        }
        supervisor->probes[class] = child->slot;
        log_info("%s is started as a probe of its class", children_title(child, title));
        children_event(supervisor, child, POLICY_RELEASE);
}

static void step(struct supervisor *supervisor, enum child_class class, enum brake_event event)
{
        mono_time now = mono_now();
        size_t crashed = crashed_lately(supervisor, class, now), wanted = children_wanted(supervisor, class);

        switch (brakerule_step(&supervisor->limits, &supervisor->brakes[class], event, now, crashed, wanted)) {
        case BRAKE_NONE: break;
        case BRAKE_ENGAGE:
                log_error("%zu of %zu %s workers crashed within %.1f s: none of them is started again but one probe "
                          "in %.1f s; those that run go on",
                    crashed, wanted, child_class_name(class), (double)supervisor->limits.brake_window_ms / 1000,
                    (double)supervisor->limits.brake_probe_ms / 1000);
                break;
        case BRAKE_PROBE: start_probe(supervisor, class); break;
        case BRAKE_RELEASE:
                log_info("%s workers are started again as usual", child_class_name(class));
                children_event_all(supervisor, class, POLICY_RELEASE);
                break;
        }
}

void brake_note_death(struct supervisor *supervisor, const struct managed *child)
{
        enum child_class class = child->policy.class;

        if (is_probe(supervisor, child))
                step(supervisor, class, BRAKE_PROBE_DIED);
        else
                step(supervisor, class, BRAKE_CRASH);
}

void brake_note_ready(struct supervisor *supervisor, const struct managed *child)
{
        if (is_probe(supervisor, child))
                step(supervisor, child->policy.class, BRAKE_PROBE_READY);
}

mono_time brake_run_due(struct supervisor *supervisor, mono_time now)
{
        mono_time earliest = POLICY_NEVER;

        for (enum child_class class = CHILD_NONE; class < CHILD_CLASSES; class ++) {
                struct brakerule *brake = &supervisor->brakes[class];
                if (brake->state == BRAKE_OPEN)
                        continue;
                if (brake->deadline.us <= now.us)
                        step(supervisor, class, BRAKE_DEADLINE);
                if (brake->state != BRAKE_OPEN && brake->deadline.us < earliest.us)
                        earliest = brake->deadline;
        }
        return earliest;
}
