// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/sink.h"

#include "common/clock.h"
#include "common/memory.h"
#include "common/storehttp.h"
#include "workers/writer/sinkparcel.h"
#include "workers/writer/sinkrule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS_MAX 3 // at writing the same rows

struct sink_target {
        struct sink *sink;
        char key[STORERPC_KEY_SIZE];
        struct storerpc_layout layout;
        void *owner;
        struct parcel *parcels; // the newest first
};

struct sink {
        struct sink_events events;
        struct storehttp *http;
        msgpack_sbuffer request;
        struct sink_target **targets;
        size_t targets_count;
        struct parcel *oldest, *newest; // all of them, in the order in which they were begun
        size_t bytes_kept, rows_kept;
        struct sink_moment proof;
        // away
        bool away;
        mono_time retry_at;
        int64_t retry_ms;
};

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

// Sends what lies in sink->request. Returns 0, or -1 with EHOSTUNREACH; *tried then says that it may have taken effect
// (NULL: no matter).
static int post(struct sink *sink, struct storehttp_answer *answer, bool *tried, char why[REASON_SIZE])
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
        return went_away(sink, why);
}

// An answer that could be read: the server is there, and what it wrote a second before this request began is durable.
static void succeeded(struct sink *sink, uint64_t connection, mono_time began)
{
        sink->proof = (struct sink_moment){connection, began};
        if (!sink->away)
                return;
        sink->away = false;
        sink->events.away(sink->events.context, NULL);
}

static int look_result(
    struct sink *sink, enum storerpc_verdict verdict, uint64_t connection, mono_time began, const char *why)
{
        if (verdict == STORERPC_GARBLED)
                return went_away(sink, why);
        succeeded(sink, connection, began);
        return verdict == STORERPC_FINE ? 0 : verdict == STORERPC_ABSENT ? 1 : 2;
}

int sink_probe(struct sink *sink)
{
        struct storehttp_answer answer;
        mono_time began = mono_now();
        char why[REASON_SIZE] = "";
        size_t buckets;

        storerpc_encode_list(&sink->request);
        if (post(sink, &answer, NULL, why) < 0)
                return -1;
        enum storerpc_verdict verdict = storerpc_decode_list(answer.bytes, answer.length, NULL, NULL, &buckets, why);
        return look_result(sink, verdict, answer.connection, began, why) < 0 ? -1 : 0;
}

int sink_info(struct sink *sink, const char *key, struct yearfile_schema *schema, char why[REASON_SIZE])
{
        struct storehttp_answer answer;
        mono_time began = mono_now();

        storerpc_encode_info(&sink->request, key);
        if (post(sink, &answer, NULL, why) < 0)
                return -1;
        enum storerpc_verdict verdict = storerpc_decode_info(answer.bytes, answer.length, schema, why);
        return look_result(sink, verdict, answer.connection, began, why);
}

int sink_read(struct sink *sink, const char *key, const struct storerpc_layout *layout, size_t columns,
    const struct storerpc_range *range, uint8_t **rows, size_t *count, char why[REASON_SIZE])
{
        struct storehttp_answer answer;
        mono_time began = mono_now();

        *rows = NULL;
        *count = 0;
        storerpc_encode_query(&sink->request, key, layout, columns, range);
        if (post(sink, &answer, NULL, why) < 0)
                return -1;
        enum storerpc_verdict verdict =
            storerpc_decode_query(answer.bytes, answer.length, layout, columns, rows, count, why);
        return look_result(sink, verdict, answer.connection, began, why);
}

// ---- targets and the list of parcels ----

struct sink_target *sink_target_new(
    struct sink *sink, const char *key, const struct storerpc_layout *layout, void *owner)
{
        struct sink_target *target = memory_zeroed(1, sizeof(*target));

        target->sink = sink;
        target->layout = *layout;
        target->owner = owner;
        (void)snprintf(target->key, sizeof(target->key), "%s", key);
        sink->targets = memory_resized(sink->targets, sink->targets_count + 1, sizeof(struct sink_target *));
        sink->targets[sink->targets_count++] = target;
        return target;
}

const struct storerpc_layout *sink_target_layout(const struct sink_target *target)
{
        return &target->layout;
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

static void drop(struct sink *sink, struct parcel *parcel)
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
        sink->bytes_kept -= parcel->count * parcel->target->layout.row_bytes;
        parcel_free(parcel);
}

// The parcel has another number of rows than `before`.
static void recount(struct sink *sink, const struct parcel *parcel, size_t before)
{
        sink->rows_kept += parcel->count - before;
        sink->bytes_kept += (parcel->count - before) * parcel->target->layout.row_bytes;
}

static void sort(struct sink *sink, struct parcel *parcel)
{
        size_t before = parcel->count;

        parcel_sort(parcel, &parcel->target->layout);
        recount(sink, parcel, before);
}

// ---- writing and proving a parcel ----

static void lose(struct sink *sink, struct parcel *parcel, enum sink_loss loss, const char *why)
{
        const struct sink_target *target = parcel->target;

        sink->events.lost(sink->events.context, target->owner, loss, &target->layout, parcel->rows, parcel->count, why);
        drop(sink, parcel);
}

// Keeps of the parcel what the server does not have, or has with other values (*changed of them). What it has is
// durable. Returns 0; 2, it refuses to tell (`why`); -1, and the parcel is as it was.
static int read_back(struct sink *sink, struct parcel *parcel, size_t *changed, char why[REASON_SIZE])
{
        const struct sink_target *target = parcel->target;
        const struct storerpc_layout *layout = &target->layout;

        *changed = 0;
        sort(sink, parcel);
        for (size_t first = 0, end; first < parcel->count; first = end) {
                struct storerpc_range range;
                uint8_t *found;
                size_t found_count;

                end = parcel_span(parcel, layout, first, &range);
                int result = sink_read(sink, target->key, layout, layout->count, &range, &found, &found_count, why);
                if (result == 2 || result < 0)
                        return result;
                *changed += parcel_mark(parcel, layout, first, end, found, found_count);
                free(found);
        }
        size_t before = parcel->count;
        parcel_keep_missing(parcel, layout);
        recount(sink, parcel, before);
        return 0;
}

// Sends it once. Returns 0: acknowledged; 2: refused (`why`); -1.
static int write_once(struct sink *sink, struct parcel *parcel, char why[REASON_SIZE])
{
        const struct sink_target *target = parcel->target;
        struct storehttp_answer answer;
        mono_time began = mono_now();

        storerpc_encode_write(&sink->request, target->key, &target->layout, parcel->rows, parcel->count);
        if (post(sink, &answer, &parcel->uncertain, why) < 0)
                return -1;
        enum storerpc_verdict verdict = storerpc_decode_write(answer.bytes, answer.length, why);
        int result = look_result(sink, verdict, answer.connection, began, why);
        if (result != 0)
                return result;
        parcel->uncertain = false;
        parcel->written = (struct sink_moment){answer.connection, mono_now()};
        return 0;
}

// Returns 0: acknowledged, or the server had it all, or it is given up; -1. The parcel may be gone.
static int write_parcel(struct sink *sink, struct parcel *parcel)
{
        char why[REASON_SIZE] = "", look_why[REASON_SIZE]; // what the write is refused for says more
        size_t changed;

        for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
                int result = parcel->uncertain ? read_back(sink, parcel, &changed, look_why) : 0;

                if (result == 0) {
                        sort(sink, parcel);
                        if (parcel->count == 0) {
                                drop(sink, parcel);
                                return 0;
                        }
                        result = write_once(sink, parcel, why);
                }
                if (result <= 0)
                        return result;
        }
        lose(sink, parcel, SINK_REFUSED, why[0] != '\0' ? why : look_why);
        return 0;
}

// The server's own flush comes within half a second; a row that is not there by then does not come.
static void let_settle(const struct sink *sink, const struct parcel *parcel)
{
        int64_t wait_ms = SINK_SETTLE_MS - mono_since_ms(mono_now(), parcel->written.at);

        if (wait_ms <= 0)
                return;
        sink->events.blocks(sink->events.context, wait_ms);
        (void)usleep((useconds_t)(wait_ms * 1000));
}

// An acknowledged parcel becomes durable, or is to be written again (written.connection 0), or is given up. Returns 0
// or -1.
static int prove_parcel(struct sink *sink, struct parcel *parcel)
{
        char why[REASON_SIZE] = "";
        size_t changed;

        for (int look = 0; look < 2; look++) {
                if (sinkrule_is_durable(&parcel->written, &sink->proof)) {
                        drop(sink, parcel);
                        return 0;
                }
                int result = read_back(sink, parcel, &changed, why);
                if (result < 0)
                        return -1;
                if (result == 2) {
                        lose(sink, parcel, SINK_REFUSED, why);
                        return 0;
                }
                if (parcel->count == 0) {
                        drop(sink, parcel);
                        return 0;
                }
                if (sink->proof.connection != parcel->written.connection)
                        break; // the server was started anew, and has lost it
                if (look == 0)
                        let_settle(sink, parcel);
        }
        if (sink->proof.connection != parcel->written.connection && ++parcel->attempts < ATTEMPTS_MAX)
                parcel->written.connection = 0;
        else
                lose(sink, parcel, changed > 0 ? SINK_CHANGED : SINK_NOT_KEPT, "");
        return 0;
}

// ---- everything ----

static int send_all(struct sink *sink)
{
        for (struct parcel *parcel = sink->oldest, *newer; parcel != NULL; parcel = newer) {
                newer = parcel->newer;
                if (parcel->written.connection == 0 && write_parcel(sink, parcel) < 0)
                        return -1;
        }
        return 0;
}

int sink_confirm(struct sink *sink)
{
        // A restart of the server in the midst of it makes one round more.
        while (sink->oldest != NULL) {
                if (send_all(sink) < 0)
                        return -1;
                // The newest first: reading it back proves the older ones, a second later.
                for (struct parcel *parcel = sink->newest, *older; parcel != NULL; parcel = older) {
                        older = parcel->older;
                        if (prove_parcel(sink, parcel) < 0)
                                return -1;
                }
        }
        return 0;
}

int sink_send(struct sink_target *target)
{
        for (struct parcel *parcel = target->parcels, *next; parcel != NULL; parcel = next) {
                next = parcel->next_of_target;
                if (parcel->written.connection == 0 && write_parcel(target->sink, parcel) < 0)
                        return -1;
        }
        return 0;
}

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
                parcel_forget(parcel, &target->layout, rows, count);
                recount(sink, parcel, before);
                if (parcel->count == 0)
                        drop(sink, parcel);
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
                        return write_parcel(sink, parcel); // at most one fills up with each call
        }
        return 0;
}

int sink_put(struct sink_target *target, const uint8_t *rows, size_t count)
{
        size_t row_bytes = target->layout.row_bytes;

        if (make_room(target) < 0)
                return -1;
        if (!target->layout.variable)
                forget_older(target, rows, count);
        for (size_t i = 0; i < count; i++) {
                struct parcel *parcel = open_parcel(target, parcel_year_of(rows + i * row_bytes));

                parcel_add(parcel, &target->layout, rows + i * row_bytes);
        }
        target->sink->rows_kept += count;
        target->sink->bytes_kept += count * row_bytes;
        return 0;
}
