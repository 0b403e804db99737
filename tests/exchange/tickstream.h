// SPDX-License-Identifier: Apache-2.0
// tickstream: the events of trade, aggTrade, bookTicker, depth and partial depth streams. A subscription begins with
// what comes after it; from then on every trade, aggregate and quote is sent once, in order. Depth events cover windows
// of 100 or 1000 ms of exchange time, the same for all subscribers; the window that is running at the subscription is
// sent whole.
//
// Called by streams. What was sent is noted in the emissions of served.h.
#ifndef BF_EXCHANGE_TICKSTREAM_H
#define BF_EXCHANGE_TICKSTREAM_H

#include "tests/exchange/session.h"

// A new subscription. What it begins with is decided when its symbol is there; frames of a capture begin here.
void tickstream_prepare(struct session *session, struct subscription *subscription);
// Sends the next event of a subscription if one is due. True when there may be another one at once.
bool tickstream_emit(struct session *session, struct subscription *subscription, struct market_symbol *symbol);
// The same for the frames of a capture.
bool tickstream_emit_recorded(struct session *session, struct subscription *subscription);
// --blast: fills the socket with frames, due or not; the exchange's clock follows them.
bool tickstream_blast(struct session *session, struct subscription *subscription, struct market_symbol *symbol);

#endif
