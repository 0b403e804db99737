// SPDX-License-Identifier: Apache-2.0
#include "supervisor/brakerule.h"

#include "common/limits.h"

static bool brake_is_due(size_t crashed, size_t wanted)
{
        return crashed >= POLICY_BRAKE_CHILDREN_MIN && crashed * 4 > wanted;
}

static enum brake_action brake_to(
    struct brakerule *brake, enum brake_state state, mono_time deadline, enum brake_action action)
{
        brake->state = state;
        brake->deadline = deadline;
        return action;
}

enum brake_action brakerule_step(const struct policy_limits *limits, struct brakerule *brake, enum brake_event event,
    mono_time now, size_t crashed, size_t wanted)
{
        mono_time probe_at = {now.us + limits->brake_probe_ms * US_PER_MS};
        mono_time healthy_at = {now.us + limits->brake_window_ms * US_PER_MS};

        switch (event) {
        case BRAKE_CRASH:
                if (brake->state == BRAKE_OPEN && brake_is_due(crashed, wanted))
                        return brake_to(brake, BRAKE_WAITING, probe_at, BRAKE_ENGAGE);
                break;
        case BRAKE_PROBE_READY:
                if (brake->state == BRAKE_PROBING)
                        return brake_to(brake, BRAKE_WATCHING, healthy_at, BRAKE_NONE);
                break;
        case BRAKE_PROBE_DIED:
                if (brake->state == BRAKE_PROBING || brake->state == BRAKE_WATCHING)
                        return brake_to(brake, BRAKE_WAITING, probe_at, BRAKE_NONE);
                break;
        case BRAKE_NOBODY:
                if (brake->state == BRAKE_PROBING)
                        return brake_to(brake, BRAKE_OPEN, POLICY_NEVER, BRAKE_RELEASE);
                break;
        case BRAKE_DEADLINE:
                if (brake->state == BRAKE_WAITING)
                        return brake_to(brake, BRAKE_PROBING, POLICY_NEVER, BRAKE_PROBE);
                if (brake->state == BRAKE_WATCHING)
                        return brake_to(brake, BRAKE_OPEN, POLICY_NEVER, BRAKE_RELEASE);
                break;
        case BRAKE_EVENTS: break;
        }
        return BRAKE_NONE;
}
