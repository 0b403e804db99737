// SPDX-License-Identifier: Apache-2.0
// The stream worker: the streams of some symbols, the connections that carry them, and the pipeline that takes their
// records to the writer. main.c opens it and turns its loop; one per process.
#ifndef WORKERS_STREAM_WORKER_H
#define WORKERS_STREAM_WORKER_H

#include "common/child.h"
#include "common/pipeline.h"
#include "workers/stream/carrier.h"
#include "workers/stream/comparison.h"
#include "workers/stream/endpoint.h"
#include "workers/stream/sink.h"
#include "workers/stream/snapshots.h"
#include "workers/stream/stream.h"
#include "workers/stream/ws.h"

#define HOUSEKEEPING_MS 10000
#define CLOCK_WAIT_MS 20000 // so long the exchange's clock may be unknown; then this host's must do
#define WINDOW_FULL_MS 5000 // reading stopped for this long: close on purpose
#define DRAIN_MS 8000       // the supervisor waits a little longer

enum worker_state { WORKER_RUNNING, WORKER_DRAINING, WORKER_DONE };

// The clocks, read once for everything that one turn of the loop reads from its sockets: a turn is short, and so a
// million frames a second need not ask for the time a million times.
struct turn {
        bool begun;
        wall_time wall;
        mono_time mono;
        int64_t exchange_us; // exchange time, -1: not known yet; wall time if that lasts
        int64_t event_us;    // newest event time seen in it, 0: none
};

struct worker {
        struct child child;
        struct endpoint endpoint, rest, proxy;
        struct ws *ws;
        struct ws_watch *pipeline_watch;
        struct pipeline *pipeline;
        struct sink sink;
        struct stream_table table;
        struct snapshots snapshots;
        struct comparison comparison;
        struct carrier *carriers;
        size_t carriers_count;
        uint64_t messages, messages_shown, malformed;
        mono_time refused_shown_at;
        uint32_t connections, reconnects;
        uint64_t random;
        mono_time opened_at;
        struct turn turn;

        enum worker_state state;
        int exit_code; // WORKER_DONE
        bool fin_sent;
        bool reading_stopped, held; // the window is full
        bool full_said;             // and logged
        mono_time full_since, drain_until, appended_at;
        mono_time heartbeat_at, housekeeping_at;
};

// Sets up everything and connects nothing yet. Returns 0, or an exit code with a logged reason.
int worker_open(struct worker *worker);
void worker_close(struct worker *worker);
// What is due after each turn of the loop; sets the timer for the next.
void worker_step(struct worker *worker);
// Orderly end: stop reading, say so, wait until everything is durable. Ends in WORKER_DONE.
void worker_drain(struct worker *worker);

// The present turn's clocks.
const struct turn *worker_turn(struct worker *worker);
// An event showed this exchange time.
void worker_clock_event(struct worker *worker, int64_t event_us);
uint64_t worker_random(struct worker *worker);
void worker_count_reconnect(struct worker *worker);

#endif
