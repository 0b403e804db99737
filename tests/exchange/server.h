// SPDX-License-Identifier: Apache-2.0
// server: the listening sockets, accepting, and handing each request to control, rest, the WebSocket handshake or the
// proxy. Owns the connections.
#ifndef BF_EXCHANGE_SERVER_H
#define BF_EXCHANGE_SERVER_H

#include "tests/exchange/conn.h"
#include "tests/exchange/http.h"

// Listens; NULL after a message when it cannot.
struct server *server_new(struct exchange *exchange);
void server_free(struct server *server);
int server_port(const struct server *server);
int server_tls_port(const struct server *server); // -1: none
void server_forget(struct server *server, struct conn *conn);
// An outage begins: every connection but those that only talk to /control is reset.
void server_reset_all(struct server *server);
// Sends an answer and goes on reading.
void server_answer(struct conn *conn, const struct http_answer *answer);
// A JSON error with a Binance code.
void server_answer_error(struct conn *conn, int status, int code, const char *message);
struct conn *server_first_conn(const struct server *server);
// After an answer that came late: reads what has queued up meanwhile.
void server_resume(struct conn *conn);

#endif
