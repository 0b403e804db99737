// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/tickset.h"

#include "common/log.h"
#include "common/memory.h"
#include "common/symbol.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/catalogue.h"
#include "workers/writer/derive.h"
#include "workers/writer/troubles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOST_TOGETHER_US (60 * US_PER_S) // seconds without rows may lie between two that are lost

// ---- kinds ----

static const enum stream_kind stream_kinds[TICK_KINDS] = {
    [TICK_TRADE] = STREAM_TRADE,
    [TICK_AGG_TRADE] = STREAM_AGG_TRADE,
    [TICK_QUOTE] = STREAM_QUOTE,
    [TICK_DEPTH] = STREAM_DEPTH,
    [TICK_DEPTH_DIFF] = STREAM_DEPTH_DIFF,
};

bool tick_kind_of_stream(uint8_t stream_kind, enum tick_kind *kind)
{
        for (int i = 0; i < TICK_KINDS; i++) {
                if (stream_kinds[i] != stream_kind)
                        continue;
                *kind = (enum tick_kind)i;
                return true;
        }
        return false;
}

bool tick_kind_has_ids(enum tick_kind kind)
{
        return kind == TICK_TRADE || kind == TICK_AGG_TRADE;
}

bool tick_is_tombstone(enum tick_kind kind, const void *payload)
{
        const struct agg_trade *trade = payload;

        return kind == TICK_AGG_TRADE && trade->first_id == -1 && trade->last_id == -1 && trade->level.price == 0;
}

// ---- finding ----

static size_t hash_of(const struct ticks *ticks, const char *symbol, enum tick_kind kind)
{
        uint64_t hash = 1469598103934665603u + (uint64_t)kind;

        for (const char *c = symbol; *c != '\0'; c++)
                hash = (hash ^ (unsigned char)*c) * 1099511628211u;
        return (size_t)(hash ^ hash >> 32) & (ticks->hash_size - 1);
}

static size_t find_index(const struct ticks *ticks, const char *symbol, enum tick_kind kind)
{
        size_t i = ticks->hash_size > 0 ? ticks->hash[hash_of(ticks, symbol, kind)] : TICK_NONE;

        while (i != TICK_NONE && (ticks->buckets[i]->kind != kind || strcmp(ticks->buckets[i]->symbol, symbol) != 0))
                i = ticks->buckets[i]->hash_next;
        return i;
}

struct tick_bucket *tickset_find(const struct store *store, const char *symbol, enum tick_kind kind)
{
        size_t i = find_index(&store->ticks, symbol, kind);

        return i != TICK_NONE ? store->ticks.buckets[i] : NULL;
}

size_t tickset_index(const struct store *store, const struct tick_bucket *bucket)
{
        return find_index(&store->ticks, bucket->symbol, bucket->kind);
}

static void hash_insert(struct ticks *ticks, size_t index)
{
        struct tick_bucket *bucket = ticks->buckets[index];
        size_t head = hash_of(ticks, bucket->symbol, bucket->kind);

        bucket->hash_next = ticks->hash[head];
        ticks->hash[head] = index;
}

static void grow(struct ticks *ticks)
{
        ticks->capacity = ticks->capacity > 0 ? 2 * ticks->capacity : 64;
        ticks->buckets = memory_resized(ticks->buckets, ticks->capacity, sizeof(struct tick_bucket *));
        ticks->hash_size = 2 * ticks->capacity;
        ticks->hash = memory_resized(ticks->hash, ticks->hash_size, sizeof(*ticks->hash));
        for (size_t i = 0; i < ticks->hash_size; i++)
                ticks->hash[i] = TICK_NONE;
        for (size_t i = 0; i < ticks->count; i++)
                hash_insert(ticks, i);
}

struct tick_bucket *tickset_get(struct store *store, const char *symbol, enum tick_kind kind)
{
        struct ticks *ticks = &store->ticks;
        struct tick_bucket *bucket = tickset_find(store, symbol, kind);

        if (bucket != NULL)
                return bucket;
        if (ticks->count == ticks->capacity)
                grow(ticks);
        bucket = memory_zeroed(1, sizeof(*bucket));
        (void)snprintf(bucket->symbol, sizeof(bucket->symbol), "%s", symbol);
        bucket->id = ++ticks->bucket_id_last;
        bucket->kind = kind;
        bucket->symbol_known = true;
        bucket->epoch_starts_us = memory_zeroed(1, sizeof(*bucket->epoch_starts_us));
        bucket->epoch_starts_us[0] = INT64_MIN;
        bucket->epochs = 1;
        bucket->epochs_dirty = true;
        bucket->last_id = bucket->last_us = bucket->live_from_id = bucket->first_us = -1;
        bucket->history_from_us = bucket->history_until_us = -1;
        bucket->history_first_id = bucket->history_last_id = bucket->newest_id = bucket->ended_us = -1;
        bucket->deferred_last_id = -1;
        bucket->oldest_second = INT64_MAX;
        bucket->ids_dirty_first = INT64_MAX;
        bucket->ids_dirty_last = INT64_MIN;
        ticks->buckets[ticks->count] = bucket;
        hash_insert(ticks, ticks->count++);
        tick_row_changed(store, bucket);
        return bucket;
}

void tickset_free(struct store *store)
{
        struct ticks *ticks = &store->ticks;

        for (size_t i = 0; i < ticks->count; i++) {
                struct tick_bucket *bucket = ticks->buckets[i];

                idset_free(&bucket->covered);
                free(bucket->epoch_starts_us);
                free(bucket->gaps);
                free(bucket->troubles);
                free(bucket->waiting);
                free(bucket);
        }
        for (int kind = 0; kind < TICK_KINDS; kind++)
                tick_rows_free(ticks->rows[kind]);
        free(ticks->buckets);
        free(ticks->hash);
        free(ticks->by_stream);
}

// ---- what is wanted ----

static uint32_t kinds_of(uint32_t data, bool changes)
{
        static const struct {
                uint32_t data;
                enum tick_kind kind;
        } pairs[] = {{DATA_TRADE, TICK_TRADE}, {DATA_AGG_TRADE, TICK_AGG_TRADE}, {DATA_BOOK_TICKER, TICK_QUOTE},
            {DATA_DEPTH, TICK_DEPTH}};
        uint32_t kinds = 0;

        for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
                if ((data & pairs[i].data) != 0)
                        kinds |= 1u << pairs[i].kind;
        }
        if ((data & DATA_DEPTH) != 0 && changes)
                kinds |= 1u << TICK_DEPTH_DIFF;
        return kinds;
}

static void follow_symbol(struct store *store, const char *symbol, uint32_t live, uint32_t backfill)
{
        for (int kind = 0; kind < TICK_KINDS; kind++) {
                if (((live | backfill) >> kind & 1) == 0)
                        continue;
                struct tick_bucket *bucket = tickset_get(store, symbol, (enum tick_kind)kind);
                bucket->followed = true;
                bucket->live = (live >> kind & 1) != 0;
                bucket->backfill = (backfill >> kind & 1) != 0;
        }
}

void tickset_configure(struct store *store)
{
        const struct settings *settings = &store->setup.settings;
        uint32_t live = settings->realtime_enabled && !store->setup.one_shot
                            ? kinds_of(settings->stream_types, settings->depth_diffs)
                            : 0;
        uint32_t backfill =
            settings->backfill_enabled ? kinds_of(settings->backfill_data & (DATA_TRADE | DATA_AGG_TRADE), false) : 0;
        struct ticks *ticks = &store->ticks;

        for (size_t i = 0; i < ticks->count; i++) {
                struct tick_bucket *bucket = ticks->buckets[i];

                bucket->followed = bucket->live = bucket->backfill = false;
                if (bucket->refused)
                        tick_set_why(store, bucket, "");
                // What was wrong with its files may have been mended.
                bucket->refused = false;
        }
        for (size_t i = 0; i < store->setup.symbols.count; i++) {
                if (symbol_is_valid(store->setup.symbols.names[i]))
                        follow_symbol(store, store->setup.symbols.names[i], live, backfill);
        }
        for (size_t i = 0; i < ticks->count; i++)
                tick_row_changed(store, ticks->buckets[i]);
        tickset_refresh(store);
}

void tickset_refresh(struct store *store)
{
        for (size_t i = 0; i < store->ticks.count; i++) {
                struct tick_bucket *bucket = store->ticks.buckets[i];
                bool before = bucket->symbol_known;
                char why[REASON_SIZE];

                tick_replan(bucket);
                bucket->symbol_known =
                    store->catalogue.generation == 0 || catalogue_find(&store->catalogue, bucket->symbol) != NULL;
                if (bucket->symbol_known && !before && !bucket->refused)
                        tick_set_why(store, bucket, "");
                if (bucket->symbol_known || !bucket->followed)
                        continue;
                (void)snprintf(why, sizeof(why),
                    "the exchange's catalogue has no symbol %s; `binancefeeder symbols` lists what it has",
                    bucket->symbol);
                tick_set_why(store, bucket, why);
        }
}

// ---- the account ----

void tick_replan(struct tick_bucket *bucket)
{
        bucket->plan.valid = false;
}

void tick_row_changed(struct store *store, struct tick_bucket *bucket)
{
        bucket->row_dirty = true;
        tick_replan(bucket);
        store_mark_dirty(store, 0, true);
}

void tick_set_why(struct store *store, struct tick_bucket *bucket, const char *why)
{
        if (strcmp(bucket->why, why) == 0)
                return;
        (void)snprintf(bucket->why, sizeof(bucket->why), "%s", why);
        if (why[0] != '\0')
                log_warn("%s %s: %s", bucket->symbol, tick_group(bucket->kind), why);
        tick_row_changed(store, bucket);
}

int32_t tick_epoch_newest(const struct tick_bucket *bucket)
{
        return bucket->epochs - 1;
}

int64_t tick_covered_last(const struct tick_bucket *bucket)
{
        const struct id_range *last = idset_last(&bucket->covered, tick_epoch_newest(bucket));

        return last != NULL ? last->last_id : -1;
}

static void ids_changed(struct store *store, struct tick_bucket *bucket, int32_t epoch, int64_t first, int64_t last)
{
        if (epoch != tick_epoch_newest(bucket))
                bucket->ids_rewritten = true;
        if (first < bucket->ids_dirty_first)
                bucket->ids_dirty_first = first;
        if (last > bucket->ids_dirty_last)
                bucket->ids_dirty_last = last;
        bucket->row_dirty = true;
        tick_replan(bucket);
        store_mark_dirty(store, 0, false);
}

void tick_cover(struct store *store, struct tick_bucket *bucket, const struct id_range *range)
{
        derive_ticks_covered(store, bucket, range);
        idset_add(&bucket->covered, range);
        if (range->source != ID_ABSENT && (bucket->first_us < 0 || range->first_us < bucket->first_us))
                bucket->first_us = range->first_us;
        ids_changed(store, bucket, range->epoch, range->first_id, range->last_id);
}

void tick_uncover(struct store *store, struct tick_bucket *bucket, int32_t epoch, int64_t first_id, int64_t last_id)
{
        idset_remove(&bucket->covered, epoch, first_id, last_id);
        ids_changed(store, bucket, epoch, first_id, last_id);
}

// ---- numberings ----

static void begin_epoch(struct store *store, struct tick_bucket *bucket, int64_t id, int64_t newest_us, int64_t now_us)
{
        char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];

        log_warn("%s %s: id %lld of %s was given out before, up to %s: the exchange has begun its ids anew",
            bucket->symbol, tick_group(bucket->kind), (long long)id, time_format_us(now_us, from),
            time_format_us(newest_us, until));
        bucket->epoch_starts_us =
            memory_resized(bucket->epoch_starts_us, (size_t)bucket->epochs + 1, sizeof(*bucket->epoch_starts_us));
        bucket->epoch_starts_us[bucket->epochs++] = newest_us + 1;
        bucket->epochs_dirty = bucket->ids_rewritten = true;
        bucket->last_id = bucket->live_from_id = -1;
        bucket->history_first_id = bucket->history_last_id = bucket->newest_id = bucket->ended_us = -1;
        bucket->history_empty = bucket->end_open = false;
        tick_row_changed(store, bucket);
}

int32_t tick_epoch_of(struct store *store, struct tick_bucket *bucket, int64_t id, int64_t time_us)
{
        int32_t epoch = tick_epoch_newest(bucket);
        const struct id_range *last = idset_last(&bucket->covered, epoch);
        int64_t newest_id = bucket->last_id, newest_us = bucket->last_id >= 0 ? bucket->last_us : -1;

        if (last != NULL && last->last_id > newest_id)
                newest_id = last->last_id;
        if (last != NULL && last->last_us > newest_us)
                newest_us = last->last_us;
        if (newest_id >= 0 && id <= newest_id && time_us > newest_us + TICK_EPOCH_US) {
                begin_epoch(store, bucket, id, newest_us, time_us);
                return tick_epoch_newest(bucket);
        }
        while (epoch > 0 && time_us < bucket->epoch_starts_us[epoch])
                epoch--;
        return epoch;
}

// ---- gaps ----

static void drop_gap(struct tick_bucket *bucket, struct tick_gap *gap)
{
        gap->dropped = gap->dirty = true;
        bucket->gaps_dirty = true;
}

struct tick_gap tick_gap_begin(const struct store *store, int32_t state)
{
        return (struct tick_gap){.state = state,
            .first_id = INT64_MAX,
            .last_id = -1,
            .start_us = INT64_MAX,
            .end_us = -1,
            .found_us = store->exchange_us};
}

void tick_gap_cover(struct tick_gap *gap, int64_t id, int64_t start_us, int64_t end_us)
{
        gap->first_id = id < gap->first_id ? id : gap->first_id;
        gap->last_id = id > gap->last_id ? id : gap->last_id;
        gap->start_us = start_us < gap->start_us ? start_us : gap->start_us;
        gap->end_us = end_us > gap->end_us ? end_us : gap->end_us;
}

void tick_note_gap(struct store *store, struct tick_bucket *bucket, const struct tick_gap *gap)
{
        for (size_t i = bucket->gaps_count; i-- > 0;) {
                const struct tick_gap *known = &bucket->gaps[i];

                if (!known->dropped && known->epoch == gap->epoch && known->first_id == gap->first_id &&
                    known->last_id == gap->last_id && known->start_us == gap->start_us && known->end_us == gap->end_us)
                        return; // said already: a batch is applied again
        }
        if (bucket->gaps_count == bucket->gaps_capacity) {
                bucket->gaps_capacity = bucket->gaps_capacity > 0 ? 2 * bucket->gaps_capacity : 8;
                bucket->gaps = memory_resized(bucket->gaps, bucket->gaps_capacity, sizeof(*bucket->gaps));
        }
        struct tick_gap *added = &bucket->gaps[bucket->gaps_count++];
        *added = *gap;
        added->number = ++bucket->gap_last;
        added->dirty = true;
        bucket->gaps_dirty = true;
        tick_row_changed(store, bucket);
}

void tick_note_lost(struct store *store, struct tick_bucket *bucket, const struct tick_gap *gap)
{
        struct tick_gap *newest = bucket->gaps_count > 0 ? &bucket->gaps[bucket->gaps_count - 1] : NULL;

        if (newest == NULL || newest->dropped || newest->state != GAP_LOST || newest->epoch != gap->epoch ||
            strcmp(newest->evidence, gap->evidence) != 0 || gap->start_us < newest->start_us ||
            gap->start_us > newest->end_us + LOST_TOGETHER_US) {
                tick_note_gap(store, bucket, gap);
                return;
        }
        if (gap->end_us <= newest->end_us)
                return; // said already: a batch is applied again
        newest->end_us = gap->end_us;
        newest->last_id = gap->last_id;
        newest->dirty = bucket->gaps_dirty = true;
        tick_row_changed(store, bucket);
}

static bool is_leased(const struct store *store, const struct tick_bucket *bucket, const struct tick_gap *gap)
{
        for (size_t i = 0; i < LEASES_MAX && bucket->leases > 0; i++) {
                const struct lease *lease = &store->leases[i];

                if (lease->used && lease->ticks.bucket != TICK_NONE &&
                    store->ticks.buckets[lease->ticks.bucket] == bucket && lease->job.first_id >= 0 &&
                    lease->job.first_id <= gap->last_id && lease->job.last_id >= gap->first_id)
                        return true;
        }
        return false;
}

static void settle_gap(struct store *store, struct tick_bucket *bucket, struct tick_gap *gap)
{
        int32_t state = is_leased(store, bucket, gap) ? GAP_REPAIRING : GAP_OPEN;

        if (gap->dropped || (gap->state != GAP_OPEN && gap->state != GAP_REPAIRING))
                return;
        int64_t missing = idset_missing(&bucket->covered, gap->epoch, gap->first_id, gap->last_id);
        if (missing == 0) {
                int64_t absent =
                    idset_count_source(&bucket->covered, gap->epoch, gap->first_id, gap->last_id, ID_ABSENT);

                if (absent == 0 && gap->state == GAP_OPEN && store->ticks.clock_us < gap->found_us + TICK_YOUNG_US) {
                        drop_gap(bucket, gap); // rows out of order, no more
                        return;
                }
                state = absent == gap->last_id - gap->first_id + 1 ? GAP_ABSENT : GAP_FILLED;
        }
        if (state == gap->state)
                return;
        gap->state = state;
        gap->dirty = bucket->gaps_dirty = true;
}

static bool waits_in_epoch(const struct tick_bucket *bucket, int32_t epoch)
{
        struct tick_waiting row;

        for (size_t at = 0; at < bucket->waiting_used; at += sizeof(row) + row.length) {
                memcpy(&row, bucket->waiting + at, sizeof(row));
                if (row.epoch == epoch)
                        return true;
        }
        return false;
}

// What is missing of a numbering that is over.
static void lose_epoch(struct store *store, struct tick_bucket *bucket, int32_t epoch)
{
        const struct id_range *last = idset_last(&bucket->covered, epoch);
        size_t first = idset_find(&bucket->covered, epoch, 0);
        struct tick_gap gap = {.epoch = epoch,
            .state = GAP_LOST,
            .start_us = bucket->epoch_starts_us[epoch + 1] - 1,
            .end_us = bucket->epoch_starts_us[epoch + 1],
            .found_us = store->exchange_us,
            .evidence = "the exchange began its ids anew"};

        for (size_t i = 0; i < bucket->gaps_count; i++) {
                struct tick_gap *open = &bucket->gaps[i];

                if (!open->dropped && open->epoch == epoch && (open->state == GAP_OPEN || open->state == GAP_REPAIRING))
                        drop_gap(bucket, open);
        }
        if (last == NULL)
                return;
        int64_t from = bucket->covered.items[first].first_id, to = last->last_id;
        while (from <= to && idset_hole(&bucket->covered, epoch, from, to, &gap.first_id, &gap.last_id)) {
                tick_note_gap(store, bucket, &gap);
                from = gap.last_id + 1;
        }
}

static void lose_older(struct store *store, struct tick_bucket *bucket)
{
        while (bucket->epochs_lost < tick_epoch_newest(bucket) && !waits_in_epoch(bucket, bucket->epochs_lost))
                lose_epoch(store, bucket, bucket->epochs_lost++);
}

// The oldest gaps that are over are forgotten above GAPS_FILLED_MAX; what is lost is never.
static void forget_gaps(struct tick_bucket *bucket)
{
        size_t over = 0;

        for (size_t i = bucket->gaps_count; i-- > 0;) {
                struct tick_gap *gap = &bucket->gaps[i];

                if (!gap->dropped && (gap->state == GAP_FILLED || gap->state == GAP_ABSENT) && ++over > GAPS_FILLED_MAX)
                        drop_gap(bucket, gap);
        }
}

void tick_settle_gaps(struct store *store)
{
        for (size_t i = 0; i < store->ticks.count; i++) {
                struct tick_bucket *bucket = store->ticks.buckets[i];

                if (!tick_kind_has_ids(bucket->kind))
                        continue;
                lose_older(store, bucket);
                for (size_t j = 0; j < bucket->gaps_count; j++)
                        settle_gap(store, bucket, &bucket->gaps[j]);
                forget_gaps(bucket);
        }
}

// ---- troubles ----

static void drop_trouble(struct tick_bucket *bucket, size_t index)
{
        bucket->troubles_count--;
        memmove(bucket->troubles + index, bucket->troubles + index + 1,
            (bucket->troubles_count - index) * sizeof(*bucket->troubles));
        bucket->troubles_dirty = true;
        tick_replan(bucket);
}

const struct tick_trouble *tick_trouble_add(
    struct store *store, struct tick_bucket *bucket, int kind, int64_t first_id, int64_t last_id, const char *text)
{
        struct tick_trouble *trouble = NULL;

        for (size_t i = 0; i < bucket->troubles_count && trouble == NULL; i++) {
                struct tick_trouble *known = &bucket->troubles[i];

                if (known->kind == kind && known->first_id <= last_id && known->last_id >= first_id)
                        trouble = known;
        }
        if (trouble == NULL) {
                if (bucket->troubles == NULL)
                        bucket->troubles = memory_zeroed(TICK_TROUBLES_MAX, sizeof(*bucket->troubles));
                if (bucket->troubles_count == TICK_TROUBLES_MAX)
                        drop_trouble(bucket, 0); // the oldest is simply tried again
                trouble = &bucket->troubles[bucket->troubles_count++];
                *trouble = (struct tick_trouble){.first_id = first_id, .last_id = last_id, .kind = kind};
        }
        trouble->attempts++;
        int64_t delay_s = trouble_delay_s((enum trouble_kind)kind, trouble->attempts);
        trouble->retry_at = (mono_time){mono_now().us + delay_s * US_PER_S};
        trouble->retry_wall_ns = wall_now().ns + delay_s * INT64_C(1000000000);
        (void)snprintf(trouble->text, sizeof(trouble->text), "%s", text);
        bucket->troubles_dirty = true;
        tick_replan(bucket);
        store_mark_dirty(store, 0, kind != TROUBLE_NETWORK);
        return trouble;
}

void tick_trouble_clear(struct store *store, struct tick_bucket *bucket, int64_t first_id, int64_t last_id)
{
        for (size_t i = bucket->troubles_count; i-- > 0;) {
                const struct tick_trouble *trouble = &bucket->troubles[i];

                if (trouble->first_id > last_id || trouble->last_id < first_id)
                        continue;
                drop_trouble(bucket, i);
                store_mark_dirty(store, 0, true);
        }
}
