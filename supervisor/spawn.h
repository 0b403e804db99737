// SPDX-License-Identifier: Apache-2.0
// Birth of a child: fork and exec with the descriptors that common/child.h promises and nothing else, signals at their
// defaults, a process group of its own (so that Ctrl-C in a terminal reaches the supervisor alone, which stops
// everybody in order), and an environment made from an allow-list (no proxies, no secrets).
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include "common/child.h"

#include <sys/types.h>

struct spawn_request {
        const char *program;                // path of the executable
        const char *title;                  // argv[0]: "binancefeeder: stream BTCUSDT"
        int control, setup, governor, acks; // stay the caller's
};

struct spawned {
        pid_t pid;
        int pidfd; // readable when it has ended; the caller's
};

// Returns 0, or -1 with errno. A failed exec shows as exit code POLICY_EXEC_FAILED_CODE, with a log line.
int spawn_child(const struct spawn_request *request, struct spawned *spawned);

#endif
