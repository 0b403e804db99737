// SPDX-License-Identifier: Apache-2.0
// HTTP GET by libwebsockets' own client, on the loop and with the trust and the proxy of ws.h. One connection for each
// request. Used by snapshots.c.
#ifndef WORKERS_STREAM_WSGET_H
#define WORKERS_STREAM_WSGET_H

#include "workers/stream/ws.h"

#include <stddef.h>
#include <stdint.h>

struct ws_get;

struct ws_answer {
        const char *failure;   // NULL: an answer came, whole
        int status;            // of the answer, 0: none
        int64_t retry_after_s; // 0: none
        int64_t date_s;        // Date header, since 1970; 0: none
        int64_t used_weight;   // X-MBX-USED-WEIGHT-1M; -1: none
        const char *body;
        size_t length;
};

// Starts it; blocks while the name is looked up. `on_answer` is called once, from ws_service(); then the request does
// not exist any more. NULL where it failed at once: *end says why, and on_answer is not called.
struct ws_get *ws_get_start(struct ws *ws, const struct endpoint *endpoint, const char *path, size_t body_bytes_max,
    unsigned attempt, void (*on_answer)(void *user, const struct ws_answer *answer), void *user, struct ws_end *end);
// Gives it up; on_answer is not called any more.
void ws_get_cancel(struct ws_get *get);

#endif
