// SPDX-License-Identifier: Apache-2.0
// Orderly shutdown in stages: the backfill pool ends, streams drain, the writer commits, the supervisor ends. Each
// stage is bounded by the policy's drain, TERM and KILL deadlines, all of them together by STOP_DEADLINE_S.
#ifndef SUPERVISOR_SHUTDOWN_H
#define SUPERVISOR_SHUTDOWN_H

#include "supervisor/supervisor.h"

// Begins it, or, when it has begun, only keeps the higher exit code. `why` is for the log.
void shutdown_begin(struct supervisor *supervisor, int exit_code, const char *why);
// Everybody gets SIGTERM at once.
void shutdown_hurry(struct supervisor *supervisor);
// A start that cannot succeed ends: a writer that refuses its configuration, or, in a one-shot run, its surroundings.
void shutdown_note_death(struct supervisor *supervisor, const struct managed *child, int code);
// The next stage, when the present one is over; ends the event loop after the last.
void shutdown_advance(struct supervisor *supervisor);

#endif
