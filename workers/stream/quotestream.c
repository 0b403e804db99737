// SPDX-License-Identifier: Apache-2.0
// Streams of best quotes. The exchange sends no time with them: each is stamped here, once, with exchange time at its
// arrival. While the exchange's clock is not known, there is nothing to stamp them with: they are not kept, and the
// time until the first one that is counts as lost.
#include "workers/stream/streamtype.h"
#include "workers/stream/trade.h"

static const char *accept_quote(struct stream_event *event, struct sink *sink)
{
        struct stream *stream = event->stream;
        struct json data = event->frame->data;
        struct quote quote;
        const char *why = quote_read_event(&data, stream->id.symbol, &quote);

        if (why == NULL)
                why = frame_close(event->frame, &data);
        if (why != NULL)
                return why;
        event->own_clock = true;
        if (event->exchange_now_us < 0)
                return NULL;
        event->event_us = event->exchange_now_us;
        if (!updates_note(&stream->updates, event->leg, quote.update_id))
                return NULL;
        quote.time_us = event->exchange_now_us;
        quote.received_wall_ns = event->received.ns;
        sink_record(sink, stream, RECORD_QUOTE, &quote, sizeof(quote));
        return NULL;
}

static void init(struct stream *stream, const struct settings *settings)
{
        (void)settings;
        updates_init(&stream->updates);
}

static void restart(struct stream *stream, unsigned leg, mono_time now)
{
        (void)now;
        updates_restart(&stream->updates, leg);
}

static void overlap(struct stream *stream, unsigned leg)
{
        updates_overlap(&stream->updates, leg);
}

static bool overlap_proven(const struct stream *stream, unsigned old, unsigned new)
{
        return updates_overlap_proven(&stream->updates, old, new);
}

const struct stream_type quote_stream_type = {
    .kind = STREAM_QUOTE,
    .setting = DATA_BOOK_TICKER,
    .suffix = "bookTicker",
    .init = init,
    .restart = restart,
    .overlap = overlap,
    .accept = accept_quote,
    .overlap_proven = overlap_proven,
};
