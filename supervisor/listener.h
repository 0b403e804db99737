// SPDX-License-Identifier: Apache-2.0
// run_directory/control.sock: where the command line asks for the child table, a stop, a reload, or ad-hoc history.
// Only our own user and root are heard; at most CONTROL_CLIENTS_MAX at a time, a further one is turned away at once.
#ifndef SUPERVISOR_LISTENER_H
#define SUPERVISOR_LISTENER_H

#include "supervisor/supervisor.h"

// Binds the socket (0600), replacing one that nobody listens on. Returns 0, or -1 with a log line: EADDRINUSE, another
// instance with another state_directory listens there.
int listener_open(struct supervisor *supervisor);
// Removes the socket's name and closes all connections, which tells those who asked for a stop that it is done.
void listener_close(void);
// The writer's answer to the oldest request that was forwarded to it.
void listener_answer(struct supervisor *supervisor, const struct control_result *result);

#endif
