// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/derive.h"

#include "common/log.h"
#include "workers/writer/apply.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/derivechain.h"
#include "workers/writer/derivemake.h"
#include "workers/writer/derivetick.h"
#include "workers/writer/store.h"
#include "workers/writer/tickset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// ---- what is made of what ----

// "5m", "trade"; "!" behind it where it is checked.
static void source_text(const struct derivation *made, char text[16])
{
        const char *name = made->from == AGGREGATE_BARS    ? interval_name(made->interval)
                           : made->from == AGGREGATE_TRADE ? "trade"
                                                           : "agg_trade";

        (void)snprintf(text, 16, "%s%s", name, made->check ? "!" : "");
}

static struct bucket_state *source_of(const struct store *store, const struct bucket_state *bucket)
{
        return bucket->made.from == AGGREGATE_BARS ? bucketset_find(store, bucket->symbol, bucket->made.interval)
                                                   : NULL;
}

static bool is_made_of_ticks(const struct derivation *made, enum tick_kind kind)
{
        return made->from == (kind == TICK_TRADE ? AGGREGATE_TRADE : AGGREGATE_AGG_TRADE);
}

static struct tick_bucket *ticks_of(const struct store *store, const struct bucket_state *bucket)
{
        for (enum tick_kind kind = TICK_TRADE; kind <= TICK_AGG_TRADE; kind++) {
                if (is_made_of_ticks(&bucket->made, kind))
                        return tickset_find(store, bucket->symbol, kind);
        }
        return NULL;
}

void derive_configure(struct store *store)
{
        derivation_resolve(&store->setup.settings, store->derivations);
        // Parts are read back from year files (derivemake.c).
        if (store->setup.settings.store_type == STORE_SERVER && store->setup.settings.aggregates[0].to != 0) {
                log_warn("store.type server: no bars are made here in this version; name the intervals in timeframe");
                memset(store->derivations, 0, sizeof(store->derivations));
        }
        for (size_t i = 0; i < store->buckets_count; i++) {
                store->buckets[i]->made = (struct derivation){0};
                store->buckets[i]->made_known = store->buckets[i]->unreadable_told = false;
                derivetick_forget(store->buckets[i], INT64_MIN, INT64_MAX);
        }
}

void derive_follow(struct store *store, const char *symbol)
{
        for (int i = 0; i < INTERVAL_COUNT; i++) {
                if (store->derivations[i].from == AGGREGATE_UNSAID)
                        continue;
                struct bucket_state *bucket = bucketset_get(store, symbol, (enum interval)i);
                bucket->followed = true;
                bucket->made = store->derivations[i];
                // What the exchange does not send of a source is nobody's to bring; but its account is kept.
                if (bucket->made.from == AGGREGATE_BARS)
                        (void)bucketset_get(store, symbol, bucket->made.interval);
        }
}

// ---- what is touched ----

static void touch(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us)
{
        derivetick_forget(bucket, start_us, end_us);
        store_require_memory(ranges_set(&bucket->touched, interval_floor_us(bucket->interval, start_us),
            interval_ceil_us(bucket->interval, end_us), 0));
        bucket->touched_dirty = true;
        store->derive_pending = true;
}

void derive_touched(struct store *store, const struct bucket_state *bucket, int64_t start_us, int64_t end_us)
{
        for (unsigned i = bucket->interval + 1U; i < INTERVAL_COUNT; i++) {
                const struct derivation *made = &store->derivations[i];

                if (made->from != AGGREGATE_BARS || made->interval != bucket->interval)
                        continue;
                struct bucket_state *target = bucketset_find(store, bucket->symbol, (enum interval)i);
                if (target != NULL && target->made.from == AGGREGATE_BARS)
                        touch(store, target, start_us, end_us);
        }
}

void derive_ticks_covered(struct store *store, const struct tick_bucket *ticks, const struct id_range *range)
{
        int64_t start_us, end_us;

        if (!tick_kind_has_ids(ticks->kind))
                return;
        derivechain_reach(ticks, range, &start_us, &end_us);
        for (unsigned i = 0; i < INTERVAL_COUNT && start_us < end_us; i++) {
                if (!is_made_of_ticks(&store->derivations[i], ticks->kind))
                        continue;
                struct bucket_state *target = bucketset_find(store, ticks->symbol, (enum interval)i);
                if (target != NULL && is_made_of_ticks(&target->made, ticks->kind))
                        touch(store, target, start_us, end_us);
        }
}

void derive_compare(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us)
{
        if (bucket->made.from != AGGREGATE_UNSAID && bucket->made.check)
                touch(store, bucket, start_us, end_us);
}

// What covers them may stay what it was: a job that is discarded leaves its rows.
void derive_rewritten(struct store *store, const struct row_run *run)
{
        for (size_t i = 0; i < run->count; i++) {
                if (run->changes[i] == YEARFILE_REWRITTEN)
                        derive_touched(store, run->bucket, run->slots_us[i], run->ends_us[i]);
        }
}

// The slots that have something of what the bucket is made of. Fills an empty set.
static void add_source_slots(const struct store *store, const struct bucket_state *bucket, struct ranges *slots)
{
        const struct bucket_state *source = source_of(store, bucket);
        const struct tick_bucket *ticks = ticks_of(store, bucket);

        for (size_t i = 0; source != NULL && i < source->covered.count; i++)
                store_require_memory(
                    ranges_set(slots, interval_floor_us(bucket->interval, source->covered.items[i].start_us),
                        interval_ceil_us(bucket->interval, source->covered.items[i].end_us), 0));
        for (size_t i = 0; ticks != NULL && i < ticks->covered.count; i++) {
                struct id_range range = ticks->covered.items[i];
                int64_t start_us, end_us;

                derivechain_reach(ticks, &range, &start_us, &end_us);
                if (start_us < end_us)
                        store_require_memory(ranges_set(slots, interval_floor_us(bucket->interval, start_us),
                            interval_ceil_us(bucket->interval, end_us), 0));
        }
}

// Slots whose source is there. Where nothing about the making has changed only those that have no bar yet.
static void touch_begin(struct store *store, struct bucket_state *bucket)
{
        char text[16];
        struct ranges slots = {0};

        source_text(&bucket->made, text);
        bool anew = strcmp(text, bucket->made_before) != 0;
        add_source_slots(store, bucket, &slots);
        if (!anew) {
                store_require_memory(ranges_subtract(&slots, &bucket->covered));
                store_require_memory(ranges_subtract(&slots, &bucket->explained_ranges));
        }
        for (size_t i = 0; i < slots.count; i++)
                touch(store, bucket, slots.items[i].start_us, slots.items[i].end_us);
        ranges_free(&slots);
        if (!anew)
                return;
        (void)snprintf(bucket->made_before, sizeof(bucket->made_before), "%s", text);
        bucket->made_dirty = true;
        store_mark_dirty(store, 0, true);
}

void derive_begin(struct store *store)
{
        for (size_t i = 0; i < store->buckets_count; i++) {
                if (source_of(store, store->buckets[i]) != NULL || ticks_of(store, store->buckets[i]) != NULL)
                        touch_begin(store, store->buckets[i]);
        }
}

// ---- what is wanted ----

// Whole slots of what is wanted of the source. A slot in which the symbol was listed begins before its first bar.
static void add_wanted(
    const struct bucket_state *bucket, int64_t first_us, const struct ranges *of, struct ranges *wanted)
{
        for (size_t i = 0; i < of->count; i++) {
                int64_t start_us = of->items[i].start_us, end_us = of->items[i].end_us;

                start_us = first_us >= 0 && start_us <= first_us ? interval_floor_us(bucket->interval, start_us)
                                                                 : interval_ceil_us(bucket->interval, start_us);
                if (end_us != INT64_MAX)
                        end_us = interval_floor_us(bucket->interval, end_us);
                if (start_us < end_us)
                        store_require_memory(ranges_set(wanted, start_us, end_us, 0));
        }
}

static bool same(const struct ranges *a, const struct ranges *b)
{
        bool equal = a->count == b->count;

        for (size_t i = 0; i < a->count && equal; i++)
                equal = a->items[i].start_us == b->items[i].start_us && a->items[i].end_us == b->items[i].end_us;
        return equal;
}

// Its source first, which may be made itself.
static void refresh(const struct store *store, struct bucket_state *bucket)
{
        struct bucket_state *source = source_of(store, bucket);
        const struct tick_bucket *ticks = ticks_of(store, bucket);
        struct ranges wanted = {0};

        if (source != NULL && source->made.from != AGGREGATE_UNSAID)
                refresh(store, source);

        if (source != NULL && bucket->made_known && !source->wanted_dirty && !source->made_dirty && !source->row_dirty)
                return;
        if (source != NULL && bucket->symbol_known) {
                int64_t first_us = derive_first_bar_us(store, source);

                add_wanted(bucket, first_us, &source->wanted, &wanted);
                add_wanted(bucket, first_us, &source->made_wanted, &wanted);
        }
        if (ticks != NULL && ticks->followed && bucket->symbol_known)
                derivechain_add_wanted(bucket, ticks, &wanted);
        bucket->made_known = true;
        bool changed = !same(&wanted, &bucket->made_wanted);
        ranges_free(changed ? &bucket->made_wanted : &wanted);
        if (changed)
                bucket->made_wanted = wanted;
        bucket->made_dirty = bucket->made_dirty || changed;
}

void derive_refresh_wanted(struct store *store)
{
        for (size_t i = 0; i < store->buckets_count; i++) {
                struct bucket_state *bucket = store->buckets[i];

                if (bucket->made.from != AGGREGATE_UNSAID || bucket->made_wanted.count > 0)
                        refresh(store, bucket);
        }
}

void derive_native_covered(const struct bucket_state *bucket, struct ranges *native)
{
        store_require_memory(ranges_copy(native, &bucket->covered));
        for (size_t i = 0; i < bucket->covered.count; i++) {
                const struct range *range = &bucket->covered.items[i];

                if (range->tag == BAR_DERIVED)
                        store_require_memory(ranges_remove(native, range->start_us, range->end_us));
        }
}

// ---- working off ----

// Makes what is touched from the start of `range` on. Returns 0, or -1 with errno.
static int work_range(struct store *store, struct bucket_state *bucket, const struct range *range, size_t *left)
{
        struct bucket_state *source = source_of(store, bucket);
        int64_t done_us = range->start_us;
        int result = source != NULL ? derive_make(store, bucket, source, range, left, &done_us)
                                    : derivetick_make(store, bucket, ticks_of(store, bucket), range, left, &done_us);

        if (done_us > range->start_us) {
                int saved_errno = errno;

                store_require_memory(ranges_remove(&bucket->touched, range->start_us, done_us));
                bucket->touched_dirty = true;
                store->work_dirty = true;
                store_mark_dirty(store, 0, true);
                errno = saved_errno;
        }
        return result;
}

// Of trades that await the next sync, those behind them are not kept waiting.
static int work_bucket(struct store *store, struct bucket_state *bucket, size_t *left)
{
        int64_t from_us = INT64_MIN;
        bool waits = false;

        while (*left > 0) {
                size_t i = ranges_find(&bucket->touched, from_us);

                if (i == bucket->touched.count)
                        break;
                struct range range = bucket->touched.items[i];
                if (work_range(store, bucket, &range, left) == 0)
                        continue;
                if (errno != EAGAIN || source_of(store, bucket) != NULL)
                        return -1;
                waits = true;
                from_us = range.end_us;
        }
        errno = EAGAIN;
        return waits ? -1 : 0;
}

int store_derive(struct store *store)
{
        size_t left = DERIVE_ROWS_PER_PASS;
        bool more = false, waits = false;

        if (!store->derive_pending)
                return 0;
        for (size_t i = 0; i < store->buckets_count; i++) {
                struct bucket_state *bucket = store->buckets[i];

                if (bucket->touched.count == 0)
                        continue;
                if (source_of(store, bucket) == NULL && ticks_of(store, bucket) == NULL) { // not made any more
                        ranges_clear(&bucket->touched);
                        bucket->touched_dirty = true;
                        continue;
                }
                if (left > 0 && work_bucket(store, bucket, &left) < 0) {
                        if (errno != EAGAIN)
                                return -1;
                        waits = true;
                }
                more = more || bucket->touched.count > 0;
        }
        // A bucket that comes earlier may have been touched by one behind it.
        for (size_t i = 0; i < store->buckets_count && !more; i++)
                more = store->buckets[i]->touched.count > 0;
        store->derive_pending = more;
        if (!waits || left == 0)
                return more ? 1 : 0;
        errno = EAGAIN;
        return -1;
}
