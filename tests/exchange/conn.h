// SPDX-License-Identifier: Apache-2.0
// conn: one accepted connection, plain or TLS, and the ways to write to it and to end it: politely, by reset, or one
// byte per segment. server.c owns the list of them; a closed connection is freed after the running callback, so
// whoever holds one only has to look at `dead`.
#ifndef BF_EXCHANGE_CONN_H
#define BF_EXCHANGE_CONN_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stddef.h>

#include "tests/exchange/exchange.h"

struct session;

enum conn_mode { CONN_HTTP, CONN_WEBSOCKET, CONN_TUNNEL, CONN_SILENT };

struct conn {
        struct exchange *exchange;
        struct bufferevent *bev;
        enum conn_mode mode;
        bool tls, dead;
        bool waiting; // an answer is due later: no further request is read meanwhile
        bool close_when_sent;
        struct session *session;    // CONN_WEBSOCKET
        struct bufferevent *tunnel; // CONN_TUNNEL: the other half
        uint64_t serial;            // never used twice, unlike the address
        struct evbuffer *drip;      // bytes to be sent a few at a time
        size_t drip_bytes, drip_left;
        int64_t drip_ms;
        struct event *drip_timer;
        struct dump *dump; // a ledger on its way out
        struct conn *next, *previous;
};

// Queues the contents of `data` (drained). Goes through the drip while that has something left.
void conn_write(struct conn *conn, struct evbuffer *data);
// The same, `bytes` at a time every `ms`, each in a segment of its own.
void conn_write_drip(struct conn *conn, struct evbuffer *data, size_t bytes, int64_t ms);
// Is this still the connection that had `serial`? For timers, which may outlive it.
bool conn_is_alive(const struct exchange *exchange, const struct conn *conn, uint64_t serial);
// Bytes queued and not yet with the kernel.
size_t conn_pending(const struct conn *conn);
void conn_close_when_sent(struct conn *conn);
void conn_close(struct conn *conn);
// Ends it with a TCP reset.
void conn_reset(struct conn *conn);

#endif
