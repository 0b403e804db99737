// SPDX-License-Identifier: Apache-2.0
// The restart policy: one pure table (state, event, now, history) -> (state, action, deadline). The child table asks it
// about everything that happens to a child and does what it answers; it does no I/O, reads no clock and draws no random
// number itself, so its test is the whole table.
//
// A child is DOWN (not wanted), in BACKOFF (waits to be started), STARTING (runs, not READY yet), READY, ABORTING (hung
// or not believed: being killed), STOPPING (asked to end) or FAILED (waits for its trial or for a reload). Only DOWN,
// BACKOFF and FAILED have no process. Every start goes through a deadline in BACKOFF or FAILED, so that the caller can
// pace starts by delaying deadlines.
#ifndef SUPERVISOR_POLICY_H
#define SUPERVISOR_POLICY_H

#include "common/clock.h"
#include "common/governor.h"
#include "common/limits.h"
#include "supervisor/policylimits.h"

#include <stdbool.h>
#include <stdint.h>

enum policy_state {
        POLICY_DOWN,
        POLICY_BACKOFF,
        POLICY_STARTING,
        POLICY_READY,
        POLICY_ABORTING,
        POLICY_STOPPING,
        POLICY_FAILED,
        POLICY_STATES
};

enum policy_event {
        POLICY_WANT,         // it shall run
        POLICY_UNWANT,       // it shall end in order
        POLICY_RECONFIGURE,  // its own configuration changed: a running one ends in order and starts again
        POLICY_STARTED_UP,   // it said READY
        POLICY_HEARTBEAT,    // its heartbeat or its published hang limit changed
        POLICY_SUSPECT,      // it sent what no child of ours would send
        POLICY_SPAWN_FAILED, // fork or exec failed; there is no process
        POLICY_EXIT_DONE,    // exit 0
        POLICY_EXIT_CONFIG,  // exit 78 or 64
        POLICY_EXIT_LATER,   // exit 75
        POLICY_EXIT_CRASH,   // any signal and every other exit code
        POLICY_RELEASE,      // the class brake lets it go
        POLICY_HURRY,        // end now (second SIGINT)
        POLICY_AMNESTY,      // the supervisor itself was suspended or late: what looks hung is not
        POLICY_DEADLINE,     // its deadline has passed
        POLICY_EVENTS
};

enum policy_action {
        POLICY_NONE,
        POLICY_START, // fork and exec; a failure comes back as POLICY_SPAWN_FAILED
        POLICY_DRAIN, // send CONTROL_DRAIN
        POLICY_TERM,  // SIGTERM, and SIGCONT so that a stopped process can take it
        POLICY_ABORT, // SIGABRT and SIGCONT: it leaves a core where the system keeps them
        POLICY_KILL,  // SIGKILL
};

enum policy_stage { POLICY_STAGE_DRAIN, POLICY_STAGE_TERM, POLICY_STAGE_KILL };

// State and history of one child, a plain value. All zero, with deadline POLICY_NEVER, is a new one.
struct policy_child {
        enum policy_state state;
        enum child_class class;
        mono_time deadline;
        bool wanted;
        bool held;                             // waits for the class brake
        bool trial;                            // runs its one trial after FAILED
        enum policy_stage stage;               // of STOPPING
        uint32_t failures;                     // in a row
        mono_time crashes[POLICY_CRASHES_MAX]; // ring; 0: none
        uint32_t crash_next;
        mono_time last_crash;  // 0: none
        mono_time ready_since; // 0: not READY in this life
};

void policy_child_init(struct policy_child *child, enum child_class class);

struct policy_input {
        mono_time now;
        uint32_t random;       // any 32 bits: jitter
        int64_t hang_limit_ms; // published by the child, 0: none
        bool braked;           // its class is braked and it is not the probe
};

struct policy_step {
        struct policy_child child;
        enum policy_action action;
};

struct policy_step policy_step(const struct policy_limits *limits, const struct policy_child *child,
    enum policy_event event, const struct policy_input *input);

// `delay_ms` with up to 20 % more or less.
int64_t policy_jitter_ms(int64_t delay_ms, uint32_t random);
bool policy_has_process(enum policy_state state);
// What `status` shows for a state.
enum child_state policy_shown_state(enum policy_state state);

// How a process ended, as an event. `code` is its exit code or -1.
#define POLICY_EXEC_FAILED_CODE 127 // what our own fork exits with where exec fails
enum policy_event policy_classify_exit(int code);
// By its own fault (control_died.crash): SEGV, ABRT, BUS, FPE, ILL, SYS or exit 70. A kill -9 is none.
bool policy_is_own_fault(int code, int term_signal);

#endif
