// SPDX-License-Identifier: Apache-2.0
// restcall: one request of REST on its way through rest.c to the handler that writes the answer's body.
#ifndef BF_EXCHANGE_RESTCALL_H
#define BF_EXCHANGE_RESTCALL_H

#include <event2/buffer.h>

#include "tests/exchange/exchange.h"
#include "tests/exchange/http.h"
#include "tests/exchange/params.h"

struct call {
        struct exchange *exchange;
        const struct http_request *request;
        const char *endpoint;
        bool micro; // X-MBX-TIME-UNIT: MICROSECOND
        struct evbuffer *body;
        struct param_error error;
};

// Fills call->error and returns -1, as a handler does that refuses.
int call_refuse(struct call *call, int code, const char *message);

#endif
