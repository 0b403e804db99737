// SPDX-License-Identifier: Apache-2.0
// A carrier keeps a set of streams (at most STREAMS_PER_CONNECTION_MAX) connected: it does what connection.c decides,
// takes frames apart, answers for the streams' boundaries, and says in the log what happened. Owned by worker.c, which
// calls carrier_step() in every turn of the loop; never fails, it tries again.
#ifndef WORKERS_STREAM_CARRIER_H
#define WORKERS_STREAM_CARRIER_H

#include "workers/stream/comparison.h"
#include "workers/stream/connection.h"
#include "workers/stream/liveness.h"
#include "workers/stream/stream.h"
#include "workers/stream/subscription.h"
#include "workers/stream/ws.h"

struct worker;
struct carrier;

// One WebSocket connection of a carrier.
struct leg {
        struct carrier *carrier;
        unsigned index;
        struct ws_connection *connection; // NULL: none
        struct liveness liveness;
        struct subscription subscription;
        mono_time quiet_until; // no message of ours before
        uint32_t number;       // of the connection, counts up within the incarnation
        size_t url_streams;    // streams named in its URL; the others are subscribed by messages
        bool overlap;          // it began beside another one
};

struct carrier {
        struct worker *worker;
        struct stream *streams;
        size_t count;
        struct connection connection;
        struct leg legs[CONNECTION_LEGS];
        struct silence silence;
        uint64_t unreadable; // frames that could have been any stream's
        size_t unproven;     // streams whose overlap is not yet proven
        unsigned attempts;   // counts up: which address to try
        bool was_live;       // once at least
        bool subscribe_only; // an error named no stream: find the bad one by SUBSCRIBE
        bool degraded_said, paused;
        char last_failure[2 * REASON_SIZE]; // said last, and when
        mono_time failure_said_at;
        int64_t shortest_us; // interval carried
};

void carrier_init(struct carrier *carrier, struct worker *worker, struct stream *streams, size_t count, mono_time now);
// Does what is due. Returns when to call again at the latest.
mono_time carrier_step(struct carrier *carrier, mono_time now);
// Every HOUSEKEEPING_MS: silent streams, boundaries that nothing has flushed.
void carrier_housekeep(struct carrier *carrier, mono_time now);
// Stops reading, and goes on.
void carrier_pause(struct carrier *carrier, bool paused, mono_time now);
// Closes its connections on purpose, with a boundary for every stream, and opens none until it is released.
void carrier_hold(struct carrier *carrier, enum boundary_reason reason, mono_time now);
void carrier_release(struct carrier *carrier, mono_time now);
// All its streams are connected.
bool carrier_is_complete(const struct carrier *carrier);

// What REST says of a silent connection (comparison.c).
void carrier_take_comparison(struct carrier *carrier, enum comparison_verdict verdict);

// The stream flows on this leg from now on (inbox.c: its subscription was accepted).
void carrier_connect_stream(struct leg *leg, struct stream *stream);

// For ws_open(); `user` is a struct leg.
extern const struct ws_handlers carrier_handlers;

#endif
