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
        struct sink_shape shape;
        sink_lost *lost;
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
        mono_time renewed_at; // when it first answered on another connection than before
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
        sink->bytes_kept -= parcel->count * parcel->target->shape.layout.row_bytes;
        parcel_free(parcel);
}

// The parcel has another number of rows than `before`.
static void recount(struct sink *sink, const struct parcel *parcel, size_t before)
{
        sink->rows_kept += parcel->count - before;
        sink->bytes_kept += (parcel->count - before) * parcel->target->shape.layout.row_bytes;
}

static void sort(struct sink *sink, struct parcel *parcel)
{
        size_t before = parcel->count;

        parcel_sort(parcel, &parcel->target->shape.layout);
        recount(sink, parcel, before);
}

// ---- writing and proving a parcel ----

static void lose(struct sink *sink, struct parcel *parcel, enum sink_loss loss, const char *why)
{
        const struct sink_target *target = parcel->target;

        target->lost(
            sink->events.context, target->owner, loss, &target->shape.layout, parcel->rows, parcel->count, why);
        drop(sink, parcel);
}

// What was on its way when a connection ended may still be taken in, and an acknowledged row becomes readable with the
// server's own flush, which comes within half a second. What is not there after that does not come.
static void let_settle(const struct sink *sink, mono_time at)
{
        int64_t wait_ms = SINK_SETTLE_MS - mono_since_ms(mono_now(), at);

        if (wait_ms <= 0)
                return;
        sink->events.blocks(sink->events.context, wait_ms);
        (void)usleep((useconds_t)(wait_ms * 1000));
}

// Marks what the server has of a sorted parcel. What it has is durable. Returns 0; 2, it refuses to tell (`why`); -1.
static int mark_present(struct sink *sink, struct parcel *parcel, size_t *changed, char why[REASON_SIZE])
{
        const struct sink_target *target = parcel->target;
        const struct storerpc_layout *look = &target->shape.look;

        *changed = 0;
        for (size_t first = 0, end; first < parcel->count; first = end) {
                struct storerpc_range range;
                uint8_t *found;
                size_t found_count;

                end = parcel_span(parcel, &target->shape.layout, first, &range);
                int result = sink_read(sink, target->key, look, look->count, &range, &found, &found_count, why);
                if (result == 2 || result < 0)
                        return result;
                *changed += parcel_mark(parcel, &target->shape, first, end, found, found_count);
                free(found);
        }
        return 0;
}

// Keeps of the parcel what the server does not have, or has with other values (*changed of them). Returns as above; -1,
// and the parcel is as it was.
static int read_back(struct sink *sink, struct parcel *parcel, size_t *changed, char why[REASON_SIZE])
{
        sort(sink, parcel);
        int result = mark_present(sink, parcel, changed, why);
        if (result != 0)
                return result;
        size_t before = parcel->count;
        parcel_keep_missing(parcel, &parcel->target->shape.layout);
        recount(sink, parcel, before);
        return 0;
}

// An append that is repeated doubles rows: nothing of the attempt before may still be under way.
static int read_back_uncertain(struct sink *sink, struct parcel *parcel, char why[REASON_SIZE])
{
        size_t changed;

        if (parcel->target->shape.layout.variable) {
                if (sink_probe(sink) < 0)
                        return -1;
                let_settle(sink, parcel->tried_at);
                let_settle(sink, sink->renewed_at);
        }
        return read_back(sink, parcel, &changed, why);
}

// Sends parcels of one layout once, in one request. Returns 0: acknowledged; 2: refused, all or some of them (`why`);
// -1.
static int write_once(struct sink *sink, struct parcel *const *parcels, size_t count, char why[REASON_SIZE])
{
        struct storerpc_part parts[SINK_WRITE_BUCKETS_MAX];
        struct storehttp_answer answer;
        mono_time began = mono_now();
        bool tried = false;

        for (size_t i = 0; i < count; i++)
                parts[i] = (struct storerpc_part){parcels[i]->target->key, parcels[i]->rows, parcels[i]->count};
        storerpc_encode_write(&sink->request, &parcels[0]->target->shape.layout, parts, count);
        int result = post(sink, &answer, &tried, why);
        if (result == 0) {
                enum storerpc_verdict verdict = storerpc_decode_write(answer.bytes, answer.length, why);
                result = look_result(sink, verdict, answer.connection, began, why);
        }
        mono_time now = mono_now();
        for (size_t i = 0; i < count; i++) {
                // Some of what was refused may have been taken; a fixed row is simply written again.
                if (tried && (result < 0 || (result == 2 && parcels[i]->target->shape.layout.variable)))
                        parcels[i]->uncertain = true;
                parcels[i]->alone = parcels[i]->alone || (result == 2 && count > 1);
                parcels[i]->tried_at = now;
                if (result != 0)
                        continue;
                parcels[i]->uncertain = false;
                parcels[i]->written = (struct sink_moment){answer.connection, now};
        }
        return result;
}

// Returns 0: acknowledged, or the server had it all, or it is given up; -1. The parcel may be gone.
static int write_parcel(struct sink *sink, struct parcel *parcel)
{
        char why[REASON_SIZE] = "", look_why[REASON_SIZE]; // what the write is refused for says more

        for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
                int result = parcel->uncertain ? read_back_uncertain(sink, parcel, look_why) : 0;

                if (result == 0) {
                        sort(sink, parcel);
                        if (parcel->count == 0) {
                                drop(sink, parcel);
                                return 0;
                        }
                        result = write_once(sink, &parcel, 1, why);
                }
                if (result <= 0)
                        return result;
        }
        lose(sink, parcel, SINK_REFUSED, why[0] != '\0' ? why : look_why);
        return 0;
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
                // Another connection: the server was started anew, and has lost it; or it is the same one, and what it
                // has not shown yet must not be appended again.
                if (sink->proof.connection != parcel->written.connection && !parcel->target->shape.layout.variable)
                        break;
                if (look == 0)
                        let_settle(sink, parcel->written.at);
        }
        if (sink->proof.connection != parcel->written.connection && ++parcel->attempts < ATTEMPTS_MAX)
                parcel->written.connection = 0;
        else
                lose(sink, parcel, changed > 0 ? SINK_CHANGED : SINK_NOT_KEPT, "");
        return 0;
}

// ---- everything ----

static bool is_unsent(const struct parcel *parcel)
{
        return parcel->written.connection == 0 && !parcel->uncertain && parcel->count > 0;
}

static bool same_columns(const struct storerpc_layout *a, const struct storerpc_layout *b)
{
        if (a->variable != b->variable || a->count != b->count)
                return false;
        for (size_t i = 0; i < a->count; i++) {
                if (a->columns[i].type != b->columns[i].type || strcmp(a->columns[i].name, b->columns[i].name) != 0)
                        return false;
        }
        return true;
}

// A bucket has one place in a request.
static bool has_target(struct parcel *const *parcels, size_t count, const struct sink_target *target)
{
        for (size_t i = 0; i < count; i++) {
                if (parcels[i]->target == target)
                        return true;
        }
        return false;
}

// Sends `first` with what can go along with it, for each request costs the server a write of its log: a live second of
// many symbols is one. Returns 0; -1. What is not acknowledged is uncertain then.
static int write_together(struct sink *sink, struct parcel *first)
{
        struct parcel *parcels[SINK_WRITE_BUCKETS_MAX];
        size_t count = 0, rows = 0;
        char why[REASON_SIZE];

        for (struct parcel *parcel = first; parcel != NULL && count < SINK_WRITE_BUCKETS_MAX; parcel = parcel->newer) {
                if (!is_unsent(parcel) || parcel->alone || rows + parcel->count > SINK_PARCEL_ROWS_MAX ||
                    !same_columns(&parcel->target->shape.layout, &first->target->shape.layout) ||
                    has_target(parcels, count, parcel->target))
                        continue;
                sort(sink, parcel);
                parcels[count++] = parcel;
                rows += parcel->count;
        }
        return count > 1 && write_once(sink, parcels, count, why) < 0 ? -1 : 0;
}

static int send_all(struct sink *sink)
{
        for (struct parcel *parcel = sink->oldest, *newer; parcel != NULL; parcel = newer) {
                if (is_unsent(parcel) && !parcel->alone && write_together(sink, parcel) < 0)
                        return -1;
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
                parcel_forget(parcel, &target->shape.layout, rows, count);
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
        int result = mark_present(sink, asked, &changed, why);
        if (result == 0) {
                parcel_keep_missing(asked, &target->shape.layout);
                result = sink_put(target, asked->rows, asked->count);
        }
        int saved = errno;
        parcel_free(asked);
        errno = saved;
        return result;
}
