// SPDX-License-Identifier: Apache-2.0
// Streams of trades and aggregate trades: each id becomes a record once, however often and on how many connections it
// comes; ids that did not come are told as soon as no connection can show them any more, before the next record.
#include "workers/stream/streamtype.h"
#include "workers/stream/trade.h"

static void keep(
    struct stream_event *event, struct sink *sink, enum record_type type, const void *record, size_t length, int64_t id)
{
        struct stream *stream = event->stream;
        bool fresh = ids_note(&stream->ids, event->leg, id, event->event_us);
        uint32_t missed = ids_missed(&stream->ids, event->legs_flowing);

        if (missed > 0)
                sink_boundary(sink, stream, BOUNDARY_MISSED, missed);
        if (fresh)
                sink_record(sink, stream, type, record, length);
}

static const char *accept_trade(struct stream_event *event, struct sink *sink)
{
        struct json data = event->frame->data;
        struct trade trade;
        const char *why = trade_read_event(&data, event->stream->id.symbol, &trade, &event->event_us);

        if (why == NULL)
                why = frame_close(event->frame, &data);
        if (why != NULL)
                return why;
        trade.received_wall_ns = event->received.ns;
        keep(event, sink, RECORD_TRADE, &trade, sizeof(trade), trade.id);
        return NULL;
}

static const char *accept_agg_trade(struct stream_event *event, struct sink *sink)
{
        struct json data = event->frame->data;
        struct agg_trade trade;
        const char *why = agg_trade_read_event(&data, event->stream->id.symbol, &trade, &event->event_us);

        if (why == NULL)
                why = frame_close(event->frame, &data);
        if (why != NULL)
                return why;
        trade.received_wall_ns = event->received.ns;
        keep(event, sink, RECORD_AGG_TRADE, &trade, sizeof(trade), trade.id);
        return NULL;
}

static void init(struct stream *stream, const struct settings *settings)
{
        (void)settings;
        ids_init(&stream->ids);
}

static void restart(struct stream *stream, unsigned leg, mono_time now)
{
        (void)now;
        ids_restart(&stream->ids, leg);
}

static void overlap(struct stream *stream, unsigned leg)
{
        ids_overlap(&stream->ids, leg);
}

static bool overlap_proven(const struct stream *stream, unsigned old, unsigned new)
{
        return ids_overlap_proven(&stream->ids, old, new);
}

const struct stream_type trade_stream_type = {
    .kind = STREAM_TRADE,
    .setting = DATA_TRADE,
    .suffix = "trade",
    .init = init,
    .restart = restart,
    .overlap = overlap,
    .accept = accept_trade,
    .overlap_proven = overlap_proven,
};

const struct stream_type agg_trade_stream_type = {
    .kind = STREAM_AGG_TRADE,
    .setting = DATA_AGG_TRADE,
    .suffix = "aggTrade",
    .init = init,
    .restart = restart,
    .overlap = overlap,
    .accept = accept_agg_trade,
    .overlap_proven = overlap_proven,
};
