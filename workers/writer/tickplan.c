// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/tickplan.h"

#include "common/log.h"
#include "workers/writer/leases.h"
#include "workers/writer/tickset.h"
#include "workers/writer/ticksink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SEARCH_US US_PER_MIN            // of exchange time, at either end of the history
#define END_AGE_US (10 * US_PER_S)      // REST lags: the end is searched for when it is this old
#define TAIL_US US_PER_MIN              // how often new ids are asked for where no stream brings them
#define BOUNDARY_TAIL_US (10 * TAIL_US) // and behind a boundary after which no row came

static int64_t least(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static int64_t greatest(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

static int64_t ids_per_job(const struct store *store)
{
        return (int64_t)JOB_PAGES_MAX * store->setup.settings.batch_size;
}

// ---- what is wanted ----

static int64_t history_from_us(const struct store *store)
{
        return greatest(store->setup.settings.backfill_start_us, 0);
}

static int64_t history_until_us(const struct store *store)
{
        return least(store->setup.settings.backfill_end_us, store->fixed_horizon_us);
}

static bool has_end(const struct store *store)
{
        return history_until_us(store) < INT64_MAX;
}

// The highest id that is known to exist.
static int64_t known_last(const struct tick_bucket *bucket)
{
        return greatest(tick_covered_last(bucket), bucket->newest_id);
}

size_t tickplan_wanted(
    const struct store *store, const struct tick_bucket *bucket, struct tick_stretch stretches[TICK_STRETCHES])
{
        size_t count = 0;
        int64_t behind = -1;

        if (!bucket->followed || !tick_kind_has_ids(bucket->kind))
                return 0;
        if (bucket->backfill && bucket->history_first_id >= 0) {
                int64_t last_id =
                    has_end(store) && bucket->history_last_id >= 0 ? bucket->history_last_id : known_last(bucket);

                if (bucket->history_first_id <= last_id)
                        stretches[count++] = (struct tick_stretch){bucket->history_first_id, last_id};
                behind = last_id;
        }
        int64_t live_first = greatest(bucket->live_from_id, behind + 1), live_last = tick_covered_last(bucket);
        if (bucket->live && bucket->live_from_id >= 0 && live_first <= live_last)
                stretches[count++] = (struct tick_stretch){live_first, live_last};
        return count;
}

// Another range than the one that was searched before.
static void renew_history(const struct store *store, struct tick_bucket *bucket)
{
        int64_t from_us = history_from_us(store), until_us = history_until_us(store);

        if (bucket->history_from_us != from_us) {
                bucket->history_first_id = -1;
                bucket->history_empty = false;
        }
        if (bucket->history_until_us != until_us) {
                bucket->history_last_id = -1;
                bucket->end_open = bucket->history_empty = false;
        }
        if (bucket->history_from_us != from_us || bucket->history_until_us != until_us) {
                bucket->row_dirty = true;
                bucket->history_empty = bucket->history_empty || from_us >= until_us; // begins after the exchange's now
        }
        bucket->history_from_us = from_us;
        bucket->history_until_us = until_us;
}

// ---- what is left alone ----

struct planning {
        const struct store *store;
        struct tick_bucket *bucket;
        struct tick_plan *plan;
        int64_t now_us;
        mono_time now;
        struct idset busy; // epoch 0
        bool searching;    // a search is under way
};

static void keep_busy(struct planning *planning, int64_t first_id, int64_t last_id)
{
        const struct id_range range = {0, ID_REST, first_id, last_id, 0, 0};

        idset_add(&planning->busy, &range);
}

static void add_leases(struct planning *planning)
{
        for (size_t i = 0; i < LEASES_MAX && planning->bucket->leases > 0; i++) {
                const struct lease *lease = &planning->store->leases[i];

                if (!lease->used || lease->ticks.bucket == TICK_NONE ||
                    planning->store->ticks.buckets[lease->ticks.bucket] != planning->bucket)
                        continue;
                if (lease->job.first_id < 0)
                        planning->searching = true;
                else
                        keep_busy(planning, lease->job.first_id, lease->job.last_id);
        }
}

static void add_busy(struct planning *planning)
{
        struct tick_bucket *bucket = planning->bucket;
        struct tick_plan *plan = planning->plan;

        add_leases(planning);
        for (size_t i = 0; i < bucket->troubles_count; i++) {
                const struct tick_trouble *trouble = &bucket->troubles[i];

                if (trouble->retry_at.us <= planning->now.us)
                        continue;
                keep_busy(planning, trouble->first_id, trouble->last_id);
                plan->until_mono.us = least(plan->until_mono.us, trouble->retry_at.us);
        }
        if (bucket->deferred_first_id <= bucket->deferred_last_id && bucket->deferred_until_us > planning->now_us) {
                keep_busy(planning, bucket->deferred_first_id, bucket->deferred_last_id);
                plan->until_us = least(plan->until_us, bucket->deferred_until_us);
        }
        for (size_t i = 0; i < bucket->gaps_count; i++) {
                const struct tick_gap *gap = &bucket->gaps[i];

                if (gap->dropped || gap->state != GAP_OPEN || gap->found_us + TICK_YOUNG_US <= planning->now_us ||
                    gap->epoch != tick_epoch_newest(bucket))
                        continue;
                keep_busy(planning, gap->first_id, gap->last_id);
                plan->until_us = least(plan->until_us, gap->found_us + TICK_YOUNG_US);
        }
}

// ---- the task ----

// The first ids of [from, to] that are missing and not busy, at most a job's.
static bool pick(const struct planning *planning, int64_t from, int64_t to)
{
        struct tick_plan *plan = planning->plan;
        int32_t epoch = tick_epoch_newest(planning->bucket);
        int64_t hole_first, hole_last;

        while (from <= to && idset_hole(&planning->bucket->covered, epoch, from, to, &hole_first, &hole_last)) {
                if (idset_hole(&planning->busy, 0, hole_first, hole_last, &plan->first_id, &plan->last_id)) {
                        plan->last_id = least(plan->last_id, plan->first_id + ids_per_job(planning->store) - 1);
                        return true;
                }
                from = hole_last + 1;
        }
        return false;
}

static void plan_search(struct planning *planning, enum tick_task task, int64_t start_us, int64_t end_us)
{
        struct tick_plan *plan = planning->plan;

        if (planning->searching || planning->busy.count > 0)
                return; // refused or out of reach for now
        plan->task = task;
        plan->first_id = plan->last_id = -1;
        plan->start_us = start_us;
        plan->end_us = end_us;
}

// New ids behind those that are known, every `period_us`.
static bool plan_tail(struct planning *planning, int64_t after_id, int64_t period_us, enum tick_task task)
{
        const struct tick_bucket *bucket = planning->bucket;
        struct tick_plan *plan = planning->plan;

        if (bucket->ended_us >= 0 && planning->now_us - bucket->ended_us < period_us) {
                plan->until_us = least(plan->until_us, bucket->ended_us + period_us);
                return false;
        }
        if (bucket->leases > 0 || !pick(planning, after_id + 1, after_id + ids_per_job(planning->store)))
                return false;
        plan->task = task;
        return true;
}

static void plan_first(struct planning *planning)
{
        const struct store *store = planning->store;
        const struct tick_bucket *bucket = planning->bucket;
        struct tick_plan *plan = planning->plan;
        int64_t from_us = history_from_us(store);

        if (!bucket->history_empty) {
                plan->known = false;
        } else if (has_end(store)) {
                return; // nothing lay there when it was over
        } else if (planning->now_us - bucket->ended_us < TAIL_US) {
                plan->until_us = least(plan->until_us, bucket->ended_us + TAIL_US);
                return;
        }
        plan_search(planning, TICK_TASK_FIRST, from_us, least(from_us + SEARCH_US, history_until_us(store)));
}

static void plan_last(struct planning *planning)
{
        const struct store *store = planning->store;
        struct tick_plan *plan = planning->plan;
        int64_t end_us = has_end(store) ? history_until_us(store) : planning->now_us - END_AGE_US;
        int64_t ready_us = end_us + END_AGE_US;

        plan->known = false;
        if (has_end(store) && planning->now_us < ready_us) {
                plan->until_us = least(plan->until_us, ready_us);
                return;
        }
        int64_t start_us = greatest(end_us - SEARCH_US, history_from_us(store));
        if (start_us < end_us)
                plan_search(planning, TICK_TASK_LAST, start_us, end_us);
}

static void plan_history(struct planning *planning)
{
        const struct store *store = planning->store;
        const struct tick_bucket *bucket = planning->bucket;
        struct tick_plan *plan = planning->plan;

        if (bucket->history_first_id < 0) {
                plan_first(planning);
                return;
        }
        if (bucket->history_last_id < 0 && !bucket->end_open) {
                plan_last(planning);
                return;
        }
        bool ends = has_end(store) && bucket->history_last_id >= 0;
        int64_t last_id = ends ? bucket->history_last_id : known_last(bucket);
        if (pick(planning, bucket->history_first_id, last_id)) {
                plan->task = TICK_TASK_HISTORY;
                return;
        }
        if (ends)
                return;
        if (bucket->live && bucket->live_from_id >= 0 && !has_end(store))
                return; // the stream brings the rest
        plan->known = plan->known && bucket->ended_us >= 0 && !has_end(store);
        if (bucket->end_open || !has_end(store))
                (void)plan_tail(planning, greatest(last_id, bucket->history_first_id - 1), has_end(store) ? 0 : TAIL_US,
                    TICK_TASK_HISTORY);
}

// Ids between streamed ones, and behind a boundary after which nothing came.
static void plan_live(struct planning *planning)
{
        const struct tick_bucket *bucket = planning->bucket;
        struct tick_plan *plan = planning->plan;

        if (pick(planning, bucket->live_from_id, tick_covered_last(bucket))) {
                plan->task = TICK_TASK_GAP;
                return;
        }
        if (!bucket->boundary_open)
                return;
        int64_t ready_us = bucket->boundary_us + TICK_YOUNG_US;
        if (planning->now_us < ready_us) {
                plan->until_us = least(plan->until_us, ready_us);
                return;
        }
        bool asked = bucket->ended_us >= bucket->boundary_us;
        (void)plan_tail(
            planning, greatest(known_last(bucket), bucket->last_id), asked ? BOUNDARY_TAIL_US : 0, TICK_TASK_GAP);
}

static void make_plan(const struct store *store, struct tick_bucket *bucket, int64_t now_us, mono_time now)
{
        struct planning planning = {
            .store = store, .bucket = bucket, .plan = &bucket->plan, .now_us = now_us, .now = now};
        struct tick_stretch stretches[TICK_STRETCHES];
        struct tick_plan *plan = &bucket->plan;

        *plan = (struct tick_plan){.valid = true,
            .task = TICK_TASK_NOTHING,
            .made_us = now_us,
            .until_us = INT64_MAX,
            .until_mono = {INT64_MAX},
            .known = true};
        if (!tick_kind_has_ids(bucket->kind))
                return;
        renew_history(store, bucket);
        if (bucket->symbol_known && !bucket->refused) {
                add_busy(&planning);
                if (bucket->live && bucket->live_from_id >= 0)
                        plan_live(&planning);
                if (plan->task == TICK_TASK_NOTHING && bucket->backfill)
                        plan_history(&planning);
        }
        size_t count = tickplan_wanted(store, bucket, stretches);
        for (size_t i = 0; i < count; i++)
                plan->missing += idset_missing(
                    &bucket->covered, tick_epoch_newest(bucket), stretches[i].first_id, stretches[i].last_id);
        idset_free(&planning.busy);
}

static bool plan_holds(const struct tick_plan *plan, int64_t now_us, mono_time now)
{
        return plan->valid && now_us >= plan->made_us && now_us < plan->until_us && now.us < plan->until_mono.us;
}

void tickplan_refresh(struct store *store, int64_t now_us)
{
        mono_time now = mono_now();

        for (size_t i = 0; i < store->ticks.count; i++) {
                struct tick_bucket *bucket = store->ticks.buckets[i];

                if (!bucket->followed || plan_holds(&bucket->plan, now_us, now))
                        continue;
                // What the tree lacks of it is to be fetched again.
                if (!bucket->prepared && !bucket->refused && bucket->symbol_known &&
                    ticksink_prepare(store, bucket) < 0) {
                        if (errno != EAGAIN && errno != ENOSPC && errno != EDQUOT && errno != EHOSTUNREACH)
                                log_error("%s %s: its files cannot be looked at (%s); tried again", bucket->symbol,
                                    tick_group(bucket->kind), strerror(errno));
                        continue;
                }
                make_plan(store, bucket, now_us, now);
        }
}

// ---- choosing ----

enum plan_class tickplan_class(const struct tick_bucket *bucket)
{
        switch (bucket->plan.task) {
        case TICK_TASK_FIRST:
        case TICK_TASK_LAST: return PLAN_LISTING;
        case TICK_TASK_GAP: return PLAN_GAP;
        case TICK_TASK_HISTORY: return PLAN_HISTORY;
        case TICK_TASK_NOTHING: break;
        }
        return PLAN_NOTHING;
}

struct tick_bucket *tickplan_choose(struct store *store)
{
        struct ticks *ticks = &store->ticks;
        struct tick_bucket *best = NULL;

        for (size_t i = 0; i < ticks->count; i++) {
                struct tick_bucket *bucket = ticks->buckets[(ticks->turn + i) % ticks->count];

                if (!bucket->followed || !bucket->plan.valid || bucket->plan.task == TICK_TASK_NOTHING)
                        continue;
                if (best == NULL || tickplan_class(bucket) < tickplan_class(best))
                        best = bucket;
        }
        return best;
}

struct lease *tickplan_grant(struct store *store, struct tick_bucket *bucket)
{
        static const enum job_purpose purposes[] = {
            [PLAN_LISTING] = JOB_HISTORY, [PLAN_GAP] = JOB_GAP, [PLAN_HISTORY] = JOB_HISTORY};
        const struct tick_plan *plan = &bucket->plan;
        enum job_kind kind = bucket->kind == TICK_TRADE ? JOB_TRADES : JOB_AGG_TRADES;
        struct lease *lease = lease_grant(store, NULL, kind, purposes[tickplan_class(bucket)], NULL);

        if (lease == NULL)
                return NULL;
        (void)snprintf(lease->job.symbol, sizeof(lease->job.symbol), "%s", bucket->symbol);
        lease->job.first_id = plan->first_id;
        lease->job.last_id = plan->last_id;
        lease->job.start_us = plan->start_us;
        lease->job.end_us = plan->end_us;
        lease->ticks.bucket = tickset_index(store, bucket);
        lease->ticks.task = plan->task;
        bucket->leases++;
        tick_replan(bucket);
        if (plan->task == TICK_TASK_GAP)
                store_mark_dirty(store, 0, true); // it is being repaired
        store->ticks.turn = (lease->ticks.bucket + 1) % store->ticks.count;
        return lease;
}

// ---- what is left ----

bool tickplan_is_done(const struct tick_bucket *bucket)
{
        return !bucket->followed || (bucket->plan.valid && bucket->plan.known && bucket->plan.missing == 0 &&
                                        bucket->symbol_known && !bucket->refused);
}

bool tickplan_is_stuck(const struct store *store, const struct tick_bucket *bucket, mono_time now, int64_t within_ms,
    char text[REASON_SIZE])
{
        (void)snprintf(text, REASON_SIZE, "%s", bucket->why);
        if (!bucket->symbol_known || bucket->refused)
                return true;
        if (bucket->plan.task != TICK_TASK_NOTHING || bucket->troubles_count == 0 ||
            bucket->deferred_until_us > store->exchange_us)
                return false;
        for (size_t i = 0; i < bucket->troubles_count; i++) {
                if (mono_since_ms(bucket->troubles[i].retry_at, now) <= within_ms)
                        return false;
                (void)snprintf(text, REASON_SIZE, "%s", bucket->troubles[i].text);
        }
        return true;
}

int64_t tickplan_jobs(const struct store *store)
{
        int64_t jobs = 0, ids = ids_per_job(store);

        for (size_t i = 0; i < store->ticks.count; i++) {
                if (store->ticks.buckets[i]->followed)
                        jobs += (store->ticks.buckets[i]->plan.missing + ids - 1) / ids;
        }
        return jobs;
}
