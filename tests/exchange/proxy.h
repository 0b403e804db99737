// SPDX-License-Identifier: Apache-2.0
// proxy: answers CONNECT with a tunnel back to this exchange, so that a client's way through an HTTP proxy can be
// tested. Whatever host is asked for, the tunnel ends at our own plain port, or at the TLS port when 443 or that port
// is asked for; nothing ever leaves loopback.
#ifndef BF_EXCHANGE_PROXY_H
#define BF_EXCHANGE_PROXY_H

#include "tests/exchange/conn.h"
#include "tests/exchange/http.h"

void proxy_connect(struct conn *conn, const struct http_request *request);

#endif
