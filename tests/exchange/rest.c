// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/rest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/exchange/badbody.h"
#include "tests/exchange/info.h"
#include "tests/exchange/page.h"
#include "tests/exchange/params.h"
#include "tests/exchange/restcall.h"
#include "tests/exchange/server.h"
#include "tests/exchange/text.h"
#include "tests/exchange/tickrest.h"

// Each handler writes the body, or fills call->error and returns -1.
typedef int handler(struct call *call);

static int answer_ping(struct call *call)
{
        evbuffer_add_printf(call->body, "{}");
        return 0;
}

static int answer_time(struct call *call)
{
        int64_t now = simclock_now_ms(&call->exchange->clock);
        evbuffer_add_printf(call->body, "{\"serverTime\":%" PRId64 "}", call->micro ? now * 1000 : now);
        return 0;
}

static int answer_info(struct call *call)
{
        return info_write(call->exchange, call->request, call->micro, call->body, &call->error);
}

int call_refuse(struct call *call, int code, const char *message)
{
        call->error.code = code;
        snprintf(call->error.message, sizeof call->error.message, "%s", message);
        return -1;
}

// ---- klines ----

static int read_query(struct call *call, struct page_query *query)
{
        const struct http_request *request = call->request;
        const char *zone = http_find_param(request, "timeZone");
        int64_t limit = params_number(request, "limit", PAGE_ROWS_DEFAULT);
        *query = (struct page_query){.series.market = call->exchange->market};
        query->series.symbol = market_find_symbol(call->exchange->market, http_find_param(request, "symbol"));
        query->now_ms = simclock_now_ms(&call->exchange->clock) - call->exchange->rest_lag_ms;
        if (query->series.symbol == NULL || query->series.symbol->listed_ms > query->now_ms) {
                return call_refuse(call, -1121, "Invalid symbol.");
        }
        if (!grid_parse_interval(http_find_param(request, "interval"), &query->series.interval)) {
                return call_refuse(call, -1120, "Invalid interval.");
        }
        if (zone != NULL && !params_parse_zone(zone, &query->series.zone_ms)) {
                return call_refuse(call, -1130, "Data sent for parameter 'timeZone' is not valid.");
        }
        if (limit < 1) {
                return call_refuse(call, -1130, "Data sent for parameter 'limit' is not valid.");
        }
        query->limit = limit > PAGE_ROWS_MAX ? PAGE_ROWS_MAX : (size_t)limit; // more is cut, not refused
        query->start_ms = params_time(request, "startTime", -1);
        query->end_ms = params_time(request, "endTime", -1);
        query->has_start = query->start_ms >= 0;
        query->has_end = query->end_ms >= 0;
        return 0;
}

static void write_rows(const struct call *call, const struct bar *bars, size_t count)
{
        struct evbuffer_iovec space;
        evbuffer_reserve_space(call->body, (ev_ssize_t)(count * TEXT_ROW_MAX + 2), &space, 1);
        char *at = space.iov_base;
        *at++ = '[';
        for (size_t i = 0; i < count; i++) {
                if (i > 0) {
                        *at++ = ',';
                }
                at = text_put_row(at, &bars[i], call->micro);
        }
        *at++ = ']';
        space.iov_len = (size_t)(at - (char *)space.iov_base);
        evbuffer_commit_space(call->body, &space, 1);
}

static void record_window(const struct call *call, const struct page_query *query, const struct bar *bars, size_t count)
{
        struct served_window window = {.interval = query->series.interval, .rows = (int64_t)count};
        snprintf(window.symbol, sizeof window.symbol, "%s", query->series.symbol->name);
        window.start_ms = query->start_ms;
        window.end_ms = query->end_ms;
        window.first_ms = count > 0 ? bars[0].open_ms : -1;
        window.last_ms = count > 0 ? bars[count - 1].open_ms : -1;
        window.wall_ms = simclock_wall_ms();
        window.exchange_ms = simclock_now_ms(&call->exchange->clock);
        served_add_window(call->exchange->served, &window);
}

static int answer_klines(struct call *call)
{
        static struct bar bars[PAGE_ROWS_MAX];
        struct page_query query;
        if (read_query(call, &query) != 0) {
                return -1;
        }
        const struct fault_subject subject = {.endpoint = call->endpoint,
            .symbol = query.series.symbol->name,
            .interval = grid_interval_name(query.series.interval),
            .time_ms = query.start_ms};
        size_t count = page_fill(&query, bars);
        const struct fault *fault = faults_take(call->exchange->faults, FAULT_SHORT_PAGE, &subject);
        if (fault != NULL) {
                size_t rows = fault->value < 0 ? 1 : (size_t)fault->value;
                count = count < rows ? count : rows;
        }
        count = faults_take(call->exchange->faults, FAULT_EMPTY_PAGE, &subject) != NULL ? 0 : count;
        write_rows(call, bars, count);
        record_window(call, &query, bars, count);
        return 0;
}

// ---- the table ----

static const struct param_rule info_params[] = {
    {"symbol", PARAM_SYMBOL, false},
    {"symbols", PARAM_SYMBOLS, false},
    {"permissions", PARAM_TEXT, false},
    {"showPermissionSets", PARAM_TEXT, false},
    {"symbolStatus", PARAM_TEXT, false},
};

static const struct param_rule klines_params[] = {
    {"symbol", PARAM_SYMBOL, true},
    {"interval", PARAM_TEXT, true},
    {"startTime", PARAM_NUMBER, false},
    {"endTime", PARAM_NUMBER, false},
    {"timeZone", PARAM_TEXT, false},
    {"limit", PARAM_NUMBER, false},
};

static const struct param_rule trades_params[] = {
    {"symbol", PARAM_SYMBOL, true},
    {"limit", PARAM_NUMBER, false},
};

static const struct param_rule historical_params[] = {
    {"symbol", PARAM_SYMBOL, true},
    {"limit", PARAM_NUMBER, false},
    {"fromId", PARAM_NUMBER, false},
};

static const struct param_rule aggs_params[] = {
    {"symbol", PARAM_SYMBOL, true},
    {"fromId", PARAM_NUMBER, false},
    {"startTime", PARAM_NUMBER, false},
    {"endTime", PARAM_NUMBER, false},
    {"limit", PARAM_NUMBER, false},
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static const struct endpoint {
        const char *path;
        int64_t weight;
        const struct param_rule *params;
        size_t param_count;
        handler *answer;
        int64_t (*weigh)(const struct http_request *request); // where the weight depends on the parameters
} endpoints[] = {
    {"/api/v3/ping", 1, NULL, 0, answer_ping, NULL},
    {"/api/v3/time", 1, NULL, 0, answer_time, NULL},
    {"/api/v3/exchangeInfo", 20, info_params, COUNT_OF(info_params), answer_info, NULL},
    {"/api/v3/klines", 2, klines_params, COUNT_OF(klines_params), answer_klines, NULL},
    {"/api/v3/uiKlines", 2, klines_params, COUNT_OF(klines_params), answer_klines, NULL},
    {"/api/v3/trades", 25, trades_params, COUNT_OF(trades_params), tickrest_trades, NULL},
    {"/api/v3/historicalTrades", 25, historical_params, COUNT_OF(historical_params), tickrest_historical_trades, NULL},
    {"/api/v3/aggTrades", 4, aggs_params, COUNT_OF(aggs_params), tickrest_agg_trades, NULL},
    {"/api/v3/depth", 0, trades_params, COUNT_OF(trades_params), tickrest_depth, tickrest_depth_weight},
};

static const struct endpoint *find_endpoint(const char *path)
{
        for (size_t i = 0; i < COUNT_OF(endpoints); i++) {
                if (strcmp(endpoints[i].path, path) == 0) {
                        return &endpoints[i];
                }
        }
        return NULL;
}

// ---- from request to answer ----

static void refuse_limited(struct conn *conn, enum rate_verdict verdict, int64_t retry_after_s)
{
        const struct rate *rate = &conn->exchange->rate;
        char seconds[24];
        struct http_answer answer = {.status = verdict == RATE_BANNED ? 418 : 429, .promised_length = -1};
        answer.used_weight = rate_used(rate, simclock_wall_ms());
        answer.body = evbuffer_new();
        snprintf(seconds, sizeof seconds, "%" PRId64, retry_after_s);
        answer.retry_after = seconds;
        if (verdict == RATE_BANNED) {
                evbuffer_add_printf(answer.body,
                    "{\"code\":-1003,\"msg\":\"Way too much request weight used; IP banned until %" PRId64
                    ". Please use WebSocket Streams for live updates to avoid bans.\"}",
                    rate->banned_until_ms);
        } else {
                evbuffer_add_printf(answer.body,
                    "{\"code\":-1003,\"msg\":\"Too much request weight used; current limit is %" PRId64
                    " request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the "
                    "API.\"}",
                    rate->weight_max);
        }
        server_answer(conn, &answer);
        evbuffer_free(answer.body);
}

static void answer_not_found(struct conn *conn, const struct http_request *request)
{
        struct http_answer answer = {.status = 404, .used_weight = -1, .promised_length = -1, .body = evbuffer_new()};
        evbuffer_add_printf(answer.body,
            "{\"timestamp\":%" PRId64 ",\"status\":404,\"error\":\"Not Found\",\"message\":\"No message available\","
            "\"path\":\"%.*s\"}",
            simclock_wall_ms(), (int)strcspn(request->path, "\"\\"), request->path);
        server_answer(conn, &answer);
        evbuffer_free(answer.body);
}

static bool known_unit(const char *unit)
{
        return unit == NULL || strcasecmp(unit, "MICROSECOND") == 0 || strcasecmp(unit, "MILLISECOND") == 0;
}

static bool wants_micro(const struct http_request *request)
{
        return request->time_unit != NULL && strcasecmp(request->time_unit, "MICROSECOND") == 0;
}

static void answer_rightly(struct conn *conn, const struct endpoint *endpoint, const struct http_request *request,
    const struct fault_subject *subject)
{
        struct call call = {.exchange = conn->exchange, .request = request, .endpoint = endpoint->path};
        call.micro = wants_micro(request);
        call.body = evbuffer_new();
        if (params_check(request, endpoint->params, endpoint->param_count, &call.error) != 0 ||
            endpoint->answer(&call) != 0) {
                server_answer_error(conn, 400, call.error.code, call.error.message);
        } else {
                struct http_answer answer = {.status = 200, .body = call.body, .promised_length = -1};
                answer.used_weight = rate_used(&conn->exchange->rate, simclock_wall_ms());
                const struct fault *fault = faults_take(conn->exchange->faults, FAULT_USED_WEIGHT, subject);
                answer.used_weight = fault != NULL ? fault->value : answer.used_weight;
                badbody_answer(conn, &answer, subject);
        }
        evbuffer_free(call.body);
}

void rest_handle(struct conn *conn, const struct http_request *request)
{
        const struct endpoint *endpoint = find_endpoint(request->path);
        int64_t retry_after_s;
        served_count_request(conn->exchange->served, endpoint != NULL ? endpoint->path : "unknown");
        int64_t weight = endpoint == NULL ? 1 : endpoint->weigh != NULL ? endpoint->weigh(request) : endpoint->weight;
        enum rate_verdict verdict = rate_take(&conn->exchange->rate, weight, simclock_wall_ms(), &retry_after_s);
        if (verdict != RATE_OK) {
                refuse_limited(conn, verdict, retry_after_s);
                return;
        }
        if (endpoint == NULL) {
                answer_not_found(conn, request);
                return;
        }
        if (strcmp(request->method, "GET") != 0) {
                server_answer_error(conn, 405, -1000, "Request method is not supported.");
                return;
        }
        if (!known_unit(request->time_unit)) {
                server_answer_error(
                    conn, 400, -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.");
                return;
        }
        const struct fault_subject subject = {.endpoint = endpoint->path,
            .symbol = http_find_param(request, "symbol"),
            .interval = http_find_param(request, "interval"),
            .time_ms = params_time(request, "startTime", -1)};
        if (!badbody_instead(conn, &subject)) {
                answer_rightly(conn, endpoint, request, &subject);
        }
}
