// SPDX-License-Identifier: Apache-2.0
// The parts of a base URL, as a connection needs them. Pure.
#ifndef WORKERS_STREAM_ENDPOINT_H
#define WORKERS_STREAM_ENDPOINT_H

#include "common/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct endpoint {
        bool tls;
        char host[URL_SIZE];      // an IPv6 address without its brackets
        char authority[URL_SIZE]; // as written after "//": host, port, a proxy's user
        uint16_t port;
        char path[URL_SIZE]; // "" or "/prefix", no slash at the end
};

// "wss://host[:port][/path]" or "ws://…" when `scheme_secure` is "wss" and `scheme_plain` "ws"; either may be NULL: not
// accepted. Returns NULL, or what is wrong (static text).
const char *endpoint_parse(
    const char *url, const char *scheme_secure, const char *scheme_plain, struct endpoint *endpoint);

#endif
