// SPDX-License-Identifier: Apache-2.0
// How an attempt or a connection ended, told for operators, and the pause the exchange asks for. Pure; ws.c fills it,
// carrier.c logs it.
#ifndef WORKERS_STREAM_WSEND_H
#define WORKERS_STREAM_WSEND_H

#include "common/limits.h"

#include <stddef.h>
#include <stdint.h>

// The step that failed; WS_STAGE_OPEN: the connection was up.
enum ws_stage { WS_STAGE_RESOLVE, WS_STAGE_TCP, WS_STAGE_PROXY, WS_STAGE_TLS, WS_STAGE_HTTP, WS_STAGE_OPEN };

struct ws_end {
        enum ws_stage stage;
        int http_status;          // WS_STAGE_HTTP: the answer's status, 0: none
        int64_t retry_after_s;    // of that answer, 0: none
        int certificate_error;    // WS_STAGE_TLS: X509_V_ERR_…, 0: another error
        int close_code;           // WS_STAGE_OPEN: of the exchange's close frame, 0: none came
        char detail[REASON_SIZE]; // the library's text, or the close frame's
};

// One phrase: "the certificate of stream.binance.com is for another host". Returns `text`.
const char *ws_end_describe(const struct ws_end *end, const char *host, char *text, size_t size);
// Milliseconds to wait at least before the next attempt, 0: nothing beyond the usual backoff.
int64_t ws_end_wait_ms(const struct ws_end *end);

#endif
