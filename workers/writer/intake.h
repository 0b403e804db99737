// SPDX-License-Identifier: Apache-2.0
// The intake: live batches from the pipeline into the spool, acknowledged once committed. It accepts exactly the next
// batch of each slot, begins a commit as soon as SPOOL_COMMIT_MS have passed since the last one began or
// SPOOL_COMMIT_BYTES wait, and stops reading (workers' windows then fill) while the disk or the spool is full. The
// first failed fsync ends the process without an acknowledgement. Runs on the main thread.
#ifndef WRITER_INTAKE_H
#define WRITER_INTAKE_H

#include "common/child.h"
#include "workers/writer/ballast.h"
#include "workers/writer/handover.h"
#include "workers/writer/spool.h"

struct event_base;
struct intake;

// Restores the acknowledgement page from the spool's marks, then binds the live pipeline. The spool and the ballast
// stay the caller's. NULL with errno.
struct intake *intake_open(struct child *child, struct spool *spool, struct ballast *ballast, struct handover *handover,
    struct event_base *base);
// Commits what is pending, then releases everything.
void intake_close(struct intake *intake);
// Deletes spool rows that the store has made durable and runs due checkpoints: once a second, and when woken.
void intake_upkeep(struct intake *intake);
// Nothing received for a while and nothing pending: everything that was sent is committed.
bool intake_is_quiet(const struct intake *intake);

#endif
