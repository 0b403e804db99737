// SPDX-License-Identifier: Apache-2.0
// The next job. What one bucket needs is planned once and kept until something about it changes or exchange time
// reaches the next point at which it may; choosing among buckets is then one comparison each.
#include "workers/writer/plan.h"

#include "common/log.h"
#include "workers/writer/adopt.h"
#include "workers/writer/barsink.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/derive.h"
#include "workers/writer/leases.h"
#include "workers/writer/planner.h"
#include "workers/writer/settle.h"
#include "workers/writer/tickplan.h"
#include "workers/writer/troubles.h"
#include "workers/writer/wanted.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RETRY_MS 1000          // ask again at the latest
#define HISTORY_PER_SETTLING 4 // history waits for one page of settling after so many jobs
#define EXHAUSTED_MS 300000    // what is tried again only after this is not waited for by a one-shot run

static void lower(int64_t *value, int64_t to)
{
        if (to < *value)
                *value = to;
}

static int64_t rows_per_job(const struct store *store)
{
        return (int64_t)JOB_PAGES_MAX * store->setup.settings.batch_size;
}

// Needs the first bar: true where it may be asked for now.
static bool plan_listing(const struct store *store, struct bucket_state *bucket, mono_time now)
{
        struct bucket_plan *plan = &bucket->plan;

        if (!wanted_needs_listing(store, bucket) || bucket->first_bar_us >= 0)
                return false;
        plan->known = bucket->first_bar_us == LEDGER_FIRST_BAR_NONE;
        if (lease_is_open(store, JOB_LISTING, bucket))
                return false;
        if (bucket->listing_retry_at.us <= now.us)
                return true;
        lower(&plan->until_mono.us, bucket->listing_retry_at.us);
        return false;
}

static void plan_ranges(const struct store *store, struct bucket_state *bucket, int64_t now_us,
    const struct ranges *missing, const struct ranges *busy, const struct ranges *cuts)
{
        struct bucket_plan *plan = &bucket->plan;
        struct settle_input settle = {.interval = bucket->interval,
            .now_us = now_us,
            .covered = &bucket->covered,
            .wanted = &bucket->wanted,
            .busy = busy,
            .page_rows = store->setup.settings.batch_size};
        int64_t due_us, rows_max = rows_per_job(store);

        plan->class = PLAN_NOTHING;
        if (bucket->live && bucket->live_from_us >= 0 &&
            planner_pick(missing, busy, cuts, bucket->interval, bucket->live_from_us, INT64_MAX, rows_max, &plan->job))
                plan->class = PLAN_GAP;
        else if (planner_pick(missing, busy, cuts, bucket->interval, INT64_MIN, INT64_MAX, rows_max, &plan->job))
                plan->class = PLAN_HISTORY;
        else if (settle_pick(&settle, &plan->job, &due_us))
                plan->class = PLAN_SETTLE;
        else
                lower(&plan->until_us, due_us);
}

static void make_plan(const struct store *store, struct bucket_state *bucket, int64_t now_us, mono_time now)
{
        struct bucket_plan *plan = &bucket->plan;
        struct ranges missing = {0}, busy = {0}, cuts = {0}, native = {0};
        int64_t horizon_us = planner_horizon_us(bucket->interval, now_us, bucket->live);

        *plan = (struct bucket_plan){.valid = true,
            .class = PLAN_NOTHING,
            .made_us = now_us,
            .known = true,
            .until_us = planner_horizon_next_us(bucket->interval, now_us, bucket->live),
            .until_mono = {INT64_MAX}};
        derive_native_covered(bucket, &native);
        store_require_memory(ranges_missing(&bucket->wanted, horizon_us, &native, &bucket->explained_ranges, &missing));
        plan->missing_bars = ranges_bars(&missing, bucket->interval);
        bool listing = plan_listing(store, bucket, now);
        lease_ranges(store, bucket, &busy);
        trouble_ranges(bucket, now, &busy, &cuts, &plan->until_mono);
        if (bucket->deferred.start_us < bucket->deferred.end_us && bucket->deferred_until_us > now_us) {
                store_require_memory(ranges_set(&busy, bucket->deferred.start_us, bucket->deferred.end_us, 0));
                lower(&plan->until_us, bucket->deferred_until_us);
        }
        if (bucket->symbol_known && !bucket->refused) {
                plan_ranges(store, bucket, now_us, &missing, &busy, &cuts);
                if (listing)
                        plan->class = PLAN_LISTING;
        }
        ranges_free(&missing);
        ranges_free(&busy);
        ranges_free(&cuts);
        ranges_free(&native);
}

static bool plan_holds(const struct bucket_plan *plan, int64_t now_us, mono_time now)
{
        return plan->valid && now_us >= plan->made_us && now_us < plan->until_us && now.us < plan->until_mono.us;
}

// The tree is looked at before anything is asked for: what it holds need not be fetched. One bucket at a time, for a
// large one takes seconds.
static bool prepare(struct store *store, struct bucket_state *bucket, bool *prepared_one)
{
        if (bucket->prepared || bucket->refused || !bucket->symbol_known)
                return true;
        if (*prepared_one)
                return false;
        bool adopts = !bucket->looked_at;
        if (bucket_prepare(store, bucket) < 0) {
                if (errno != EAGAIN && errno != EHOSTUNREACH && errno != ENOSPC && errno != EDQUOT)
                        log_error("%s %s: its files cannot be looked at (%s); tried again", bucket->symbol,
                            interval_name(bucket->interval), strerror(errno));
                *prepared_one = true;
                return false;
        }
        *prepared_one = adopts && bucket->covered.count > 0;
        return true;
}

void plan_refresh(struct store *store, int64_t now_us)
{
        mono_time now = mono_now();
        bool prepared_one = false;

        for (size_t i = 0; i < store->buckets_count; i++) {
                struct bucket_state *bucket = store->buckets[i];

                if (!bucket->followed || plan_holds(&bucket->plan, now_us, now))
                        continue;
                if (prepare(store, bucket, &prepared_one))
                        make_plan(store, bucket, now_us, now);
        }
        tickplan_refresh(store, now_us);
}

// ---- choosing ----

static bool is_better(const struct store *store, enum plan_class class, enum plan_class best)
{
        bool settling_turn = store->history_granted >= HISTORY_PER_SETTLING;

        if (class == PLAN_SETTLE && best == PLAN_HISTORY)
                return settling_turn;
        if (class == PLAN_HISTORY && best == PLAN_SETTLE)
                return !settling_turn;
        return class < best;
}

static struct bucket_state *choose(struct store *store)
{
        struct bucket_state *best = NULL;

        for (size_t i = 0; i < store->buckets_count; i++) {
                struct bucket_state *bucket = store->buckets[(store->turn + i) % store->buckets_count];

                if (!bucket->followed || !bucket->plan.valid || bucket->plan.class == PLAN_NOTHING)
                        continue;
                if (best == NULL || is_better(store, bucket->plan.class, best->plan.class))
                        best = bucket;
                if (best->plan.class == PLAN_LISTING)
                        break;
        }
        return best;
}

static struct lease *grant(struct store *store, struct bucket_state *bucket)
{
        static const enum job_purpose purposes[] = {[PLAN_LISTING] = JOB_UPKEEP,
            [PLAN_GAP] = JOB_GAP,
            [PLAN_HISTORY] = JOB_HISTORY,
            [PLAN_SETTLE] = JOB_SETTLE};
        enum plan_class class = bucket->plan.class;
        struct range job = bucket->plan.job;
        struct lease *lease = lease_grant(store, bucket, class == PLAN_LISTING ? JOB_LISTING : JOB_KLINES,
            purposes[class], class == PLAN_LISTING ? NULL : &job);

        if (lease == NULL)
                return NULL;
        store->turn = (bucketset_index(store, bucket) + 1) % store->buckets_count;
        if (class == PLAN_HISTORY)
                store->history_granted++;
        if (class == PLAN_SETTLE)
                store->history_granted = 0;
        return lease;
}

// Between two that are equally urgent, bars and ticks take turns.
static struct lease *grant_most_urgent(struct store *store)
{
        struct bucket_state *bars = choose(store);
        struct tick_bucket *ticks = tickplan_choose(store);

        if (bars == NULL && ticks == NULL)
                return NULL;
        bool take_ticks = bars == NULL;
        if (bars != NULL && ticks != NULL)
                take_ticks = tickplan_class(ticks) == bars->plan.class ? !store->ticks.turn_taken
                                                                       : tickplan_class(ticks) < bars->plan.class;
        store->ticks.turn_taken = take_ticks;
        return take_ticks ? tickplan_grant(store, ticks) : grant(store, bars);
}

static bool catalogue_is_due(const struct store *store, mono_time now)
{
        return store->catalogue.next_at.us <= now.us && !lease_is_open(store, JOB_CATALOG, NULL);
}

bool store_next_job(struct store *store, int64_t now_us, struct job *job, int64_t *retry_ms)
{
        mono_time now = mono_now();
        struct lease *lease = NULL;

        *retry_ms = RETRY_MS;
        wanted_note_time(store, now_us);
        if (store->network_retry_at.us > now.us) {
                lower(retry_ms, mono_since_ms(store->network_retry_at, now) + 1);
                return false;
        }
        if (catalogue_is_due(store, now)) {
                lease = lease_grant(store, NULL, JOB_CATALOG, JOB_UPKEEP, NULL);
        } else if (now_us >= 0 && store->catalogue.generation > 0 &&
                   (store->sink->is_away == NULL || !store->sink->is_away(store))) {
                plan_refresh(store, now_us);
                lease = grant_most_urgent(store);
        }
        if (lease == NULL)
                return false;
        *job = lease->job;
        return true;
}

// ---- what is left ----

static bool is_done(const struct bucket_state *bucket)
{
        return !bucket->followed || (bucket->plan.valid && bucket->plan.known && bucket->plan.missing_bars == 0 &&
                                        bucket->symbol_known && !bucket->refused);
}

bool store_is_complete(struct store *store, int64_t now_us)
{
        bool complete = now_us >= 0 && store->catalogue.generation > 0 && !store->work_dirty && !store->derive_pending;
        int64_t jobs = (int64_t)store->leases_open;

        wanted_note_time(store, now_us);
        if (now_us >= 0 && store->catalogue.generation > 0)
                plan_refresh(store, now_us);
        for (size_t i = 0; i < store->buckets_count; i++) {
                const struct bucket_state *bucket = store->buckets[i];

                complete = complete && is_done(bucket);
                if (bucket->followed)
                        jobs += (bucket->plan.missing_bars + rows_per_job(store) - 1) / rows_per_job(store);
        }
        for (size_t i = 0; i < store->ticks.count; i++)
                complete = complete && tickplan_is_done(store->ticks.buckets[i]);
        jobs += tickplan_jobs(store);
        atomic_store(&store->governor->jobs_open, jobs > UINT32_MAX ? UINT32_MAX : (uint32_t)jobs);
        atomic_store(&store->governor->complete, complete ? 1 : 0);
        return complete;
}

// True where nothing that is left of this bucket is tried again soon; `text` then says why.
static bool is_stuck(struct bucket_state *bucket, int64_t now_us, mono_time now, char text[REASON_SIZE])
{
        struct ranges missing = {0}, native = {0};
        bool stuck = true;

        (void)snprintf(text, REASON_SIZE, "%s", bucket->why);
        if (!bucket->symbol_known || bucket->refused)
                return true;
        if (!bucket->plan.known)
                return mono_since_ms(bucket->listing_retry_at, now) > EXHAUSTED_MS;
        derive_native_covered(bucket, &native);
        store_require_memory(ranges_missing(&bucket->wanted, planner_horizon_us(bucket->interval, now_us, bucket->live),
            &native, &bucket->explained_ranges, &missing));
        for (size_t i = 0; i < missing.count && stuck; i++) {
                for (int64_t us = missing.items[i].start_us; us < missing.items[i].end_us && stuck;)
                        stuck = trouble_skip(bucket, &us, now, EXHAUSTED_MS, text);
        }
        ranges_free(&missing);
        ranges_free(&native);
        return stuck;
}

bool store_is_exhausted(struct store *store, int64_t now_us, char text[REASON_SIZE])
{
        char why[REASON_SIZE];
        mono_time now = mono_now();
        size_t stuck = 0;

        if (store->leases_open > 0 || store->work_dirty || store->derive_pending || now_us < 0 ||
            store->catalogue.generation == 0)
                return false;
        plan_refresh(store, now_us);
        for (size_t i = 0; i < store->buckets_count; i++) {
                struct bucket_state *bucket = store->buckets[i];

                if (is_done(bucket))
                        continue;
                if (!bucket->plan.valid || !is_stuck(bucket, now_us, now, why))
                        return false;
                if (stuck++ == 0)
                        (void)snprintf(
                            text, REASON_SIZE, "%s %s: %.120s", bucket->symbol, interval_name(bucket->interval), why);
        }
        for (size_t i = 0; i < store->ticks.count; i++) {
                const struct tick_bucket *bucket = store->ticks.buckets[i];

                if (tickplan_is_done(bucket))
                        continue;
                if (!bucket->plan.valid || !tickplan_is_stuck(store, bucket, now, EXHAUSTED_MS, why))
                        return false;
                if (stuck++ == 0)
                        (void)snprintf(
                            text, REASON_SIZE, "%s %s: %.120s", bucket->symbol, tick_group(bucket->kind), why);
        }
        return stuck > 0;
}
