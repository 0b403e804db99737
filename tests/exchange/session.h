// SPDX-License-Identifier: Apache-2.0
// session: one WebSocket connection of a client: handshake, pings and their deadline, the five messages a second, the
// age limit, and what was subscribed. streams.c makes the events, wsfaults.c spoils them.
#ifndef BF_EXCHANGE_SESSION_H
#define BF_EXCHANGE_SESSION_H

#include "tests/exchange/conn.h"
#include "tests/exchange/http.h"
#include "tests/exchange/market.h"
#include "tests/exchange/websocket.h"

#define SESSION_STREAMS_MAX 1024
#define SESSION_MESSAGES_PER_SECOND 5
#define SESSION_MESSAGE_MAX 65536
#define SESSION_CONTROL_MAX 4088      // longer control messages are swallowed without an answer
#define SESSION_PENDING_MAX (1 << 20) // bytes a slow reader may leave with us before events wait

// STREAM_SILENT: acknowledged, nothing ever comes.
enum stream_type {
        STREAM_SILENT,
        STREAM_KLINE,
        STREAM_TRADE,
        STREAM_AGG,
        STREAM_QUOTE,
        STREAM_DEPTH,
        STREAM_PARTIAL,
        STREAM_RECORDED
};

#define SUBSCRIPTION_LEVELS_MAX 20

struct subscription {
        char name[96]; // as the client wrote it
        enum stream_type type;
        char symbol[32]; // upper case; empty when the client did not write it in lower case
        enum grid_interval interval;
        int64_t zone_ms;
        int64_t cursor_ms; // the next bar is the first at or after this
        int64_t due_ms;    // exchange time before which there is nothing to do
        int64_t updated_ms, updated_trades;
        struct served_stream *served;
        // trades, quotes and books
        int64_t period_ms, cursor_id; // the next id to be told, or the next frame of a capture
        int64_t life_ms;              // the listing of the symbol to which cursor_id belongs; -1: not begun
        size_t levels;                // of a partial book
        struct served_emission *emission;
};

// An event held back: sent after `due_ms` (monotonic) or, when that is 0, after the next event of its stream.
struct held {
        char stream[96];
        int64_t due_ms;
        char *text;
        size_t length;
        struct held *next;
};

struct session {
        struct conn *conn;
        struct exchange *exchange;
        bool combined, micro;
        bool muted, half_open;
        struct subscription *subscriptions;
        size_t count;
        struct held *held;
        struct evbuffer *message; // of a fragmented one
        int64_t opened_ms, pinged_ms, unanswered_ms, closing_ms, shutdown_ms;
        int64_t stamps[SESSION_MESSAGES_PER_SECOND];
        size_t stamp;
        struct session *next, *previous;
};

struct sessions {
        struct session *first;
        size_t count;
};

// Answers the handshake and turns the connection into a session, or refuses it.
void session_handshake(struct conn *conn, const struct http_request *request);
// Bytes have come.
void session_read(struct session *session);
// Sends what is due as long as the client takes it.
void session_pump(struct session *session);
// Pings, ages and injected faults of every session; several times a second.
void sessions_tick(struct exchange *exchange);
void session_detach(struct session *session);
void session_free(struct session *session);

// One frame, as it is.
void session_send(struct session *session, enum ws_opcode opcode, bool final, const void *data, size_t length);
void session_close(struct session *session, int code, const char *reason);

#endif
