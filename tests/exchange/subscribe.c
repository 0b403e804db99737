// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/subscribe.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/exchange/heap.h"
#include "tests/exchange/params.h"
#include "tests/exchange/streams.h"

// ---- names ----

static bool parse_kline(const char *type, struct subscription *subscription)
{
        char interval[8];
        const char *zone = strchr(type, '@');
        size_t length = zone != NULL ? (size_t)(zone - type) : strlen(type);
        if (length >= sizeof interval) {
                return false;
        }
        memcpy(interval, type, length);
        interval[length] = '\0';
        subscription->type = STREAM_KLINE;
        return grid_parse_interval(interval, &subscription->interval) &&
               (zone == NULL || params_parse_zone(zone + 1, &subscription->zone_ms));
}

// All types but klines.
static const struct {
        const char *name;
        enum stream_type type;
        int64_t period_ms;
        size_t levels;
} types[] = {
    {"trade", STREAM_TRADE, 0, 0},
    {"aggTrade", STREAM_AGG, 0, 0},
    {"bookTicker", STREAM_QUOTE, 0, 0},
    {"depth", STREAM_DEPTH, 1000, 0},
    {"depth@1000ms", STREAM_DEPTH, 1000, 0},
    {"depth@100ms", STREAM_DEPTH, 100, 0},
    {"depth5", STREAM_PARTIAL, 1000, 5},
    {"depth10", STREAM_PARTIAL, 1000, 10},
    {"depth20", STREAM_PARTIAL, 1000, 20},
    {"depth5@1000ms", STREAM_PARTIAL, 1000, 5},
    {"depth10@1000ms", STREAM_PARTIAL, 1000, 10},
    {"depth20@1000ms", STREAM_PARTIAL, 1000, 20},
    {"depth5@100ms", STREAM_PARTIAL, 100, 5},
    {"depth10@100ms", STREAM_PARTIAL, 100, 10},
    {"depth20@100ms", STREAM_PARTIAL, 100, 20},
    {"blockTrade", STREAM_SILENT, 0, 0},
    {"miniTicker", STREAM_SILENT, 0, 0},
    {"ticker", STREAM_SILENT, 0, 0},
    {"ticker_1h", STREAM_SILENT, 0, 0},
    {"ticker_4h", STREAM_SILENT, 0, 0},
    {"ticker_1d", STREAM_SILENT, 0, 0},
    {"avgPrice", STREAM_SILENT, 0, 0},
    {"referencePrice", STREAM_SILENT, 0, 0},
};

static bool parse_type(const char *name, struct subscription *subscription)
{
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
                if (strcmp(name, types[i].name) == 0) {
                        subscription->type = types[i].type;
                        subscription->period_ms = types[i].period_ms;
                        subscription->levels = types[i].levels;
                        return true;
                }
        }
        return false;
}

bool subscribe_parse_name(const char *name, struct subscription *subscription)
{
        const char *at = strchr(name, '@');
        memset(subscription, 0, sizeof *subscription);
        if (at == NULL || at == name || strlen(name) >= sizeof subscription->name) {
                return false;
        }
        strcpy(subscription->name, name);
        subscription->life_ms = -1;
        if (name[0] == '!') {
                return true; // all-market streams: acknowledged, nothing to send yet
        }
        size_t length = (size_t)(at - name);
        bool lower = length < sizeof subscription->symbol;
        for (size_t i = 0; i < length && lower; i++) {
                lower = !isupper((unsigned char)name[i]);
                subscription->symbol[i] = (char)toupper((unsigned char)name[i]);
        }
        if (!lower) {
                subscription->symbol[0] = '\0';
        }
        return strncmp(at + 1, "kline_", 6) == 0 ? parse_kline(at + 7, subscription) : parse_type(at + 1, subscription);
}

// ---- the list ----

static size_t find(const struct session *session, const char *name)
{
        size_t i = 0;
        while (i < session->count && strcmp(session->subscriptions[i].name, name) != 0) {
                i++;
        }
        return i;
}

static void add(struct session *session, struct subscription *subscription)
{
        if (find(session, subscription->name) < session->count) {
                return;
        }
        streams_begin(session, subscription);
        session->subscriptions = heap_grow(session->subscriptions, session->count + 1, sizeof *session->subscriptions);
        session->subscriptions[session->count++] = *subscription;
        session->exchange->served->subscriptions++;
}

static void drop(struct session *session, const char *name)
{
        size_t i = find(session, name);
        if (i < session->count) {
                session->count--;
                memmove(session->subscriptions + i, session->subscriptions + i + 1,
                    (session->count - i) * sizeof *session->subscriptions);
        }
}

void subscribe_from_url(struct session *session, const struct http_request *request)
{
        const char *unit = http_find_param(request, "timeUnit"), *names = http_find_param(request, "streams");
        session->combined = strcmp(request->path, "/stream") == 0;
        session->micro = unit != NULL && (strcasecmp(unit, "MICROSECOND") == 0);
        if (!session->combined) {
                names = strlen(request->path) > 4 ? request->path + 4 : NULL;
        }
        if (names == NULL) {
                return;
        }
        char *copy = heap_string(names, strlen(names)), *rest = copy, *name;
        while ((name = strsep(&rest, "/")) != NULL) {
                struct subscription subscription;
                if (session->count < SESSION_STREAMS_MAX && subscribe_parse_name(name, &subscription)) {
                        add(session, &subscription);
                }
        }
        free(copy);
}

// ---- control messages ----

static void reply(struct session *session, cJSON *json)
{
        char *text = cJSON_PrintUnformatted(json);
        session_send(session, WS_TEXT, true, text, strlen(text));
        cJSON_free(text);
        cJSON_Delete(json);
}

static void reply_result(struct session *session, cJSON *result, const cJSON *id)
{
        cJSON *json = cJSON_CreateObject();
        cJSON_AddItemToObject(json, "result", result);
        cJSON_AddItemToObject(json, "id", id != NULL ? cJSON_Duplicate(id, 1) : cJSON_CreateNull());
        reply(session, json);
}

// On the wire errors come nested, whatever the documentation prints.
static void reply_error(struct session *session, int code, const char *message, const cJSON *id)
{
        cJSON *json = cJSON_CreateObject();
        cJSON *error = cJSON_AddObjectToObject(json, "error");
        cJSON_AddNumberToObject(error, "code", code);
        cJSON_AddStringToObject(error, "msg", message);
        cJSON_AddItemToObject(json, "id", id != NULL ? cJSON_Duplicate(id, 1) : cJSON_CreateNull());
        reply(session, json);
}

static bool valid_id(const cJSON *id)
{
        if (id == NULL || cJSON_IsNull(id)) {
                return true;
        }
        if (cJSON_IsString(id)) {
                size_t length = strlen(id->valuestring);
                for (size_t i = 0; i < length; i++) {
                        if (!isalnum((unsigned char)id->valuestring[i]) && id->valuestring[i] != '-') {
                                return false;
                        }
                }
                return length <= 36;
        }
        return cJSON_IsNumber(id) && id->valuedouble >= 0 && id->valuedouble < 9.3e18;
}

// All names are looked at before any is subscribed: an error changes nothing.
static bool check_names(struct session *session, const cJSON *params, const cJSON *id)
{
        const cJSON *item;
        struct subscription subscription;
        cJSON_ArrayForEach(item, params)
        {
                if (!cJSON_IsString(item) || !subscribe_parse_name(item->valuestring, &subscription)) {
                        reply_error(session, 2, "Invalid request: invalid stream", id);
                        return false;
                }
        }
        return true;
}

static void change(struct session *session, bool subscribe, const cJSON *params, const cJSON *id)
{
        const cJSON *item;
        struct subscription subscription;
        if (!cJSON_IsArray(params)) {
                reply_error(session, 2, "Invalid request: missing field `params`", id);
                return;
        }
        if (!check_names(session, params, id)) {
                return;
        }
        if (subscribe && session->count + (size_t)cJSON_GetArraySize(params) > SESSION_STREAMS_MAX) {
                reply_error(session, 2, "Invalid request: too many parameters", id);
                return;
        }
        cJSON_ArrayForEach(item, params)
        {
                if (subscribe && subscribe_parse_name(item->valuestring, &subscription)) {
                        add(session, &subscription);
                } else if (!subscribe) {
                        drop(session, item->valuestring);
                }
        }
        reply_result(session, cJSON_CreateNull(), id);
}

static void list(struct session *session, const cJSON *id)
{
        cJSON *names = cJSON_CreateArray();
        for (size_t i = 0; i < session->count; i++) {
                cJSON_AddItemToArray(names, cJSON_CreateString(session->subscriptions[i].name));
        }
        reply_result(session, names, id);
}

static void property(struct session *session, bool set, const cJSON *params, const cJSON *id)
{
        const cJSON *name = cJSON_GetArrayItem(params, 0), *value = cJSON_GetArrayItem(params, 1);
        if (!cJSON_IsString(name)) {
                reply_error(session, 2, "Invalid request: property name must be a string", id);
        } else if (strcmp(name->valuestring, "combined") != 0) {
                reply_error(session, 0, "Unknown property", id);
        } else if (!set) {
                reply_result(session, cJSON_CreateBool(session->combined), id);
        } else if (!cJSON_IsBool(value)) {
                reply_error(session, 1, "Invalid value type: expected Boolean", id);
        } else {
                session->combined = cJSON_IsTrue(value);
                reply_result(session, cJSON_CreateNull(), id);
        }
}

static void dispatch(struct session *session, const cJSON *json)
{
        const cJSON *method = cJSON_GetObjectItemCaseSensitive(json, "method");
        const cJSON *params = cJSON_GetObjectItemCaseSensitive(json, "params");
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(json, "id");
        char message[256];
        if (!valid_id(id)) {
                reply_error(session, 2, "Invalid request: request ID must be an unsigned integer", NULL);
        } else if (!cJSON_IsString(method)) {
                reply_error(session, 2, "Invalid request: missing field `method` at line 1 column 1", id);
        } else if (strcmp(method->valuestring, "SUBSCRIBE") == 0) {
                change(session, true, params, id);
        } else if (strcmp(method->valuestring, "UNSUBSCRIBE") == 0) {
                change(session, false, params, id);
        } else if (strcmp(method->valuestring, "LIST_SUBSCRIPTIONS") == 0) {
                list(session, id);
        } else if (strcmp(method->valuestring, "SET_PROPERTY") == 0) {
                property(session, true, params, id);
        } else if (strcmp(method->valuestring, "GET_PROPERTY") == 0) {
                property(session, false, params, id);
        } else {
                snprintf(message, sizeof message,
                    "Invalid request: unknown variant `%.40s`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, "
                    "`LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 1",
                    method->valuestring);
                reply_error(session, 2, message, id);
        }
}

void subscribe_control(struct session *session, const char *text, size_t length)
{
        cJSON *json = cJSON_ParseWithLength(text, length);
        if (json == NULL) {
                reply_error(session, 3, "Invalid JSON: expected value at line 1 column 1", NULL);
                return;
        }
        dispatch(session, json);
        cJSON_Delete(json);
}
