// SPDX-License-Identifier: Apache-2.0
// The kinds of streams this program understands, one row each: the name at the exchange, and the function that makes
// records of its events. A new kind is a row here, a parser and a record.
#ifndef WORKERS_STREAM_STREAMTYPE_H
#define WORKERS_STREAM_STREAMTYPE_H

#include "common/clock.h"
#include "config/settings.h"
#include "workers/stream/frame.h"
#include "workers/stream/sink.h"
#include "workers/stream/stream.h"

// An event of one stream, as carrier.c hands it over.
struct stream_event {
        struct stream *stream;
        const struct frame *frame; // its data has not been read; frame_close() must be called behind it
        wall_time received;        // when its last byte arrived
        unsigned leg;              // connection it came on
        unsigned legs_flowing;     // mask of the stream's connections that are up
        int64_t event_us;          // out: exchange time of the event
};

struct stream_type {
        enum stream_kind kind;
        enum data_kind setting; // bit of settings.stream_types that asks for it
        const char *suffix;     // name at the exchange, after "symbol@"
        bool per_interval;      // and the interval behind it
        // Reads the event, and puts what is to be kept into the sink once the whole frame was found good. Returns NULL,
        // or what is wrong (static text).
        const char *(*accept)(struct stream_event *event, struct sink *sink);
        // True when what was seen proves that nothing was lost between the old leg and the new one.
        bool (*overlap_proven)(const struct stream *stream, unsigned old, unsigned new);
};

extern const struct stream_type stream_types[];
extern const size_t stream_types_count;

// klinestream.c
const char *klinestream_accept(struct stream_event *event, struct sink *sink);
bool klinestream_overlap_proven(const struct stream *stream, unsigned old, unsigned new);

#endif
