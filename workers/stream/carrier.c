// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/carrier.h"

#include "common/log.h"
#include "workers/stream/inbox.h"
#include "workers/stream/streamtype.h"
#include "workers/stream/worker.h"

#include <stdio.h>
#include <string.h>

#define FAILURE_REPEAT_MS (15 * 60 * 1000) // the same failure of a degraded connection is said this often
#define LATE_NAMES_SAID 3

static const char no_answer_ping[] = "no answer to a ping: it is dead";
static const char no_answer_subscribe[] = "no answer to SUBSCRIBE";
static const char no_connection[] = "nothing came within 20 s";

static const char *host_of(const struct carrier *carrier)
{
        return carrier->worker->endpoint.host;
}

static int64_t exchange_now(const struct carrier *carrier)
{
        return governor_exchange_now_us(carrier->worker->child.governor);
}

void carrier_init(struct carrier *carrier, struct worker *worker, struct stream *streams, size_t count, mono_time now)
{
        const struct settings *settings = &worker->child.setup->settings;

        *carrier = (struct carrier){.worker = worker, .streams = streams, .count = count, .shortest_us = INT64_MAX};
        connection_init(&carrier->connection, settings->retry_delay_ms, settings->max_retries, now);
        for (unsigned i = 0; i < CONNECTION_LEGS; i++)
                carrier->legs[i] = (struct leg){.carrier = carrier, .index = i};
        for (size_t i = 0; i < count; i++) {
                // Others may be silent for long without a fault; they count as the longest that liveness.h looks at.
                int64_t length_us =
                    streams[i].type->per_interval ? interval_length_us(streams[i].id.interval) : SILENCE_BARS_MAX_US;

                if (length_us < carrier->shortest_us)
                        carrier->shortest_us = length_us;
        }
}

// ---- boundaries ----

static void bound_all(struct carrier *carrier, enum boundary_reason reason)
{
        struct sink *sink = &carrier->worker->sink;

        for (size_t i = 0; i < carrier->count; i++) {
                struct stream *stream = &carrier->streams[i];

                if (stream->type->interrupt != NULL)
                        stream->type->interrupt(stream, sink);
                sink_boundary(sink, stream, reason, 0);
        }
}

// Streams of an overlap whose other leg ended before they were proven.
static void end_overlap(struct carrier *carrier, bool lost)
{
        for (size_t i = 0; i < carrier->count; i++) {
                struct stream *stream = &carrier->streams[i];

                if (stream->overlap_unproven && lost)
                        sink_boundary(&carrier->worker->sink, stream, BOUNDARY_DISCONNECT, 0);
                stream->overlap_unproven = false;
        }
        carrier->unproven = 0;
}

// ---- a leg comes up ----

void carrier_connect_stream(struct leg *leg, struct stream *stream)
{
        struct carrier *carrier = leg->carrier;

        if (stream->quarantined)
                return;
        if (leg->overlap) {
                stream->overlap_unproven = true;
                carrier->unproven++;
        }
        sink_connect(&carrier->worker->sink, stream, exchange_now(carrier), leg->number, leg->overlap);
}

static void leg_opened(void *user)
{
        struct leg *leg = user;
        struct carrier *carrier = leg->carrier;
        struct worker *worker = carrier->worker;
        mono_time now = mono_now();
        int64_t renew_in_ms = renewal_plan_ms(worker->child.setup->slot, worker_random(worker));

        leg->overlap = leg->index != carrier->connection.primary;
        leg->number = ++worker->connections;
        connection_live(&carrier->connection, leg->index, now, renew_in_ms);
        liveness_start(&leg->liveness, now);
        leg->quiet_until = now;
        if (carrier->paused)
                ws_connection_pause(leg->connection, true);
        subscription_start(&leg->subscription, leg->url_streams, carrier->count, now);
        end_overlap(carrier, false); // of an earlier renewal that showed nothing
        if (!leg->overlap)
                silence_start(&carrier->silence, now, exchange_now(carrier));
        for (size_t i = 0; i < carrier->count; i++) {
                struct stream *stream = &carrier->streams[i];

                if (leg->overlap)
                        stream->type->overlap(stream, leg->index);
                else
                        stream->type->restart(stream, leg->index, now);
                if (i < leg->url_streams)
                        carrier_connect_stream(leg, stream);
        }
        if (!leg->overlap && carrier->was_live)
                worker_count_reconnect(worker);
        carrier->was_live = true;
        log_info("%s to %s, %zu stream%s%s", leg->overlap ? "connected anew" : "connected", host_of(carrier),
            carrier->count, carrier->count == 1 ? "" : "s",
            leg->overlap ? "; the old connection ends when nothing can have been lost" : "");
}

// ---- a leg ends ----

// True where this failure shall be said: every one until the connection is degraded, then new ones, and now and then.
static bool failure_is_news(struct carrier *carrier, const char *reason, mono_time now)
{
        if (connection_is_degraded(&carrier->connection) && strcmp(reason, carrier->last_failure) == 0 &&
            mono_since_ms(now, carrier->failure_said_at) < FAILURE_REPEAT_MS)
                return false;
        snprintf(carrier->last_failure, sizeof(carrier->last_failure), "%s", reason);
        carrier->failure_said_at = now;
        return true;
}

static void say_degraded(struct carrier *carrier)
{
        bool degraded = connection_is_degraded(&carrier->connection);

        if (degraded && !carrier->degraded_said)
                log_warn("%u quick attempts in a row failed: the stream is degraded; it goes on trying, at least every "
                         "minute unless the exchange asks for longer pauses",
                    carrier->connection.backoff.failures);
        if (!degraded && carrier->degraded_said)
                log_info("healthy again: connected to %s for a minute", host_of(carrier));
        carrier->degraded_said = degraded;
}

static void leg_ended(void *user, const struct ws_end *end)
{
        struct leg *leg = user;
        struct carrier *carrier = leg->carrier;
        mono_time now = mono_now();
        char reason[2 * REASON_SIZE];
        int64_t delay_ms;

        leg->connection = NULL;
        enum connection_loss loss = connection_lost(
            &carrier->connection, leg->index, now, worker_random(carrier->worker), ws_end_wait_ms(end), &delay_ms);
        double delay_s = (double)delay_ms / 1000;
        ws_end_describe(end, host_of(carrier), reason, sizeof(reason));
        switch (loss) {
        case LOSS_STREAMS:
                end_overlap(carrier, false);
                bound_all(carrier, BOUNDARY_DISCONNECT);
                log_warn("connection lost: %s; next attempt in %.1f s, backfill will close the gap", reason, delay_s);
                break;
        case LOSS_ATTEMPT:
                carrier->attempts++;
                if (failure_is_news(carrier, reason, now))
                        log_warn("not connected: %s; next attempt in %.1f s", reason, delay_s);
                break;
        case LOSS_TAKEOVER:
                end_overlap(carrier, true);
                log_info("the old connection ended: %s; the new one carries on", reason);
                break;
        case LOSS_RENEWAL:
                carrier->attempts++;
                end_overlap(carrier, false);
                log_info("renewal failed: %s; the old connection carries on, next attempt in %.1f s", reason, delay_s);
                break;
        }
        say_degraded(carrier);
}

// Ends a connection of ours for a reason of ours.
static void cut_leg(struct leg *leg, const char *reason)
{
        struct ws_end end = {.stage = ws_connection_stage(leg->connection)};

        snprintf(end.detail, sizeof(end.detail), "%s", reason);
        ws_connection_close(leg->connection);
        leg_ended(leg, &end);
}

// ---- opening ----

static void build_path(struct leg *leg, char path[STREAM_URL_BYTES_MAX])
{
        struct carrier *carrier = leg->carrier;
        size_t taken;

        leg->url_streams = 0;
        if (!carrier->subscribe_only) {
                snprintf(path, STREAM_URL_BYTES_MAX, "%s/stream?streams=", carrier->worker->endpoint.path);
                leg->url_streams =
                    stream_names_append(carrier->streams, 0, carrier->count, path, STREAM_URL_BYTES_MAX, &taken);
                if (taken > 0)
                        return;
        }
        snprintf(path, STREAM_URL_BYTES_MAX, "%s/stream", carrier->worker->endpoint.path);
}

static void open_leg(struct leg *leg)
{
        struct carrier *carrier = leg->carrier;
        struct worker *worker = carrier->worker;
        char path[STREAM_URL_BYTES_MAX];
        struct ws_end end;

        build_path(leg, path);
        child_announce_ms(&worker->child, CHILD_HANG_RESOLVE_MS);
        leg->connection = ws_connect(worker->ws, path, carrier->attempts, leg, &end);
        child_heartbeat(&worker->child);
        if (leg->connection != NULL)
                connection_opening(&carrier->connection, leg->index, mono_now());
        else
                leg_ended(leg, &end);
}

// Names that were refused may have become known since.
static void lift_quarantine(struct carrier *carrier)
{
        carrier->subscribe_only = false;
        for (size_t i = 0; i < carrier->count; i++)
                carrier->streams[i].quarantined = false;
}

static void try_to_open(struct leg *leg, bool renewal, mono_time now)
{
        struct carrier *carrier = leg->carrier;
        int64_t wait_ms = governor_connect(carrier->worker->child.governor, carrier->was_live);

        if (wait_ms > 0) {
                connection_postpone(&carrier->connection, leg->index, now, wait_ms);
                return;
        }
        if (renewal)
                lift_quarantine(carrier);
        open_leg(leg);
}

// ---- turns of the loop ----

static void step_messages(struct leg *leg, mono_time now)
{
        struct carrier *carrier = leg->carrier;
        char message[SUBSCRIBE_BYTES_MAX];

        if (now.us < leg->quiet_until.us)
                return;
        size_t length = subscription_next(&leg->subscription, now, inbox_stream_name, carrier->streams, message);
        if (length > 0) {
                log_debug("%.*s", (int)length, message);
                if (ws_connection_send_text(leg->connection, message, length) != 0)
                        log_debug("the last message is still on its way: %m"); // so this one will be overdue
        } else if (liveness_check(&leg->liveness, now) == LIVENESS_PING) {
                if (ws_connection_send_ping(leg->connection) != 0)
                        log_debug("the last ping is still on its way: %m");
                liveness_pinged(&leg->liveness, now);
        } else {
                return;
        }
        leg->quiet_until = (mono_time){now.us + CLIENT_MESSAGE_SPACING_MS * US_PER_MS};
}

static mono_time earlier(mono_time a, mono_time b)
{
        return a.us < b.us ? a : b;
}

// A leg that is up. Returns when something is due next.
static mono_time step_leg(struct leg *leg, mono_time now)
{
        if (leg->carrier->paused) // no pong can be read, and nothing need be asked
                return (mono_time){INT64_MAX};
        if (liveness_check(&leg->liveness, now) == LIVENESS_DEAD) {
                cut_leg(leg, no_answer_ping);
                return now;
        }
        if (subscription_is_overdue(&leg->subscription, now)) {
                cut_leg(leg, no_answer_subscribe);
                return now;
        }
        step_messages(leg, now);
        mono_time next = earlier(liveness_deadline(&leg->liveness), subscription_deadline(&leg->subscription));
        return next.us > leg->quiet_until.us ? next : leg->quiet_until;
}

static void switch_legs(struct leg *old)
{
        struct carrier *carrier = old->carrier;

        ws_connection_close(old->connection);
        old->connection = NULL;
        if (carrier->unproven > 0)
                log_debug("renewed; %zu streams showed nothing meanwhile", carrier->unproven);
        else
                log_info("renewed without loss; the next renewal is due in 23 hours");
}

mono_time carrier_step(struct carrier *carrier, mono_time now)
{
        struct connection_step step;

        while ((step = connection_step(&carrier->connection, now)).action != CONNECTION_WAIT) {
                struct leg *leg = &carrier->legs[step.leg];

                switch (step.action) {
                case CONNECTION_OPEN:
                case CONNECTION_RENEW: try_to_open(leg, step.action == CONNECTION_RENEW, now); break;
                case CONNECTION_ABANDON: cut_leg(leg, no_connection); break;
                case CONNECTION_SWITCH: switch_legs(leg); break;
                case CONNECTION_WAIT: break;
                }
        }
        say_degraded(carrier);
        mono_time next = step.again_at;
        for (unsigned i = 0; i < CONNECTION_LEGS; i++) {
                if (carrier->connection.legs[i] == LEG_LIVE)
                        next = earlier(next, step_leg(&carrier->legs[i], now));
        }
        return next;
}

void carrier_pause(struct carrier *carrier, bool paused, mono_time now)
{
        carrier->paused = paused;
        for (unsigned i = 0; i < CONNECTION_LEGS; i++) {
                struct leg *leg = &carrier->legs[i];

                // A leg that is still connecting needs its answer; it is paused when it is up.
                if (carrier->connection.legs[i] == LEG_LIVE)
                        ws_connection_pause(leg->connection, paused);
                if (!paused) // what was not read cannot have been late
                        liveness_start(&leg->liveness, now);
        }
}

void carrier_hold(struct carrier *carrier, enum boundary_reason reason, mono_time now)
{
        for (unsigned i = 0; i < CONNECTION_LEGS; i++) {
                if (carrier->legs[i].connection != NULL)
                        ws_connection_close(carrier->legs[i].connection);
                carrier->legs[i].connection = NULL;
        }
        connection_hold(&carrier->connection, true, now);
        end_overlap(carrier, false);
        bound_all(carrier, reason);
        carrier->paused = false;
}

void carrier_release(struct carrier *carrier, mono_time now)
{
        connection_hold(&carrier->connection, false, now);
}

bool carrier_is_complete(const struct carrier *carrier)
{
        return connection_is_live(&carrier->connection) &&
               subscription_is_complete(&carrier->legs[carrier->connection.primary].subscription);
}

// ---- housekeeping ----

static int64_t expected_close_us(const struct stream *stream)
{
        int64_t close_us = bars_next_close_us(&stream->bars);

        // Nothing came since it was connected: the bar of that moment should have closed.
        if (close_us == 0 && stream->owed_connect.exchange_us > 0) {
                enum interval interval = stream->id.interval;
                close_us = interval_next_us(interval, interval_floor_us(interval, stream->owed_connect.exchange_us));
        }
        return close_us;
}

static void say_late_streams(struct carrier *carrier)
{
        char names[LATE_NAMES_SAID * (STREAM_NAME_SIZE + 1) + 1] = "";
        int64_t now_us = exchange_now(carrier);
        size_t late = 0, length = 0;

        for (size_t i = 0; i < carrier->count && now_us > 0; i++) {
                struct stream *stream = &carrier->streams[i];

                if (!stream->type->per_interval || stream->late_said || stream->quarantined ||
                    !liveness_bar_is_late(expected_close_us(stream), now_us))
                        continue;
                stream->late_said = true;
                if (late++ < LATE_NAMES_SAID)
                        length += (size_t)snprintf(names + length, sizeof(names) - length, " %s", stream->name);
        }
        if (late > 0)
                log_info("silent though the connection lives: %zu of %zu streams (%s%s); halted symbols are, backfill "
                         "will tell",
                    late, carrier->count, names + 1, late > LATE_NAMES_SAID ? " …" : "");
}

// The symbol that was heard last is the most likely to have been traded since. NULL: none is known to the exchange.
static const struct stream *stream_to_compare(const struct carrier *carrier)
{
        const struct stream *best = NULL;

        for (size_t i = 0; i < carrier->count; i++) {
                const struct stream *stream = &carrier->streams[i];

                if (!stream->quarantined && (best == NULL || stream->last_event_us > best->last_event_us))
                        best = stream;
        }
        return best;
}

static void compare_silence(struct carrier *carrier, mono_time now)
{
        const struct stream *stream = stream_to_compare(carrier);

        if (stream == NULL || !silence_is_due(&carrier->silence, now, exchange_now(carrier), carrier->shortest_us))
                return;
        // Noted first: the answer may come at once.
        struct silence before = carrier->silence;
        silence_asked(&carrier->silence, now);
        if (!comparison_ask(&carrier->worker->comparison, carrier, stream->id.symbol, carrier->silence.heard_us, now))
                carrier->silence = before;
}

void carrier_take_comparison(struct carrier *carrier, enum comparison_verdict verdict)
{
        const struct silence *silence = &carrier->silence;

        if (verdict == COMPARISON_UNANSWERED)
                silence_unanswered(&carrier->silence);
        if (silence->pause_ms == 0) // an event has come since
                return;
        if (verdict == COMPARISON_AHEAD) {
                log_info("pongs come but no event of any stream, and REST has newer trades: renewing the connection");
                connection_renew_now(&carrier->connection);
        } else if (verdict == COMPARISON_NOTHING_NEWER && silence->pause_ms == SILENCE_ASK_MS) {
                log_info("no event of any stream, and REST has no newer trades either: halted, or not traded; REST is "
                         "asked now and then");
        }
}

void carrier_housekeep(struct carrier *carrier, mono_time now)
{
        for (size_t i = 0; i < carrier->count; i++)
                inbox_tell_unreadable(carrier, &carrier->streams[i]);
        if (!connection_is_live(&carrier->connection) || carrier->paused)
                return;
        say_late_streams(carrier);
        compare_silence(carrier, now);
}

const struct ws_handlers carrier_handlers = {
    .on_open = leg_opened,
    .on_frame = inbox_take_frame,
    .on_pong = inbox_take_pong,
    .on_end = leg_ended,
};
