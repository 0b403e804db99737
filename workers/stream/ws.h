// SPDX-License-Identifier: Apache-2.0
// WebSocket client and event loop; ws.c and wsget.c are the only files that touch libwebsockets. Its poll loop is the
// process's loop (Debian's package has no other that we could share), so other descriptors and the timer are served
// here too.
//
// TLS verifies chain and host and wants at least TLS 1.2; there is no switch to turn that off. Pings of the exchange
// are answered inside the library. Fragments are assembled. Callbacks run inside ws_service(); they may send and close,
// but ws_connect() is for the loop's caller.
#ifndef WORKERS_STREAM_WS_H
#define WORKERS_STREAM_WS_H

#include "common/clock.h"
#include "workers/stream/endpoint.h"
#include "workers/stream/wsend.h"

#include <stdbool.h>
#include <stddef.h>

struct ws;
struct ws_connection;
struct ws_watch;

enum ws_frame { WS_FRAME_TEXT, WS_FRAME_BINARY, WS_FRAME_OVERSIZE }; // oversize: the first bytes of it

// `user` is what ws_connect() was given. After on_end the connection does not exist any more.
struct ws_handlers {
        void (*on_open)(void *user);
        void (*on_frame)(void *user, enum ws_frame kind, const char *bytes, size_t length);
        void (*on_pong)(void *user);
        void (*on_end)(void *user, const struct ws_end *end);
};

struct ws_options {
        const struct endpoint *endpoint; // where connections go; outlives ws
        const char *ca_file;             // "" : the system's authorities
        const struct endpoint *proxy;    // NULL: none. The environment is never read
        bool tls;                        // some connection, here or of wsget.h, will want it
        unsigned connections_max;        // at the same time, renewals and requests included
        size_t path_bytes_max;           // longest path with its query
};

// One per process, after exec. NULL with a logged reason.
struct ws *ws_open(const struct ws_options *options, const struct ws_handlers *handlers);
// Ends all connections without a word; handlers are not called.
void ws_close(struct ws *ws);
// Waits for something and serves it. Returns 0, or -1 when the loop cannot go on.
int ws_service(struct ws *ws);
// Wakes ws_service() at that time at the latest; us == INT64_MAX: not.
void ws_set_timer(struct ws *ws, mono_time at);

// Calls on_readable while `fd` (which stays the caller's) is readable. NULL with errno.
struct ws_watch *ws_watch_fd(struct ws *ws, int fd, void (*on_readable)(void *user), void *user);
void ws_watch_pause(struct ws_watch *watch, bool paused);

// Starts a connection; blocks while the name is looked up. `attempt` counts up, to try each address of the name in
// turn. NULL where it failed at once: then *end says why, and no handler is called.
struct ws_connection *ws_connect(struct ws *ws, const char *path, unsigned attempt, void *user, struct ws_end *end);
// Closes with code 1000 in the background; no handler is called any more for it.
void ws_connection_close(struct ws_connection *connection);
enum ws_stage ws_connection_stage(const struct ws_connection *connection); // how far it has come
// Queue a text message (copied) or a ping. Returns 0, or -1 with EBUSY: the last one is not out yet.
int ws_connection_send_text(struct ws_connection *connection, const char *text, size_t length);
int ws_connection_send_ping(struct ws_connection *connection);
void ws_connection_pause(struct ws_connection *connection, bool paused); // stops reading: TCP pushes back

#endif
