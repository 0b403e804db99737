// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/sink.h"

#include "common/clock.h"
#include "common/memory.h"
#include "common/storehttp.h"
#include "workers/writer/sinkparcel.h"
#include "workers/writer/sinkstate.h"
#include "workers/writer/sinkwrite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- life ----

struct sink *sink_new(const char *url, const struct sink_events *events)
{
        struct sink *sink = memory_zeroed(1, sizeof(*sink));

        sink->events = *events;
        msgpack_sbuffer_init(&sink->request);
        sink->http = storehttp_new(url);
        if (sink->http != NULL)
                return sink;
        sink_free(sink);
        return NULL;
}

void sink_free(struct sink *sink)
{
        if (sink == NULL)
                return;
        for (struct parcel *parcel = sink->oldest, *next; parcel != NULL; parcel = next) {
                next = parcel->newer;
                parcel_free(parcel);
        }
        for (size_t i = 0; i < sink->targets_count; i++)
                free(sink->targets[i]);
        free(sink->targets);
        msgpack_sbuffer_destroy(&sink->request);
        storehttp_free(sink->http);
        free(sink);
}

bool sink_is_away(const struct sink *sink)
{
        return sink->away;
}

size_t sink_rows_kept(const struct sink *sink)
{
        return sink->rows_kept;
}

// ---- one request ----

static int went_away(struct sink *sink, const char *why)
{
        sink->retry_ms = sink->away ? sink->retry_ms * 2 : SINK_RETRY_MS_MIN;
        if (sink->retry_ms > SINK_RETRY_MS_MAX)
                sink->retry_ms = SINK_RETRY_MS_MAX;
        sink->retry_at = (mono_time){mono_now().us + sink->retry_ms * US_PER_MS};
        if (!sink->away)
                sink->events.away(sink->events.context, why);
        sink->away = true;
        errno = EHOSTUNREACH;
        return -1;
}

// Returns 0; or -1 with EPROTO, it gave no answer of a MarketStore, or with EHOSTUNREACH.
static int post_once(struct sink *sink, struct storehttp_answer *answer, bool *tried, char why[REASON_SIZE])
{
        if (sink->away && mono_now().us < sink->retry_at.us) {
                errno = EHOSTUNREACH;
                return -1;
        }
        if (tried != NULL)
                *tried = true;
        sink->events.blocks(sink->events.context, STORERPC_CONNECT_MS + STORERPC_ANSWER_MS);
        if (storehttp_post(sink->http, sink->request.data, sink->request.size, answer, why) == 0)
                return 0;
        return errno == EPROTO ? -1 : went_away(sink, why);
}

// An answer that could be read: the server is there, and what it wrote a second before this request began is durable.
static void succeeded(struct sink *sink, uint64_t connection, mono_time began)
{
        bool renewed = sink->proof.connection != 0 && sink->proof.connection != connection;

        sink->proof = (struct sink_moment){connection, began};
        if (renewed) {
                sink->renewed_at = mono_now();
                sink->events.renewed(sink->events.context);
        }
        if (!sink->away)
                return;
        sink->away = false;
        sink->events.away(sink->events.context, NULL);
}

int sink_probe(struct sink *sink)
{
        struct storehttp_answer answer;
        mono_time began = mono_now();
        char why[REASON_SIZE] = "";
        size_t buckets;

        storerpc_encode_list(&sink->request);
        if (post_once(sink, &answer, NULL, why) < 0)
                return errno == EPROTO ? went_away(sink, why) : -1;
        // A refusal, too, is no answer: a server that ends lists nothing any more.
        if (storerpc_decode_list(answer.bytes, answer.length, NULL, NULL, &buckets, why) != STORERPC_FINE)
                return went_away(sink, why);
        succeeded(sink, answer.connection, began);
        return 0;
}

// A request that got no answer ended the server, or is one that it panics at while it answers others: then it is the
// request that has to be given up, or one bucket would hold up all.
static int dropped(struct sink *sink)
{
        return sink_probe(sink) < 0 ? -1 : SINK_DROPPED;
}

int sink_post(struct sink *sink, struct storehttp_answer *answer, bool *tried, char why[REASON_SIZE])
{
        if (post_once(sink, answer, tried, why) == 0)
                return 0;
        return errno == EPROTO ? dropped(sink) : -1;
}

int sink_look_result(struct sink *sink, enum storerpc_verdict verdict, uint64_t connection, mono_time began)
{
        if (verdict == STORERPC_GARBLED)
                return dropped(sink);
        succeeded(sink, connection, began);
        return verdict == STORERPC_FINE ? 0 : verdict == STORERPC_ABSENT ? 1 : 2;
}

// ---- targets and the list of parcels ----

struct sink_target *sink_target_new(
    struct sink *sink, const char *key, const struct sink_shape *shape, sink_lost *lost, void *owner)
{
        struct sink_target *target = memory_zeroed(1, sizeof(*target));

        target->sink = sink;
        target->shape = *shape;
        target->lost = lost;
        target->owner = owner;
        (void)snprintf(target->key, sizeof(target->key), "%s", key);
        sink->targets = memory_resized(sink->targets, sink->targets_count + 1, sizeof(struct sink_target *));
        sink->targets[sink->targets_count++] = target;
        return target;
}

const struct storerpc_layout *sink_target_layout(const struct sink_target *target)
{
        return &target->shape.layout;
}

static struct parcel *begin_parcel(struct sink_target *target, int64_t year)
{
        struct sink *sink = target->sink;
        struct parcel *parcel = parcel_new(target, year);

        parcel->older = sink->newest;
        if (sink->newest != NULL)
                sink->newest->newer = parcel;
        else
                sink->oldest = parcel;
        sink->newest = parcel;
        parcel->next_of_target = target->parcels;
        target->parcels = parcel;
        return parcel;
}

void sink_drop_parcel(struct sink *sink, struct parcel *parcel)
{
        struct parcel **link = &parcel->target->parcels;

        while (*link != parcel)
                link = &(*link)->next_of_target;
        *link = parcel->next_of_target;
        if (parcel->older != NULL)
                parcel->older->newer = parcel->newer;
        else
                sink->oldest = parcel->newer;
        if (parcel->newer != NULL)
                parcel->newer->older = parcel->older;
        else
                sink->newest = parcel->older;
        sink->rows_kept -= parcel->count;
        sink->bytes_kept -= parcel->count * parcel->target->shape.layout.row_bytes;
        parcel_free(parcel);
}

// The parcel has another number of rows than `before`.
void sink_recount(struct sink *sink, const struct parcel *parcel, size_t before)
{
        sink->rows_kept += parcel->count - before;
        sink->bytes_kept += (parcel->count - before) * parcel->target->shape.layout.row_bytes;
}

void sink_sort_parcel(struct sink *sink, struct parcel *parcel)
{
        size_t before = parcel->count;

        parcel_sort(parcel, &parcel->target->shape.layout);
        sink_recount(sink, parcel, before);
}

// ---- taking rows ----

// The parcel that takes a row of this year.
static struct parcel *open_parcel(struct sink_target *target, int64_t year)
{
        for (struct parcel *parcel = target->parcels; parcel != NULL; parcel = parcel->next_of_target) {
                if (parcel->year == year && parcel->written.connection == 0 && !parcel->uncertain &&
                    parcel->count < SINK_PARCEL_ROWS_MAX)
                        return parcel;
        }
        return begin_parcel(target, year);
}

// Rows that are kept at these times are no longer what the server is to have, not even after its restart.
static void forget_older(struct sink_target *target, const uint8_t *rows, size_t count)
{
        struct sink *sink = target->sink;

        for (struct parcel *parcel = target->parcels, *next; parcel != NULL; parcel = next) {
                next = parcel->next_of_target;
                size_t before = parcel->count;
                parcel_forget(parcel, &target->shape.layout, rows, count);
                sink_recount(sink, parcel, before);
                if (parcel->count == 0)
                        sink_drop_parcel(sink, parcel);
        }
}

// Makes room. Returns 0 or -1.
static int make_room(struct sink_target *target)
{
        struct sink *sink = target->sink;

        if (sink->away && sink_probe(sink) < 0)
                return -1;
        if (sink->bytes_kept >= SINK_KEPT_BYTES_MAX)
                return sink_confirm(sink);
        for (struct parcel *parcel = target->parcels; parcel != NULL; parcel = parcel->next_of_target) {
                if (parcel->written.connection == 0 && parcel->count >= SINK_PARCEL_ROWS_MAX)
                        return sinkwrite_parcel(sink, parcel); // at most one fills up with each call
        }
        return 0;
}

int sink_put(struct sink_target *target, const uint8_t *rows, size_t count)
{
        size_t row_bytes = target->shape.layout.row_bytes;

        if (make_room(target) < 0)
                return -1;
        if (!target->shape.layout.variable)
                forget_older(target, rows, count);
        for (size_t i = 0; i < count; i++) {
                struct parcel *parcel = open_parcel(target, parcel_year_of(rows + i * row_bytes));

                parcel_add(parcel, &target->shape.layout, rows + i * row_bytes);
        }
        target->sink->rows_kept += count;
        target->sink->bytes_kept += count * row_bytes;
        return 0;
}

// Marks what lies in the target's own parcels: sent or not, it is not to be sent again.
static void mark_kept(const struct sink_target *target, struct parcel *rows)
{
        const struct sink_shape *shape = &target->shape;
        const struct sink_rows these = {&shape->layout, &shape->key, rows->rows, rows->count};

        (void)sinkmatch_mark_repeated(&these, rows->present);
        for (const struct parcel *parcel = target->parcels; parcel != NULL; parcel = parcel->next_of_target) {
                const struct sink_rows others = {&shape->layout, &shape->key, parcel->rows, parcel->count};

                sinkmatch_mark(&these, rows->present, &others);
        }
}

int sink_put_missing(struct sink_target *target, const uint8_t *rows, size_t count, char why[REASON_SIZE])
{
        size_t row_bytes = target->shape.layout.row_bytes, changed;
        struct sink *sink = target->sink;

        // Without a key equal rows are counted, so that a row must not be both here and there.
        if (target->shape.key.parts == 0 && sink_confirm(sink) < 0)
                return -1;
        struct parcel *asked = parcel_new(target, 0);
        for (size_t i = 0; i < count; i++)
                parcel_add(asked, &target->shape.layout, rows + i * row_bytes);
        parcel_sort(asked, &target->shape.layout);
        mark_kept(target, asked);
        parcel_keep_missing(asked, &target->shape.layout);
        int result = sinkwrite_mark_present(sink, asked, &changed, why);
        if (result == 0) {
                parcel_keep_missing(asked, &target->shape.layout);
                result = sink_put(target, asked->rows, asked->count);
        }
        int saved = errno;
        parcel_free(asked);
        errno = saved;
        return result;
}
