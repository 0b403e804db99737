// SPDX-License-Identifier: Apache-2.0
// subscribe: stream names and the control messages SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY and
// GET_PROPERTY. A well-formed name of an unknown symbol is acknowledged and silent, as on the real exchange.
#ifndef BF_EXCHANGE_SUBSCRIBE_H
#define BF_EXCHANGE_SUBSCRIBE_H

#include "tests/exchange/session.h"

// /ws/<a>/<b>, /stream?streams=<a>/<b>, timeUnit=MICROSECOND. Names that are none are passed over.
void subscribe_from_url(struct session *session, const struct http_request *request);
// One control message; the answer is sent.
void subscribe_control(struct session *session, const char *text, size_t length);
// Splits a stream name. False when it is malformed.
bool subscribe_parse_name(const char *name, struct subscription *subscription);

#endif
