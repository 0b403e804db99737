// SPDX-License-Identifier: Apache-2.0
// Keeps bars that were made here: writes them at rank 0 in runs, or compares them with the exchange's own. Used by
// derivemake.c and derivetick.c alone; the run at hand is the store's, which is empty before the first bar.
#ifndef WRITER_DERIVEKEEP_H
#define WRITER_DERIVEKEEP_H

#include "workers/writer/storestate.h"

// True where the exchange's own bar is there.
bool derive_has_own(const struct bucket_state *bucket, int64_t slot_us);
// Takes the bar of a slot behind the last one. Returns 0, or -1 with errno as apply_run_write().
int derive_keep(
    struct store *store, struct bucket_state *bucket, int64_t slot_us, int64_t end_us, const struct bar_values *values);
// Writes what was taken, and covers it. Returns 0, or -1 with errno as apply_run_write().
int derive_flush(struct store *store);
// Records whether the bar made here is the exchange's own, in the first `columns` columns; `of`: "5m bars", "trades".
// Returns 0, or -1 with errno.
int derive_compare_own(struct store *store, struct bucket_state *bucket, int64_t slot_us, const struct bar_values *made,
    size_t columns, const char *of);

#endif
