// SPDX-License-Identifier: Apache-2.0
// What the writer's two threads tell each other. The intake (main thread) owns the control socket, the live pipeline
// and the spool; the store thread owns the store, the ledger, the bulk pipeline and the job channels. Words are atomic;
// control messages travel in a short queue; each side wakes the other through an eventfd. Nothing else is shared.
#ifndef WRITER_HANDOVER_H
#define WRITER_HANDOVER_H

#include "common/child.h"
#include "common/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HANDOVER_MESSAGES_MAX 1024
#define HANDOVER_STAMPS 4096

// Who is at the spool's checkpoint: the intake asks, the store thread does it, the intake does what came meanwhile.
enum handover_checkpoint { HANDOVER_CHECKPOINT_NONE, HANDOVER_CHECKPOINT_WANTED, HANDOVER_CHECKPOINT_DONE };

struct handover {
        int to_store_fd;  // eventfd: new spool rows, or messages
        int to_intake_fd; // eventfd: the cursor moved, or the store thread ended
        // intake -> store
        _Atomic int64_t row_committed;                    // newest spool row
        _Atomic int64_t durable_wall_ns[HANDOVER_STAMPS]; // when row r became durable, at r % HANDOVER_STAMPS
        _Atomic bool drain;                               // apply everything, sync, end
        pthread_mutex_t lock;
        struct control_message messages[HANDOVER_MESSAGES_MAX];
        size_t first, count;
        // store -> intake
        _Atomic int64_t row_durable;      // rows up to this one are in the synced store and the ledger's cursor
        _Atomic bool ended;               // after `drain`
        _Atomic uint64_t ticks;           // the store thread's heartbeat
        _Atomic int64_t step_deadline_us; // monotonic; while a long step (sync) is announced, 0 otherwise
        _Atomic bool disk_full;           // the store waits for room: the intake gives up the ballast
        // either
        _Atomic int checkpoint; // enum handover_checkpoint
};

// Returns 0, or -1 with errno.
int handover_init(struct handover *handover);
void handover_wake_store(struct handover *handover);
void handover_wake_intake(struct handover *handover);
// Empties an eventfd.
void handover_clear(int fd);
// Passes a control message on; its descriptor goes with it. Returns 0, or -1 with ENOBUFS.
int handover_put(struct handover *handover, const struct control_message *message);
bool handover_take(struct handover *handover, struct control_message *message);
// True while the store thread makes progress, or is within a long step that it announced.
bool handover_store_alive(struct handover *handover, uint64_t *ticks_seen, mono_time now);

#endif
