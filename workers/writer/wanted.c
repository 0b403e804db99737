// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/wanted.h"

#include "common/symbol.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/catalogue.h"
#include "workers/writer/derive.h"
#include "workers/writer/planner.h"
#include "workers/writer/tickset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool want_is_for(const struct want *want, const struct bucket_state *bucket)
{
        return want->interval == bucket->interval && strcmp(want->symbol, bucket->symbol) == 0;
}

static bool has_want(const struct store *store, const struct bucket_state *bucket)
{
        for (size_t i = 0; i < store->wants_count; i++) {
                if (want_is_for(&store->wants[i], bucket))
                        return true;
        }
        return false;
}

bool wanted_needs_listing(const struct store *store, const struct bucket_state *bucket)
{
        return bucket->followed && (bucket->backfill || has_want(store, bucket));
}

static int compute(const struct store *store, const struct bucket_state *bucket, struct ranges *wanted)
{
        const struct settings *settings = &store->setup.settings;
        struct planner_want want = {
            .interval = bucket->interval,
            .backfill = bucket->backfill,
            .backfill_start_us = settings->backfill_start_us,
            .backfill_end_us = settings->backfill_end_us,
            .first_bar_us = bucket->first_bar_us,
            .live = bucket->live,
            .live_from_us = bucket->live_from_us,
        };

        if (!bucket->followed || !bucket->symbol_known)
                return 0;
        if (planner_add_wanted(&want, wanted) < 0)
                return -1;
        for (size_t i = 0; i < store->wants_count; i++) {
                if (!want_is_for(&store->wants[i], bucket))
                        continue;
                want.backfill = true;
                want.live = false;
                want.backfill_start_us = store->wants[i].start_us;
                want.backfill_end_us = store->wants[i].end_us;
                if (planner_add_wanted(&want, wanted) < 0)
                        return -1;
        }
        if (store->fixed_horizon_us == INT64_MAX)
                return 0;
        return ranges_clip(wanted, INT64_MIN, planner_horizon_us(bucket->interval, store->fixed_horizon_us, false));
}

static bool same(const struct ranges *a, const struct ranges *b)
{
        if (a->count != b->count)
                return false;
        for (size_t i = 0; i < a->count; i++) {
                if (a->items[i].start_us != b->items[i].start_us || a->items[i].end_us != b->items[i].end_us)
                        return false;
        }
        return true;
}

static void refresh_symbol(struct store *store, struct bucket_state *bucket)
{
        bool before = bucket->symbol_known;
        char why[REASON_SIZE];

        bucket->symbol_known =
            store->catalogue.generation == 0 || catalogue_find(&store->catalogue, bucket->symbol) != NULL;
        if (bucket->symbol_known && !before && !bucket->refused)
                bucket_set_why(store, bucket, "");
        if (!bucket->symbol_known && bucket->followed) {
                (void)snprintf(why, sizeof(why),
                    "the exchange's catalogue has no symbol %s; `binancefeeder symbols` lists what it has",
                    bucket->symbol);
                bucket_set_why(store, bucket, why);
        }
}

void wanted_refresh(struct store *store, struct bucket_state *bucket)
{
        struct ranges wanted = {0};

        refresh_symbol(store, bucket);
        store_require_memory(compute(store, bucket, &wanted));
        bucket->live_wanted = bucket->live && bucket->live_from_us >= 0;
        bucket_replan(bucket);
        if (same(&wanted, &bucket->wanted)) {
                ranges_free(&wanted);
                return;
        }
        ranges_free(&bucket->wanted);
        bucket->wanted = wanted;
        bucket->wanted_dirty = true;
        store->work_dirty = true;
        store_mark_dirty(store, 0, true);
}

void wanted_refresh_all(struct store *store)
{
        for (size_t i = 0; i < store->buckets_count; i++)
                wanted_refresh(store, store->buckets[i]);
        tickset_refresh(store);
}

void wanted_note_time(struct store *store, int64_t now_us)
{
        if (now_us < 0)
                return;
        store->exchange_us = now_us;
        catalogue_note_time(&store->catalogue, now_us);
        if (!store->setup.one_shot || store->fixed_horizon_us != INT64_MAX)
                return;
        store->fixed_horizon_us = now_us;
        wanted_refresh_all(store);
}

// ---- configuration ----

static void follow_symbol(struct store *store, const char *symbol)
{
        for (int i = 0; i < INTERVAL_COUNT; i++) {
                bool backfill = (store->backfill_intervals >> i & 1) != 0, live = (store->live_intervals >> i & 1) != 0;

                if (!backfill && !live)
                        continue;
                struct bucket_state *bucket = bucketset_get(store, symbol, (enum interval)i);
                bucket->followed = true;
                bucket->backfill = backfill;
                bucket->live = live;
        }
        derive_follow(store, symbol);
}

void wanted_configure(struct store *store)
{
        const struct settings *settings = &store->setup.settings;
        bool live = settings->realtime_enabled && !store->setup.one_shot && (settings->stream_types & DATA_KLINE) != 0;
        bool backfill = settings->backfill_enabled && (settings->backfill_data & DATA_KLINE) != 0;

        store->live_intervals = live ? settings->stream_intervals : 0;
        store->backfill_intervals = backfill ? settings->backfill_intervals : 0;
        derive_configure(store);
        for (size_t i = 0; i < store->buckets_count; i++) {
                struct bucket_state *bucket = store->buckets[i];

                bucket->followed = has_want(store, bucket);
                bucket->backfill = bucket->live = false;
        }
        for (size_t i = 0; i < store->setup.symbols.count; i++) {
                if (symbol_is_valid(store->setup.symbols.names[i]))
                        follow_symbol(store, store->setup.symbols.names[i]);
        }
        for (size_t i = 0; i < store->buckets_count; i++)
                bucket_row_changed(store, store->buckets[i]);
        tickset_configure(store);
        wanted_refresh_all(store);
        derive_begin(store);
}

// ---- wants ----

int store_want(struct store *store, const struct control_backfill *ask, char why[REASON_SIZE])
{
        struct want want = {.start_us = ask->start_us, .end_us = ask->end_us};

        errno = EINVAL;
        if (memchr(ask->symbol, '\0', SYMBOL_SIZE) == NULL || !symbol_is_valid(ask->symbol)) {
                (void)snprintf(
                    why, REASON_SIZE, "a symbol is 1 to %d of A-Z and 0-9, as in BTCUSDT", SYMBOL_LENGTH_MAX);
                return -1;
        }
        if (store->catalogue.generation > 0 && catalogue_find(&store->catalogue, ask->symbol) == NULL) {
                (void)snprintf(why, REASON_SIZE,
                    "the exchange has no symbol %s; `binancefeeder symbols` lists what it has", ask->symbol);
                return -1;
        }
        if (ask->interval >= INTERVAL_COUNT || ask->start_us >= ask->end_us) {
                (void)snprintf(why, REASON_SIZE,
                    ask->interval >= INTERVAL_COUNT ? "no such interval; there are %s"
                                                    : "the start lies behind the end (%s)",
                    ask->interval >= INTERVAL_COUNT ? interval_names() : ask->symbol);
                return -1;
        }
        (void)snprintf(want.symbol, sizeof(want.symbol), "%s", ask->symbol);
        want.interval = (enum interval)ask->interval;
        if (store->exchange_us >= 0 && want.end_us > store->exchange_us)
                want.end_us = store->exchange_us; // up to now, and no further
        if (store->wants_count == WANTS_MAX) {
                (void)snprintf(why, REASON_SIZE, "%d ranges are being fetched already; ask again later", WANTS_MAX);
                errno = EBUSY;
                return -1;
        }
        if (store->wants_count == store->wants_capacity) {
                size_t capacity = store->wants_capacity > 0 ? store->wants_capacity * 2 : 8;
                struct want *wants = realloc(store->wants, capacity * sizeof(*wants));

                store_require_memory(wants != NULL ? 0 : -1);
                store->wants = wants;
                store->wants_capacity = capacity;
        }
        store->wants[store->wants_count++] = want;
        store->wants_dirty = true;
        struct bucket_state *bucket = bucketset_get(store, want.symbol, want.interval);
        bucket->followed = true;
        bucket_row_changed(store, bucket);
        wanted_refresh(store, bucket);
        store->work_dirty = true;
        why[0] = '\0';
        return 0;
}

static bool is_configured(const struct bucket_state *bucket)
{
        return bucket->backfill || bucket->live || bucket->made.from != AGGREGATE_UNSAID;
}

static bool is_satisfied(struct store *store, const struct want *want, struct bucket_state *bucket)
{
        struct ranges wanted = {0}, missing = {0}, native = {0};
        const struct planner_want alone = {.interval = want->interval,
            .backfill = true,
            .first_bar_us = bucket->first_bar_us,
            .backfill_start_us = want->start_us,
            .backfill_end_us = want->end_us,
            .live_from_us = -1};

        if (store->exchange_us < 0 || bucket->first_bar_us == LEDGER_FIRST_BAR_UNKNOWN)
                return false;
        store_require_memory(planner_add_wanted(&alone, &wanted));
        derive_native_covered(bucket, &native);
        store_require_memory(
            ranges_missing(&wanted, planner_horizon_us(want->interval, store->exchange_us, bucket->live), &native,
                &bucket->explained_ranges, &missing));
        bool satisfied = missing.count == 0;
        ranges_free(&native);
        ranges_free(&wanted);
        ranges_free(&missing);
        return satisfied;
}

void wanted_prune(struct store *store)
{
        for (size_t i = store->wants_count; i-- > 0;) {
                struct want *want = &store->wants[i];
                struct bucket_state *bucket = bucketset_get(store, want->symbol, want->interval);

                if (want->end_us > store->exchange_us && store->exchange_us >= 0) {
                        want->end_us = store->exchange_us;
                        store->wants_dirty = true;
                        wanted_refresh(store, bucket);
                }
                if (!is_satisfied(store, want, bucket))
                        continue;
                store->wants[i] = store->wants[--store->wants_count];
                store->wants_dirty = true;
                if (!is_configured(bucket) && !has_want(store, bucket))
                        bucket->followed = false;
                bucket_row_changed(store, bucket);
                wanted_refresh(store, bucket);
        }
}
