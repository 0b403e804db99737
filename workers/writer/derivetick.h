// SPDX-License-Identifier: Apache-2.0
// Makes bars of a bucket from trades or aggregate trades (derivekeep.h). A slot is made once ids without a hole lead
// from a trade before it to one at its end or behind, so that each of its trades is known to be there; one without
// trades is the bar that the exchange publishes then. Used by derive.c alone.
#ifndef WRITER_DERIVETICK_H
#define WRITER_DERIVETICK_H

#include "workers/writer/storestate.h"

// The times that the ids of `range`, not yet covered, may decide about: [*start_us, *end_us).
void derivetick_reach(
    const struct tick_bucket *ticks, const struct id_range *range, int64_t *start_us, int64_t *end_us);

// Makes the slots of `range` from `ticks`, in order, as long as *left trades may still be read; *done_us is the end of
// what is done (made, or not to be made now). Returns 0, or -1 with errno: EAGAIN, some of the trades await the next
// sync, or the catalogue that names the directory is awaited; else as apply_run_write() and tickquery_run(). Slots
// before *done_us are done in any case.
int derivetick_make(struct store *store, struct bucket_state *bucket, struct tick_bucket *ticks,
    const struct range *range, size_t *left, int64_t *done_us);

#endif
