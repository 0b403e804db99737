// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/derivechain.h"

#include "workers/writer/idset.h"
#include "workers/writer/tickset.h"

void derivechain_reach(
    const struct tick_bucket *ticks, const struct id_range *range, int64_t *start_us, int64_t *end_us)
{
        const struct idset *covered = &ticks->covered;
        size_t next = idset_find(covered, range->epoch, range->first_id), before = next;
        bool absent = range->source == ID_ABSENT;

        *start_us = absent ? INT64_MAX : range->first_us;
        *end_us = absent ? INT64_MIN : range->last_us + 1;
        // Ids that do not exist have no time.
        while (before > 0 && covered->items[before - 1].epoch == range->epoch) {
                const struct id_range *item = &covered->items[--before];

                if (item->source == ID_ABSENT)
                        continue;
                *start_us = item->last_us < *start_us ? item->last_us : *start_us;
                break;
        }
        while (next < covered->count && covered->items[next].epoch == range->epoch) {
                const struct id_range *item = &covered->items[next++];

                if (item->source == ID_ABSENT || item->last_id <= range->last_id)
                        continue;
                *end_us = item->first_us >= *end_us ? item->first_us + 1 : *end_us;
                break;
        }
}

// No id before that of `range` lies at or behind this time; INT64_MAX: unknown.
static int64_t nothing_before_us(const struct tick_bucket *ticks, const struct id_range *range)
{
        if (range->epoch == 0 && range->first_id == 0)
                return INT64_MIN;
        // The history was searched for the first id from its begin on.
        if (range->epoch == tick_epoch_newest(ticks) && range->first_id == ticks->history_first_id)
                return ticks->history_from_us;
        return INT64_MAX;
}

// Takes in the ranges that follow each other without a hole, from *index on; moves it behind them.
static struct derive_chain chain_at(const struct tick_bucket *ticks, size_t *index)
{
        const struct idset *covered = &ticks->covered;
        const struct id_range *first = &covered->items[*index], *last = NULL;
        int64_t first_us = INT64_MAX;
        struct derive_chain chain = {.epoch = first->epoch, .end_us = INT64_MIN};

        for (; *index < covered->count; (*index)++) {
                const struct id_range *item = &covered->items[*index];

                if (last != NULL && (item->epoch != last->epoch || item->first_id != last->last_id + 1))
                        break;
                last = item;
                if (item->source == ID_ABSENT)
                        continue;
                first_us = item->first_us < first_us ? item->first_us : first_us;
                chain.end_us = item->last_us > chain.end_us ? item->last_us : chain.end_us;
        }
        // Others may have been made at the time of the first one.
        int64_t from_us = nothing_before_us(ticks, first);
        chain.start_us = first_us == INT64_MAX ? INT64_MAX : from_us < first_us ? from_us : first_us + 1;
        return chain;
}

bool derivechain_find(
    const struct bucket_state *bucket, const struct tick_bucket *ticks, int64_t slot_us, struct derive_chain *found)
{
        const struct idset *covered = &ticks->covered;
        enum interval interval = bucket->interval;
        int64_t best_us = INT64_MAX;

        for (size_t i = 0; i < covered->count;) {
                struct derive_chain chain = chain_at(ticks, &i);

                if (chain.start_us == INT64_MAX)
                        continue;
                int64_t from_us = chain.start_us > slot_us ? interval_ceil_us(interval, chain.start_us) : slot_us;
                if (from_us < best_us && interval_next_us(interval, from_us) <= chain.end_us) {
                        best_us = from_us;
                        *found = chain;
                }
        }
        return best_us < INT64_MAX;
}

// The first id that is wanted, -1: none yet.
static int64_t wanted_from_id(const struct tick_bucket *ticks)
{
        return ticks->backfill && ticks->history_first_id >= 0 ? ticks->history_first_id : ticks->live_from_id;
}

void derivechain_add_wanted(const struct bucket_state *bucket, const struct tick_bucket *ticks, struct ranges *wanted)
{
        int32_t epoch = tick_epoch_newest(ticks);
        int64_t from_id = wanted_from_id(ticks), start_us = INT64_MAX, end_us = INT64_MIN;

        for (size_t i = idset_find(&ticks->covered, epoch, from_id); from_id >= 0 && i < ticks->covered.count; i++) {
                const struct id_range *item = &ticks->covered.items[i];

                if (item->source == ID_ABSENT)
                        continue;
                if (start_us == INT64_MAX) {
                        int64_t slot_us = interval_floor_us(bucket->interval, item->first_us);

                        start_us = nothing_before_us(ticks, item) <= slot_us
                                       ? slot_us
                                       : interval_ceil_us(bucket->interval, item->first_us + 1);
                }
                end_us = item->last_us > end_us ? item->last_us : end_us;
        }
        end_us = end_us != INT64_MIN ? interval_floor_us(bucket->interval, end_us) : end_us;
        if (start_us < end_us)
                store_require_memory(ranges_set(wanted, start_us, end_us, 0));
}
