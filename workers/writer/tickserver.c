// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/tickserver.h"

#include "common/log.h"
#include "common/memory.h"
#include "workers/writer/adopt.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/serverstore.h"
#include "workers/writer/sinkrule.h"
#include "workers/writer/tickset.h"
#include "workers/writer/tickwire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_ROWS 50000 // asked for at once
#define SCHEMA_TEXT_SIZE 4096
#define TIME_END_S (year_start_us(2200) / US_PER_S) // no row is younger
// A server that was killed replays what it wrote since its last checkpoint, which it makes every five minutes.
#define REPLAY_US (6 * US_PER_MIN)

struct tick_remote {
        struct tick_remote *next;
        struct store *store;
        struct tick_bucket *bucket;
        char key[BUCKET_NAME_SIZE];
        struct tick_wire wire;
        struct sink_target *target;
        int64_t newest_s; // the server has no row of a later second
        // Minutes that rows were put into, lately and in the six minutes before: what a replay may double.
        struct ranges written[2];
        mono_time written_since;
        bool suspect; // to be looked through
};

// ---- pages ----

// Told of rows in the shape's `look`, ascending. Never of the same row twice.
typedef void take_rows(struct tick_remote *remote, const uint8_t *rows, size_t count, void *context);

// Rows of whole seconds only where more are to come: the rest of the last one comes with the next page.
static size_t whole_seconds(const struct storerpc_layout *look, const uint8_t *rows, size_t count)
{
        int64_t last_s = storerpc_row_epoch_s(rows + (count - 1) * look->row_bytes);
        size_t whole = count;

        while (whole > 0 && storerpc_row_epoch_s(rows + (whole - 1) * look->row_bytes) == last_s)
                whole--;
        return whole > 0 ? whole : count; // a second of more rows than a page has is taken as it came
}

// Reads [start_s, end_s] page by page. Returns 0; 2, the server refuses to tell (`why`); -1.
static int read_pages(
    struct tick_remote *remote, int64_t start_s, int64_t end_s, take_rows *take, void *context, char why[REASON_SIZE])
{
        const struct storerpc_layout *look = &remote->wire.shape.look;
        struct storerpc_range range = {.start_s = start_s, .end_s = end_s, .limit = PAGE_ROWS};
        size_t count;

        do {
                uint8_t *rows;
                int result =
                    sink_read(remote->store->server->sink, remote->key, look, look->count, &range, &rows, &count, why);

                if (result == 2 || result < 0)
                        return result;
                size_t taken = count == PAGE_ROWS ? whole_seconds(look, rows, count) : count;
                int64_t from_s = range.start_s;
                take(remote, rows, taken, context);
                if (taken > 0)
                        range.start_s = storerpc_row_epoch_s(rows + (taken - 1) * look->row_bytes) + 1;
                free(rows);
                if (range.start_s <= from_s)
                        break; // an answer that is out of order leads nowhere
        } while (count == PAGE_ROWS);
        return 0;
}

// ---- what the server doubled ----

struct doubles {
        size_t count;
        int64_t first_id, last_id, start_us, end_us;
};

static void find_doubles(struct tick_remote *remote, const uint8_t *rows, size_t count, void *context)
{
        const struct tick_wire *wire = &remote->wire;
        const struct sink_rows set = {&wire->shape.look, &wire->shape.look_key, rows, count};
        struct doubles *doubles = context;
        bool *again = memory_zeroed(count + 1, sizeof(*again));

        doubles->count += sinkmatch_mark_repeated(&set, again);
        for (size_t i = 0; i < count; i++) {
                const uint8_t *row = rows + i * wire->shape.look.row_bytes;
                int64_t id = tick_wire_id(wire, row, true), time_us = tick_wire_time_us(wire, row, true);

                if (!again[i])
                        continue;
                doubles->first_id = id < doubles->first_id ? id : doubles->first_id;
                doubles->last_id = id > doubles->last_id ? id : doubles->last_id;
                doubles->start_us = time_us < doubles->start_us ? time_us : doubles->start_us;
                doubles->end_us = time_us > doubles->end_us ? time_us : doubles->end_us;
        }
        free(again);
}

static void record_doubles(struct tick_remote *remote, const struct doubles *doubles)
{
        struct tick_bucket *bucket = remote->bucket;
        struct tick_gap gap = {.epoch = tick_epoch_newest(bucket),
            .state = GAP_DOUBLED,
            .first_id = doubles->first_id,
            .last_id = doubles->last_id,
            .start_us = doubles->start_us,
            .end_us = doubles->end_us,
            .found_us = remote->store->exchange_us};
        size_t before = bucket->gaps_count;
        char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];

        (void)snprintf(gap.evidence, sizeof(gap.evidence),
            "the store server has %zu rows more than once: it replayed "
            "its log after it was killed",
            doubles->count);
        tick_note_gap(remote->store, bucket, &gap);
        if (bucket->gaps_count > before)
                log_warn("%s: %s has %zu rows from %s to %s more than once, as after a kill, when it replays its log; "
                         "nothing is sent again, and they are told apart by their ids",
                    remote->key, remote->store->root, doubles->count, time_format_us(doubles->start_us, from),
                    time_format_us(doubles->end_us, until));
}

static int inspect(struct tick_remote *remote)
{
        struct doubles doubles = {.first_id = INT64_MAX, .last_id = -1, .start_us = INT64_MAX, .end_us = -1};
        char why[REASON_SIZE];

        for (size_t i = 0; i < 2 && remote->wire.shape.key.parts > 0; i++) {
                const struct ranges *written = &remote->written[i];

                for (size_t j = 0; j < written->count; j++) {
                        int64_t start_s = written->items[j].start_us / US_PER_S;
                        int64_t end_s = written->items[j].end_us / US_PER_S - 1;

                        // A bucket that cannot be read any more shows when it is written.
                        if (read_pages(remote, start_s, end_s, find_doubles, &doubles, why) < 0)
                                return -1;
                }
        }
        if (doubles.count > 0)
                record_doubles(remote, &doubles);
        remote->suspect = false;
        return 0;
}

int tickserver_inspect(struct store *store)
{
        for (struct tick_remote *remote = store->server->remotes; remote != NULL; remote = remote->next) {
                if (remote->suspect && inspect(remote) < 0)
                        return -1;
        }
        return 0;
}

void tickserver_renewed(struct store *store)
{
        for (struct tick_remote *remote = store->server->remotes; remote != NULL; remote = remote->next) {
                remote->suspect = true;
                // It may even be another server, or the bucket another one.
                remote->bucket->prepared = false;
                store->rows_dirty = true;
                store_mark_dirty(store, 0, true);
        }
}

static void note_written(struct tick_remote *remote, int64_t start_s, int64_t end_s)
{
        mono_time now = mono_now();

        if (now.us - remote->written_since.us > REPLAY_US) {
                struct ranges oldest = remote->written[1];

                remote->written[1] = remote->written[0];
                ranges_free(&oldest);
                remote->written[0] = (struct ranges){0};
                remote->written_since = now;
        }
        int64_t start_us = start_s * US_PER_S, end_us = (end_s + 1) * US_PER_S;
        start_us -= start_us % US_PER_MIN;
        end_us += US_PER_MIN - end_us % US_PER_MIN;
        store_require_memory(ranges_set(&remote->written[0], start_us, end_us, 0));
}

// ---- losses ----

static int32_t epoch_at(const struct tick_bucket *bucket, int64_t time_us)
{
        int32_t epoch = tick_epoch_newest(bucket);

        while (epoch > 0 && time_us < bucket->epoch_starts_us[epoch])
                epoch--;
        return epoch;
}

// Neither stored nor, in a job under way, had.
static void withdraw_id(struct store *store, struct tick_bucket *bucket, int64_t id, int64_t time_us)
{
        int32_t epoch = epoch_at(bucket, time_us);

        tick_uncover(store, bucket, epoch, id, id);
        for (size_t i = 0; i < LEASES_MAX && bucket->leases > 0; i++) {
                struct tick_lease *ticks = &store->leases[i].ticks;

                if (store->leases[i].used && ticks->bucket != TICK_NONE &&
                    store->ticks.buckets[ticks->bucket] == bucket)
                        idset_remove(&ticks->got, epoch, id, id);
        }
}

static void on_lost(void *context, void *owner, enum sink_loss loss, const struct storerpc_layout *layout,
    const uint8_t *rows, size_t count, const char *why)
{
        struct tick_remote *remote = owner;
        struct tick_bucket *bucket = remote->bucket;
        struct store *store = context;
        bool by_id = tick_kind_has_ids(bucket->kind) && remote->wire.shape.key.parts > 0;
        struct tick_gap gap = {.state = GAP_LOST,
            .first_id = INT64_MAX,
            .last_id = -1,
            .start_us = INT64_MAX,
            .end_us = -1,
            .found_us = store->exchange_us};
        char reason[REASON_SIZE];

        for (size_t i = 0; i < count; i++) {
                const uint8_t *row = rows + i * layout->row_bytes;
                int64_t id = tick_wire_id(&remote->wire, row, false);
                int64_t time_us = tick_wire_time_us(&remote->wire, row, false);

                if (by_id)
                        withdraw_id(store, bucket, id, time_us);
                gap.first_id = id < gap.first_id ? id : gap.first_id;
                gap.last_id = id > gap.last_id ? id : gap.last_id;
                gap.start_us = time_us < gap.start_us ? time_us : gap.start_us;
                gap.end_us = time_us > gap.end_us ? time_us : gap.end_us;
        }
        if (loss == SINK_REFUSED)
                (void)snprintf(reason, sizeof(reason), "the server says: %.120s", why);
        else
                (void)snprintf(
                    reason, sizeof(reason), "the store server acknowledged %zu rows and does not have them", count);
        log_error("%s: %zu rows are not kept by %s: %s", remote->key, count, store->root, reason);
        (void)snprintf(gap.evidence, sizeof(gap.evidence), "%s", reason);
        if (!by_id)
                tick_note_gap(store, bucket, &gap);
        else if (loss != SINK_REFUSED)
                (void)tick_trouble_add(store, bucket, TROUBLE_UNKEPT, gap.first_id, gap.last_id, reason);
        if (loss != SINK_REFUSED || bucket->refused)
                return;
        bucket->prepared = false; // a reload looks again
        (void)ticksink_refuse(store, bucket, reason);
}

// ---- looking ----

static struct tick_remote *remote_of(struct store *store, struct tick_bucket *bucket)
{
        struct tick_remote *remote = bucket->remote;

        if (remote == NULL) {
                remote = bucket->remote = memory_zeroed(1, sizeof(*remote));
                remote->store = store;
                remote->bucket = bucket;
                remote->newest_s = INT64_MIN;
                remote->written_since = mono_now();
                remote->next = store->server->remotes;
                store->server->remotes = remote;
        }
        tick_bucket_format(bucket->directory, bucket->kind, remote->key);
        return remote;
}

// The bucket's columns are these from now on.
static void set_columns(struct tick_remote *remote, const struct tick_wire *wire)
{
        remote->wire = *wire;
        remote->bucket->levels = wire->levels;
        remote->target = sink_target_new(remote->store->server->sink, remote->key, &wire->shape, on_lost, remote);
}

static int refuse_columns(struct tick_remote *remote, const struct yearfile_schema *theirs, const char *why)
{
        struct tick_bucket *bucket = remote->bucket;
        struct yearfile_schema ours;
        char text[SCHEMA_TEXT_SIZE], reason[REASON_SIZE];

        adopt_schema_text(theirs, text, sizeof(text));
        log_error("%s: the store has columns %s; timeframe %lld s, record type %lld", remote->key, text,
            (long long)(theirs->timeframe_ns / 1000000000), (long long)theirs->record_type);
        tick_schema(bucket->kind, remote->store->setup.settings.depth_levels, &ours);
        adopt_schema_text(&ours, text, sizeof(text));
        log_error("%s: accepted are %s%s; timeframe 1 s, record type 1", remote->key, text,
            bucket->kind < TICK_DEPTH ? " (of them at least prices and sizes)" : "");
        (void)snprintf(reason, sizeof(reason), "its columns are not ours: %.100s", why);
        return ticksink_refuse(remote->store, bucket, reason);
}

static bool is_seconds(const struct yearfile_schema *schema, char why[REASON_SIZE])
{
        (void)snprintf(why, REASON_SIZE, "it is not of records of variable length in seconds");
        return schema->record_type == 1 && schema->timeframe_ns == 1000000000;
}

static void note_absent(struct tick_remote *remote)
{
        struct tick_bucket *bucket = remote->bucket;

        remote->newest_s = INT64_MIN;
        if (bucket->covered.count == 0 && bucket->rows == 0)
                return;
        log_warn("%s: the ledger counts rows as stored, but %s has no such bucket; they are fetched again where that "
                 "can be done",
            remote->key, remote->store->root);
        ticksink_forget(remote->store, bucket);
}

// Returns 0; 1: refused; -1. Afterwards the bucket has columns, and a target.
static int look_at_columns(struct store *store, struct tick_remote *remote, bool *absent)
{
        struct tick_wire *wire = memory_zeroed(1, sizeof(*wire));
        struct yearfile_schema schema;
        char why[REASON_SIZE];
        int result = sink_info(store->server->sink, remote->key, &schema, why);

        *absent = result == 1;
        if (*absent)
                tick_schema(remote->bucket->kind, store->setup.settings.depth_levels, &schema);
        if (result == 2)
                result = ticksink_refuse(store, remote->bucket, why);
        else if (result >= 0 &&
                 (!is_seconds(&schema, why) || !tick_wire_make(remote->bucket->kind, &schema, wire, why)))
                result = refuse_columns(remote, &schema, why);
        else if (result >= 0)
                result = 0;
        if (result == 0 && (remote->target == NULL || memcmp(&remote->wire, wire, sizeof(*wire)) != 0)) {
                if (remote->target != NULL)
                        log_warn("%s: the bucket of %s has other columns than before", remote->key, store->root);
                set_columns(remote, wire);
        }
        free(wire);
        return result;
}

// What another process of ours sent last may still be on its way into the server.
static void let_settle(struct store *store)
{
        int64_t wait_ms = SINK_SETTLE_MS - mono_since_ms(mono_now(), store->server->opened_at);

        if (wait_ms > 0)
                (void)usleep((useconds_t)(wait_ms * 1000));
}

static int find_newest(struct store *store, struct tick_remote *remote, char why[REASON_SIZE])
{
        const struct storerpc_layout *look = &remote->wire.shape.look;
        const struct storerpc_range last = {.end_s = TIME_END_S, .limit = 1, .limit_from_end = true};
        uint8_t *rows;
        size_t count;
        int result = sink_read(store->server->sink, remote->key, look, look->count, &last, &rows, &count, why);

        // What is gathered here lies behind what is there.
        for (size_t i = 0; i < count; i++) {
                int64_t second = storerpc_row_epoch_s(rows + i * look->row_bytes);

                if (second > remote->newest_s)
                        remote->newest_s = second;
        }
        free(rows);
        return result == 1 ? 0 : result;
}

struct adoption {
        size_t count;
        struct id_range run;
};

static void end_run(struct tick_remote *remote, struct adoption *adoption)
{
        if (adoption->run.first_id >= 0)
                tick_cover(remote->store, remote->bucket, &adoption->run);
        adoption->run.first_id = -1;
}

static void adopt_rows(struct tick_remote *remote, const uint8_t *rows, size_t count, void *context)
{
        const struct tick_wire *wire = &remote->wire;
        struct adoption *adoption = context;
        struct id_range *run = &adoption->run;

        for (size_t i = 0; i < count; i++) {
                const uint8_t *row = rows + i * wire->shape.look.row_bytes;
                int64_t id = tick_wire_id(wire, row, true), time_us = tick_wire_time_us(wire, row, true);

                if (id < 0 || id == INT64_MAX)
                        continue;
                if (run->first_id < 0 || id != run->last_id + 1) {
                        end_run(remote, adoption);
                        int32_t epoch = tick_epoch_of(remote->store, remote->bucket, id, time_us);
                        *run = (struct id_range){epoch, ID_ADOPTED, id, id, time_us, time_us};
                }
                run->last_id = id;
                run->last_us = time_us > run->last_us ? time_us : run->last_us;
        }
        adoption->count += count;
}

// Ids that the ledger knows nothing of count as stored.
static int adopt(struct tick_remote *remote, char why[REASON_SIZE])
{
        struct adoption adoption = {.run = {.first_id = -1}};
        int result = read_pages(remote, 0, TIME_END_S, adopt_rows, &adoption, why);

        end_run(remote, &adoption);
        if (result != 0) {
                tick_uncover(remote->store, remote->bucket, tick_epoch_newest(remote->bucket), 0, INT64_MAX);
                return result;
        }
        if (adoption.count > 0)
                log_info("%s: the store server has %zu rows that the ledger did not know; they count as stored",
                    remote->key, adoption.count);
        return 0;
}

static int look(struct store *store, struct tick_bucket *bucket)
{
        struct tick_remote *remote = remote_of(store, bucket);
        bool absent, accounted = bucket->covered.count > 0;
        char why[REASON_SIZE];

        let_settle(store);
        int result = look_at_columns(store, remote, &absent);
        if (result != 0)
                return result;
        if (absent) {
                note_absent(remote);
                return 0;
        }
        if ((result = find_newest(store, remote, why)) == 0 && !accounted && tick_kind_has_ids(bucket->kind) &&
            remote->wire.shape.key.parts > 0)
                result = adopt(remote, why);
        if (result == 2)
                return ticksink_refuse(store, bucket, why);
        if (result == 0 && (accounted || bucket->rows > 0) && remote->newest_s > INT64_MIN) {
                // The server may have been killed while nobody watched.
                note_written(remote, remote->newest_s - 2 * REPLAY_US / US_PER_S, remote->newest_s);
                remote->suspect = true;
                store->rows_dirty = true;
                store_mark_dirty(store, 0, true);
        }
        return result;
}

// ---- staging ----

// Splits the rows: those of seconds that the server may have come first in `out`. Returns how many these are. Of rows
// with equal keys one is left (*count).
static size_t split(const struct tick_remote *remote, const uint8_t *rows, size_t *count, uint8_t *out)
{
        const struct sink_shape *shape = &remote->wire.shape;
        const struct sink_rows set = {&shape->layout, &shape->key, rows, *count};
        bool *again = memory_zeroed(*count, sizeof(*again));
        size_t row_bytes = shape->layout.row_bytes, used = 0, old = 0;

        (void)sinkmatch_mark_repeated(&set, again);
        for (int younger = 0; younger < 2; younger++) {
                for (size_t i = 0; i < *count; i++) {
                        const uint8_t *row = rows + i * row_bytes;

                        if (again[i] || (storerpc_row_epoch_s(row) > remote->newest_s) != younger)
                                continue;
                        memcpy(out + used++ * row_bytes, row, row_bytes);
                }
                if (!younger)
                        old = used;
        }
        free(again);
        *count = used;
        return old;
}

static int put(struct store *store, struct tick_remote *remote, const uint8_t *rows, size_t old, size_t count)
{
        size_t row_bytes = remote->wire.shape.layout.row_bytes;
        int64_t first_s = INT64_MAX, last_s = INT64_MIN;
        char why[REASON_SIZE];
        int result = old > 0 ? sink_put_missing(remote->target, rows, old, why) : 0;

        if (result == 2)
                return ticksink_refuse(store, remote->bucket, why);
        if (result == 0 && count > old)
                result = sink_put(remote->target, rows + old * row_bytes, count - old);
        if (result != 0)
                return result;
        for (size_t i = 0; i < count; i++) {
                int64_t second = storerpc_row_epoch_s(rows + i * row_bytes);

                first_s = second < first_s ? second : first_s;
                last_s = second > last_s ? second : last_s;
        }
        remote->newest_s = last_s > remote->newest_s ? last_s : remote->newest_s;
        note_written(remote, first_s, last_s);
        store->rows_dirty = true;
        store_mark_dirty(store, (int64_t)(count * row_bytes), true);
        return remote->bucket->refused ? 1 : 0; // older rows may have been lost meanwhile
}

static int stage(struct store *store, struct tick_bucket *bucket, const struct tick_rows *rows)
{
        struct tick_remote *remote = bucket->remote;
        size_t count = tick_rows_count(rows), row_bytes = remote->wire.shape.layout.row_bytes;

        if (count == 0)
                return 0;
        uint8_t *encoded = memory_zeroed(2 * count, row_bytes), *parted = encoded + count * row_bytes;
        tick_wire_encode(&remote->wire, rows, encoded);
        size_t old = split(remote, encoded, &count, parted);
        int result = put(store, remote, parted, old, count);
        int saved = errno;
        free(encoded);
        errno = saved;
        return result;
}

const struct tick_sink tickserver = {look, stage};

void tickserver_free(struct server_store *server)
{
        for (struct tick_remote *remote = server->remotes, *next; remote != NULL; remote = next) {
                next = remote->next;
                remote->bucket->remote = NULL;
                ranges_free(&remote->written[0]);
                ranges_free(&remote->written[1]);
                free(remote);
        }
        server->remotes = NULL;
}
