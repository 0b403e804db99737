// SPDX-License-Identifier: Apache-2.0
// One keep-alive connection to a MarketStore server, over which a request is sent and its answer waited for. The only
// file beside http.c that touches libcurl; used by the writer (on its store thread) and by the commands
// that read a server. A request is never sent twice behind our back: where a kept connection turns out dead after a
// part of the body went out, the call fails, for a repeated append would double rows.
#ifndef COMMON_STOREHTTP_H
#define COMMON_STOREHTTP_H

#include "common/limits.h"

#include <stddef.h>
#include <stdint.h>

struct storehttp;

// `url`: without a trailing slash ("http://127.0.0.1:5993"); "/rpc" is appended. NULL where libcurl cannot be set up.
struct storehttp *storehttp_new(const char *url);
void storehttp_free(struct storehttp *http);

#define STOREHTTP_VERSION_SIZE 64

struct storehttp_answer {
        const void *bytes; // valid until the next call
        size_t length;
        uint64_t connection; // its number: another than before, another connection, so perhaps another server process
};

// Waits STORERPC_CONNECT_MS for a connection and STORERPC_ANSWER_MS for the answer. Returns 0 for HTTP 200; else
// -1 and `why`, and whether the request took effect is not known: with EHOSTUNREACH nothing was heard, with EPROTO it
// was no answer of a MarketStore.
int storehttp_post(
    struct storehttp *http, const void *body, size_t length, struct storehttp_answer *answer, char why[REASON_SIZE]);

// As the server called it in its last answer; empty where it says none, as servers built without a tag do.
const char *storehttp_version(const struct storehttp *http);

#endif
