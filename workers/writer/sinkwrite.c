// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/sinkwrite.h"

#include "common/clock.h"
#include "common/log.h"
#include "workers/writer/sinkstate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNDONE_MAX 3 // writes of the same rows that a restart of the server undid

static void lose(struct sink *sink, struct parcel *parcel, enum sink_loss loss, const char *why)
{
        const struct sink_target *target = parcel->target;

        target->lost(sink->events.context, target->owner, loss, &target->shape, parcel->rows, parcel->count, why);
        sink_drop_parcel(sink, parcel);
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

int sinkwrite_mark_present(struct sink *sink, struct parcel *parcel, size_t *changed, char why[REASON_SIZE])
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

// Keeps of the parcel what the server does not have, or has with other values (*changed of them). Returns 0; 2, it
// refuses to tell (`why`); or -1, and the parcel is as it was.
static int read_back(struct sink *sink, struct parcel *parcel, size_t *changed, char why[REASON_SIZE])
{
        sink_sort_parcel(sink, parcel);
        int result = sinkwrite_mark_present(sink, parcel, changed, why);
        if (result != 0)
                return result;
        size_t before = parcel->count;
        parcel_keep_missing(parcel, &parcel->target->shape.layout);
        sink_recount(sink, parcel, before);
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

// Sends parcels of one layout once, in one request. Returns 0, acknowledged; 2, refused, all or some, or SINK_DROPPED
// (`why`); or -1.
static int write_once(struct sink *sink, struct parcel *const *parcels, size_t count, char why[REASON_SIZE])
{
        struct storerpc_part parts[SINK_WRITE_BUCKETS_MAX];
        struct storehttp_answer answer;
        mono_time began = mono_now();
        bool tried = false;

        for (size_t i = 0; i < count; i++)
                parts[i] = (struct storerpc_part){parcels[i]->target->key, parcels[i]->rows, parcels[i]->count};
        storerpc_encode_write(&sink->request, &parcels[0]->target->shape.layout, parts, count);
        int result = sink_post(sink, &answer, &tried, why);
        if (result == 0) {
                enum storerpc_verdict verdict = storerpc_decode_write(answer.bytes, answer.length, why);
                result = sink_look_result(sink, verdict, answer.connection, began);
        }
        mono_time now = mono_now();
        for (size_t i = 0; i < count; i++) {
                // Some of what was refused may have been taken; a fixed row is simply written again.
                if (tried && result != 0 && (result != 2 || parcels[i]->target->shape.layout.variable))
                        parcels[i]->uncertain = true;
                parcels[i]->alone = parcels[i]->alone || (result > 0 && count > 1);
                parcels[i]->tried_at = now;
                if (result != 0)
                        continue;
                parcels[i]->uncertain = false;
                parcels[i]->written = (struct sink_moment){answer.connection, now};
        }
        return result;
}

static void say_unwritable(const struct parcel *parcel)
{
        const uint8_t *last = parcel->rows + (parcel->count - 1) * parcel->target->shape.layout.row_bytes;
        char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];

        log_error(
            "%s: the store server gave no answer to any of %d writes of %zu rows from %s to %s, and answers other "
            "requests; its own log may say why",
            parcel->target->key, SINK_TRIES_MAX, parcel->count,
            time_format_us(storerpc_row_epoch_s(parcel->rows) * US_PER_S, from),
            time_format_us(storerpc_row_epoch_s(last) * US_PER_S, until));
}

int sinkwrite_parcel(struct sink *sink, struct parcel *parcel)
{
        char why[REASON_SIZE] = "", look_why[REASON_SIZE]; // what the write is refused for says more
        int look = 0, result = 0;

        for (int tries = 0; tries < SINK_TRIES_MAX && look == 0; tries++) {
                sink_sort_parcel(sink, parcel);
                look = parcel->uncertain ? read_back_uncertain(sink, parcel, look_why) : 0;
                if (look < 0)
                        return -1;
                if (parcel->count == 0) {
                        sink_drop_parcel(sink, parcel);
                        return 0;
                }
                if (look == 0 && (result = write_once(sink, &parcel, 1, why)) <= 0)
                        return result;
        }
        if (look == 0 && result == SINK_DROPPED)
                say_unwritable(parcel);
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
                // Reading back is a proof itself: of what it did not show, a second one would prove the contrary.
                if (look == 0 && sinkrule_is_durable(&parcel->written, &sink->proof)) {
                        sink_drop_parcel(sink, parcel);
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
                        sink_drop_parcel(sink, parcel);
                        return 0;
                }
                // Another connection: the server was started anew, and has lost it; or it is the same one, and what it
                // has not shown yet must not be appended again.
                if (sink->proof.connection != parcel->written.connection && !parcel->target->shape.layout.variable)
                        break;
                if (look == 0)
                        let_settle(sink, parcel->written.at);
        }
        if (sink->proof.connection != parcel->written.connection && ++parcel->attempts < UNDONE_MAX)
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
                sink_sort_parcel(sink, parcel);
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
                if (parcel->written.connection == 0 && sinkwrite_parcel(sink, parcel) < 0)
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
                if (parcel->written.connection == 0 && sinkwrite_parcel(target->sink, parcel) < 0)
                        return -1;
        }
        return 0;
}
