// SPDX-License-Identifier: Apache-2.0
// Fetches the snapshots that the worker's order books need: one at a time, spaced, under the request budget that all
// processes of this address share, and not at all while the exchange forbids requests. A refusal (429, 418, …) stops
// every process. Also calls depthstream_step(). Owned by worker.c; never fails, it tries again later.
#ifndef WORKERS_STREAM_SNAPSHOTS_H
#define WORKERS_STREAM_SNAPSHOTS_H

#include "common/clock.h"
#include "workers/stream/stream.h"

#include <stddef.h>
#include <stdint.h>

struct worker;
struct ws_get;
struct depth_message;

struct snapshots {
        struct worker *worker;
        struct stream **books; // the streams that keep one
        size_t count, next;    // whose turn it is
        struct stream *asked;  // under way, NULL: nothing
        struct ws_get *get;
        uint32_t minute;    // in which the request began
        mono_time ask_at;   // no request before
        mono_time given_up; // the request under way has failed then
        mono_time step_at;
        unsigned attempts, failures; // all; in a row
        struct depth_message *message;
};

void snapshots_init(struct snapshots *snapshots, struct worker *worker);
void snapshots_free(struct snapshots *snapshots);
// Does what is due. Returns when to call again at the latest.
mono_time snapshots_step(struct snapshots *snapshots, mono_time now);
// No more requests: the worker ends.
void snapshots_stop(struct snapshots *snapshots);

#endif
