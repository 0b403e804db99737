// SPDX-License-Identifier: Apache-2.0
// Control messages that wait for room in a child's socket. A child that is busy must neither block the supervisor nor
// miss a message; one that lets OUTBOX_MESSAGES_MAX pile up is not served any longer (its hang limit ends it).
#ifndef SUPERVISOR_OUTBOX_H
#define SUPERVISOR_OUTBOX_H

#include "common/control.h"

#include <stdbool.h>
#include <stddef.h>

struct outbox {
        struct outbox_message *first, **end; // owned; `end` points to where the next one is linked
        size_t count;
};

void outbox_init(struct outbox *outbox);
// Forgets everything that waits and closes its descriptors.
void outbox_clear(struct outbox *outbox);
// Sends, or keeps a copy of message and descriptor (dup'ed; `passed_fd` stays the caller's, -1: none) for
// outbox_flush(). Returns 0, or -1 with errno: ENOBUFS, too many wait; EPIPE, the child is gone.
int outbox_send(struct outbox *outbox, int fd, const struct control_header *header, const void *payload, int passed_fd);
// Sends what fits. Returns true while something still waits.
bool outbox_flush(struct outbox *outbox, int fd);

#endif
