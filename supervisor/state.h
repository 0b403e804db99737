// SPDX-License-Identifier: Apache-2.0
// What the supervisor keeps on disk, in state_directory: the lock that makes an instance the only one, the run counter
// that makes incarnations unique for ever, and the deadline of a ban, so that a restart does not knock while banned.
// Also the directories and the descriptor limit, checked before anything starts.
#ifndef SUPERVISOR_STATE_H
#define SUPERVISOR_STATE_H

#include "common/clock.h"
#include "common/governor.h"
#include "config/settings.h"

#include <stdint.h>

// Creates data, state, run (0700) and, with files, root directory where absent. Returns 0, or -1 with a log line.
int state_make_directories(const struct settings *settings);

// Raises the soft limit of open files to the hard one; refuses less than `needed`. Returns 0, or -1 with a log line.
int state_check_descriptors(size_t needed);

// Takes state_directory/supervisor.lock, waiting up to `wait_ms` for an older instance to end. Returns the descriptor
// that holds it, or -1 with a log line that names the holder's pid.
int state_lock(const char *state_directory, int64_t wait_ms);

// Reads the run counter, raises it and makes it durable. A missing or unreadable counter starts from the seconds of the
// wall clock, far above any counter that went up once per start, so that no incarnation is used twice. Returns 0, or -1
// with a log line.
int state_next_run(const char *state_directory, uint64_t *run);

// The ban that outlives a restart: kept as wall time. state_load_ban() applies what is left of it to the page;
// state_save_ban() writes the page's ban where it differs from the `*saved_us` that was written last. Failures are
// logged.
void state_load_ban(const char *state_directory, struct governor_page *page, int64_t *saved_us);
void state_save_ban(const char *state_directory, struct governor_page *page, int64_t *saved_us);

#endif
