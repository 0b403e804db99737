// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/worker.h"

#include "common/exitcode.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/nnio.h"
#include "workers/stream/depthstream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define REQUESTS_MAX 2             // a snapshot and a comparison
#define FLUSH_MS 1                 // a record waits no longer than this, and no longer than the turn that made it
#define ACKNOWLEDGED_WITHIN_MS 100 // usually; look often until then …
#define LOOK_OFTEN_MS 5
#define LOOK_SELDOM_MS 25 // … and less often while the writer is slow or away
#define LOOK_FULL_MS 1    // while nothing can be read before room is acknowledged
#define SAY_FULL_MS 1000  // a shorter stop is how a writer that is slower than the stream sets the pace

static mono_time after_ms(mono_time now, int64_t ms)
{
        return (mono_time){now.us + ms * US_PER_MS};
}

static mono_time earlier(mono_time a, mono_time b)
{
        return a.us < b.us ? a : b;
}

uint64_t worker_random(struct worker *worker)
{
        // xorshift64: jitter needs no better.
        worker->random ^= worker->random << 13;
        worker->random ^= worker->random >> 7;
        worker->random ^= worker->random << 17;
        return worker->random;
}

const struct turn *worker_turn(struct worker *worker)
{
        struct turn *turn = &worker->turn;

        if (!turn->begun) {
                int64_t exchange_us = governor_exchange_now_us(worker->child.governor);

                *turn = (struct turn){.begun = true, .wall = wall_now(), .mono = mono_now()};
                bool waits = mono_since_ms(turn->mono, worker->opened_at) < CLOCK_WAIT_MS;
                turn->exchange_us = exchange_us >= 0 || waits ? exchange_us : turn->wall.ns / 1000;
        }
        return turn;
}

void worker_clock_event(struct worker *worker, int64_t event_us)
{
        if (event_us > worker->turn.event_us)
                worker->turn.event_us = event_us;
}

static void end_turn(struct worker *worker)
{
        if (worker->turn.event_us > 0)
                governor_clock_event(worker->child.governor, worker->turn.event_us);
        worker->turn = (struct turn){0};
}

void worker_count_reconnect(struct worker *worker)
{
        atomic_store_explicit(&worker->child.vitals->reconnects, ++worker->reconnects, memory_order_relaxed);
}

// ---- opening ----

static int read_endpoints(struct worker *worker)
{
        const struct settings *settings = &worker->child.setup->settings;
        const char *why = endpoint_parse(settings->stream_url, "wss", "ws", &worker->endpoint);

        if (why != NULL) {
                log_error("endpoints.stream: %s: %s; wss://host[:port] is accepted", settings->stream_url, why);
                return -1;
        }
        // Order books start from a REST answer, and silence is compared with one.
        why = endpoint_parse(settings->rest_url, "https", "http", &worker->rest);
        if (why != NULL) {
                log_error("endpoints.rest: %s: %s; https://host[:port] is accepted", settings->rest_url, why);
                return -1;
        }
        if (settings->proxy[0] == '\0')
                return 0;
        why = endpoint_parse(settings->proxy, NULL, "http", &worker->proxy);
        if (why != NULL) {
                log_error("endpoints.proxy: %s: %s; for streams http://host:port is accepted", settings->proxy, why);
                return -1;
        }
        return 0;
}

static int open_ws(struct worker *worker)
{
        const struct settings *settings = &worker->child.setup->settings;
        struct ws_options options = {
            .endpoint = &worker->endpoint,
            .ca_file = settings->ca_file,
            .proxy = settings->proxy[0] != '\0' ? &worker->proxy : NULL,
            .tls = worker->endpoint.tls || worker->rest.tls,
            .connections_max = (unsigned)worker->carriers_count * CONNECTION_LEGS + REQUESTS_MAX,
            .path_bytes_max = STREAM_URL_BYTES_MAX,
        };

        if (!child_has_ca_file(&worker->child))
                return EXIT_TRY_LATER;
        worker->ws = ws_open(&options, &carrier_handlers);
        return worker->ws != NULL ? 0 : EXIT_TRY_LATER;
}

static void open_carriers(struct worker *worker, mono_time now)
{
        size_t count = worker->table.count;

        worker->carriers_count = (count + STREAMS_PER_CONNECTION_MAX - 1) / STREAMS_PER_CONNECTION_MAX;
        worker->carriers = memory_zeroed(worker->carriers_count, sizeof(*worker->carriers));
        for (size_t i = 0; i < worker->carriers_count; i++) {
                size_t from = i * STREAMS_PER_CONNECTION_MAX, left = count - from;

                carrier_init(&worker->carriers[i], worker, &worker->table.streams[from],
                    left < STREAMS_PER_CONNECTION_MAX ? left : STREAMS_PER_CONNECTION_MAX, now);
        }
}

static void on_pipeline_room(void *user)
{
        // worker_step() follows and sends.
        (void)user;
}

static int open_pipeline(struct worker *worker)
{
        size_t records_max = worker->child.setup->settings.buffer_size;

        worker->pipeline = pipeline_open(&worker->child, NNIO_LIVE, records_max);
        if (worker->pipeline == NULL) {
                log_error("the pipeline to the writer could not be opened: %m");
                return EXIT_TRY_LATER;
        }
        pipeline_set_flush_ms(worker->pipeline, FLUSH_MS);
        sink_init(&worker->sink, worker->pipeline);
        worker->pipeline_watch = ws_watch_fd(worker->ws, pipeline_fd(worker->pipeline), on_pipeline_room, worker);
        return worker->pipeline_watch != NULL ? 0 : EXIT_TRY_LATER;
}

int worker_open(struct worker *worker)
{
        const struct child_setup *setup = worker->child.setup;
        mono_time now = mono_now();

        if (getrandom(&worker->random, sizeof(worker->random), 0) != sizeof(worker->random) || worker->random == 0)
                worker->random = (uint64_t)now.us ^ setup->incarnation;
        worker->opened_at = now;
        if (read_endpoints(worker) != 0)
                return EXIT_BAD_CONFIG;
        stream_table_build(&worker->table, &setup->symbols, &setup->settings);
        if (worker->table.count == 0) {
                log_error("there is nothing to stream: no symbol, or no kind of stream that this program knows");
                return EXIT_BAD_CONFIG;
        }
        open_carriers(worker, now);
        snapshots_init(&worker->snapshots, worker);
        worker->comparison.worker = worker;
        atomic_store(&worker->child.vitals->symbols, (uint32_t)worker->table.count);
        int code = open_ws(worker);
        return code == 0 ? open_pipeline(worker) : code;
}

void worker_close(struct worker *worker)
{
        ws_close(worker->ws);
        pipeline_close(worker->pipeline);
        sink_free(&worker->sink);
        snapshots_free(&worker->snapshots);
        stream_table_free(&worker->table);
        free(worker->carriers);
}

// ---- the window ----

static void stop_reading(struct worker *worker, mono_time now)
{
        worker->reading_stopped = true;
        worker->full_since = now;
        for (size_t i = 0; i < worker->carriers_count; i++)
                carrier_pause(&worker->carriers[i], true, now);
}

static void resume_reading(struct worker *worker, mono_time now)
{
        if (worker->full_said)
                log_info("there is room again: reading goes on%s", worker->held ? ", connecting anew" : "");
        for (size_t i = 0; i < worker->carriers_count; i++) {
                if (worker->held)
                        carrier_release(&worker->carriers[i], now);
                else
                        carrier_pause(&worker->carriers[i], false, now);
        }
        worker->reading_stopped = worker->held = worker->full_said = false;
}

static void hold_all(struct worker *worker, enum boundary_reason reason, mono_time now)
{
        sink_forget_kept(&worker->sink);
        for (size_t i = 0; i < worker->carriers_count; i++)
                carrier_hold(&worker->carriers[i], reason, now);
        worker->held = true;
}

static void step_window(struct worker *worker, mono_time now)
{
        bool settled = true;

        // Settling walks over all streams, so only where something may wait.
        if (worker->reading_stopped)
                settled = sink_settle(&worker->sink, &worker->table);
        bool full = !settled || sink_is_full(&worker->sink);
        if (full && !worker->reading_stopped) {
                stop_reading(worker, now);
        } else if (!full && worker->reading_stopped) {
                resume_reading(worker, now);
        } else if (full && !worker->full_said && mono_since_ms(now, worker->full_since) >= SAY_FULL_MS) {
                worker->full_said = true;
                log_warn("%zu bytes are not yet durable and no more are allowed: reading has stopped",
                    pipeline_window_bytes(worker->pipeline));
        } else if (full && !worker->held && mono_since_ms(now, worker->full_since) >= WINDOW_FULL_MS) {
                log_warn("still full after 5 s: closing the connections; backfill will close the gap");
                hold_all(worker, BOUNDARY_WINDOW_FULL, now);
        }
}

// ---- draining ----

void worker_drain(struct worker *worker)
{
        mono_time now = mono_now();

        if (worker->state != WORKER_RUNNING)
                return;
        worker->state = WORKER_DRAINING;
        worker->drain_until = after_ms(now, DRAIN_MS);
        snapshots_stop(&worker->snapshots);
        comparison_stop(&worker->comparison);
        hold_all(worker, BOUNDARY_STOP, now);
}

static void step_draining(struct worker *worker, mono_time now)
{
        if (!worker->fin_sent && sink_settle(&worker->sink, &worker->table))
                worker->fin_sent = sink_fin(&worker->sink) == 0;
        if (pipeline_flush(worker->pipeline) != 0)
                log_warn("pipeline: %m");
        worker->sink.unflushed = false;
        if (worker->fin_sent && !pipeline_pending(worker->pipeline)) {
                if (child_send(&worker->child, CONTROL_DRAINED, NULL, 0, -1) != 0)
                        log_warn("the supervisor could not be told that all is drained: %m");
                worker->state = WORKER_DONE;
                worker->exit_code = EXIT_DONE;
        } else if (now.us >= worker->drain_until.us) {
                log_warn("%zu bytes were not acknowledged within 8 s: ending without them; backfill will close the gap",
                    pipeline_window_bytes(worker->pipeline));
                worker->state = WORKER_DONE;
                worker->exit_code = EXIT_TRY_LATER;
        }
}

// ---- every turn ----

// Returns when to look at the pipeline again.
static mono_time step_pipeline(struct worker *worker, mono_time now)
{
        int result = 0;

        if (worker->sink.unflushed) {
                worker->sink.unflushed = false;
                worker->appended_at = now;
                result = pipeline_flush(worker->pipeline);
        }
        if (result == 0 && pipeline_pending(worker->pipeline))
                result = pipeline_service(worker->pipeline, now);
        if (result != 0)
                log_warn("pipeline: %m");
        ws_watch_pause(worker->pipeline_watch, !pipeline_wants_fd(worker->pipeline));
        if (!pipeline_pending(worker->pipeline) && !worker->reading_stopped)
                return (mono_time){INT64_MAX};
        bool often = mono_since_ms(now, worker->appended_at) < ACKNOWLEDGED_WITHIN_MS;
        int64_t often_ms = worker->reading_stopped ? LOOK_FULL_MS : LOOK_OFTEN_MS;
        return after_ms(now, often ? often_ms : LOOK_SELDOM_MS);
}

static void show_vitals(struct worker *worker)
{
        struct vitals *vitals = worker->child.vitals;
        bool complete = true, degraded = false;
        mono_time renewal = {INT64_MAX};

        for (size_t i = 0; i < worker->carriers_count; i++) {
                const struct carrier *carrier = &worker->carriers[i];

                complete = complete && carrier_is_complete(carrier);
                degraded = degraded || connection_is_degraded(&carrier->connection);
                if (connection_is_live(&carrier->connection))
                        renewal = earlier(renewal, carrier->connection.renew_at);
        }
        int64_t boot_minus_mono_us = boot_now().us - mono_now().us;
        atomic_store_explicit(&vitals->connected, complete, memory_order_relaxed);
        atomic_store_explicit(&vitals->degraded, degraded, memory_order_relaxed);
        atomic_store_explicit(&vitals->malformed, worker->malformed, memory_order_relaxed);
        atomic_store_explicit(
            &vitals->renewal_us, renewal.us == INT64_MAX ? 0 : renewal.us + boot_minus_mono_us, memory_order_relaxed);
}

static void show_quality(struct worker *worker)
{
        struct vitals *vitals = worker->child.vitals;
        struct depth_comparisons sum = {0};
        uint64_t late = 0;

        for (size_t i = 0; i < worker->table.count; i++) {
                const struct stream *stream = &worker->table.streams[i];

                if (stream->id.kind == STREAM_QUOTE)
                        late += stream->updates.late;
                if (stream->id.kind != STREAM_DEPTH)
                        continue;
                const struct depth_comparisons *book = depthstream_comparisons(stream);
                sum.books += book->books;
                sum.differing += book->differing;
                sum.levels += book->levels;
                sum.equal += book->equal;
        }
        atomic_store_explicit(&vitals->quotes_late, late, memory_order_relaxed);
        atomic_store_explicit(&vitals->books_compared, sum.books, memory_order_relaxed);
        atomic_store_explicit(&vitals->books_differing, sum.differing, memory_order_relaxed);
        atomic_store_explicit(&vitals->levels_compared, sum.levels, memory_order_relaxed);
        atomic_store_explicit(&vitals->levels_equal, sum.equal, memory_order_relaxed);
}

static void show_progress(struct worker *worker)
{
        struct vitals *vitals = worker->child.vitals;

        if (worker->messages == worker->messages_shown)
                return;
        worker->messages_shown = worker->messages;
        atomic_store_explicit(&vitals->messages, worker->messages, memory_order_relaxed);
        atomic_store_explicit(&vitals->records, worker->sink.data_records, memory_order_relaxed);
        atomic_store_explicit(&vitals->last_message_us, boot_now().us, memory_order_relaxed);
}

static void step_clockwork(struct worker *worker, mono_time now)
{
        if (now.us >= worker->heartbeat_at.us) {
                child_heartbeat(&worker->child);
                show_vitals(worker);
                show_quality(worker);
                worker->heartbeat_at = after_ms(now, CHILD_HEARTBEAT_MS);
        }
        if (now.us >= worker->housekeeping_at.us) {
                for (size_t i = 0; i < worker->carriers_count; i++)
                        carrier_housekeep(&worker->carriers[i], now);
                comparison_step(&worker->comparison, now);
                worker->housekeeping_at = after_ms(now, HOUSEKEEPING_MS);
        }
}

void worker_step(struct worker *worker)
{
        mono_time now = mono_now(), next = {INT64_MAX};

        end_turn(worker);
        show_progress(worker);
        step_clockwork(worker, now);
        if (worker->state == WORKER_RUNNING)
                step_window(worker, now);
        else
                step_draining(worker, now);
        for (size_t i = 0; i < worker->carriers_count; i++)
                next = earlier(next, carrier_step(&worker->carriers[i], now));
        if (worker->state == WORKER_RUNNING)
                next = earlier(next, snapshots_step(&worker->snapshots, now));
        next = earlier(next, step_pipeline(worker, now));
        next = earlier(next, worker->heartbeat_at);
        ws_set_timer(worker->ws, next);
}
