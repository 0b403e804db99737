// SPDX-License-Identifier: Apache-2.0
// faults: what can be made to go wrong, and what is armed at the moment. The table in faults.c names every fault with
// its help; GET /control/faults prints it.
//
// A fault is armed by POST /control/fault and taken where it happens: rest, server, session and streams ask for the
// kinds they can do at the moment they could do them. Faults that change the market or the clock act at once, in
// control. Owns the armed faults. Chance comes from the seed, so a run can be repeated.
#ifndef BF_EXCHANGE_FAULTS_H
#define BF_EXCHANGE_FAULTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_kind {
        // answers of REST
        FAULT_HTTP_STATUS,
        FAULT_TIMEOUT,
        FAULT_REST_RESET,
        FAULT_SLOW_ANSWER,
        FAULT_SLOW_BODY,
        FAULT_TRUNCATED_BODY,
        FAULT_NOT_JSON,
        FAULT_EMPTY_BODY,
        FAULT_EMPTY_PAGE,
        FAULT_SHORT_PAGE,
        FAULT_GZIP_BOMB,
        FAULT_OVERSIZED_BODY,
        FAULT_WRONG_CONTENT,
        FAULT_DEEP_JSON,
        FAULT_USED_WEIGHT,
        FAULT_INFO_BREAK,
        FAULT_INFO_MISSING,
        FAULT_INFO_CJK,
        // connections
        FAULT_ACCEPT_RESET,
        FAULT_ACCEPT_SILENT,
        FAULT_TLS_WRONG_HOST,
        FAULT_TLS_EXPIRED,
        FAULT_TLS_UNKNOWN_CA,
        FAULT_TLS_OLD,
        FAULT_WS_REFUSE,
        // WebSocket connections that stand
        FAULT_WS_CLOSE,
        FAULT_WS_RESET,
        FAULT_WS_MUTE,
        FAULT_WS_HALF_OPEN,
        FAULT_WS_NO_PING,
        FAULT_WS_PING_STORM,
        FAULT_WS_SHUTDOWN,
        // WebSocket frames
        FAULT_WS_FRAGMENT,
        FAULT_WS_DRIP,
        FAULT_WS_BINARY,
        FAULT_WS_EMPTY,
        FAULT_WS_OVERSIZED,
        FAULT_WS_TRUNCATED,
        FAULT_WS_GARBAGE,
        FAULT_WS_BAD_UTF8,
        FAULT_WS_DEEP_JSON,
        FAULT_WS_NAN,
        FAULT_WS_HUGE_NUMBER,
        FAULT_WS_WRONG_TYPES,
        FAULT_WS_DUPLICATE_KEYS,
        // bars on the stream
        FAULT_BAR_MISSED,
        FAULT_BAR_REPEATED,
        FAULT_BAR_REORDERED,
        FAULT_BAR_DELAYED,
        FAULT_BAR_WRONG,
        // trades, quotes and books on the stream
        FAULT_EVENT_LOST,
        FAULT_EVENT_REPEATED,
        FAULT_EVENT_REORDERED,
        FAULT_EVENT_DELAYED,
        FAULT_EVENT_UNIT,
        FAULT_STREAM_SILENT,
        // and in REST
        FAULT_SNAPSHOT_CROSSED,
        FAULT_SNAPSHOT_STALE,
        FAULT_SNAPSHOT_WRONG,
        FAULT_AGG_TOMBSTONE,
        // at once
        FAULT_HALT,
        FAULT_ID_RESET,
        FAULT_HOLE,
        FAULT_OFF_GRID,
        FAULT_OUTAGE,
        FAULT_CLOCK_STEP,
        FAULT_BAN,
        FAULT_RATE_LIMIT,
        FAULT_COUNT
};

struct fault {
        int64_t id;
        enum fault_kind kind;
        // what it is for; NULL or absent: anything
        char *endpoint, *symbol, *interval, *stream;
        bool has_from, has_to;
        int64_t from_ms, to_ms;
        int64_t from_id, to_id; // inclusive; to_id 0: no end
        // how often
        int64_t count; // still to happen; -1: no end
        int64_t after; // matches to let pass first
        double probability;
        int64_t armed_from_ms, armed_to_ms; // monotonic
        // with what
        int64_t status, value;
        char *retry_after, *text;
        double seconds;
        bool halt;
        int64_t hits;
        struct fault *next;
};

// What is about to happen. Absent strings are NULL; time_ms is the open time of the bar concerned, or -1. Ids are those
// of trades, aggregates or updates; last_id is 0 where there are none, and ids are not looked at then.
struct fault_subject {
        const char *endpoint, *symbol, *interval, *stream;
        int64_t time_ms, first_id, last_id;
};

struct faults;

struct faults *faults_new(uint64_t seed);
void faults_free(struct faults *faults);
// Arms one from its JSON description. NULL, and the reason in `error`, when it makes no sense.
const struct fault *faults_arm(struct faults *faults, const cJSON *json, char *error, size_t error_size);
// Removes one by id, or with id 0 all. Returns how many.
int faults_clear(struct faults *faults, int64_t id);
// The armed fault of this kind that befalls the subject now, or NULL. Counts it; the answer lives until the next call.
const struct fault *faults_take(struct faults *faults, enum fault_kind kind, const struct fault_subject *subject);
// Is any fault of this kind armed at all? Cheap, for callers with many subjects.
bool faults_is_armed(const struct faults *faults, enum fault_kind kind);
const char *faults_kind_name(enum fault_kind kind);
// A faults' kinds with help, what is armed, and how often each happened.
cJSON *faults_describe(const struct faults *faults);
// A number in [0, n), from the seed.
uint64_t faults_random(struct faults *faults, uint64_t n);

#endif
