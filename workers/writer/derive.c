// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/derive.h"

#include "common/log.h"
#include "workers/writer/apply.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/derivemake.h"
#include "workers/writer/store.h"

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

void derive_configure(struct store *store)
{
        derivation_resolve(&store->setup.settings, store->derivations);
        // Parts are read back from year files (derivemake.c).
        if (store->setup.settings.store_type == STORE_SERVER && store->setup.settings.aggregates[0].to != 0) {
                log_warn("store.type server: no bars are made here in this version; name the intervals in timeframe");
                memset(store->derivations, 0, sizeof(store->derivations));
        }
        for (int i = 0; i < INTERVAL_COUNT; i++) {
                if (store->derivations[i].from == AGGREGATE_TRADE || store->derivations[i].from == AGGREGATE_AGG_TRADE)
                        log_warn("bars of %s are not made of trades in this version; stream_type kline brings them",
                            interval_name((enum interval)i));
        }
        for (size_t i = 0; i < store->buckets_count; i++) {
                store->buckets[i]->made = (struct derivation){0};
                store->buckets[i]->made_known = false;
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

// Slots whose source is there. Where nothing about the making has changed only those that have no bar yet.
static void touch_begin(struct store *store, struct bucket_state *bucket, const struct bucket_state *source)
{
        char text[16];
        struct ranges slots = {0};

        source_text(&bucket->made, text);
        bool anew = strcmp(text, bucket->made_before) != 0;
        for (size_t i = 0; i < source->covered.count; i++)
                store_require_memory(
                    ranges_set(&slots, interval_floor_us(bucket->interval, source->covered.items[i].start_us),
                        interval_ceil_us(bucket->interval, source->covered.items[i].end_us), 0));
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
                struct bucket_state *bucket = store->buckets[i];
                const struct bucket_state *source = source_of(store, bucket);

                if (source != NULL)
                        touch_begin(store, bucket, source);
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

static int work_bucket(struct store *store, struct bucket_state *bucket, struct bucket_state *source, size_t *left)
{
        while (bucket->touched.count > 0 && *left > 0) {
                struct range range = bucket->touched.items[0];
                int64_t done_us = range.start_us;
                int result = derive_make(store, bucket, source, &range, left, &done_us);

                if (done_us > range.start_us) {
                        store_require_memory(ranges_remove(&bucket->touched, range.start_us, done_us));
                        bucket->touched_dirty = true;
                        store->work_dirty = true;
                        store_mark_dirty(store, 0, true);
                }
                if (result < 0)
                        return -1;
        }
        return 0;
}

int store_derive(struct store *store)
{
        size_t left = DERIVE_ROWS_PER_PASS;
        bool more = false, waits = false;

        if (!store->derive_pending)
                return 0;
        for (size_t i = 0; i < store->buckets_count; i++) {
                struct bucket_state *bucket = store->buckets[i];
                struct bucket_state *source = source_of(store, bucket);

                if (bucket->touched.count == 0)
                        continue;
                if (source == NULL) { // not made any more
                        ranges_clear(&bucket->touched);
                        bucket->touched_dirty = true;
                        continue;
                }
                if (left > 0 && work_bucket(store, bucket, source, &left) < 0) {
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
        if (!waits)
                return more ? 1 : 0;
        errno = EAGAIN;
        return -1;
}
