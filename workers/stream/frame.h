// SPDX-License-Identifier: Apache-2.0
// What a WebSocket text frame of a combined connection is: an event of a stream, the answer to a control message, or
// the announcement that the server shuts down. Pure; called by carrier.c for each frame. Control answers are not
// wrapped, and their errors come nested ({"error":{"code":2,"msg":"…"},"id":1}) or flat ({"code":2,"msg":"…"}).
#ifndef WORKERS_STREAM_FRAME_H
#define WORKERS_STREAM_FRAME_H

#include "workers/stream/json.h"

enum frame_kind { FRAME_MALFORMED, FRAME_EVENT, FRAME_REPLY, FRAME_SHUTDOWN };

struct frame {
        enum frame_kind kind;
        const char *why; // FRAME_MALFORMED: what is wrong, static text
        // FRAME_EVENT
        struct span stream; // "btcusdt@kline_1m"
        struct json data;   // stands at the value of "data"
        bool whole_read;    // "data" came before "stream", so the rest of the frame has been checked already
        // FRAME_REPLY
        bool is_error, has_id;
        int64_t id, error_code;
        struct span message; // the error's prose
};

// Reads a frame up to its event's data. The spans point into `text`.
void frame_open(struct frame *frame, const char *text, size_t length);
// After the data of a FRAME_EVENT was read with a copy of `frame->data`: is the rest of the frame well-formed? Returns
// NULL, or what is wrong (static text).
const char *frame_close(const struct frame *frame, struct json *after_data);

#endif
