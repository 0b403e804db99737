// SPDX-License-Identifier: Apache-2.0
// An answer of the RPC as JSON: the msgpack that this program made, piece by piece, without a copy of it. Names inside
// the result become those of MarketStore's Go structures; bytes become base64. Pure, but for the body's memory.
#ifndef GATEWAY_JSONANSWER_H
#define GATEWAY_JSONANSWER_H

#include "workers/gateway/body.h"

// `answer` is one of ours, whole; it stays. Where there is no memory for all of it, an error is the answer.
void jsonanswer_print(const struct body *answer, struct body *json);

#endif
