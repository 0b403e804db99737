// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/apply.h"

#include "workers/writer/adopt.h"
#include "workers/writer/barsink.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/coverage.h"
#include "workers/writer/derive.h"

bool apply_run_takes(const struct row_run *run, const struct bucket_state *bucket, int64_t slot_us)
{
        return run->count == 0 ||
               (run->count < ROW_RUN_MAX && run->bucket == bucket && slot_us > run->slots_us[run->count - 1]);
}

// A job counts at its rank from its first applied chunk until it is committed or discarded.
static bool job_outranks(
    const struct store *store, const struct bucket_state *bucket, int64_t slot_us, int rank, const struct lease *own)
{
        for (size_t i = 0; i < LEASES_MAX && bucket->leases > 0; i++) {
                const struct lease *lease = &store->leases[i];

                if (lease->used && lease != own && lease->begun && lease->job.kind == JOB_KLINES &&
                    store->buckets[lease->bucket] == bucket && lease->job.start_us <= slot_us &&
                    slot_us < lease->job.end_us && RANK_REST > rank)
                        return true;
        }
        return false;
}

bool apply_is_outranked(
    struct store *store, const struct bucket_state *bucket, int64_t slot_us, int rank, const struct lease *lease)
{
        int64_t until_us;

        if (coverage_rank_at(&bucket->covered, slot_us, &until_us) <= rank &&
            !job_outranks(store, bucket, slot_us, rank, lease))
                return false;
        atomic_fetch_add_explicit(&store->governor->rows_refused_rank, 1, memory_order_relaxed);
        return true;
}

bool apply_is_unstorable(struct store *store, struct bucket_state *bucket, int64_t slot_us, int64_t end_us)
{
        const char *why = store->sink->unstorable != NULL ? store->sink->unstorable(bucket, slot_us) : NULL;

        if (why == NULL)
                return false;
        if (!ranges_contain(&bucket->explained_ranges, slot_us))
                bucket_explain(store, bucket, slot_us, end_us, GAP_UNSTORABLE, store->exchange_us, why);
        return true;
}

int apply_run_write(struct store *store, struct row_run *run, bool live)
{
        int ready = run->count == 0 ? 0 : bucket_prepare(store, run->bucket);

        if (ready != 0 || run->count == 0)
                return ready;
        int result = store->sink->write(store, run, live);
        if (result == 0)
                derive_rewritten(store, run);
        return result;
}
