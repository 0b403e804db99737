// SPDX-License-Identifier: Apache-2.0
// What the two files that touch libwebsockets share: ws.c (the loop, WebSockets) and wsget.c (HTTP GET). For no one
// else.
#ifndef WORKERS_STREAM_WSLIB_H
#define WORKERS_STREAM_WSLIB_H

#include "workers/stream/ws.h"
#include "workers/stream/wsget.h"

#include <libwebsockets.h>

struct ws_target {
        const struct endpoint *endpoint;
        const char *path;
        const char *method; // NULL: WebSocket
        unsigned attempt;   // which of the name's addresses
};

// Starts a connection over the proxy, if there is one. `user` becomes the library's user pointer, *wsi is set as soon
// as there is one. Returns 0, or -1 with *end filled; callbacks may have been called by then.
int ws_library_connect(struct ws *ws, const struct ws_target *target, void *user, struct lws **wsi, struct ws_end *end);
// What a failed attempt's text means.
const char *ws_library_failure(const char *text);

// First member of what the library's user pointer points to. Some of its callbacks about a request go to the table's
// first protocol whatever its own is, so who is meant is told by this alone.
enum ws_kind { WS_KIND_CONNECTION, WS_KIND_GET };

// OpenSSL refused the certificate: X509_V_ERR_…
void ws_get_note_certificate(struct ws_get *get, int error);
int ws_get_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length); // wsget.c

#endif
