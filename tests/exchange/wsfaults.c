// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/wsfaults.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exchange/heap.h"
#include "tests/exchange/text.h"

static struct fault_subject subject_of(const struct subscription *subscription, const struct bar *bar)
{
        return (struct fault_subject){.endpoint = "websocket",
            .symbol = subscription->symbol,
            .interval = grid_interval_name(subscription->interval),
            .stream = subscription->name,
            .time_ms = bar != NULL ? bar->open_ms : -1};
}

static size_t value_or(const struct fault *fault, size_t otherwise)
{
        return fault->value > 0 ? (size_t)fault->value : otherwise;
}

// ---- framing ----

static void send_fragments(struct session *session, const char *text, size_t length, size_t size)
{
        for (size_t at = 0; at < length; at += size) {
                size_t part = length - at < size ? length - at : size;
                session_send(session, at == 0 ? WS_TEXT : WS_CONTINUATION, at + part == length, text + at, part);
        }
}

static void send_drip(struct session *session, const char *text, size_t length)
{
        uint8_t header[WS_HEADER_MAX];
        struct evbuffer *frame = evbuffer_new();
        evbuffer_add(frame, header, ws_put_header(header, WS_TEXT, true, length));
        evbuffer_add(frame, text, length);
        conn_write_drip(session->conn, frame, 1, 1);
        evbuffer_free(frame);
}

static void send_filled(struct session *session, char open, char inner, char close, size_t inner_count)
{
        char *text = heap_zeroed(inner_count + 2);
        memset(text, inner, inner_count + 2);
        text[0] = open;
        text[inner_count + 1] = close;
        session_send(session, WS_TEXT, true, text, inner_count + 2);
        free(text);
}

static void send_framed(struct session *session, const struct fault_subject *subject, const char *text, size_t length)
{
        struct faults *faults = session->exchange->faults;
        const struct fault *fault;
        if (faults_take(faults, FAULT_WS_EMPTY, subject) != NULL) {
                session_send(session, WS_TEXT, true, "", 0);
        }
        if ((fault = faults_take(faults, FAULT_WS_OVERSIZED, subject)) != NULL) {
                send_filled(session, '[', ' ', ']', value_or(fault, 2097152) - 2);
        }
        if (faults_take(faults, FAULT_WS_BINARY, subject) != NULL) {
                session_send(session, WS_BINARY, true, text, length);
        } else if (faults_take(faults, FAULT_WS_DRIP, subject) != NULL) {
                send_drip(session, text, length);
        } else if ((fault = faults_take(faults, FAULT_WS_FRAGMENT, subject)) != NULL) {
                send_fragments(session, text, length, value_or(fault, 16));
        } else {
                session_send(session, WS_TEXT, true, text, length);
        }
}

// ---- broken text ----

// Puts `with` in the place of the value that follows `key`, up to the next comma. Returns the new text; free it.
static char *replace_value(const char *text, const char *key, const char *with)
{
        const char *at = strstr(text, key);
        size_t before = at != NULL ? (size_t)(at - text) + strlen(key) : strlen(text);
        const char *rest = text + before + strcspn(text + before, ",");
        char *changed = heap_zeroed(before + strlen(with) + strlen(rest) + 1);
        memcpy(changed, text, before);
        strcpy(changed + before, with);
        strcat(changed, rest);
        return changed;
}

static char *huge_number(void)
{
        char *digits = heap_zeroed(403);
        memset(digits, '9', 402);
        digits[0] = digits[401] = '"';
        return digits;
}

static char *nested(size_t depth)
{
        char *text = heap_zeroed(2 * depth + 1);
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        return text;
}

// The first of these keys that the event has: klines, trades and aggregates, books and quotes.
static const char *first_key(const char *text, const char *const *keys, size_t count)
{
        for (size_t i = 0; i + 1 < count; i++) {
                if (strstr(text, keys[i]) != NULL) {
                        return keys[i];
                }
        }
        return keys[count - 1];
}

static const char *price_key(const char *text)
{
        static const char *const keys[] = {"\"h\":", "\"p\":", "\"b\":", "\"bids\":"};
        return first_key(text, keys, sizeof keys / sizeof keys[0]);
}

static const char *number_key(const char *text)
{
        static const char *const keys[] = {"\"t\":", "\"a\":", "\"u\":", "\"lastUpdateId\":"};
        return first_key(text, keys, sizeof keys / sizeof keys[0]);
}

static char *duplicate_keys(const char *text)
{
        if (strstr(text, "\"k\":") != NULL) {
                return replace_value(text, "\"B\":", "\"0\"},\"k\":{}}");
        }
        const char *key = number_key(text);
        char again[64];
        snprintf(again, sizeof again, "1,%s2", key);
        return replace_value(text, key, again);
}

static char *spoil_text(const struct fault *fault, const char *text)
{
        char *digits, *result;
        switch (fault->kind) {
        case FAULT_WS_TRUNCATED: return heap_string(text, strlen(text) / 2);
        case FAULT_WS_GARBAGE: return heap_string("\x01{]kline?,", 10);
        case FAULT_WS_BAD_UTF8: return replace_value(text, "\"s\":", "\"\xc3\x28\xff\"");
        case FAULT_WS_NAN: return replace_value(text, price_key(text), "NaN");
        case FAULT_WS_HUGE_NUMBER:
                digits = huge_number();
                result = replace_value(text, price_key(text), digits);
                free(digits);
                return result;
        case FAULT_WS_WRONG_TYPES:
                digits = replace_value(text, number_key(text), "\"then\"");
                result = replace_value(digits, price_key(text), "{\"price\":1}");
                free(digits);
                return result;
        case FAULT_WS_DUPLICATE_KEYS: return duplicate_keys(text);
        default: // FAULT_WS_DEEP_JSON
                return nested(value_or(fault, 10000));
        }
}

static void send_text(struct session *session, const struct fault_subject *subject, const char *text, size_t length)
{
        static const enum fault_kind broken[] = {FAULT_WS_TRUNCATED, FAULT_WS_GARBAGE, FAULT_WS_BAD_UTF8,
            FAULT_WS_DEEP_JSON, FAULT_WS_NAN, FAULT_WS_HUGE_NUMBER, FAULT_WS_WRONG_TYPES, FAULT_WS_DUPLICATE_KEYS};
        for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
                const struct fault *fault = faults_take(session->exchange->faults, broken[i], subject);
                if (fault != NULL) {
                        char *spoiled = spoil_text(fault, text);
                        send_framed(session, subject, spoiled, strlen(spoiled));
                        free(spoiled);
                        return;
                }
        }
        send_framed(session, subject, text, length);
}

// ---- events late, twice, out of order ----

static void hold(struct session *session, const char *stream, const char *text, size_t length, int64_t due_ms)
{
        struct held *held = heap_zeroed(sizeof *held), **last = &session->held;
        snprintf(held->stream, sizeof held->stream, "%s", stream);
        held->text = heap_string(text, length);
        held->length = length;
        held->due_ms = due_ms;
        while (*last != NULL) {
                last = &(*last)->next;
        }
        *last = held;
}

// Sends what was held: by time, or (stream given) what waited for the next event of that stream.
static void release(struct session *session, const char *stream)
{
        int64_t now = simclock_real_ms();
        for (struct held **at = &session->held; *at != NULL;) {
                struct held *held = *at;
                bool due = stream != NULL ? held->due_ms == 0 && strcmp(held->stream, stream) == 0
                                          : held->due_ms != 0 && held->due_ms <= now;
                if (!due) {
                        at = &held->next;
                        continue;
                }
                *at = held->next;
                session_send(session, WS_TEXT, true, held->text, held->length);
                free(held->text);
                free(held);
        }
}

void wsfaults_send_event(struct session *session, const struct subscription *subscription, const struct bar *bar,
    bool closed, char *text, size_t length)
{
        struct faults *faults = session->exchange->faults;
        const struct fault_subject subject = subject_of(subscription, bar);
        const struct fault *fault;
        text[length] = '\0'; // the room is there: see EVENT_TEXT_MAX
        if (closed && faults_take(faults, FAULT_BAR_MISSED, &subject) != NULL) {
                return;
        }
        if (closed && (fault = faults_take(faults, FAULT_BAR_DELAYED, &subject)) != NULL) {
                hold(session, subscription->name, text, length,
                    simclock_real_ms() + (int64_t)(fault->seconds * 1000) + 1);
                return;
        }
        if (closed && faults_take(faults, FAULT_BAR_REORDERED, &subject) != NULL) {
                hold(session, subscription->name, text, length, 0);
                return;
        }
        send_text(session, &subject, text, length);
        if (closed && faults_take(faults, FAULT_BAR_REPEATED, &subject) != NULL) {
                send_text(session, &subject, text, length);
        }
        if (session->held != NULL) {
                release(session, subscription->name);
        }
}

// ---- ticks ----

static struct fault_subject subject_of_tick(const struct subscription *subscription, const struct wsfaults_tick *tick)
{
        struct fault_subject subject = subject_of(subscription, NULL);
        subject.interval = NULL;
        subject.time_ms = tick->time_ms;
        subject.first_id = tick->first_id;
        subject.last_id = tick->last_id;
        return subject;
}

bool wsfaults_swaps_unit(
    struct session *session, const struct subscription *subscription, const struct wsfaults_tick *tick)
{
        const struct fault_subject subject = subject_of_tick(subscription, tick);
        return faults_take(session->exchange->faults, FAULT_EVENT_UNIT, &subject) != NULL;
}

void wsfaults_send_tick(struct session *session, const struct subscription *subscription,
    const struct wsfaults_tick *tick, char *text, size_t length)
{
        struct faults *faults = session->exchange->faults;
        const struct fault_subject subject = subject_of_tick(subscription, tick);
        const struct fault *fault;
        text[length] = '\0';
        if (faults_take(faults, FAULT_STREAM_SILENT, &subject) != NULL ||
            faults_take(faults, FAULT_EVENT_LOST, &subject) != NULL) {
                subscription->emission->lost++;
                return;
        }
        served_note_emission(subscription->emission, tick->first_id, tick->last_id);
        if ((fault = faults_take(faults, FAULT_EVENT_DELAYED, &subject)) != NULL) {
                hold(session, subscription->name, text, length,
                    simclock_real_ms() + (int64_t)(fault->seconds * 1000) + 1);
                return;
        }
        if (faults_take(faults, FAULT_EVENT_REORDERED, &subject) != NULL) {
                hold(session, subscription->name, text, length, 0);
                return;
        }
        send_text(session, &subject, text, length);
        if (faults_take(faults, FAULT_EVENT_REPEATED, &subject) != NULL) {
                send_text(session, &subject, text, length);
        }
        if (session->held != NULL) {
                release(session, subscription->name);
        }
}

void wsfaults_spoil_bar(struct session *session, const struct subscription *subscription, struct bar *bar)
{
        const struct fault_subject subject = subject_of(subscription, bar);
        if (faults_take(session->exchange->faults, FAULT_BAR_WRONG, &subject) != NULL) {
                bar->close = bar->high;
                bar->high += bar->high / 1000 + 1;
                bar->volume = bar->volume / 2;
        }
}

// ---- the connection itself ----

// Takes a fault for this connection if it names nothing, or a symbol or stream the connection has.
static const struct fault *take(struct session *session, enum fault_kind kind)
{
        struct faults *faults = session->exchange->faults;
        if (!faults_is_armed(faults, kind)) {
                return NULL;
        }
        if (session->count == 0) {
                const struct fault_subject none = {.endpoint = "websocket", .time_ms = -1};
                return faults_take(faults, kind, &none);
        }
        for (size_t i = 0; i < session->count; i++) {
                const struct fault_subject subject = subject_of(&session->subscriptions[i], NULL);
                const struct fault *fault = faults_take(faults, kind, &subject);
                if (fault != NULL) {
                        return fault;
                }
        }
        return NULL;
}

static void announce_shutdown(struct session *session)
{
        char text[128];
        int64_t now = simclock_now_ms(&session->exchange->clock) * (session->micro ? 1000 : 1);
        int length =
            session->combined
                ? snprintf(text, sizeof text,
                      "{\"stream\":\"!serverShutdown\",\"data\":{\"e\":\"serverShutdown\",\"E\":%" PRId64 "}}", now)
                : snprintf(text, sizeof text, "{\"e\":\"serverShutdown\",\"E\":%" PRId64 "}", now);
        session_send(session, WS_TEXT, true, text, (size_t)length);
}

static void storm(struct session *session, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                session_send(session, WS_PING, true, "storm", 5);
                session->exchange->served->pings++;
        }
}

static bool end_connection(struct session *session)
{
        const struct fault *fault;
        if (take(session, FAULT_WS_RESET) != NULL) {
                conn_reset(session->conn);
                return true;
        }
        if ((fault = take(session, FAULT_WS_CLOSE)) != NULL) {
                session_close(
                    session, fault->status > 0 ? (int)fault->status : 1001, fault->text != NULL ? fault->text : "");
                return true;
        }
        if (session->shutdown_ms != 0 && simclock_real_ms() >= session->shutdown_ms) {
                session_close(session, 1001, "Server shutdown");
                return true;
        }
        return false;
}

void wsfaults_tick(struct session *session)
{
        const struct fault *fault;
        if (end_connection(session)) {
                return;
        }
        if (take(session, FAULT_WS_HALF_OPEN) != NULL) {
                session->half_open = true;
                bufferevent_disable(session->conn->bev, EV_READ);
        }
        session->muted |= take(session, FAULT_WS_MUTE) != NULL;
        if (session->muted || session->half_open) {
                return;
        }
        if ((fault = take(session, FAULT_WS_PING_STORM)) != NULL) {
                storm(session, value_or(fault, 100));
        }
        if (session->shutdown_ms == 0 && (fault = take(session, FAULT_WS_SHUTDOWN)) != NULL) {
                announce_shutdown(session);
                session->shutdown_ms = simclock_real_ms() + (int64_t)(fault->seconds * 1000) + 1;
        }
        release(session, NULL);
}

bool wsfaults_skip_ping(struct session *session)
{
        return take(session, FAULT_WS_NO_PING) != NULL;
}
