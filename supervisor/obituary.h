// SPDX-License-Identifier: Apache-2.0
// Prose about a child's end: one line per death says who, how long it lived, how it ended, its last heartbeat, and what
// happens next. Pure functions over what the child table knows.
#ifndef SUPERVISOR_OBITUARY_H
#define SUPERVISOR_OBITUARY_H

#include "common/limits.h"
#include "common/log.h"
#include "supervisor/policy.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct death {
        enum child_class class;
        const char *name;
        pid_t pid;
        int code;        // exit code, or -1
        int term_signal; // or 0
        bool core;
        int64_t lived_ms;
        int64_t heartbeat_age_ms;  // -1: it never had one
        enum policy_state state;   // in which it died
        struct policy_child after; // what the policy made of it
        mono_time now;
        bool killed_by_us; // KILL or ABRT was ours, for it hung
};

// "3 min 2 s", "45.2 s". Returns `text`.
#define SPAN_TEXT_SIZE 32
const char *obituary_span(int64_t ms, char text[SPAN_TEXT_SIZE]);
// "exit 78 (bad configuration)", "SIGSEGV, core kept". Returns `text`.
const char *obituary_cause(const struct death *death, char text[REASON_SIZE]);
// Writes the whole line without a newline and returns the level it deserves.
enum log_level obituary_write(const struct death *death, char text[LOG_LINE_BYTES_MAX]);

#endif
