// SPDX-License-Identifier: Apache-2.0
#include "common/log.h"
#include "common/memory.h"
#include "workers/writer/serverstore.h"
#include "workers/writer/tickserver_parts.h"
#include "workers/writer/tickset.h"

#include <stdio.h>
#include <stdlib.h>

struct doubles {
        size_t count;
        struct tick_gap gap; // that they span
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
                int64_t time_us = tick_wire_time_us(&wire->shape, row, true);

                if (again[i])
                        tick_gap_cover(&doubles->gap, tick_wire_id(&wire->shape, row, true), time_us, time_us);
        }
        free(again);
}

static void record_doubles(struct tick_remote *remote, const struct doubles *doubles)
{
        struct tick_bucket *bucket = remote->bucket;
        struct tick_gap gap = doubles->gap;
        size_t before = bucket->gaps_count;
        char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];

        gap.epoch = tick_epoch_newest(bucket);
        (void)snprintf(gap.evidence, sizeof(gap.evidence),
            "the store server has %zu rows more than once: it replayed its log of what came before a kill, or while it "
            "ended",
            doubles->count);
        tick_note_gap(remote->store, bucket, &gap);
        if (bucket->gaps_count > before)
                log_warn("%s: %s has %zu rows from %s to %s more than once, as after a kill, or of what came while it "
                         "ended: it replays its log; nothing is sent again, and they are told apart by their ids",
                    remote->key, remote->store->root, doubles->count, time_format_us(gap.start_us, from),
                    time_format_us(gap.end_us, until));
}

static void forget_written(struct tick_remote *remote)
{
        for (size_t i = 0; i < 2; i++) {
                ranges_free(&remote->written[i]);
                remote->written[i] = (struct ranges){0};
        }
}

// Returns as tickserver_read_pages().
static int look_through(struct tick_remote *remote, struct doubles *doubles)
{
        char why[REASON_SIZE];
        int result = 0;

        for (size_t i = 0; i < 2 && remote->wire.shape.key.parts > 0; i++) {
                const struct ranges *written = &remote->written[i];

                for (size_t j = 0; j < written->count && result == 0; j++)
                        result = tickserver_read_pages(remote, written->items[j].start_us / US_PER_S,
                            written->items[j].end_us / US_PER_S - 1, find_doubles, doubles, why);
        }
        return result;
}

static int inspect(struct tick_remote *remote)
{
        struct doubles doubles = {.gap = tick_gap_begin(remote->store, GAP_DOUBLED)};

        remote->suspect = false;
        int result = look_through(remote, &doubles);
        if (result < 0) {
                remote->suspect = true;
                return -1;
        }
        // What cannot be read is not asked for again; what has become of the bucket shows when it is written.
        if (result == 2)
                forget_written(remote);
        if (doubles.count > 0)
                record_doubles(remote, &doubles);
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

void tickserver_note_written(struct tick_remote *remote, int64_t start_s, int64_t end_s)
{
        mono_time now = mono_now();

        if (now.us - remote->written_since.us > TICKSERVER_REPLAY_US) {
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
