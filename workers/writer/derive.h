// SPDX-License-Identifier: Apache-2.0
// Bars made here (rank 0): which buckets they go to, which of their slots a changed source touches, and working those
// off. A source slot that is written, covered or explained touches the slots of every interval that is made of it; a
// touched slot is made anew once all its source slots are covered or explained, and dropped where they are not yet, for
// whatever completes them touches it again. What is touched is committed with the coverage that touched it, so a slot
// is never forgotten. What is made is the same whenever it is made: making it twice changes nothing.
//
// The exchange's own bars are never overwritten; with `check` they are compared instead. Called by the store's other
// files, on the store thread, which works off what is touched by store_derive() (store.h); the bars are made in
// derivemake.c (of smaller ones) and derivetick.c (of trades).
#ifndef WRITER_DERIVE_H
#define WRITER_DERIVE_H

#include "workers/writer/storestate.h"

// Takes over a configuration: what is made, and of what. Before the buckets are followed.
void derive_configure(struct store *store);
// Follows the buckets of a symbol that are made here.
void derive_follow(struct store *store, const char *symbol);
// Behind the last of them: touches what has not been made yet (another source, a new interval).
void derive_begin(struct store *store);

// Bars of this bucket on [start_us, end_us) have been written, covered or explained.
void derive_touched(struct store *store, const struct bucket_state *bucket, int64_t start_us, int64_t end_us);
// Ids of trades are about to be covered: touches what is made of them.
void derive_ticks_covered(struct store *store, const struct tick_bucket *ticks, const struct id_range *range);

// The exchange's own have come, to be compared with what is made.
void derive_compare(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us);
// A run has been written: touches what is made of rows that it changed.
void derive_rewritten(struct store *store, const struct row_run *run);

// Before a commit: what is wanted of the bars made here follows what is wanted of their sources.
void derive_refresh_wanted(struct store *store);

// What covers a bucket without the bars made here, for nothing of those stands for what is wanted of the exchange.
// Fills an empty set.
void derive_native_covered(const struct bucket_state *bucket, struct ranges *native);

#endif
