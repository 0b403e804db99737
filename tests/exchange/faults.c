// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exchange/grid.h"
#include "tests/exchange/heap.h"
#include "tests/exchange/simclock.h"
#include "tests/exchange/tape.h"

// Every fault there is. `count` is how often it happens when the request does not say (-1: until cleared).
static const struct {
        const char *name;
        int64_t count;
        const char *help;
} kinds[FAULT_COUNT] = {
    [FAULT_HTTP_STATUS] = {"http-status", 1,
        "answer `status` (429, 418, 403 as HTML, 451, 500, 502, 503); `retry_after` is sent as given, absurd or not"},
    [FAULT_TIMEOUT] = {"timeout", 1, "take the request and never answer"},
    [FAULT_REST_RESET] = {"rest-reset", 1, "reset the connection instead of answering"},
    [FAULT_SLOW_ANSWER] = {"slow-answer", 1, "answer rightly after `seconds`"},
    [FAULT_SLOW_BODY] = {"slow-body", 1, "send the answer at `value` bytes a second (1000)"},
    [FAULT_TRUNCATED_BODY] = {"truncated-body", 1, "promise the whole body, send half, close"},
    [FAULT_NOT_JSON] = {"not-json", 1, "200 with a body that is no JSON"},
    [FAULT_EMPTY_BODY] = {"empty-body", 1, "200 with no body at all"},
    [FAULT_EMPTY_PAGE] = {"empty-page", 1, "klines answers [] though there are bars"},
    [FAULT_SHORT_PAGE] = {"short-page", 1, "klines answers only the first `value` rows (1)"},
    [FAULT_GZIP_BOMB] = {"gzip-bomb", 1, "a small gzip body that unpacks to `value` MiB (256)"},
    [FAULT_OVERSIZED_BODY] = {"oversized-body", 1, "a body of `value` MiB of JSON white space (64)"},
    [FAULT_WRONG_CONTENT] = {"wrong-content", 1,
        "valid JSON that is no answer: `text`, or rows with columns missing and numbers for strings"},
    [FAULT_DEEP_JSON] = {"deep-json", 1, "`value` nested arrays (100000)"},
    [FAULT_USED_WEIGHT] = {"used-weight", 1, "the used-weight headers say `value`"},
    [FAULT_INFO_BREAK] = {"info-break", 1, "exchangeInfo says BREAK of every symbol, as under maintenance"},
    [FAULT_INFO_MISSING] = {"info-missing", 1, "exchangeInfo leaves `symbol` out"},
    [FAULT_INFO_CJK] = {"info-cjk", 1, "exchangeInfo lists a symbol with a Chinese name as well"},
    [FAULT_ACCEPT_RESET] = {"accept-reset", 1, "accept the connection and reset it"},
    [FAULT_ACCEPT_SILENT] = {"accept-silent", 1, "accept the connection and say nothing: a stalled TLS or HTTP"},
    [FAULT_TLS_WRONG_HOST] = {"tls-wrong-host", 1, "a certificate for another host"},
    [FAULT_TLS_EXPIRED] = {"tls-expired", 1, "a certificate that has expired"},
    [FAULT_TLS_UNKNOWN_CA] = {"tls-unknown-ca", 1, "a certificate of an unknown authority"},
    [FAULT_TLS_OLD] = {"tls-old", 1, "offer TLS 1.1 at most"},
    [FAULT_WS_REFUSE] = {"ws-refuse", 1, "refuse the WebSocket handshake with `status` (503)"},
    [FAULT_WS_CLOSE] = {"ws-close", 1, "close the connection with code `status` (1001) and reason `text`"},
    [FAULT_WS_RESET] = {"ws-reset", 1, "reset the connection"},
    [FAULT_WS_MUTE] = {"ws-mute", 1, "the connection stays open; no events and no pings, pings are answered"},
    [FAULT_WS_HALF_OPEN] = {"ws-half-open", 1, "the connection stays open; nothing is read or sent any more"},
    [FAULT_WS_NO_PING] = {"ws-no-ping", -1, "pings that are due are not sent"},
    [FAULT_WS_PING_STORM] = {"ws-ping-storm", 1, "`value` pings at once (100)"},
    [FAULT_WS_SHUTDOWN] = {"ws-shutdown", 1, "send serverShutdown, close with 1001 after `seconds`"},
    [FAULT_WS_FRAGMENT] = {"ws-fragment", -1, "events in fragments of `value` bytes (16)"},
    [FAULT_WS_DRIP] = {"ws-drip", 1, "an event in TCP segments of one byte"},
    [FAULT_WS_BINARY] = {"ws-binary", 1, "the event comes in a binary frame"},
    [FAULT_WS_EMPTY] = {"ws-empty", 1, "an empty text frame comes before the event"},
    [FAULT_WS_OVERSIZED] = {"ws-oversized", 1, "a text frame of `value` bytes of JSON comes first (2097152)"},
    [FAULT_WS_TRUNCATED] = {"ws-truncated", 1, "the event's JSON stops half way"},
    [FAULT_WS_GARBAGE] = {"ws-garbage", 1, "the event's text is no JSON"},
    [FAULT_WS_BAD_UTF8] = {"ws-bad-utf8", 1, "the event's text is no UTF-8"},
    [FAULT_WS_DEEP_JSON] = {"ws-deep-json", 1, "`value` nested arrays instead of the event (10000)"},
    [FAULT_WS_NAN] = {"ws-nan", 1, "prices of the event are NaN"},
    [FAULT_WS_HUGE_NUMBER] = {"ws-huge-number", 1, "a price of the event has 400 digits"},
    [FAULT_WS_WRONG_TYPES] = {"ws-wrong-types", 1, "numbers and strings of the event change places"},
    [FAULT_WS_DUPLICATE_KEYS] = {"ws-duplicate-keys", 1, "the event names its k twice, the second one empty"},
    [FAULT_BAR_MISSED] = {"bar-missed", 1, "the closing event of a bar is not sent"},
    [FAULT_BAR_REPEATED] = {"bar-repeated", 1, "the closing event of a bar comes twice"},
    [FAULT_BAR_REORDERED] = {"bar-reordered", 1, "the closing event comes after the next event of the stream"},
    [FAULT_BAR_DELAYED] = {"bar-delayed", 1, "the closing event comes `seconds` later"},
    [FAULT_BAR_WRONG] = {"bar-wrong", 1, "the stream says a wrong close price and volume; REST the right ones"},
    [FAULT_EVENT_LOST] = {"event-lost", 1, "a trade, aggTrade, bookTicker or depth event is not sent"},
    [FAULT_EVENT_REPEATED] = {"event-repeated", 1, "such an event comes twice"},
    [FAULT_EVENT_REORDERED] = {"event-reordered", 1, "such an event comes after the next one of its stream"},
    [FAULT_EVENT_DELAYED] = {"event-delayed", 1, "such an event comes `seconds` later"},
    [FAULT_EVENT_UNIT] = {"event-unit", 1, "such an event has its times in the other unit, ms or µs"},
    [FAULT_STREAM_SILENT] = {"stream-silent", -1,
        "nothing of a stream is sent while this lasts (`for_ms`), all else is"},
    [FAULT_SNAPSHOT_CROSSED] = {"snapshot-crossed", 1, "depth answers a book whose best bid lies above the best ask"},
    [FAULT_SNAPSHOT_STALE] = {"snapshot-stale", 1, "depth answers the book of `value` updates ago (1000)"},
    [FAULT_SNAPSHOT_WRONG] = {"snapshot-wrong", 1,
        "depth answers other quantities at `value` bids (10) amid the others than the stream's changes make"},
    [FAULT_AGG_TOMBSTONE] = {"agg-tombstone", -1,
        "aggTrades of REST with ids in [`from_id`, `to_id`] were struck out: p = q = 0, f = l = -1"},
    [FAULT_HALT] = {"halt", 0,
        "`symbol` stops trading for `seconds` of exchange time (for ever) and is shown as HALT meanwhile"},
    [FAULT_ID_RESET] = {"id-reset", 0, "a testnet's wipe: the life of `symbol` begins anew, and so do its ids"},
    [FAULT_HOLE] = {"hole", 0,
        "maintenance: no trades in [`from`, `to`), of `symbol` or all: absent in REST, streams and the ledger"},
    [FAULT_OFF_GRID] = {"off-grid", 0, "bars in [`from`, `to`) open `value` ms late"},
    [FAULT_OUTAGE] = {"outage", 0,
        "everything but /control and /ledger is refused for `seconds` (real); `halt`: the market stands still too"},
    [FAULT_CLOCK_STEP] = {"clock-step", 0, "the exchange's clock jumps by `value` ms"},
    [FAULT_BAN] = {"ban", 0, "a real ban (418) of `seconds` from now on; violating it makes it longer"},
    [FAULT_RATE_LIMIT] = {"rate-limit", 0, "a real 429 period of `seconds` from now on"},
};

struct faults {
        struct fault *first;
        int64_t last_id;
        int armed[FAULT_COUNT];
        int64_t hits[FAULT_COUNT];
        uint64_t random;
};

struct faults *faults_new(uint64_t seed)
{
        struct faults *faults = heap_zeroed(sizeof *faults);
        faults->random = tape_hash(seed ^ UINT64_C(0x6661756c7473));
        return faults;
}

static void fault_free(struct fault *fault)
{
        free(fault->endpoint);
        free(fault->symbol);
        free(fault->interval);
        free(fault->stream);
        free(fault->retry_after);
        free(fault->text);
        free(fault);
}

void faults_free(struct faults *faults)
{
        faults_clear(faults, 0);
        free(faults);
}

const char *faults_kind_name(enum fault_kind kind)
{
        return kinds[kind].name;
}

uint64_t faults_random(struct faults *faults, uint64_t n)
{
        faults->random = tape_hash(faults->random);
        return faults->random % n;
}

// ---- arming ----

struct field {
        const char *name;
        enum { FIELD_TEXT, FIELD_INTEGER, FIELD_REAL, FIELD_BOOL, FIELD_TIME } type;
        size_t offset;
};

#define FIELD(name, type, member)                                                                                      \
        {                                                                                                              \
                name, type, offsetof(struct fault, member)                                                             \
        }

static const struct field fields[] = {
    FIELD("endpoint", FIELD_TEXT, endpoint),
    FIELD("symbol", FIELD_TEXT, symbol),
    FIELD("interval", FIELD_TEXT, interval),
    FIELD("stream", FIELD_TEXT, stream),
    FIELD("from", FIELD_TIME, from_ms),
    FIELD("to", FIELD_TIME, to_ms),
    FIELD("from_id", FIELD_INTEGER, from_id),
    FIELD("to_id", FIELD_INTEGER, to_id),
    FIELD("count", FIELD_INTEGER, count),
    FIELD("after", FIELD_INTEGER, after),
    FIELD("probability", FIELD_REAL, probability),
    FIELD("delay_ms", FIELD_INTEGER, armed_from_ms),
    FIELD("for_ms", FIELD_INTEGER, armed_to_ms),
    FIELD("status", FIELD_INTEGER, status),
    FIELD("value", FIELD_INTEGER, value),
    FIELD("retry_after", FIELD_TEXT, retry_after),
    FIELD("text", FIELD_TEXT, text),
    FIELD("seconds", FIELD_REAL, seconds),
    FIELD("halt", FIELD_BOOL, halt),
};

static bool read_text(const cJSON *item, char **text)
{
        char number[32];
        const char *from = item->valuestring;
        if (cJSON_IsNumber(item)) { // "retry_after": 5 is as good as "5"
                snprintf(number, sizeof number, "%.0f", item->valuedouble);
                from = number;
        } else if (!cJSON_IsString(item)) {
                return false;
        }
        free(*text);
        *text = heap_string(from, strlen(from));
        return true;
}

static bool read_time(const cJSON *item, int64_t *time_ms)
{
        if (cJSON_IsString(item)) {
                return grid_parse_time(item->valuestring, time_ms);
        }
        *time_ms = (int64_t)item->valuedouble;
        return cJSON_IsNumber(item);
}

static bool read_field(const cJSON *item, const struct field *field, struct fault *fault)
{
        void *at = (char *)fault + field->offset;
        switch (field->type) {
        case FIELD_TEXT: return read_text(item, at);
        case FIELD_INTEGER: *(int64_t *)at = (int64_t)item->valuedouble; return cJSON_IsNumber(item);
        case FIELD_REAL: *(double *)at = item->valuedouble; return cJSON_IsNumber(item);
        case FIELD_BOOL: *(bool *)at = cJSON_IsTrue(item); return cJSON_IsBool(item);
        case FIELD_TIME: return read_time(item, at);
        }
        return false;
}

static bool find_kind(const char *name, enum fault_kind *kind)
{
        for (int i = 0; i < FAULT_COUNT; i++) {
                if (strcmp(kinds[i].name, name) == 0) {
                        *kind = (enum fault_kind)i;
                        return true;
                }
        }
        return false;
}

static int read_member(const cJSON *item, struct fault *fault, char *error, size_t error_size)
{
        if (strcmp(item->string, "fault") == 0) {
                return 0;
        }
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
                if (strcmp(fields[i].name, item->string) == 0) {
                        if (!read_field(item, &fields[i], fault)) {
                                snprintf(error, error_size, "%s: wrong type of value", item->string);
                                return -1;
                        }
                        fault->has_from |= strcmp(item->string, "from") == 0;
                        fault->has_to |= strcmp(item->string, "to") == 0;
                        return 0;
                }
        }
        int used = snprintf(error, error_size, "unknown key %s; known:", item->string);
        for (size_t i = 0; i < sizeof fields / sizeof fields[0] && used > 0 && (size_t)used < error_size; i++) {
                used += snprintf(error + used, error_size - (size_t)used, " %s", fields[i].name);
        }
        return -1;
}

static void set_armed_times(struct fault *fault)
{
        int64_t now = simclock_real_ms();
        fault->armed_from_ms += now;
        fault->armed_to_ms = fault->armed_to_ms > 0 ? fault->armed_from_ms + fault->armed_to_ms : INT64_MAX;
}

const struct fault *faults_arm(struct faults *faults, const cJSON *json, char *error, size_t error_size)
{
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, "fault");
        enum fault_kind kind;
        if (!cJSON_IsString(name) || !find_kind(name->valuestring, &kind)) {
                snprintf(error, error_size, "\"fault\" must name one of those in GET /control/faults");
                return NULL;
        }
        struct fault *fault = heap_zeroed(sizeof *fault);
        fault->kind = kind;
        fault->count = kinds[kind].count;
        fault->probability = 1;
        fault->value = -1;
        const cJSON *item;
        cJSON_ArrayForEach(item, json)
        {
                if (read_member(item, fault, error, error_size) != 0) {
                        fault_free(fault);
                        return NULL;
                }
        }
        set_armed_times(fault);
        fault->id = ++faults->last_id;
        struct fault **last = &faults->first; // in the order they were armed
        while (*last != NULL) {
                last = &(*last)->next;
        }
        *last = fault;
        faults->armed[kind]++;
        return fault;
}

int faults_clear(struct faults *faults, int64_t id)
{
        int cleared = 0;
        for (struct fault **at = &faults->first; *at != NULL;) {
                struct fault *fault = *at;
                if (id != 0 && fault->id != id) {
                        at = &fault->next;
                        continue;
                }
                *at = fault->next;
                faults->armed[fault->kind]--;
                fault_free(fault);
                cleared++;
        }
        return cleared;
}

// ---- taking ----

static bool same(const char *wanted, const char *is)
{
        return wanted == NULL || (is != NULL && strcmp(wanted, is) == 0);
}

// Streams match by their whole name or by a part of it: "btcusdt" or "@kline_1m" are enough.
static bool concerns(const struct fault *fault, const struct fault_subject *subject)
{
        if (!same(fault->endpoint, subject->endpoint) || !same(fault->symbol, subject->symbol) ||
            !same(fault->interval, subject->interval)) {
                return false;
        }
        if (fault->stream != NULL && (subject->stream == NULL || strstr(subject->stream, fault->stream) == NULL)) {
                return false;
        }
        if (subject->time_ms >= 0 && ((fault->has_from && subject->time_ms < fault->from_ms) ||
                                         (fault->has_to && subject->time_ms >= fault->to_ms))) {
                return false;
        }
        if (subject->last_id != 0 &&
            (subject->last_id < fault->from_id || (fault->to_id != 0 && subject->first_id > fault->to_id))) {
                return false;
        }
        return true;
}

const struct fault *faults_take(struct faults *faults, enum fault_kind kind, const struct fault_subject *subject)
{
        if (faults->armed[kind] == 0) {
                return NULL;
        }
        int64_t now = simclock_real_ms();
        for (struct fault *fault = faults->first; fault != NULL; fault = fault->next) {
                if (fault->kind != kind || fault->count == 0 || now < fault->armed_from_ms ||
                    now >= fault->armed_to_ms || !concerns(fault, subject)) {
                        continue;
                }
                if (fault->after > 0) {
                        fault->after--;
                        continue;
                }
                if (fault->probability < 1 &&
                    (double)faults_random(faults, UINT64_C(1) << 32) >= fault->probability * 4294967296.0) {
                        continue;
                }
                fault->count -= fault->count > 0;
                fault->hits++;
                faults->hits[kind]++;
                return fault;
        }
        return NULL;
}

bool faults_is_armed(const struct faults *faults, enum fault_kind kind)
{
        return faults->armed[kind] > 0;
}

cJSON *faults_describe(const struct faults *faults)
{
        cJSON *json = cJSON_CreateObject();
        cJSON *known = cJSON_AddObjectToObject(json, "known");
        for (int i = 0; i < FAULT_COUNT; i++) {
                cJSON_AddStringToObject(known, kinds[i].name, kinds[i].help);
        }
        cJSON *hits = cJSON_AddObjectToObject(json, "hits");
        for (int i = 0; i < FAULT_COUNT; i++) {
                if (faults->hits[i] > 0) {
                        cJSON_AddNumberToObject(hits, kinds[i].name, (double)faults->hits[i]);
                }
        }
        cJSON *armed = cJSON_AddArrayToObject(json, "armed");
        for (const struct fault *fault = faults->first; fault != NULL; fault = fault->next) {
                cJSON *item = cJSON_CreateObject();
                cJSON_AddNumberToObject(item, "id", (double)fault->id);
                cJSON_AddStringToObject(item, "fault", kinds[fault->kind].name);
                cJSON_AddNumberToObject(item, "left", (double)fault->count);
                cJSON_AddNumberToObject(item, "hits", (double)fault->hits);
                cJSON_AddItemToArray(armed, item);
        }
        return json;
}
