// SPDX-License-Identifier: Apache-2.0
// rest: Binance's REST API. One table in rest.c names each endpoint with its weight, parameters and handler; limits,
// parameter checks and faults are the same for all. Called by server for every request that is nobody else's.
#ifndef BF_EXCHANGE_REST_H
#define BF_EXCHANGE_REST_H

#include "tests/exchange/conn.h"
#include "tests/exchange/http.h"

void rest_handle(struct conn *conn, const struct http_request *request);

#endif
