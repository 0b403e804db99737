// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/inbox.h"

#include "common/log.h"
#include "workers/stream/frame.h"
#include "workers/stream/hexescape.h"
#include "workers/stream/streamtype.h"
#include "workers/stream/worker.h"

#include <string.h>

#define SHOW_BYTES 200      // of an unreadable frame
#define SHOW_EVERY_MS 60000 // one line a minute

const char *inbox_stream_name(const void *streams, size_t index)
{
        const struct stream *stream = (const struct stream *)streams + index;

        return stream->quarantined ? NULL : stream->name;
}

void inbox_take_pong(void *user)
{
        struct leg *leg = user;

        liveness_pong(&leg->liveness, mono_now());
}

// ---- what cannot be read ----

void inbox_tell_unreadable(struct carrier *carrier, struct stream *stream)
{
        uint64_t unreadable = stream->unreadable + carrier->unreadable;

        if (unreadable == stream->unreadable_told)
                return;
        uint32_t count = (uint32_t)(unreadable - stream->unreadable_told);
        stream->unreadable_told = unreadable;
        sink_boundary(&carrier->worker->sink, stream, BOUNDARY_MALFORMED, count);
}

// Counts a refused frame and shows its first bytes, once a minute at most.
static void show_refused(struct worker *worker, const char *why, const char *bytes, size_t length)
{
        mono_time now = mono_now();
        char text[4 * SHOW_BYTES + 1];

        worker->malformed++;
        if (worker->malformed > 1 && mono_since_ms(now, worker->refused_shown_at) < SHOW_EVERY_MS)
                return;
        worker->refused_shown_at = now;
        hex_escape(bytes, length < SHOW_BYTES ? length : SHOW_BYTES, text);
        log_warn("frame of %zu bytes refused (%llu so far): %s: %s%s", length, (unsigned long long)worker->malformed,
            why, text, length > SHOW_BYTES ? "…" : "");
}

// An update of a forming bar says so in these very bytes wherever it says so at all; its loss loses nothing.
static bool is_forming_update(const struct stream *stream, const char *bytes, size_t length)
{
        static const char forming[] = "\"x\":false";

        return stream->id.kind == STREAM_KLINE && memmem(bytes, length, forming, sizeof(forming) - 1) != NULL;
}

// `stream`: whose frame it was, NULL: unknown, so it may have been any stream's.
static void refuse(struct carrier *carrier, struct stream *stream, const char *why, const char *bytes, size_t length)
{
        if (stream == NULL)
                carrier->unreadable++;
        else if (!is_forming_update(stream, bytes, length))
                stream->unreadable++;
        show_refused(carrier->worker, why, bytes, length);
}

// ---- events ----

static unsigned legs_flowing(const struct carrier *carrier)
{
        const enum leg_state *legs = carrier->connection.legs;

        return (legs[0] == LEG_LIVE ? 1u : 0u) | (legs[1] == LEG_LIVE ? 2u : 0u);
}

static void check_overlap(struct leg *leg, struct stream *stream, mono_time now)
{
        struct carrier *carrier = leg->carrier;
        struct connection *connection = &carrier->connection;
        bool both = connection_is_overlapping(connection);
        unsigned new = both ? connection_other(connection->primary) : connection->primary;

        if (both && leg->index == new)
                renewal_event(&connection->renewal, now);
        if (!stream->overlap_unproven || !stream->type->overlap_proven(stream, connection_other(new), new))
                return;
        stream->overlap_unproven = false;
        sink_overlap(&carrier->worker->sink, stream);
        // Streams that are still to be subscribed count as unproven too.
        if (--carrier->unproven == 0 && both && subscription_is_complete(&carrier->legs[new].subscription))
                connection->renewal.proven = true;
}

static void take_event(struct leg *leg, const struct frame *frame, const char *bytes, size_t length)
{
        struct carrier *carrier = leg->carrier;
        struct worker *worker = carrier->worker;
        struct stream *stream = stream_table_find(&worker->table, frame->stream);

        if (stream == NULL || stream < carrier->streams || stream >= carrier->streams + carrier->count) {
                show_refused(worker, "it names a stream that was not asked for", bytes, length);
                return;
        }
        const struct turn *turn = worker_turn(worker);
        struct stream_event event = {
            .stream = stream,
            .frame = frame,
            .received = turn->wall,
            .now = turn->mono,
            .exchange_now_us = turn->exchange_us,
            .leg = leg->index,
            .legs_flowing = legs_flowing(carrier),
        };
        inbox_tell_unreadable(carrier, stream);
        const char *why = stream->type->accept(&event, &worker->sink);
        if (why != NULL) {
                refuse(carrier, stream, why, bytes, length);
                return;
        }
        if (event.event_us > stream->last_event_us)
                stream->last_event_us = event.event_us;
        stream->late_said = false;
        if (!event.own_clock)
                worker_clock_event(worker, event.event_us);
        silence_heard(&carrier->silence, turn->mono, event.event_us);
        if (carrier->unproven > 0)
                check_overlap(leg, stream, turn->mono);
}

// ---- answers ----

static void quarantine(struct stream *stream)
{
        if (stream->quarantined)
                return;
        stream->quarantined = true;
        log_warn("the exchange does not know the stream %s: it is left out until the next renewal", stream->name);
}

static void connect_range(struct leg *leg, struct name_range range)
{
        for (size_t i = range.from; i < range.to; i++)
                carrier_connect_stream(leg, &leg->carrier->streams[i]);
}

static void take_reply(struct leg *leg, const struct frame *frame, const char *bytes, size_t length)
{
        struct carrier *carrier = leg->carrier;
        struct name_range range;
        enum subscription_answer answer = SUBSCRIPTION_FOREIGN;

        if (frame->has_id)
                answer = subscription_answer(&leg->subscription, frame->id, !frame->is_error, &range);
        if (answer == SUBSCRIPTION_ACCEPTED)
                connect_range(leg, range);
        if (!frame->is_error)
                return;
        log_warn("the exchange refuses a request: code %lld, %.*s", (long long)frame->error_code,
            (int)frame->message.length, frame->message.at);
        struct stream *named = stream_named_in(carrier->streams, carrier->count, bytes, length);
        if (answer == SUBSCRIPTION_REFUSED)
                quarantine(&carrier->streams[range.from]);
        else if (named != NULL)
                quarantine(named);
        else if (answer == SUBSCRIPTION_FOREIGN)
                carrier->subscribe_only = true;
}

// ---- frames ----

void inbox_take_frame(void *user, enum ws_frame kind, const char *bytes, size_t length)
{
        struct leg *leg = user;
        struct carrier *carrier = leg->carrier;
        struct frame frame;

        carrier->worker->messages++;
        if (kind != WS_FRAME_TEXT) {
                refuse(carrier, NULL,
                    kind == WS_FRAME_BINARY ? "it is binary, text is expected" : "it is larger than 1 MiB", bytes,
                    length);
                return;
        }
        frame_open(&frame, bytes, length);
        switch (frame.kind) {
        case FRAME_EVENT: take_event(leg, &frame, bytes, length); break;
        case FRAME_REPLY: take_reply(leg, &frame, bytes, length); break;
        case FRAME_SHUTDOWN:
                log_info("the exchange announces that it will end this connection: opening the next one now");
                connection_renew_now(&carrier->connection);
                break;
        case FRAME_MALFORMED: refuse(carrier, NULL, frame.why, bytes, length); break;
        }
}
