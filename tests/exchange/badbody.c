// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/badbody.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/exchange/heap.h"
#include "tests/exchange/server.h"

#define MEBIBYTE ((size_t)1 << 20)
#define SILENCE_SECONDS_MAX 259200 // a Retry-After beyond three days is absurd, nobody is held to it

static int64_t or_default(int64_t value, int64_t otherwise)
{
        return value >= 0 ? value : otherwise;
}

// ---- answers of another status ----

static void write_status_body(struct conn *conn, const struct fault *fault, struct http_answer *answer)
{
        struct evbuffer *body = answer->body;
        switch (answer->status) {
        case 418:
                evbuffer_add_printf(body,
                    "{\"code\":-1003,\"msg\":\"Way too much request weight used; IP banned until %lld. Please use "
                    "WebSocket "
                    "Streams for live updates to avoid bans.\"}",
                    (long long)(simclock_wall_ms() +
                                (fault->retry_after != NULL ? atoll(fault->retry_after) * 1000 : 0)));
                break;
        case 429:
                evbuffer_add_printf(body,
                    "{\"code\":-1003,\"msg\":\"Too much request weight used; current limit is %lld request weight per "
                    "1 "
                    "MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.\"}",
                    (long long)conn->exchange->rate.weight_max);
                break;
        case 451:
                evbuffer_add_printf(body, "{\"code\":0,\"msg\":\"Service unavailable from a restricted location "
                                          "according to 'b. Eligibility' in "
                                          "https://www.binance.com/en/terms. Please contact customer service if you "
                                          "believe you received this "
                                          "message in error.\"}");
                break;
        case 500:
                evbuffer_add_printf(body,
                    "{\"code\":-1001,\"msg\":\"Internal error; unable to process your request. Please try again.\"}");
                break;
        case 503:
                evbuffer_add_printf(body, "{\"code\":-1008,\"msg\":\"Server is currently overloaded with other "
                                          "requests. Please try again in a "
                                          "few minutes.\"}");
                break;
        default: // 403 of the firewall, 502 and 504 of the front end: HTML
                answer->type = "text/html";
                evbuffer_add_printf(body,
                    "<html>\r\n<head><title>%d ERROR: The request could not be satisfied</title></head>\r\n"
                    "<body>\r\n<center><h1>%d</h1></center>\r\n<hr><center>cloudfront</center>\r\n</body>\r\n</"
                    "html>\r\n",
                    answer->status, answer->status);
        }
}

static void send_status(struct conn *conn, const struct fault *fault)
{
        struct http_answer answer = {.status = fault->status > 0 ? (int)fault->status : 503, .promised_length = -1};
        answer.body = evbuffer_new();
        answer.used_weight = rate_used(&conn->exchange->rate, simclock_wall_ms());
        answer.retry_after = fault->retry_after;
        write_status_body(conn, fault, &answer);
        if (fault->text != NULL) {
                evbuffer_drain(answer.body, evbuffer_get_length(answer.body));
                evbuffer_add_printf(answer.body, "%s", fault->text);
        }
        if (fault->retry_after != NULL && (answer.status == 429 || answer.status == 418)) {
                int64_t seconds = atoll(fault->retry_after);
                if (seconds > 0 && seconds <= SILENCE_SECONDS_MAX) {
                        rate_ask_silence(&conn->exchange->rate, simclock_wall_ms(), seconds * 1000);
                }
        }
        server_answer(conn, &answer);
        evbuffer_free(answer.body);
}

// ---- bodies ----

static void fill(struct evbuffer *body, char byte, size_t count)
{
        char block[4096];
        memset(block, byte, sizeof block);
        for (size_t left = count, part; left > 0; left -= part) {
                part = left < sizeof block ? left : sizeof block;
                evbuffer_add(body, block, part);
        }
}

static void deflate_blanks(struct evbuffer *body, size_t size)
{
        unsigned char in[65536], out[65536];
        z_stream stream = {0};
        memset(in, ' ', sizeof in);
        if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
                return;
        }
        int result = Z_OK;
        for (size_t sent = 0; result != Z_STREAM_END;) {
                if (stream.avail_in == 0 && sent < size) {
                        stream.next_in = in;
                        stream.avail_in = sizeof in;
                        sent += sizeof in;
                }
                stream.next_out = out;
                stream.avail_out = sizeof out;
                result = deflate(&stream, sent < size ? Z_NO_FLUSH : Z_FINISH);
                evbuffer_add(body, out, sizeof out - stream.avail_out);
        }
        deflateEnd(&stream);
}

static void write_bad_body(const struct fault *fault, struct http_answer *answer)
{
        struct evbuffer *body = answer->body;
        switch (fault->kind) {
        case FAULT_NOT_JSON:
                evbuffer_add_printf(
                    body, "%s", fault->text != NULL ? fault->text : "upstream connect error or disconnect");
                break;
        case FAULT_WRONG_CONTENT:
                evbuffer_add_printf(body, "%s",
                    fault->text != NULL ? fault->text : "[[1,2,\"x\",null,{}],[\"0\",0.5,true,\"1e9\",[],-7,\"\"]]");
                break;
        case FAULT_DEEP_JSON:
                fill(body, '[', (size_t)or_default(fault->value, 100000));
                fill(body, ']', (size_t)or_default(fault->value, 100000));
                break;
        case FAULT_OVERSIZED_BODY:
                evbuffer_add(body, "[", 1);
                fill(body, ' ', (size_t)or_default(fault->value, 64) * MEBIBYTE);
                evbuffer_add(body, "]", 1);
                break;
        case FAULT_GZIP_BOMB:
                answer->encoding = "gzip";
                deflate_blanks(body, (size_t)or_default(fault->value, 256) * MEBIBYTE);
                break;
        default: // FAULT_EMPTY_BODY
                break;
        }
}

bool badbody_instead(struct conn *conn, const struct fault_subject *subject)
{
        static const enum fault_kind bodies[] = {FAULT_NOT_JSON, FAULT_EMPTY_BODY, FAULT_WRONG_CONTENT, FAULT_DEEP_JSON,
            FAULT_OVERSIZED_BODY, FAULT_GZIP_BOMB};
        struct faults *faults = conn->exchange->faults;
        const struct fault *fault = faults_take(faults, FAULT_HTTP_STATUS, subject);
        if (fault != NULL) {
                send_status(conn, fault);
                return true;
        }
        if (faults_take(faults, FAULT_TIMEOUT, subject) != NULL) {
                conn->waiting = true; // for ever
                return true;
        }
        if (faults_take(faults, FAULT_REST_RESET, subject) != NULL) {
                conn_reset(conn);
                return true;
        }
        for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
                fault = faults_take(faults, bodies[i], subject);
                if (fault != NULL) {
                        struct http_answer answer = {.status = 200, .body = evbuffer_new(), .promised_length = -1};
                        answer.used_weight = rate_used(&conn->exchange->rate, simclock_wall_ms());
                        write_bad_body(fault, &answer);
                        server_answer(conn, &answer);
                        evbuffer_free(answer.body);
                        return true;
                }
        }
        return false;
}

// ---- late and slow ----

struct late {
        struct exchange *exchange;
        struct conn *conn;
        uint64_t serial;
        struct evbuffer *bytes;
};

static void on_late(evutil_socket_t fd, short what, void *arg)
{
        (void)fd;
        (void)what;
        struct late *late = arg;
        if (conn_is_alive(late->exchange, late->conn, late->serial)) {
                conn_write(late->conn, late->bytes);
                server_resume(late->conn);
        }
        evbuffer_free(late->bytes);
        free(late);
}

static void send_late(struct conn *conn, struct evbuffer *bytes, double seconds)
{
        struct late *late = heap_zeroed(sizeof *late);
        struct timeval wait = {(time_t)seconds, (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)};
        late->exchange = conn->exchange;
        late->conn = conn;
        late->serial = conn->serial;
        late->bytes = evbuffer_new();
        evbuffer_add_buffer(late->bytes, bytes);
        conn->waiting = true;
        event_base_once(conn->exchange->base, -1, EV_TIMEOUT, on_late, late, &wait);
}

static void send_truncated(struct conn *conn, struct http_answer *answer)
{
        size_t length = evbuffer_get_length(answer->body);
        struct evbuffer *half = evbuffer_new();
        evbuffer_remove_buffer(answer->body, half, length / 2);
        answer->promised_length = (int64_t)length;
        answer->body = half;
        answer->close = true;
        server_answer(conn, answer);
        evbuffer_free(half);
}

void badbody_answer(struct conn *conn, struct http_answer *answer, const struct fault_subject *subject)
{
        struct faults *faults = conn->exchange->faults;
        struct evbuffer *out = evbuffer_new();
        const struct fault *fault;
        if (faults_take(faults, FAULT_TRUNCATED_BODY, subject) != NULL) {
                send_truncated(conn, answer);
        } else if ((fault = faults_take(faults, FAULT_SLOW_ANSWER, subject)) != NULL) {
                http_write_answer(answer, out);
                send_late(conn, out, fault->seconds);
        } else if ((fault = faults_take(faults, FAULT_SLOW_BODY, subject)) != NULL) {
                size_t rate = (size_t)or_default(fault->value, 1000);
                http_write_answer(answer, out);
                conn_write_drip(conn, out, rate < 10 ? 1 : rate / 10, rate < 10 ? 1000 / (int64_t)(rate + 1) : 100);
        } else {
                server_answer(conn, answer);
        }
        evbuffer_free(out);
}
