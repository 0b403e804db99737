// SPDX-License-Identifier: Apache-2.0
// The child table: slots, processes, and what the policy makes of their events. Called by every other module of the
// supervisor. It shows each child in its line of the governor page, writes the obituaries and tells the writer of
// deaths.
#ifndef SUPERVISOR_CHILDREN_H
#define SUPERVISOR_CHILDREN_H

#include "supervisor/supervisor.h"

// A new child that is not wanted yet, in a free slot. NULL with a log line when all slots are in use.
struct managed *children_add(struct supervisor *supervisor, enum child_class class, const char *name);
// Takes copies; the child is named after the first. Returns 0, or -1 with errno.
int children_set_symbols(struct managed *child, const char (*symbols)[SYMBOL_SIZE], size_t count);
// Frees the slots of children that are not wanted and have no process.
void children_collect(struct supervisor *supervisor);

// Asks the policy and does what it answers.
void children_event(struct supervisor *supervisor, struct managed *child, enum policy_event event);
// One event for all children of a class (CHILD_NONE: of every class).
void children_event_all(struct supervisor *supervisor, enum child_class class, enum policy_event event);

// Queues a control message; without a process, or where it does not fit any more, it is dropped.
void children_send(struct managed *child, uint16_t type, uint16_t slot, uint64_t incarnation, const void *payload,
    size_t length, int passed_fd);
// Sends the configuration in force to a running child.
void children_send_setup(struct supervisor *supervisor, struct managed *child);

struct managed *children_by_slot(const struct supervisor *supervisor, uint16_t slot, uint64_t incarnation);
size_t children_count(const struct supervisor *supervisor, enum child_class class, enum policy_state state);
size_t children_wanted(const struct supervisor *supervisor, enum child_class class);
// "stream BTCUSDT", "backfill 2", "writer": for log lines. Returns `text`.
#define CHILD_TITLE_SIZE (SYMBOL_SIZE + 16)
const char *children_title(const struct managed *child, char text[CHILD_TITLE_SIZE]);

#endif
