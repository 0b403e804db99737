// SPDX-License-Identifier: Apache-2.0
// The rule of the class brake: when many children of a class crash at once, the class waits, and one probe child is
// started now and then until one lives. One bad market message must not spend the connection allowance of all. A pure
// function (state, event, now) -> (state, action, deadline); brake.c, which asks it, does what it answers.
#ifndef SUPERVISOR_BRAKERULE_H
#define SUPERVISOR_BRAKERULE_H

#include "common/clock.h"
#include "supervisor/policylimits.h"

#include <stddef.h>

enum brake_state { BRAKE_OPEN, BRAKE_WAITING, BRAKE_PROBING, BRAKE_WATCHING };
enum brake_event { BRAKE_CRASH, BRAKE_PROBE_READY, BRAKE_PROBE_DIED, BRAKE_NOBODY, BRAKE_DEADLINE, BRAKE_EVENTS };
enum brake_action { BRAKE_NONE, BRAKE_ENGAGE, BRAKE_PROBE, BRAKE_RELEASE };

struct brakerule {
        enum brake_state state;
        mono_time deadline;
};

// `crashed`: different children of the class that crashed within brake_window_ms; `wanted`: children of the class.
// Those that run well go on running: their connections are the ones that cost nothing.
enum brake_action brakerule_step(const struct policy_limits *limits, struct brakerule *brake, enum brake_event event,
    mono_time now, size_t crashed, size_t wanted);

#endif
