// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/tickdamage.h"

#include "common/log.h"
#include "common/memory.h"
#include "common/tickblock.h"
#include "common/tickdecode.h"
#include "workers/writer/tickset.h"

#include <stdio.h>
#include <stdlib.h>

#define DAMAGE_MAX 1024 // remembered of one call

struct tick_damage {
        int64_t second;
        char what[REASON_SIZE];
};

void tickdamage_note(void *context, const struct tickfile *file, int64_t second, const char *what)
{
        struct ticks *ticks = &((struct store *)context)->ticks;

        log_error("%s: %s; the rows of that second are lost from the file", tickfile_name(file), what);
        if (ticks->damage_count == DAMAGE_MAX)
                return;
        if (ticks->damage == NULL)
                ticks->damage = memory_zeroed(DAMAGE_MAX, sizeof(*ticks->damage));
        struct tick_damage *damage = &ticks->damage[ticks->damage_count++];
        damage->second = second;
        (void)snprintf(damage->what, sizeof(damage->what), "%s", what);
}

static int64_t id_of_row(enum tick_kind kind, const unsigned char *row)
{
        struct agg_trade agg_trade;
        struct trade trade;

        if (kind == TICK_TRADE)
                return tick_decode_trade(row, 0, &trade) == 0 ? trade.id : -1;
        return tick_decode_agg_trade(row, 0, &agg_trade) == 0 ? agg_trade.id : -1;
}

// The highest id of a second's rows (`newest`), or the lowest; -1 where it cannot be told.
static int64_t id_of_second(
    const struct tickfile *file, enum tick_kind kind, const struct tick_triple *triple, bool newest)
{
        const struct tick_layout *layout = tickfile_layout(file);
        struct tick_block *block = tick_block_new(layout);
        char why[REASON_SIZE];
        int64_t found = -1;

        if (tickfile_read_block(file, triple, block, why) == 0) {
                for (size_t i = 0; i < tick_block_count(block); i++) {
                        int64_t id = id_of_row(kind, tick_block_rows(block) + i * layout->row_bytes);

                        if (id >= 0 && (found < 0 || (newest ? id > found : id < found)))
                                found = id;
                }
        }
        tick_block_free(block);
        return found;
}

static void uncover_second(
    struct store *store, struct tick_bucket *bucket, const struct tickfile *file, const struct tick_damage *damage)
{
        int64_t low = damage->second + 1, high = damage->second, first_id = 0, last_id = INT64_MAX;
        int64_t time_us = damage->second * US_PER_S, begin = 0, end = 0;
        const struct tick_index *index = file != NULL ? tickfile_index(file) : NULL;
        struct tick_triple triple;
        int32_t epoch = tick_epoch_newest(bucket);

        while (epoch > 0 && time_us < bucket->epoch_starts_us[epoch])
                epoch--;
        if (index != NULL) {
                begin = index->first_second;
                end = begin + index->seconds;
        }
        ssize_t found = 0;
        while (index != NULL && high > begin && found == 0)
                found = tick_index_read_back(index, begin, &high, &triple, 1);
        if (found > 0)
                first_id = id_of_second(file, bucket->kind, &triple, true) + 1;
        found = 0;
        while (index != NULL && low < end && found == 0)
                found = tick_index_read(index, &low, end, &triple, 1);
        int64_t next_id = found > 0 ? id_of_second(file, bucket->kind, &triple, false) : -1;
        if (next_id >= 0)
                last_id = next_id - 1;
        tick_uncover(store, bucket, epoch, first_id, last_id);
}

static void note_lost(struct store *store, struct tick_bucket *bucket, const struct tick_damage *damage)
{
        struct tick_gap gap = {.state = GAP_LOST,
            .first_id = -1,
            .last_id = -1,
            .start_us = damage->second * US_PER_S,
            .end_us = (damage->second + 1) * US_PER_S,
            .found_us = store->exchange_us};

        (void)snprintf(gap.evidence, sizeof(gap.evidence), "%s", damage->what);
        tick_note_gap(store, bucket, &gap);
}

void tickdamage_settle(struct store *store, struct tick_bucket *bucket, const struct tickfile *file)
{
        struct ticks *ticks = &store->ticks;

        for (size_t i = 0; i < ticks->damage_count; i++) {
                if (tick_kind_has_ids(bucket->kind))
                        uncover_second(store, bucket, file, &ticks->damage[i]);
                else
                        note_lost(store, bucket, &ticks->damage[i]);
        }
        ticks->damage_count = 0;
}
