// SPDX-License-Identifier: Apache-2.0
// MarketStore's second codec at POST /rpc: JSON-RPC 2.0 with content type application/json, whose names are those of
// the server's Go structures (MarketStore v4.1.23: EpochStart for epoch_start, ColumnData in base64 for data). A
// request becomes the msgpack one of the same meaning, which is answered as ever; the answer becomes JSON at the end,
// on one of the pool's threads. Names are understood in either form, upper or lower case.
#ifndef GATEWAY_JSONRPC_H
#define GATEWAY_JSONRPC_H

#include "workers/gateway/work.h"

// Whether a request is JSON, by its content type (may be NULL).
bool jsonrpc_is_meant(const char *content_type);

// `begin`: answers the same request in msgpack. Never NULL.
struct work *jsonrpc_begin(
    struct work *(*begin)(void *context, const struct request *request), void *context, const struct request *request);

#endif
