// SPDX-License-Identifier: Apache-2.0
// The methods of MarketStore's DataService as the gateway has them. A method looks at a decoded call and says what is
// to be done; rpc.c wraps its result.
#ifndef GATEWAY_METHOD_H
#define GATEWAY_METHOD_H

#include "workers/gateway/message.h"
#include "workers/gateway/work.h"

#define SERVER_VERSION "binancefeeder/" BF_VERSION

struct method_work;

// A method at work. `step` appends the method's result to the body once it is WORK_DONE, or leaves a message in `why`
// and returns WORK_ABORT: the call is answered with that error.
struct method_work {
        enum work_state (*step)(struct method_work *work, struct body *body, char why[REASON_SIZE]);
        void (*release)(struct method_work *work); // frees it
};

// Each returns NULL with a message in `why` for parameters it refuses. `root` and `params` outlive the work.
struct method_work *query_begin(const char *root, const msgpack_object *params, char why[REASON_SIZE]);
struct method_work *listsymbols_begin(const char *root, const msgpack_object *params, char why[REASON_SIZE]);
struct method_work *getinfo_begin(const char *root, const msgpack_object *params, char why[REASON_SIZE]);

#endif
