// SPDX-License-Identifier: Apache-2.0
#include "common/log.h"
#include "common/memory.h"
#include "workers/writer/adopt.h"
#include "workers/writer/serverstore.h"
#include "workers/writer/sinkrule.h"
#include "workers/writer/tickserver_parts.h"
#include "workers/writer/tickset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_ROWS 50000 // asked for at once
#define SCHEMA_TEXT_SIZE 4096
#define TIME_END_S (year_start_us(2200) / US_PER_S) // no row is younger

// ---- pages ----

// How many of the rows are of other seconds than the last one.
static size_t whole_seconds(const struct storerpc_layout *look, const uint8_t *rows, size_t count)
{
        int64_t last_s = storerpc_row_epoch_s(rows + (count - 1) * look->row_bytes);
        size_t whole = count;

        while (whole > 0 && storerpc_row_epoch_s(rows + (whole - 1) * look->row_bytes) == last_s)
                whole--;
        return whole;
}

// Rows of whole seconds from the range's start on; *more: there may be others behind them. Returns as sink_read().
static int read_page(struct tick_remote *remote, const struct storerpc_range *range, uint8_t **rows, size_t *count,
    bool *more, char why[REASON_SIZE])
{
        const struct storerpc_layout *look = &remote->wire.shape.look;
        struct sink *sink = remote->store->server->sink;
        int result = sink_read(sink, remote->key, look, look->count, range, rows, count, why);

        *more = result == 0 && *count == PAGE_ROWS;
        if (!*more)
                return result;
        // What is there of the last second comes whole with the next page.
        size_t whole = whole_seconds(look, *rows, *count);
        if (whole > 0) {
                *count = whole;
                return 0;
        }
        // A second that fills a page comes by itself, however many rows it has.
        const struct storerpc_range second = {storerpc_row_epoch_s(*rows), storerpc_row_epoch_s(*rows), 0, false};
        free(*rows);
        return sink_read(sink, remote->key, look, look->count, &second, rows, count, why);
}

int tickserver_read_pages(struct tick_remote *remote, int64_t start_s, int64_t end_s, tickserver_take_rows *take,
    void *context, char why[REASON_SIZE])
{
        const struct storerpc_layout *look = &remote->wire.shape.look;
        struct storerpc_range range = {.start_s = start_s, .end_s = end_s, .limit = PAGE_ROWS};
        bool more;

        do {
                uint8_t *rows;
                size_t count;
                int64_t from_s = range.start_s;
                int result = read_page(remote, &range, &rows, &count, &more, why);

                if (result == 2 || result < 0)
                        return result;
                take(remote, rows, count, context);
                if (count > 0)
                        range.start_s = storerpc_row_epoch_s(rows + (count - 1) * look->row_bytes) + 1;
                free(rows);
                if (range.start_s <= from_s)
                        break; // an answer that is out of order leads nowhere
        } while (more);
        return 0;
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
        remote->target =
            sink_target_new(remote->store->server->sink, remote->key, &wire->shape, tickserver_on_lost, remote);
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

// ---- adoption ----

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
                int64_t id = tick_wire_id(&wire->shape, row, true),
                        time_us = tick_wire_time_us(&wire->shape, row, true);

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
        int result = tickserver_read_pages(remote, 0, TIME_END_S, adopt_rows, &adoption, why);

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

// ---- all of it ----

int tickserver_look(struct store *store, struct tick_bucket *bucket)
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
                tickserver_note_written(
                    remote, remote->newest_s - 2 * TICKSERVER_REPLAY_US / US_PER_S, remote->newest_s);
                remote->suspect = true;
                store->rows_dirty = true;
                store_mark_dirty(store, 0, true);
        }
        return result;
}
