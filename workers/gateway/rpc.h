// SPDX-License-Identifier: Apache-2.0
// POST /rpc: MarketStore's RPC, read-only. The envelope lies here: the call is decoded, its method found, its result or
// refusal wrapped. Refusals are answers too, with HTTP status 200, as clients of a stock server expect.
#ifndef GATEWAY_RPC_H
#define GATEWAY_RPC_H

#include "workers/gateway/work.h"

// Never NULL. `root` outlives the work; the request does not.
struct work *rpc_begin(const char *root, const struct request *request);
// Answers any call with this error.
struct work *rpc_refuse(const char *why, const struct request *request);

#endif
