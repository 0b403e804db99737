// SPDX-License-Identifier: Apache-2.0
// info: exchangeInfo, with the field set of 2026. Called by rest.
#ifndef BF_EXCHANGE_INFO_H
#define BF_EXCHANGE_INFO_H

#include <event2/buffer.h>
#include <stdbool.h>

#include "tests/exchange/exchange.h"
#include "tests/exchange/http.h"
#include "tests/exchange/params.h"

// Writes the answer; -1 with a complaint when a symbol is unknown or parameters do not go together.
int info_write(struct exchange *exchange, const struct http_request *request, bool micro, struct evbuffer *body,
    struct param_error *error);

#endif
