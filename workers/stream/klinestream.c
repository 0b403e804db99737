// SPDX-License-Identifier: Apache-2.0
// Kline streams: closed bars become records, once, however many connections show them; a close that never came becomes
// a boundary as soon as a later bar is seen.
#include "workers/stream/kline.h"
#include "workers/stream/streamtype.h"

static const char *accept_event(struct stream_event *event, struct sink *sink)
{
        struct stream *stream = event->stream;
        struct json data = event->frame->data;
        struct kline_event kline;
        const char *why = kline_read_event(&data, &stream->id, &kline);

        if (why == NULL)
                why = frame_close(event->frame, &data);
        if (why != NULL)
                return why;
        event->event_us = kline.event_us;
        enum bars_verdict verdict = bars_note(&stream->bars, event->leg, kline.open_us, kline.closed);
        uint32_t missed = bars_missed(&stream->bars, event->legs_flowing);
        if (missed > 0)
                sink_boundary(sink, stream, BOUNDARY_MISSED, missed);
        if (verdict == BARS_CLOSED) {
                kline.kline.received_wall_ns = event->received.ns;
                sink_record(sink, stream, RECORD_KLINE, &kline.kline, sizeof(kline.kline));
        }
        return NULL;
}

static bool overlap_proven(const struct stream *stream, unsigned old, unsigned new)
{
        return bars_overlap_proven(&stream->bars, old, new);
}

static void init(struct stream *stream, const struct settings *settings)
{
        (void)settings;
        bars_init(&stream->bars, stream->id.interval);
}

static void restart(struct stream *stream, unsigned leg, mono_time now)
{
        (void)now;
        bars_restart(&stream->bars, leg);
}

static void overlap(struct stream *stream, unsigned leg)
{
        bars_overlap(&stream->bars, leg);
}

const struct stream_type kline_stream_type = {
    .kind = STREAM_KLINE,
    .setting = DATA_KLINE,
    .suffix = "kline_",
    .per_interval = true,
    .init = init,
    .restart = restart,
    .overlap = overlap,
    .accept = accept_event,
    .overlap_proven = overlap_proven,
};
