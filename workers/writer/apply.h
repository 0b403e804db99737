// SPDX-License-Identifier: Apache-2.0
// Rows on their way into the store (year files, or a server): gathered into runs of one bucket in ascending order, so
// that a page costs one write. Used by live.c and bulk.c; the run belongs to the store.
#ifndef WRITER_APPLY_H
#define WRITER_APPLY_H

#include "common/ledger.h"
#include "workers/writer/storestate.h"

#define ROW_RUN_MAX 1024

struct row_run {
        struct bucket_state *bucket;
        size_t count;
        int64_t slots_us[ROW_RUN_MAX];
        int64_t ends_us[ROW_RUN_MAX]; // the next slot's
        struct bar_values values[ROW_RUN_MAX];
        uint8_t sources[ROW_RUN_MAX]; // enum bar_source
        enum yearfile_change changes[ROW_RUN_MAX];
        const struct stream_id *streams[ROW_RUN_MAX]; // live
        const struct kline *klines[ROW_RUN_MAX];      // inside the batch at hand
};

// True where the run can take a row of this bucket and slot; else it is to be written first.
bool apply_run_takes(const struct row_run *run, const struct bucket_state *bucket, int64_t slot_us);
// True where the store refuses a row: a higher rank covers its slot, or a job that has begun counts there. `lease`: the
// job that brings it, or NULL.
bool apply_is_outranked(
    struct store *store, const struct bucket_state *bucket, int64_t slot_us, int rank, const struct lease *lease);
// True where the store server cannot keep the bar of this slot; the ledger then says so.
bool apply_is_unstorable(struct store *store, struct bucket_state *bucket, int64_t slot_us, int64_t end_us);
// Writes the run into the store; changes[] says what happened. Returns 0; 1: the bucket is refused, nothing was
// written; -1 with errno, some rows may have been written. The caller then accounts for them and empties the run.
int apply_run_write(struct store *store, struct row_run *run, bool live);

#endif
