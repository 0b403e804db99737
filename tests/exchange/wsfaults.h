// SPDX-License-Identifier: Apache-2.0
// wsfaults: what can go wrong on a WebSocket connection, done: connections that close, hang or shout, frames that are
// cut up, binary or huge, JSON that is broken, closing events that are missing, late, twice or wrong.
#ifndef BF_EXCHANGE_WSFAULTS_H
#define BF_EXCHANGE_WSFAULTS_H

#include "tests/exchange/session.h"

// Changes a closed bar before it is put into words (bar-wrong).
void wsfaults_spoil_bar(struct session *session, const struct subscription *subscription, struct bar *bar);
// What a trade, quote or book event is about.
struct wsfaults_tick {
        int64_t first_id, last_id, time_ms;
};

// Shall this event show its times in the other unit (event-unit)?
bool wsfaults_swaps_unit(
    struct session *session, const struct subscription *subscription, const struct wsfaults_tick *tick);
// Sends one event of trades, quotes or books, or whatever a fault makes of it, and notes it in the emission. There is
// room for a NUL behind the text.
void wsfaults_send_tick(struct session *session, const struct subscription *subscription,
    const struct wsfaults_tick *tick, char *text, size_t length);
// Sends one event of klines, or whatever a fault makes of it.
void wsfaults_send_event(struct session *session, const struct subscription *subscription, const struct bar *bar,
    bool closed, char *text, size_t length);
// Faults of the connection itself, and events held back whose time has come.
void wsfaults_tick(struct session *session);
bool wsfaults_skip_ping(struct session *session);

#endif
