// SPDX-License-Identifier: Apache-2.0
// The supervisor's one timer: deadlines of children and brakes, the pace of starts, and once a second the heartbeats,
// the ban, the service manager. It notices when the supervisor itself was suspended or late, and then nobody is killed
// for silence.
#ifndef SUPERVISOR_CLOCKWORK_H
#define SUPERVISOR_CLOCKWORK_H

#include "supervisor/supervisor.h"

// Returns 0, or -1 with errno.
int clockwork_start(struct supervisor *supervisor);
// Sets the timer to the earliest deadline; called when deadlines may have changed.
void clockwork_arm(struct supervisor *supervisor);

#endif
