// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/tickserver.h"

#include "common/log.h"
#include "common/memory.h"
#include "workers/writer/serverstore.h"
#include "workers/writer/tickserver_parts.h"
#include "workers/writer/tickset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void tickserver_on_lost(void *context, void *owner, enum sink_loss loss, const struct sink_shape *shape,
    const uint8_t *rows, size_t count, const char *why)
{
        struct tick_remote *remote = owner;
        struct tick_bucket *bucket = remote->bucket;
        struct store *store = context;
        bool by_id = tick_kind_has_ids(bucket->kind) && shape->key.parts > 0;
        struct tick_gap gap = tick_gap_begin(store, GAP_LOST);
        char reason[REASON_SIZE];

        for (size_t i = 0; i < count; i++) {
                const uint8_t *row = rows + i * shape->layout.row_bytes;
                int64_t id = tick_wire_id(shape, row, false);
                int64_t time_us = tick_wire_time_us(shape, row, false);

                if (by_id)
                        withdraw_id(store, bucket, id, time_us);
                tick_gap_cover(&gap, id, time_us, time_us);
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
        tickserver_note_written(remote, first_s, last_s);
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

const struct tick_sink tickserver = {tickserver_look, stage};

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
