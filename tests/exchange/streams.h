// SPDX-License-Identifier: Apache-2.0
// streams: which stream makes which events, and those of klines; tickstream.h has the others. Every closed bar is sent
// exactly once per subscription, in order, with x:true and an event time after its close; a forming bar about every two
// seconds of exchange time when it has changed.
#ifndef BF_EXCHANGE_STREAMS_H
#define BF_EXCHANGE_STREAMS_H

#include "tests/exchange/session.h"

// A new subscription begins with the bar that is forming.
void streams_begin(struct session *session, struct subscription *subscription);
// Sends the next event of a subscription if one is due. True when there may be another one at once.
bool streams_emit(struct session *session, struct subscription *subscription);

#endif
