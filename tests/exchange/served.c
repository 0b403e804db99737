// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/served.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exchange/heap.h"
#include "tests/exchange/simclock.h"

struct served *served_new(void)
{
        struct served *served = heap_zeroed(sizeof *served);
        served->last_emission = &served->emissions;
        return served;
}

static void free_first_blast(struct served_stream *stream)
{
        struct served_blast *blast = stream->blasts;
        stream->blasts = blast->next;
        evbuffer_free(blast->frames);
        free(blast);
}

void served_free(struct served *served)
{
        while (served->streams != NULL) {
                struct served_stream *stream = served->streams;
                served->streams = stream->next;
                while (stream->blasts != NULL) {
                        free_first_blast(stream);
                }
                free(stream->name);
                free(stream);
        }
        while (served->emissions != NULL) {
                struct served_emission *emission = served->emissions;
                served->emissions = emission->next;
                free(emission->stream);
                free(emission);
        }
        free(served->windows);
        free(served);
}

void served_count_request(struct served *served, const char *endpoint)
{
        size_t i = 0;
        while (i < served->endpoint_count && strcmp(served->endpoints[i].endpoint, endpoint) != 0) {
                i++;
        }
        if (i == sizeof served->endpoints / sizeof served->endpoints[0]) {
                return;
        }
        served->endpoints[i].endpoint = endpoint;
        served->endpoints[i].count++;
        served->endpoint_count += i == served->endpoint_count;
}

void served_count_answer(struct served *served, int status)
{
        if (status >= 0 && status < 600) {
                served->answers[status]++;
        }
}

void served_add_window(struct served *served, const struct served_window *window)
{
        if (served->window_count == SERVED_WINDOWS_MAX) {
                size_t half = SERVED_WINDOWS_MAX / 2;
                memmove(served->windows, served->windows + half, half * sizeof *served->windows);
                served->window_count = half;
                served->windows_forgotten += (int64_t)half;
        }
        served->windows = heap_grow(served->windows, served->window_count + 1, sizeof *served->windows);
        served->windows[served->window_count++] = *window;
        served->rows += window->rows;
}

struct served_stream *served_find_stream(struct served *served, const char *name)
{
        for (struct served_stream *at = served->streams; at != NULL; at = at->next) {
                if (strcmp(at->name, name) == 0) {
                        return at;
                }
        }
        struct served_stream *stream = heap_zeroed(sizeof *stream);
        stream->name = heap_string(name, strlen(name));
        stream->first_open_ms = stream->last_open_ms = stream->blast_place_ms = -1;
        stream->next = served->streams;
        served->streams = stream;
        return stream;
}

struct served_blast *served_add_blast(struct served_stream *stream)
{
        struct served_blast *blast = heap_zeroed(sizeof *blast);
        blast->frames = evbuffer_new();
        if (stream->blasts == NULL) {
                stream->blasts = blast;
        } else {
                stream->last_blast->next = blast;
        }
        stream->last_blast = blast;
        return blast;
}

int64_t served_take_blast(struct served_stream *stream, struct evbuffer *out)
{
        struct served_blast *blast = stream->blasts;
        if (blast == NULL) {
                return -1;
        }
        int64_t time_ms = blast->time_ms;
        evbuffer_add_buffer(out, blast->frames);
        free_first_blast(stream);
        return time_ms;
}

struct served_emission *served_add_emission(
    struct served *served, const char *stream, uint64_t connection, int64_t life_ms)
{
        struct served_emission *emission = heap_zeroed(sizeof *emission);
        emission->stream = heap_string(stream, strlen(stream));
        emission->connection = connection;
        emission->life_ms = life_ms;
        emission->first_id = emission->last_id = -1;
        emission->begun_wall_ms = simclock_wall_ms();
        *served->last_emission = emission;
        served->last_emission = &emission->next;
        return emission;
}

void served_note_emission(struct served_emission *emission, int64_t first_id, int64_t last_id)
{
        emission->first_id = emission->first_id < 0 ? first_id : emission->first_id;
        emission->last_id = last_id > emission->last_id ? last_id : emission->last_id;
        emission->events++;
}

static void add_number(cJSON *json, const char *name, int64_t value)
{
        cJSON_AddNumberToObject(json, name, (double)value);
}

static void describe_requests(cJSON *json, const struct served *served)
{
        int64_t total = 0;
        cJSON *endpoints = cJSON_AddObjectToObject(json, "endpoints");
        for (size_t i = 0; i < served->endpoint_count; i++) {
                add_number(endpoints, served->endpoints[i].endpoint, served->endpoints[i].count);
                total += served->endpoints[i].count;
        }
        add_number(json, "requests", total);
        cJSON *answers = cJSON_AddObjectToObject(json, "answers");
        for (int status = 0; status < 600; status++) {
                if (served->answers[status] > 0) {
                        char name[16];
                        snprintf(name, sizeof name, "%d", status);
                        add_number(answers, name, served->answers[status]);
                }
        }
        add_number(json, "sent_429", served->answers[429]);
        add_number(json, "sent_418", served->answers[418]);
        add_number(json, "sent_403", served->answers[403]);
        add_number(json, "klines_requests", (int64_t)served->window_count + served->windows_forgotten);
        add_number(json, "klines_rows", served->rows);
}

static void describe_rate(cJSON *json, const struct rate *rate)
{
        add_number(json, "weight_limit", rate->weight_max);
        add_number(json, "weight_used_max", rate->weight_used_max);
        add_number(json, "violations", rate->violations);
        add_number(json, "banned_until_ms", rate->banned_until_ms);
        add_number(json, "connections", rate->connections);
        add_number(json, "connections_refused", rate->connections_refused);
        add_number(json, "connections_per_5min_max", rate->connections_in_window_max);
        cJSON *minutes = cJSON_AddArrayToObject(json, "minutes");
        for (size_t i = 0; i < rate->minute_count; i++) {
                cJSON *minute = cJSON_CreateObject();
                add_number(minute, "minute", rate->minutes[i].minute);
                add_number(minute, "weight", rate->minutes[i].weight);
                add_number(minute, "requests", rate->minutes[i].requests);
                add_number(minute, "refused", rate->minutes[i].refused);
                cJSON_AddItemToArray(minutes, minute);
        }
}

static void describe_streams(cJSON *json, const struct served *served)
{
        add_number(json, "handshakes", served->handshakes);
        add_number(json, "client_messages", served->messages);
        add_number(json, "client_messages_per_second_max", served->messages_in_second_max);
        add_number(json, "pings", served->pings);
        add_number(json, "pongs", served->pongs);
        add_number(json, "pong_delay_max_ms", served->pong_delay_max_ms);
        add_number(json, "subscriptions", served->subscriptions);
        add_number(json, "closed_by_policy", served->closed_by_policy);
        add_number(json, "closed_by_age", served->closed_by_age);
        add_number(json, "closed_by_pong", served->closed_by_pong);
        cJSON *streams = cJSON_AddObjectToObject(json, "streams");
        for (const struct served_stream *at = served->streams; at != NULL; at = at->next) {
                cJSON *stream = cJSON_AddObjectToObject(streams, at->name);
                add_number(stream, "closed", at->closed);
                add_number(stream, "updates", at->updates);
                add_number(stream, "first_open", at->first_open_ms);
                add_number(stream, "last_open", at->last_open_ms);
        }
}

cJSON *served_describe(const struct served *served, const struct rate *rate)
{
        cJSON *json = cJSON_CreateObject();
        describe_requests(json, served);
        describe_rate(json, rate);
        describe_streams(json, served);
        return json;
}

void served_print_windows(const struct served *served, int64_t from_ms, struct evbuffer *out)
{
        const char *separator = "";
        evbuffer_add_printf(out, "[");
        for (size_t i = 0; i < served->window_count; i++) {
                const struct served_window *w = &served->windows[i];
                if (w->wall_ms < from_ms) {
                        continue;
                }
                evbuffer_add_printf(out,
                    "%s\n{\"symbol\":\"%s\",\"interval\":\"%s\",\"start\":%" PRId64 ",\"end\":%" PRId64
                    ",\"rows\":%" PRId64 ",\"first\":%" PRId64 ",\"last\":%" PRId64 ",\"time\":%" PRId64
                    ",\"exchange_time\":%" PRId64 "}",
                    separator, w->symbol, grid_interval_name(w->interval), w->start_ms, w->end_ms, w->rows, w->first_ms,
                    w->last_ms, w->wall_ms, w->exchange_ms);
                separator = ",";
        }
        evbuffer_add_printf(out, "]\n");
}

void served_print_emissions(const struct served *served, const char *part, struct evbuffer *out)
{
        const char *separator = "";
        evbuffer_add_printf(out, "[");
        for (const struct served_emission *at = served->emissions; at != NULL; at = at->next) {
                if (part != NULL && strstr(at->stream, part) == NULL) {
                        continue;
                }
                evbuffer_add_printf(out,
                    "%s\n{\"stream\":\"%s\",\"connection\":%" PRIu64 ",\"listed\":%" PRId64 ",\"first\":%" PRId64
                    ",\"last\":%" PRId64 ",\"events\":%" PRId64 ",\"lost\":%" PRId64 ",\"begun\":%" PRId64 "}",
                    separator, at->stream, at->connection, at->life_ms, at->first_id, at->last_id, at->events, at->lost,
                    at->begun_wall_ms);
                separator = ",";
        }
        evbuffer_add_printf(out, "]\n");
}
