// SPDX-License-Identifier: Apache-2.0
// served: the ledger of what the exchange was asked for and what it gave, so that a test can compare exactly.
// Owns its records; bounded (SERVED_WINDOWS_MAX), the oldest windows are forgotten first and counted.
#ifndef BF_EXCHANGE_SERVED_H
#define BF_EXCHANGE_SERVED_H

#include <cjson/cJSON.h>
#include <event2/buffer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/exchange/grid.h"
#include "tests/exchange/ratelimit.h"

#define SERVED_WINDOWS_MAX ((size_t)1 << 20)

// One klines request. start_ms and end_ms are -1 where absent.
struct served_window {
        char symbol[24];
        enum grid_interval interval;
        int64_t start_ms, end_ms, first_ms, last_ms;
        int64_t rows, wall_ms, exchange_ms;
};

// Frames of a full-blast stream that wait to be sent, and the exchange's time when they are.
struct served_blast {
        struct evbuffer *frames;
        int64_t time_ms;
        struct served_blast *next;
};

struct served_stream {
        char *name;
        int64_t closed, updates, first_open_ms, last_open_ms;
        int64_t blast_place_ms; // how far a full-blast stream has come: a time, or an id of ticks; -1: not begun
        int64_t blast_left;
        struct served_blast *blasts, *last_blast;
        struct served_stream *next;
};

// What one subscription to trades, quotes or books was sent. Ids are -1 as long as there was nothing.
struct served_emission {
        char *stream;
        uint64_t connection;
        int64_t life_ms; // the listing of the symbol: after a wipe ids begin anew
        int64_t first_id, last_id, events, lost;
        int64_t begun_wall_ms;
        struct served_emission *next;
};

struct served {
        struct served_window *windows;
        size_t window_count;
        int64_t windows_forgotten;
        struct served_stream *streams;
        struct served_emission *emissions, **last_emission;
        struct {
                const char *endpoint;
                int64_t count;
        } endpoints[32];
        size_t endpoint_count;
        int64_t answers[600]; // by status
        int64_t rows;
        int64_t messages, messages_in_second_max, pings, pongs, pong_delay_max_ms, subscriptions;
        int64_t handshakes, closed_by_policy, closed_by_age, closed_by_pong;
};

struct served *served_new(void);
void served_free(struct served *served);
// `endpoint` must live as long as the ledger: rows of the route table do.
void served_count_request(struct served *served, const char *endpoint);
void served_count_answer(struct served *served, int status);
void served_add_window(struct served *served, const struct served_window *window);
// The counters of one stream name, made at the first call.
struct served_stream *served_find_stream(struct served *served, const char *name);
// A new record, which lives as long as the ledger.
struct served_emission *served_add_emission(
    struct served *served, const char *stream, uint64_t connection, int64_t life_ms);
// An event that told of these ids was sent.
void served_note_emission(struct served_emission *emission, int64_t first_id, int64_t last_id);
// Frames to be filled in, behind those that wait already.
struct served_blast *served_add_blast(struct served_stream *stream);
// Moves the first of those that wait to `out`. Returns their time, or -1 where none wait.
int64_t served_take_blast(struct served_stream *stream, struct evbuffer *out);
// JSON array of the emissions, of all streams or those whose name has `part` in it.
void served_print_emissions(const struct served *served, const char *part, struct evbuffer *out);
cJSON *served_describe(const struct served *served, const struct rate *rate);
// JSON array of the windows asked for at or after wall time `from_ms`.
void served_print_windows(const struct served *served, int64_t from_ms, struct evbuffer *out);

#endif
