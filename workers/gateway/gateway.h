// SPDX-License-Identifier: Apache-2.0
// What the gateway's pages look at: its own set-up, the governor page, the ledger. One of it lives as long as the
// process; main.c makes it.
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "common/child.h"
#include "common/ledgerview.h"
#include "workers/gateway/work.h"

struct gateway {
        struct child child;
        struct ledgerview *view; // NULL while there is no ledger yet
};

// The ledger, opened when it is there. NULL with a message in `why`.
struct ledgerview *gateway_ledger(struct gateway *gateway, char why[REASON_SIZE]);
// Exchange time; the host's before anything was heard from the exchange.
int64_t gateway_now_us(const struct gateway *gateway);

// The pages. `context` is the gateway; see struct route in workers/gateway/http.h.
struct work *metrics_begin(void *context, const struct request *request);
struct work *health_begin(void *context, const struct request *request);
struct work *ready_begin(void *context, const struct request *request);
struct work *status_begin(void *context, const struct request *request);

#endif
