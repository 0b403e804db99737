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
        wall_time received;        // when it was read from the socket
        mono_time now;             // likewise
        int64_t exchange_now_us;   // exchange time then, -1: not known yet
        unsigned leg;              // connection it came on
        unsigned legs_flowing;     // mask of the stream's connections that are up
        int64_t event_us;          // out: exchange time of the event
        bool own_clock;            // out: that is exchange_now_us, for there is no time in the event
};

struct stream_type {
        enum stream_kind kind;
        enum data_kind setting; // bit of settings.stream_types that asks for it
        const char *suffix;     // name at the exchange, after "symbol@"
        bool per_interval;      // and the interval behind it
        void (*init)(struct stream *stream, const struct settings *settings);
        void (*free)(struct stream *stream); // NULL: nothing to free
        // The stream begins on leg `leg`: after an interruption, or while the other leg still flows.
        void (*restart)(struct stream *stream, unsigned leg, mono_time now);
        void (*overlap)(struct stream *stream, unsigned leg);
        // No leg carries it any more. NULL: that is nothing to it.
        void (*interrupt)(struct stream *stream, struct sink *sink);
        // Reads the event, and puts what is to be kept into the sink once the whole frame was found good. Returns NULL,
        // or what is wrong (static text).
        const char *(*accept)(struct stream_event *event, struct sink *sink);
        // True when what was seen proves that nothing was lost between the old leg and the new one.
        bool (*overlap_proven)(const struct stream *stream, unsigned old, unsigned new);
};

extern const struct stream_type *const stream_types[];
extern const size_t stream_types_count;

extern const struct stream_type kline_stream_type;     // klinestream.c
extern const struct stream_type trade_stream_type;     // tradestream.c
extern const struct stream_type agg_trade_stream_type; // tradestream.c
extern const struct stream_type quote_stream_type;     // quotestream.c
extern const struct stream_type depth_stream_type;     // depthstream.c

#endif
