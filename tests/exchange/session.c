// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exchange/heap.h"
#include "tests/exchange/server.h"
#include "tests/exchange/streams.h"
#include "tests/exchange/subscribe.h"
#include "tests/exchange/wsfaults.h"

#define CLOSE_GRACE_MS 5000 // a close frame was sent: so long the client may take to answer it

// ---- sending ----

void session_send(struct session *session, enum ws_opcode opcode, bool final, const void *data, size_t length)
{
        uint8_t header[WS_HEADER_MAX];
        struct evbuffer *frame = evbuffer_new();
        evbuffer_add(frame, header, ws_put_header(header, opcode, final, length));
        evbuffer_add(frame, data, length);
        conn_write(session->conn, frame);
        evbuffer_free(frame);
}

void session_close(struct session *session, int code, const char *reason)
{
        uint8_t payload[125];
        size_t length = strnlen(reason, sizeof payload - 2);
        if (session->closing_ms != 0) {
                return;
        }
        payload[0] = (uint8_t)(code >> 8);
        payload[1] = (uint8_t)code;
        memcpy(payload + 2, reason, length);
        session_send(session, WS_CLOSE, true, payload, length + 2);
        session->closing_ms = simclock_real_ms() + CLOSE_GRACE_MS;
        exchange_log(session->exchange, "websocket closed with %d %s", code, reason);
}

// ---- handshake ----

static void refuse(struct conn *conn, int status, const char *text)
{
        struct http_answer answer = {.status = status, .used_weight = -1, .promised_length = -1, .close = true};
        answer.body = evbuffer_new();
        evbuffer_add_printf(answer.body, "%s", text);
        server_answer(conn, &answer);
        evbuffer_free(answer.body);
}

static void start(struct conn *conn, const struct http_request *request)
{
        struct exchange *exchange = conn->exchange;
        struct session *session = heap_zeroed(sizeof *session);
        session->conn = conn;
        session->exchange = exchange;
        session->message = evbuffer_new();
        session->opened_ms = session->pinged_ms = simclock_real_ms();
        session->next = exchange->sessions->first;
        if (session->next != NULL) {
                session->next->previous = session;
        }
        exchange->sessions->first = session;
        exchange->sessions->count++;
        if (exchange->options->blast > 0) {
                bufferevent_set_max_single_write(conn->bev, SESSION_PENDING_MAX);
        }
        conn->session = session;
        conn->mode = CONN_WEBSOCKET;
        subscribe_from_url(session, request);
}

static void accept_handshake(struct conn *conn, const char *key)
{
        char accept[WS_ACCEPT_SIZE];
        struct evbuffer *out = evbuffer_new();
        ws_accept_key(key, accept);
        evbuffer_add_printf(out,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: %s\r\n\r\n",
            accept);
        conn_write(conn, out);
        evbuffer_free(out);
}

void session_handshake(struct conn *conn, const struct http_request *request)
{
        static const struct fault_subject anything = {.endpoint = "websocket", .time_ms = -1};
        struct exchange *exchange = conn->exchange;
        exchange->served->handshakes++;
        if (!rate_take_connection(&exchange->rate, simclock_wall_ms())) {
                refuse(conn, 429, "Too many connections");
                return;
        }
        const struct fault *fault = faults_take(exchange->faults, FAULT_WS_REFUSE, &anything);
        if (fault != NULL) {
                refuse(conn, fault->status > 0 ? (int)fault->status : 503, "");
                return;
        }
        if (strcmp(request->path, "/ws") != 0 && strncmp(request->path, "/ws/", 4) != 0 &&
            strcmp(request->path, "/stream") != 0) {
                refuse(conn, 404, "");
                return;
        }
        if (request->websocket_key == NULL || request->websocket_version == NULL ||
            strcmp(request->websocket_version, "13") != 0) {
                refuse(conn, 400, "");
                return;
        }
        accept_handshake(conn, request->websocket_key);
        start(conn, request);
        served_count_answer(exchange->served, 101);
        session_read(conn->session);
}

void session_detach(struct session *session)
{
        struct sessions *sessions = session->exchange->sessions;
        if (session->previous != NULL) {
                session->previous->next = session->next;
        } else {
                sessions->first = session->next;
        }
        if (session->next != NULL) {
                session->next->previous = session->previous;
        }
        sessions->count--;
}

void session_free(struct session *session)
{
        while (session->held != NULL) {
                struct held *held = session->held;
                session->held = held->next;
                free(held->text);
                free(held);
        }
        evbuffer_free(session->message);
        free(session->subscriptions);
        free(session);
}

// ---- what the client sends ----

// A strict rolling second over every PING, PONG and text: the sixth message closes the connection.
static bool within_policy(struct session *session)
{
        struct served *served = session->exchange->served;
        int64_t now = simclock_real_ms();
        int64_t in_second = 1;
        served->messages++;
        for (size_t i = 0; i < SESSION_MESSAGES_PER_SECOND; i++) {
                in_second += session->stamps[i] > now - 1000;
        }
        if (in_second > served->messages_in_second_max) {
                served->messages_in_second_max = in_second;
        }
        session->stamps[session->stamp] = now;
        session->stamp = (session->stamp + 1) % SESSION_MESSAGES_PER_SECOND;
        if (in_second > SESSION_MESSAGES_PER_SECOND) {
                served->closed_by_policy++;
                session_close(session, 1008, "Too many requests");
                return false;
        }
        return true;
}

static void take_pong(struct session *session)
{
        struct served *served = session->exchange->served;
        served->pongs++;
        if (session->unanswered_ms != 0) {
                int64_t delay = simclock_real_ms() - session->unanswered_ms;
                if (delay > served->pong_delay_max_ms) {
                        served->pong_delay_max_ms = delay;
                }
                session->unanswered_ms = 0;
        }
}

static void take_close(struct session *session, const struct ws_frame *frame)
{
        if (session->closing_ms == 0) {
                session_send(session, WS_CLOSE, true, frame->payload, frame->length < 2 ? 0 : 2);
        }
        conn_close_when_sent(session->conn);
}

static void take_data(struct session *session, const struct ws_frame *frame)
{
        evbuffer_add(session->message, frame->payload, frame->length);
        size_t length = evbuffer_get_length(session->message);
        if (length > SESSION_MESSAGE_MAX) {
                session_close(session, 1009, "Message too big");
                return;
        }
        if (!frame->final) {
                return;
        }
        if (within_policy(session) && length <= SESSION_CONTROL_MAX) {
                const char *text = (const char *)evbuffer_pullup(session->message, -1);
                subscribe_control(session, text != NULL ? text : "", length);
        }
        evbuffer_drain(session->message, length);
}

static void take_frame(struct session *session, const struct ws_frame *frame)
{
        switch (frame->opcode) {
        case WS_PING:
                if (within_policy(session)) {
                        session_send(session, WS_PONG, true, frame->payload, frame->length);
                }
                break;
        case WS_PONG:
                if (within_policy(session)) {
                        take_pong(session);
                }
                break;
        case WS_CLOSE: take_close(session, frame); break;
        default: take_data(session, frame);
        }
}

void session_read(struct session *session)
{
        struct evbuffer *in = bufferevent_get_input(session->conn->bev);
        while (!session->conn->dead && !session->half_open && evbuffer_get_length(in) > 0) {
                struct ws_frame frame;
                size_t size = evbuffer_get_length(in);
                long used = ws_read_frame(evbuffer_pullup(in, -1), size, SESSION_MESSAGE_MAX, &frame);
                if (used == 0) {
                        return;
                }
                if (used < 0) {
                        session_close(session, 1002, "Protocol error");
                        evbuffer_drain(in, size);
                        conn_close_when_sent(session->conn);
                        return;
                }
                if (session->closing_ms == 0 || frame.opcode == WS_CLOSE) {
                        take_frame(session, &frame);
                }
                evbuffer_drain(in, (size_t)used);
        }
}

// ---- time ----

static void ping(struct session *session, int64_t now)
{
        char payload[24];
        int length = snprintf(payload, sizeof payload, "%" PRId64, simclock_wall_ms());
        session_send(session, WS_PING, true, payload, (size_t)length);
        session->exchange->served->pings++;
        if (session->unanswered_ms == 0) {
                session->unanswered_ms = now;
        }
}

static void tick_pings(struct session *session, int64_t now)
{
        const struct options *options = session->exchange->options;
        if (now - session->pinged_ms >= options->ping_interval_ms) {
                session->pinged_ms = now;
                if (!wsfaults_skip_ping(session)) {
                        ping(session, now);
                }
        }
        if (session->unanswered_ms != 0 && now - session->unanswered_ms >= options->pong_timeout_ms) {
                session->exchange->served->closed_by_pong++;
                session_close(session, 1008, "Pong timeout");
                conn_close_when_sent(session->conn);
        }
}

static void tick(struct session *session, int64_t now)
{
        const struct options *options = session->exchange->options;
        if (session->closing_ms != 0) {
                if (now >= session->closing_ms) {
                        conn_close(session->conn);
                }
                return;
        }
        wsfaults_tick(session);
        if (session->conn->dead || session->muted || session->half_open || session->closing_ms != 0) {
                return;
        }
        tick_pings(session, now);
        if (!session->conn->dead && now - session->opened_ms >= options->max_connection_age_ms) {
                session->exchange->served->closed_by_age++;
                session_close(session, 1001, "Connection expired");
        }
        session_pump(session);
}

void sessions_tick(struct exchange *exchange)
{
        int64_t now = simclock_real_ms();
        for (struct session *session = exchange->sessions->first, *next; session != NULL; session = next) {
                next = session->next;
                tick(session, now);
        }
}

void session_pump(struct session *session)
{
        bool more = true;
        while (more && !session->conn->dead && session->closing_ms == 0 && !session->muted && !session->half_open) {
                more = false;
                for (size_t i = 0; i < session->count && conn_pending(session->conn) < SESSION_PENDING_MAX; i++) {
                        more |= streams_emit(session, &session->subscriptions[i]);
                }
        }
}
