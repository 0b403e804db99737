// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/control.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exchange/dump.h"
#include "tests/exchange/params.h"
#include "tests/exchange/server.h"
#include "tests/exchange/session.h"
#include "tests/exchange/tickdump.h"

static void answer_text(struct conn *conn, int status, const char *text)
{
        struct http_answer answer = {
            .status = status, .body = evbuffer_new(), .used_weight = -1, .promised_length = -1};
        evbuffer_add_printf(answer.body, "%s\n", text);
        server_answer(conn, &answer);
        evbuffer_free(answer.body);
}

static void answer_json(struct conn *conn, int status, cJSON *json)
{
        char *text = cJSON_Print(json);
        answer_text(conn, status, text);
        cJSON_free(text);
        cJSON_Delete(json);
}

static void answer_refusal(struct conn *conn, const char *why)
{
        cJSON *json = cJSON_CreateObject();
        cJSON_AddStringToObject(json, "error", why);
        answer_json(conn, 400, json);
}

// ---- faults that act at once ----

static const struct market_symbol *named_symbol(const struct exchange *exchange, const struct fault *fault)
{
        return fault->symbol != NULL ? market_find_symbol(exchange->market, fault->symbol) : NULL;
}

static void begin_outage(struct exchange *exchange, const struct fault *fault)
{
        exchange->outage_until_ms = simclock_real_ms() + (int64_t)(fault->seconds * 1000);
        exchange->outage_halts = fault->halt;
        if (fault->halt) {
                exchange->outage_hole =
                    market_add_hole(exchange->market, NULL, simclock_now_ms(&exchange->clock), MARKET_NEVER);
        }
        server_reset_all(exchange->server);
}

// What the connections believe about the time is void after the clock was moved.
static void wake_sessions(struct exchange *exchange)
{
        for (struct session *session = exchange->sessions->first; session != NULL; session = session->next) {
                for (size_t i = 0; i < session->count; i++) {
                        session->subscriptions[i].due_ms = 0;
                        session->subscriptions[i].updated_ms = 0;
                }
        }
}

static void move_clock(struct exchange *exchange, int64_t now_ms)
{
        simclock_set(&exchange->clock, now_ms);
        wake_sessions(exchange);
}

static void halt(struct exchange *exchange, const struct fault *fault, int64_t now)
{
        struct market_symbol *symbol = market_find_symbol(exchange->market, fault->symbol);
        int64_t until = fault->seconds > 0 ? now + (int64_t)(fault->seconds * 1000) : MARKET_NEVER;
        symbol->halted_until_ms = until;
        market_add_hole(exchange->market, symbol, now, until);
}

static void act_at_once(struct exchange *exchange, const struct fault *fault)
{
        int64_t now = simclock_now_ms(&exchange->clock), wall = simclock_wall_ms();
        int64_t from = fault->has_from ? fault->from_ms : now, to = fault->has_to ? fault->to_ms : MARKET_NEVER;
        int64_t ms = (int64_t)(fault->seconds * 1000);
        switch (fault->kind) {
        case FAULT_HOLE: market_add_hole(exchange->market, named_symbol(exchange, fault), from, to); break;
        case FAULT_HALT: halt(exchange, fault, now); break;
        case FAULT_ID_RESET: market_find_symbol(exchange->market, fault->symbol)->listed_ms = now; break;
        case FAULT_OFF_GRID:
                market_add_shift(exchange->market, named_symbol(exchange, fault), from, to, fault->value);
                break;
        case FAULT_OUTAGE: begin_outage(exchange, fault); break;
        case FAULT_CLOCK_STEP: move_clock(exchange, now + fault->value); break;
        case FAULT_BAN: rate_ban(&exchange->rate, wall, ms); break;
        case FAULT_RATE_LIMIT: rate_limit(&exchange->rate, wall, ms); break;
        default: // armed, and taken where it happens
                break;
        }
}

static const char *check_at_once(const struct exchange *exchange, const struct fault *fault)
{
        bool window = fault->kind == FAULT_HOLE || fault->kind == FAULT_OFF_GRID;
        if (window && fault->symbol != NULL && named_symbol(exchange, fault) == NULL) {
                return "unknown symbol";
        }
        bool whole = fault->kind == FAULT_HALT || fault->kind == FAULT_ID_RESET;
        if (whole && (fault->symbol == NULL || named_symbol(exchange, fault) == NULL)) {
                return "symbol must be given and known";
        }
        if (window && fault->has_from && fault->has_to && fault->from_ms >= fault->to_ms) {
                return "from must lie before to";
        }
        if (fault->kind == FAULT_OFF_GRID && fault->value <= 0) {
                return "value must be the offset in milliseconds, more than 0";
        }
        if ((fault->kind == FAULT_OUTAGE || fault->kind == FAULT_BAN || fault->kind == FAULT_RATE_LIMIT) &&
            fault->seconds <= 0) {
                return "seconds must be given";
        }
        return NULL;
}

// ---- routes ----

static void clear_faults(struct conn *conn, const cJSON *clear)
{
        int64_t id = cJSON_IsNumber(clear) ? (int64_t)clear->valuedouble : 0;
        cJSON *json = cJSON_CreateObject();
        cJSON_AddNumberToObject(json, "cleared", faults_clear(conn->exchange->faults, id));
        answer_json(conn, 200, json);
}

static void arm_fault(struct conn *conn, const struct http_request *request, const cJSON *body)
{
        char error[512];
        (void)request;
        const cJSON *clear = cJSON_GetObjectItemCaseSensitive(body, "clear");
        if (clear != NULL) {
                clear_faults(conn, clear);
                return;
        }
        const struct fault *fault = faults_arm(conn->exchange->faults, body, error, sizeof error);
        if (fault == NULL) {
                answer_refusal(conn, error);
                return;
        }
        const char *complaint = check_at_once(conn->exchange, fault);
        if (complaint != NULL) {
                faults_clear(conn->exchange->faults, fault->id);
                answer_refusal(conn, complaint);
                return;
        }
        exchange_log(conn->exchange, "fault %" PRId64 " armed: %s", fault->id, faults_kind_name(fault->kind));
        cJSON *json = cJSON_CreateObject();
        cJSON_AddNumberToObject(json, "id", (double)fault->id);
        act_at_once(conn->exchange, fault);
        answer_json(conn, 200, json);
}

static bool read_time(const cJSON *item, int64_t *time_ms)
{
        if (cJSON_IsString(item)) {
                return grid_parse_time(item->valuestring, time_ms);
        }
        *time_ms = item != NULL ? (int64_t)item->valuedouble : 0;
        return cJSON_IsNumber(item);
}

static cJSON *describe_clock(const struct exchange *exchange)
{
        cJSON *json = cJSON_CreateObject();
        cJSON_AddNumberToObject(json, "now", (double)simclock_now_ms(&exchange->clock));
        cJSON_AddNumberToObject(json, "speed", exchange->clock.speed);
        return json;
}

static void set_clock(struct conn *conn, const struct http_request *request, const cJSON *body)
{
        struct exchange *exchange = conn->exchange;
        const cJSON *speed = cJSON_GetObjectItemCaseSensitive(body, "speed");
        const cJSON *set = cJSON_GetObjectItemCaseSensitive(body, "set");
        const cJSON *step = cJSON_GetObjectItemCaseSensitive(body, "step_ms");
        int64_t now;
        (void)request;
        if ((speed != NULL && (!cJSON_IsNumber(speed) || speed->valuedouble < 0)) ||
            (set != NULL && !read_time(set, &now)) || (step != NULL && !cJSON_IsNumber(step))) {
                answer_refusal(conn, "accepted: speed (0 or more), set (milliseconds or ISO 8601), step_ms");
                return;
        }
        if (set != NULL) {
                move_clock(exchange, now);
        }
        if (step != NULL) {
                move_clock(exchange, simclock_now_ms(&exchange->clock) + (int64_t)step->valuedouble);
        }
        if (speed != NULL) {
                simclock_set_speed(&exchange->clock, speed->valuedouble);
        }
        answer_json(conn, 200, describe_clock(exchange));
}

static void set_listing(struct conn *conn, const struct http_request *request, const cJSON *body)
{
        struct exchange *exchange = conn->exchange;
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(body, "symbol");
        const cJSON *listed = cJSON_GetObjectItemCaseSensitive(body, "listed");
        const cJSON *ends = cJSON_GetObjectItemCaseSensitive(body, "ends");
        const cJSON *status = cJSON_GetObjectItemCaseSensitive(body, "status");
        int64_t listed_ms = simclock_now_ms(&exchange->clock), ends_ms = MARKET_NEVER;
        (void)request;
        if (!cJSON_IsString(name) || (listed != NULL && !read_time(listed, &listed_ms)) ||
            (ends != NULL && !read_time(ends, &ends_ms)) || (status != NULL && !cJSON_IsString(status))) {
                answer_refusal(conn, "accepted: symbol, listed and ends (milliseconds or ISO 8601), status");
                return;
        }
        struct market_symbol *symbol = market_find_symbol(exchange->market, name->valuestring);
        if (symbol == NULL || listed != NULL) {
                symbol = market_add_symbol(exchange->market, name->valuestring);
                symbol->listed_ms = listed_ms;
        }
        if (ends != NULL) {
                symbol->ends_ms = ends_ms;
        }
        if (status != NULL) {
                market_set_status(symbol, status->valuestring);
        }
        wake_sessions(exchange);
        answer_text(conn, 200, "{}");
}

static void get_state(struct conn *conn, const struct http_request *request, const cJSON *body)
{
        struct exchange *exchange = conn->exchange;
        cJSON *json = describe_clock(exchange);
        (void)request;
        (void)body;
        cJSON_AddNumberToObject(json, "weight_used", (double)rate_used(&exchange->rate, simclock_wall_ms()));
        cJSON_AddNumberToObject(json, "banned_until", (double)exchange->rate.banned_until_ms);
        cJSON_AddNumberToObject(json, "websockets", (double)exchange->sessions->count);
        cJSON_AddBoolToObject(json, "outage", exchange->outage_until_ms != 0);
        cJSON *symbols = cJSON_AddArrayToObject(json, "symbols");
        for (size_t i = 0; i < market_symbol_count(exchange->market); i++) {
                const struct market_symbol *symbol = market_symbol_at(exchange->market, i);
                cJSON *item = cJSON_CreateObject();
                cJSON_AddStringToObject(item, "symbol", symbol->name);
                cJSON_AddStringToObject(item, "status", symbol->status);
                cJSON_AddNumberToObject(item, "listed", (double)symbol->listed_ms);
                if (symbol->ends_ms != MARKET_NEVER) {
                        cJSON_AddNumberToObject(item, "ends", (double)symbol->ends_ms);
                }
                cJSON_AddItemToArray(symbols, item);
        }
        answer_json(conn, 200, json);
}

static void get_faults(struct conn *conn, const struct http_request *request, const cJSON *body)
{
        (void)request;
        (void)body;
        answer_json(conn, 200, faults_describe(conn->exchange->faults));
}

static void get_requests(struct conn *conn, const struct http_request *request, const cJSON *body)
{
        (void)request;
        (void)body;
        answer_json(conn, 200, served_describe(conn->exchange->served, &conn->exchange->rate));
}

static void get_windows(struct conn *conn, const struct http_request *request, const cJSON *body)
{
        const char *from = http_find_param(request, "from");
        int64_t from_ms = 0;
        (void)body;
        if (from != NULL && !grid_parse_time(from, &from_ms)) {
                answer_refusal(conn, "from is wall time in milliseconds or ISO 8601");
                return;
        }
        struct http_answer answer = {.status = 200, .body = evbuffer_new(), .used_weight = -1, .promised_length = -1};
        served_print_windows(conn->exchange->served, from_ms, answer.body);
        server_answer(conn, &answer);
        evbuffer_free(answer.body);
}

static void get_klines(struct conn *conn, const struct http_request *request, const cJSON *body)
{
        (void)body;
        dump_begin(conn, request);
}

static void get_ticks(struct conn *conn, const struct http_request *request, const cJSON *body)
{
        (void)body;
        tickdump_begin(conn, request);
}

static void get_depth(struct conn *conn, const struct http_request *request, const cJSON *body)
{
        (void)body;
        tickdump_depth(conn, request);
}

static void get_ids(struct conn *conn, const struct http_request *request, const cJSON *body)
{
        (void)body;
        tickdump_ids(conn, request);
}

static void get_emitted(struct conn *conn, const struct http_request *request, const cJSON *body)
{
        struct http_answer answer = {.status = 200, .body = evbuffer_new(), .used_weight = -1, .promised_length = -1};
        (void)body;
        served_print_emissions(conn->exchange->served, http_find_param(request, "stream"), answer.body);
        server_answer(conn, &answer);
        evbuffer_free(answer.body);
}

static const struct {
        const char *method, *path;
        void (*handle)(struct conn *conn, const struct http_request *request, const cJSON *body);
} routes[] = {
    {"POST", "/control/fault", arm_fault},
    {"GET", "/control/faults", get_faults},
    {"POST", "/control/clock", set_clock},
    {"POST", "/control/listing", set_listing},
    {"GET", "/control/state", get_state},
    {"GET", "/ledger/klines", get_klines},
    {"GET", "/ledger/trades", get_ticks},
    {"GET", "/ledger/aggtrades", get_ticks},
    {"GET", "/ledger/quotes", get_ticks},
    {"GET", "/ledger/diffs", get_ticks},
    {"GET", "/ledger/depth", get_depth},
    {"GET", "/ledger/ids", get_ids},
    {"GET", "/ledger/emitted", get_emitted},
    {"GET", "/ledger/requests", get_requests},
    {"GET", "/ledger/windows", get_windows},
};

bool control_handle(struct conn *conn, const struct http_request *request)
{
        if (strncmp(request->path, "/control/", 9) != 0 && strncmp(request->path, "/ledger/", 8) != 0) {
                return false;
        }
        for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
                if (strcmp(routes[i].path, request->path) != 0 || strcmp(routes[i].method, request->method) != 0) {
                        continue;
                }
                cJSON *body = cJSON_ParseWithLength(request->body, request->body_size);
                if (strcmp(request->method, "POST") == 0 && !cJSON_IsObject(body)) {
                        answer_refusal(conn, "the body must be a JSON object");
                } else {
                        routes[i].handle(conn, request, body);
                }
                cJSON_Delete(body);
                return true;
        }
        answer_text(conn, 404, "{\"error\":\"no such route\"}");
        return true;
}

void control_drained(struct conn *conn)
{
        if (conn->dump != NULL) {
                dump_continue(conn);
        }
}
