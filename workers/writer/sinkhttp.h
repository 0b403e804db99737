// SPDX-License-Identifier: Apache-2.0
// One keep-alive connection to a MarketStore server, over which a request is sent and its answer waited for. The only
// file of the writer that touches libcurl; used by sink.c on the store thread. A request is never sent twice behind our
// back: where a kept connection turns out dead after a part of the body went out, the call fails, for a repeated append
// would double rows.
#ifndef WRITER_SINKHTTP_H
#define WRITER_SINKHTTP_H

#include "common/limits.h"

#include <stddef.h>
#include <stdint.h>

struct sinkhttp;

// `url`: without a trailing slash ("http://127.0.0.1:5993"); "/rpc" is appended. NULL where libcurl cannot be set up.
struct sinkhttp *sinkhttp_new(const char *url);
void sinkhttp_free(struct sinkhttp *http);

struct sinkhttp_answer {
        const void *bytes; // valid until the next call
        size_t length;
        uint64_t connection; // its number: another than before, another connection, so perhaps another server process
};

// Waits SINK_CONNECT_MS for a connection and SINK_ANSWER_MS for the answer. Returns 0 for HTTP 200; -1 with
// EHOSTUNREACH and `why`: whether the request took effect is not known.
int sinkhttp_post(
    struct sinkhttp *http, const void *body, size_t length, struct sinkhttp_answer *answer, char why[REASON_SIZE]);

#endif
