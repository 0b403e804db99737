// SPDX-License-Identifier: Apache-2.0
// Control messages of children. Their words are gossip: a message of the wrong size, one that this class does not send,
// or one about another incarnation is not acted upon, and whoever sends the first two is killed.
#ifndef SUPERVISOR_MESSAGES_H
#define SUPERVISOR_MESSAGES_H

#include "supervisor/supervisor.h"

// Takes what lies in the child's control socket, at most CHILD_MESSAGES_PER_TURN_MAX messages.
void messages_receive(struct supervisor *supervisor, struct managed *child);

#endif
