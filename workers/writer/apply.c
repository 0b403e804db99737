// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/apply.h"

#include "workers/writer/adopt.h"
#include "workers/writer/coverage.h"
#include "workers/writer/derive.h"
#include "workers/writer/openfiles.h"

#include <errno.h>

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

// Errors that concern this bucket's files alone.
static bool is_foreign(int error)
{
        return error == EINVAL || error == EEXIST || error == ELOOP || error == ENOTDIR || error == EISDIR ||
               error == EACCES || error == EPERM;
}

static void account(
    struct store *store, struct row_run *run, size_t first, size_t end, const struct yearfile *file, bool live)
{
        size_t written = 0;

        for (size_t i = first; i < end; i++)
                written += run->changes[i] != YEARFILE_UNCHANGED;
        int64_t bytes = (int64_t)written * yearfile_schema(file)->record_length;
        openfiles_wrote(run->bucket, file, bytes);
        store->rows_dirty = true;
        store_mark_dirty(store, bytes, live);
        atomic_fetch_add_explicit(&store->governor->rows_stored, written, memory_order_relaxed);
}

int apply_run_write(struct store *store, struct row_run *run, bool live)
{
        char why[REASON_SIZE];
        int ready = run->count == 0 ? 0 : bucket_prepare(store, run->bucket);

        if (ready != 0)
                return ready;
        for (size_t first = 0, end = 0; first < run->count; first = end) {
                struct yearfile *file = openfiles_get(store, run->bucket, run->slots_us[first], why);

                if (file == NULL) {
                        if (!is_foreign(errno))
                                return -1;
                        bucket_refuse(store, run->bucket, why);
                        return 1;
                }
                int64_t last_us = yearfile_last_us(file);
                while (end < run->count && run->slots_us[end] <= last_us)
                        end++;
                if (yearfile_write_bars(
                        file, run->slots_us + first, run->values + first, end - first, run->changes + first) < 0)
                        return -1;
                account(store, run, first, end, file, live);
        }
        derive_rewritten(store, run);
        return 0;
}
