// SPDX-License-Identifier: Apache-2.0
// What the covered ids of trades say about the bars that are made of them: which times are proved, every trade of them
// being there, and which bars are wanted. Used by derive.c and derivetick.c; reads the accounts alone, no rows.
#ifndef WRITER_DERIVECHAIN_H
#define WRITER_DERIVECHAIN_H

#include "workers/writer/storestate.h"

// Ids without a hole, and the times that they prove: every trade of [start_us, end_us) is there.
struct derive_chain {
        int32_t epoch;
        int64_t start_us, end_us;
};

// The chain that proves the slot at `slot_us`, or else one that proves a later slot; false: there is none.
bool derivechain_find(
    const struct bucket_state *bucket, const struct tick_bucket *ticks, int64_t slot_us, struct derive_chain *found);

// The times that the ids of `range`, not yet covered, may decide about: [*start_us, *end_us).
void derivechain_reach(
    const struct tick_bucket *ticks, const struct id_range *range, int64_t *start_us, int64_t *end_us);

// The bars that trades prove or would, were none missing: whole slots between the first and the last one that is
// wanted and there. Adds to `wanted`.
void derivechain_add_wanted(const struct bucket_state *bucket, const struct tick_bucket *ticks, struct ranges *wanted);

#endif
