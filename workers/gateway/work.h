// SPDX-License-Identifier: Apache-2.0
// An answer in the making: what a request became, done in steps, so that a large answer does not keep small ones
// waiting. http.c has the steps done and sends what they produce; the rest of the gateway makes them. The first step is
// done by the event loop's thread and takes about a millisecond at most; further ones by the pool's threads, one after
// the other, so they use nothing that the loop's thread uses, too.
#ifndef GATEWAY_WORK_H
#define GATEWAY_WORK_H

#include "workers/gateway/body.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum work_state {
        WORK_MORE,  // call again; nothing to send yet
        WORK_PIECE, // send the body as a piece of an answer whose length is not known; call again once it is out
        WORK_DONE,  // the body is the answer, or its last piece
        WORK_ABORT, // it cannot be ended well after pieces were sent: close the connection, so that the client sees it
};

struct work {
        enum work_state (*step)(struct work *work, struct body *body);
        void (*release)(struct work *work); // frees it
        int status;                         // HTTP's; read before the first bytes are sent
        const char *content_type;           // static text; likewise
};

struct request_field {
        const char *name, *value;
};

#define REQUEST_FIELDS_MAX 16

struct request {
        const char *content_type; // NULL: none
        const uint8_t *body;
        size_t body_length;
        struct request_field fields[REQUEST_FIELDS_MAX]; // of the URL's query
        size_t fields_count;
};

// Work that is done at once: an answer of this status and type, its body moved.
struct work *work_answer(int status, const char *content_type, struct body *body);
// The same with one line of text.
struct work *work_text(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define CONTENT_TEXT "text/plain; charset=utf-8"
#define CONTENT_JSON "application/json"
#define CONTENT_CSV "text/csv; charset=utf-8"
#define CONTENT_MSGPACK "application/x-msgpack"

#endif
