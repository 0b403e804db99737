// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/leases.h"

#include "common/log.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/tickbulk.h"
#include "workers/writer/tickset.h"
#include "workers/writer/troubles.h"

#include <stdio.h>
#include <stdlib.h>

#define LEASE_COUNT_BITS 24

struct lease *lease_find(struct store *store, uint64_t id)
{
        for (size_t i = 0; i < LEASES_MAX; i++) {
                if (store->leases[i].used && store->leases[i].job.lease == id)
                        return &store->leases[i];
        }
        return NULL;
}

struct lease *lease_grant(struct store *store, struct bucket_state *bucket, enum job_kind kind,
    enum job_purpose purpose, const struct range *range)
{
        struct lease *lease = NULL;

        for (size_t i = 0; i < LEASES_MAX && lease == NULL; i++) {
                if (!store->leases[i].used)
                        lease = &store->leases[i];
        }
        if (lease == NULL)
                return NULL;
        *lease = (struct lease){.used = true, .bucket = BUCKET_NONE, .ticks = {.bucket = TICK_NONE}};
        // Never an id of our predecessor's: its workers may still send under it.
        lease->job.lease = store->setup.incarnation << LEASE_COUNT_BITS | ++store->lease_last;
        lease->job.kind = (uint32_t)kind;
        lease->job.purpose = (uint32_t)purpose;
        lease->job.page_rows = store->setup.settings.batch_size;
        store->leases_open++;
        if (bucket == NULL)
                return lease;
        (void)snprintf(lease->job.symbol, sizeof(lease->job.symbol), "%s", bucket->symbol);
        lease->job.interval = (uint32_t)bucket->interval;
        lease->bucket = bucketset_index(store, bucket);
        if (range != NULL) {
                lease->job.start_us = range->start_us;
                lease->job.end_us = range->end_us;
        }
        bucket->leases++;
        bucket_replan(bucket);
        return lease;
}

void lease_end(struct store *store, struct lease *lease)
{
        if (lease->bucket != BUCKET_NONE) {
                struct bucket_state *bucket = store->buckets[lease->bucket];

                bucket->leases--;
                bucket_replan(bucket);
        }
        if (tickbulk_is_job(lease))
                tickbulk_free(store, lease);
        ranges_free(&lease->got);
        ranges_free(&lease->offgrid_slots);
        ranges_free(&lease->refused);
        free(lease->pages);
        free(lease->symbols);
        *lease = (struct lease){0};
        store->leases_open--;
}

void lease_ranges(const struct store *store, const struct bucket_state *bucket, struct ranges *busy)
{
        for (size_t i = 0; i < LEASES_MAX && bucket->leases > 0; i++) {
                const struct lease *lease = &store->leases[i];

                if (lease->used && lease->job.kind == JOB_KLINES && store->buckets[lease->bucket] == bucket)
                        store_require_memory(ranges_set(busy, lease->job.start_us, lease->job.end_us, 0));
        }
}

bool lease_is_open(const struct store *store, enum job_kind kind, const struct bucket_state *bucket)
{
        for (size_t i = 0; i < LEASES_MAX && store->leases_open > 0; i++) {
                const struct lease *lease = &store->leases[i];

                if (lease->used && lease->job.kind == (uint32_t)kind &&
                    (bucket == NULL || store->buckets[lease->bucket] == bucket))
                        return true;
        }
        return false;
}

// ---- failures ----

static void release_catalogue(struct store *store, uint32_t failure, const char *text)
{
        struct catalogue *catalogue = &store->catalogue;
        int64_t delay_s = failure == 0 ? trouble_delay_s(TROUBLE_CRASH, ++catalogue->crashes)
                                       : trouble_delay_s(TROUBLE_NETWORK, ++catalogue->failures);

        catalogue->next_at = (mono_time){mono_now().us + delay_s * US_PER_S};
        log_warn("the exchange's catalogue could not be fetched: %s; asked again in %lld s", text, (long long)delay_s);
}

static void release_listing(struct store *store, struct bucket_state *bucket, uint32_t failure, const char *text)
{
        bool refused = failure == JOB_FAILURE_REFUSED || failure == JOB_FAILURE_SYMBOL;
        enum trouble_kind kind = refused ? TROUBLE_SYMBOL : TROUBLE_NETWORK;
        int64_t delay_s = failure == 0 ? trouble_delay_s(TROUBLE_CRASH, ++bucket->listing_crashes)
                                       : trouble_delay_s(kind, ++bucket->listing_failures);
        char why[REASON_SIZE];

        bucket->listing_retry_at = (mono_time){mono_now().us + delay_s * US_PER_S};
        bucket_replan(bucket);
        if (refused) {
                (void)snprintf(why, sizeof(why), "the exchange refuses it: %.120s", text);
                bucket_set_why(store, bucket, why);
        }
}

static void release_klines(struct store *store, struct lease *lease, uint32_t failure, const char *text)
{
        struct bucket_state *bucket = store->buckets[lease->bucket];
        int64_t start_us = lease->job.start_us, end_us = lease->job.end_us;
        char from[TIME_TEXT_SIZE], why[REASON_SIZE];
        const struct trouble *trouble;

        switch (failure) {
        case JOB_FAILURE_REFUSED: (void)trouble_add(store, bucket, TROUBLE_REFUSED, start_us, end_us, text); break;
        case JOB_FAILURE_SYMBOL: (void)trouble_add(store, bucket, TROUBLE_SYMBOL, INT64_MIN, INT64_MAX, text); break;
        case 0:
                trouble = trouble_add(store, bucket, TROUBLE_CRASH, start_us, end_us, text);
                if (trouble->attempts >= CRASHES_MAX)
                        log_error("%s %s from %s: quarantined, for it ended %u processes (%s); tried again daily",
                            bucket->symbol, interval_name(bucket->interval), time_format_us(start_us, from),
                            trouble->attempts, text);
                return;
        default: (void)trouble_add(store, bucket, TROUBLE_NETWORK, start_us, end_us, text); return;
        }
        (void)snprintf(why, sizeof(why), "the exchange refuses it: %.100s; asked again hourly", text);
        bucket_set_why(store, bucket, why);
}

void store_release_job(struct store *store, uint64_t id, uint32_t failure, const char *text)
{
        struct lease *lease = lease_find(store, id);

        if (lease == NULL)
                return;
        if (failure == JOB_FAILURE_NETWORK) {
                store->network_failures++;
                int64_t delay_s = trouble_delay_s(TROUBLE_NETWORK, store->network_failures);

                // Nothing has succeeded since: all jobs wait, so that an unreachable exchange is asked politely.
                store->network_retry_at = (mono_time){mono_now().us + (delay_s > 60 ? 60 : delay_s) * US_PER_S};
        }
        // A worker that was stopped is nobody's fault: its job is granted again at once.
        if (failure != JOB_FAILURE_STOPPED && lease->job.kind == JOB_CATALOG)
                release_catalogue(store, failure, text);
        if (failure != JOB_FAILURE_STOPPED && lease->job.kind == JOB_LISTING)
                release_listing(store, store->buckets[lease->bucket], failure, text);
        if (failure != JOB_FAILURE_STOPPED && lease->job.kind == JOB_KLINES)
                release_klines(store, lease, failure, text);
        if (tickbulk_is_job(lease))
                tickbulk_release(store, lease, failure, text);
        lease_end(store, lease);
}

const struct job *store_job(struct store *store, uint64_t id)
{
        const struct lease *lease = lease_find(store, id);

        return lease != NULL ? &lease->job : NULL;
}

// A lease like that of our predecessor's, so that its end is that of any other.
static struct lease *lease_again(struct store *store, const struct job *job)
{
        struct bucket_state *bucket = NULL;
        bool ticks = job->kind == JOB_TRADES || job->kind == JOB_AGG_TRADES;

        if (job->kind == JOB_KLINES || job->kind == JOB_LISTING)
                bucket = bucketset_get(store, job->symbol, (enum interval)job->interval);
        const struct range range = {.start_us = job->start_us, .end_us = job->end_us};
        struct lease *lease =
            lease_grant(store, bucket, (enum job_kind)job->kind, (enum job_purpose)job->purpose, &range);
        if (lease == NULL || !ticks)
                return lease;
        struct tick_bucket *of = tickset_get(store, job->symbol, job->kind == JOB_TRADES ? TICK_TRADE : TICK_AGG_TRADE);
        lease->job.first_id = job->first_id;
        lease->job.last_id = job->last_id;
        lease->ticks.bucket = tickset_index(store, of);
        of->leases++;
        return lease;
}

void store_blame_job(struct store *store, const struct job *job, uint32_t crashes, const char *text)
{
        struct lease *lease = lease_again(store, job);

        if (lease == NULL)
                return;
        // The ledger counts for ranges; these two are remembered by nobody else.
        if (job->kind == JOB_CATALOG)
                store->catalogue.crashes = crashes - 1;
        else if (job->kind == JOB_LISTING)
                store->buckets[lease->bucket]->listing_crashes = crashes - 1;
        store_release_job(store, lease->job.lease, 0, text);
}
