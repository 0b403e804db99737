// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/bucketset.h"

#include "common/exitcode.h"
#include "common/log.h"
#include "workers/writer/coverage.h"
#include "workers/writer/derive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAPS_OPEN_MAX 1000 // noted per bucket; more are still missing, only their cause is no longer told apart

void store_require_memory(int result)
{
        if (result == 0)
                return;
        log_error("no memory; this process ends, and its successor replays from the ledger");
        exit(EXIT_TRY_LATER);
}

void store_mark_dirty(struct store *store, int64_t bytes, bool urgent)
{
        mono_time now = mono_now();

        if (!store->dirty)
                store->dirty_since = now;
        if (urgent && !store->urgent)
                store->urgent_since = now;
        store->dirty = true;
        store->urgent = store->urgent || urgent;
        store->dirty_bytes += bytes;
}

// ---- finding ----

static size_t hash_of(const struct store *store, const char *symbol, enum interval interval)
{
        uint64_t hash = 1469598103934665603u + (uint64_t)interval;

        for (const char *c = symbol; *c != '\0'; c++)
                hash = (hash ^ (unsigned char)*c) * 1099511628211u;
        return (size_t)(hash ^ hash >> 32) & (store->hash_size - 1);
}

struct bucket_state *bucketset_find(const struct store *store, const char *symbol, enum interval interval)
{
        if (store->hash_size == 0)
                return NULL;
        for (size_t i = store->hash[hash_of(store, symbol, interval)]; i != BUCKET_NONE;
             i = store->buckets[i]->hash_next) {
                if (store->buckets[i]->interval == interval && strcmp(store->buckets[i]->symbol, symbol) == 0)
                        return store->buckets[i];
        }
        return NULL;
}

static void hash_insert(struct store *store, size_t index)
{
        struct bucket_state *bucket = store->buckets[index];
        size_t head = hash_of(store, bucket->symbol, bucket->interval);

        bucket->hash_next = store->hash[head];
        store->hash[head] = index;
}

static void grow(struct store *store)
{
        size_t capacity = store->buckets_capacity > 0 ? store->buckets_capacity * 2 : 64;
        struct bucket_state **buckets = realloc(store->buckets, capacity * sizeof(struct bucket_state *));
        size_t *hash = malloc(capacity * 2 * sizeof(*hash));

        store_require_memory(buckets != NULL && hash != NULL ? 0 : -1);
        free(store->hash);
        store->buckets = buckets;
        store->buckets_capacity = capacity;
        store->hash = hash;
        store->hash_size = capacity * 2;
        for (size_t i = 0; i < store->hash_size; i++)
                hash[i] = BUCKET_NONE;
        for (size_t i = 0; i < store->buckets_count; i++)
                hash_insert(store, i);
}

static void clean(struct bucket_state *bucket)
{
        bucket->covered_dirty_start_us = bucket->explained_dirty_start_us = INT64_MAX;
        bucket->covered_dirty_end_us = bucket->explained_dirty_end_us = INT64_MIN;
}

struct bucket_state *bucketset_get(struct store *store, const char *symbol, enum interval interval)
{
        struct bucket_state *bucket = bucketset_find(store, symbol, interval);

        if (bucket != NULL)
                return bucket;
        if (store->buckets_count == store->buckets_capacity)
                grow(store);
        bucket = calloc(1, sizeof(*bucket));
        store_require_memory(bucket != NULL ? 0 : -1);
        (void)snprintf(bucket->symbol, sizeof(bucket->symbol), "%s", symbol);
        bucket->id = ++store->bucket_id_last;
        bucket->interval = interval;
        bucket->timeframe_ns = bar_home_of(interval).timeframe_ns;
        bucket->symbol_known = true;
        bucket->first_bar_us = LEDGER_FIRST_BAR_UNKNOWN;
        bucket->live_from_us = bucket->live_last_us = -1;
        clean(bucket);
        store->buckets[store->buckets_count] = bucket;
        hash_insert(store, store->buckets_count++);
        bucket_row_changed(store, bucket);
        return bucket;
}

size_t bucketset_index(const struct store *store, const struct bucket_state *bucket)
{
        for (size_t i = store->hash[hash_of(store, bucket->symbol, bucket->interval)]; i != BUCKET_NONE;
             i = store->buckets[i]->hash_next) {
                if (store->buckets[i] == bucket)
                        return i;
        }
        return BUCKET_NONE;
}

void bucketset_free(struct store *store)
{
        for (size_t i = 0; i < store->buckets_count; i++) {
                struct bucket_state *bucket = store->buckets[i];

                ranges_free(&bucket->wanted);
                ranges_free(&bucket->covered);
                ranges_free(&bucket->explained_ranges);
                ranges_free(&bucket->made_wanted);
                ranges_free(&bucket->touched);
                free(bucket->partial);
                gaps_free(&bucket->explained);
                gaps_free(&bucket->notes);
                free(bucket->troubles);
                free(bucket);
        }
        free(store->buckets);
        free(store->hash);
}

// ---- the account ----

void bucket_replan(struct bucket_state *bucket)
{
        bucket->plan.valid = false;
}

void bucket_row_changed(struct store *store, struct bucket_state *bucket)
{
        bucket->row_dirty = true;
        bucket_replan(bucket);
        store_mark_dirty(store, 0, true);
}

static void widen(int64_t *start_us, int64_t *end_us, int64_t from_us, int64_t to_us)
{
        if (from_us < *start_us)
                *start_us = from_us;
        if (to_us > *end_us)
                *end_us = to_us;
}

static void covered_changed(struct bucket_state *bucket, int64_t start_us, int64_t end_us)
{
        widen(&bucket->covered_dirty_start_us, &bucket->covered_dirty_end_us, start_us, end_us);
        bucket_replan(bucket);
}

static void explained_changed(struct bucket_state *bucket, int64_t start_us, int64_t end_us)
{
        widen(&bucket->explained_dirty_start_us, &bucket->explained_dirty_end_us, start_us, end_us);
        bucket_replan(bucket);
}

static bool meets(const struct ranges *set, int64_t start_us, int64_t end_us)
{
        size_t index = ranges_find(set, start_us);

        return index < set->count && set->items[index].start_us < end_us;
}

static void end_deferral(struct bucket_state *bucket, int64_t start_us)
{
        if (start_us < bucket->deferred.start_us || start_us >= bucket->deferred.end_us)
                return;
        bucket->deferred.end_us = start_us; // what lies before it is still a hole
        bucket->deferred_delay_us = 0;
}

void bucket_cover(
    struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us, enum bar_source source)
{
        store_require_memory(coverage_add(&bucket->covered, start_us, end_us, source));
        covered_changed(bucket, start_us, end_us);
        if (meets(&bucket->explained_ranges, start_us, end_us)) {
                store_require_memory(gaps_trim(&bucket->explained, start_us, end_us));
                store_require_memory(ranges_remove(&bucket->explained_ranges, start_us, end_us));
                explained_changed(bucket, start_us, end_us);
        }
        end_deferral(bucket, start_us);
        derive_touched(store, bucket, start_us, end_us);
        if (source != BAR_DERIVED)
                derive_compare(store, bucket, start_us, end_us);
        store_mark_dirty(store, 0, false);
}

void bucket_uncover(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us)
{
        store_require_memory(ranges_remove(&bucket->covered, start_us, end_us));
        covered_changed(bucket, start_us, end_us);
        store_mark_dirty(store, 0, false);
}

void bucket_explain(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us,
    enum gap_state state, int64_t found_us, const char *evidence)
{
        struct ranges holes = {0};

        store_require_memory(ranges_set(&holes, start_us, end_us, 0));
        store_require_memory(ranges_subtract(&holes, &bucket->covered));
        for (size_t i = 0; i < holes.count; i++) {
                int64_t from_us = holes.items[i].start_us, to_us = holes.items[i].end_us;

                store_require_memory(gaps_explain(&bucket->explained, from_us, to_us, state, found_us, evidence));
                store_require_memory(ranges_set(&bucket->explained_ranges, from_us, to_us, (int32_t)state));
        }
        if (holes.count > 0) {
                explained_changed(bucket, start_us, end_us);
                derive_touched(store, bucket, start_us, end_us);
        }
        ranges_free(&holes);
        store_mark_dirty(store, 0, true);
}

void bucket_note_gap(
    struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us, const char *evidence)
{
        if (start_us >= end_us || ranges_cover(&bucket->covered, start_us, end_us))
                return;
        for (size_t i = 0; i < bucket->notes.count; i++) {
                const struct gap *note = &bucket->notes.items[i];

                if (note->start_us == start_us && note->end_us == end_us && note->state != GAP_FILLED)
                        return; // said already: a batch is applied again
        }
        if (bucket->notes.count >= GAPS_OPEN_MAX)
                return;
        store_require_memory(gaps_note(&bucket->notes, start_us, end_us, GAP_OPEN, store->exchange_us, evidence));
        bucket->notes_dirty = true;
        bucket_replan(bucket);
        store_mark_dirty(store, 0, true);
}

void bucket_set_why(struct store *store, struct bucket_state *bucket, const char *why)
{
        if (strcmp(bucket->why, why) == 0)
                return;
        (void)snprintf(bucket->why, sizeof(bucket->why), "%s", why);
        if (why[0] != '\0')
                log_warn("%s %s: %s", bucket->symbol, interval_name(bucket->interval), why);
        bucket_row_changed(store, bucket);
}
