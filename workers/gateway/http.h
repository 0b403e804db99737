// SPDX-License-Identifier: Apache-2.0
// The HTTP server: the only file that touches libevent's evhttp. Finds the route of a request, lets its handler make
// work of it, does its first step, has the pool (open before it) do the others, and sends the answer.
//
// Bounds (common/limits.h): size of a request, connections, memory of answers, time without a byte, time to read an
// answer. A client that overdoes it gets an answer that says so, or loses its connection; the others do not notice.
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include "common/limits.h"
#include "workers/gateway/work.h"

#include <event2/event.h>
#include <stdbool.h>

enum http_method { HTTP_GET = 1, HTTP_POST = 2 }; // HEAD is answered where GET or POST is

struct route {
        const char *path;
        enum http_method method;
        // Never returns NULL. The request lives as long as the call.
        struct work *(*begin)(void *context, const struct request *request);
};

struct http;

// Listens on "host:port". `base` has three priorities; the work is done at the lowest. Routes and context stay the
// caller's. NULL with a message in `why`.
struct http *http_open(struct event_base *base, const char *listen, const struct route *routes, size_t routes_count,
    void *context, char why[REASON_SIZE]);
// Accepts nobody any more; answers under way go on.
void http_stop(struct http *http);
bool http_is_idle(const struct http *http);

#endif
