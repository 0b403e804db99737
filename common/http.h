// SPDX-License-Identifier: Apache-2.0
// HTTP GETs to the exchange on keep-alive connections, inside a libevent loop. The only file beside storehttp.c that
// touches libcurl. Used by workers/backfill/call.c and cli/online.c. Owns the connections; every request is bounded in
// time and bytes, follows no redirect, verifies TLS, and takes a proxy from the settings alone, never from the
// environment.
//
// On failure an answer says so (`error`); nothing is retried here.
#ifndef COMMON_HTTP_H
#define COMMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct http;
struct http_request;

struct http_options {
        const char *base_url; // without a trailing slash; plain "http://" only where this says so
        const char *ca_file;  // empty: the system's
        const char *proxy;    // empty: none
        bool connect_only;    // requests make their connection, TLS and proxy included, and ask nothing
        // Called before a step that may block until the resolver gives up (libcurl joins its thread).
        void (*before_blocking)(void *context);
        void *context;
};

struct http_answer {
        int status;        // 0: nothing came, or nothing was asked
        const char *error; // what went wrong below HTTP, or NULL: the body is complete
        bool untrusted;    // TLS failed: whoever answers there does not prove to be the exchange
        const char *body;  // `length` bytes, valid during the callback
        size_t length;
        int64_t used_weight;   // X-MBX-USED-WEIGHT-1M; -1: absent
        int64_t retry_after_s; // Retry-After; -1: absent
        int64_t date_s;        // Date, seconds since 1970; -1: absent
};

// Runs from the event loop, never inside a function of this module, so it may start or free requests.
typedef void http_done(void *context, const struct http_answer *answer);

// NULL with a logged reason (out of memory, an option this libcurl does not know).
struct http *http_new(struct event_base *base, const struct http_options *options);
// All requests must have been freed. Does not wait for a resolver that hangs.
void http_free(struct http *http);

// A request can be started again after its answer; its connection is kept. NULL when out of memory.
struct http_request *http_request_new(struct http *http, http_done *done, void *context);
void http_request_free(struct http_request *request);
// GETs base_url + path. `microseconds`: times of the answer are wanted in those (X-MBX-TIME-UNIT). A body beyond
// `body_bytes_max` (decoded) is an error. Returns 0, or -1 with ENOMEM.
int http_request_start(struct http_request *request, const char *path, bool microseconds, size_t body_bytes_max);
// Drops a request under way; no answer is delivered. Closes its connection.
void http_request_cancel(struct http_request *request);

#endif
