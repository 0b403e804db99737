// SPDX-License-Identifier: Apache-2.0
// Every time of the restart policy and of the class brake in one table: restart delay, hang limits, the deadlines of a
// child's end. Filled once, at start, and read by whoever takes a deadline from it.
#ifndef SUPERVISOR_POLICYLIMITS_H
#define SUPERVISOR_POLICYLIMITS_H

#include "common/clock.h"
#include "common/governor.h"

#include <stdint.h>

// In milliseconds.
struct policy_limits {
        int64_t delay_ms, delay_max_ms;  // first restart delay, doubling up to the second
        int64_t healthy_ms;              // READY for so long forgets all failures
        int64_t crash_window_ms;         // POLICY_CRASHES_MAX crashes within it: FAILED
        int64_t failed_ms;               // until the trial
        int64_t spawn_failed_ms;         // fork and exec fail for the system's reasons
        int64_t start_ms;                // STARTING without a heartbeat
        int64_t hang_ms;                 // READY without one, where the child publishes no longer limit
        int64_t abort_ms;                // from SIGABRT to SIGKILL
        int64_t term_ms;                 // from SIGTERM to SIGKILL
        int64_t drain_ms[CHILD_CLASSES]; // from CONTROL_DRAIN to SIGTERM
        int64_t brake_window_ms;         // crashes this close together count for the class brake
        int64_t brake_probe_ms;          // from one probe of a braked class to the next
        int64_t tick_ms;                 // heartbeats are looked at this often
        int64_t late_ms;                 // the supervisor's own lateness that grants an amnesty
        int64_t scale_permille;          // of what children publish themselves
};

#define POLICY_NEVER ((mono_time){INT64_MAX}) // a deadline that does not come

// `scale_permille` 1000: the real ones. Tests scale all of them down together.
void policy_limits_set(struct policy_limits *limits, int64_t scale_permille);

#endif
