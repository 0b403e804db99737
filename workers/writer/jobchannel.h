// SPDX-License-Identifier: Apache-2.0
// The writer's end of the job channels: one SEQPACKET pair per backfill worker. A worker that asks is given the store's
// next job; without one the question stays open and is answered when work appears. Runs on the store thread.
//
// A channel that breaks leaves its lease in limbo until the supervisor says how the worker ended (or gives us the
// channel of its successor): only a crash of the worker's own counts against the job.
#ifndef WRITER_JOBCHANNEL_H
#define WRITER_JOBCHANNEL_H

#include "common/child.h"
#include "workers/writer/store.h"

#include <stdint.h>

struct event_base;
struct jobchannels;

struct jobchannels *jobchannels_new(struct event_base *base, struct store *store, struct governor_page *governor);
void jobchannels_free(struct jobchannels *channels);
// A new channel of a worker; `fd` becomes ours. Replaces the older one of the same slot.
void jobchannels_attach(struct jobchannels *channels, uint16_t slot, uint64_t incarnation, int fd);
// The supervisor's word on how a worker ended.
void jobchannels_died(struct jobchannels *channels, uint16_t slot, uint64_t incarnation, bool crash);
// Grants jobs to those that wait for one, and sets its own timer for the next time that may change.
void jobchannels_serve(struct jobchannels *channels);
// The lease a slot works on, 0: none.
uint64_t jobchannels_lease(const struct jobchannels *channels, uint16_t slot);
// The job is done, or the store has discarded it (`revoke`: tell the worker).
void jobchannels_close_lease(struct jobchannels *channels, uint16_t slot, bool revoke);

#endif
