// SPDX-License-Identifier: Apache-2.0
// Makes bars of a bucket from trades or aggregate trades (derivekeep.h). A slot is made once ids without a hole lead
// from a trade before it to one at its end or behind, so that each of its trades is known to be there; one without
// trades is the bar that the exchange publishes then. However many trades a slot has, a pass reads a bounded number and
// the next one goes on. Where a block is damaged, its ids count as missing from then on and are fetched again, and the
// slot is made after that. Used by derive.c alone.
#ifndef WRITER_DERIVETICK_H
#define WRITER_DERIVETICK_H

#include "workers/writer/storestate.h"

// What has been read of a slot with more trades than one pass may read; in its bucket until the slot is made.
struct derivetick_partial;
// Trades of [start_us, end_us) have changed: what was read of a slot in there is read again.
void derivetick_forget(struct bucket_state *bucket, int64_t start_us, int64_t end_us);

// Makes the slots of `range` from `ticks`, in order, as long as *left trades may still be read (a second's trades are
// read at once); *done_us is the end of what is done (made, or not to be made now). Returns 0, or -1 with errno:
// EAGAIN, some of the trades await the next sync, or the catalogue that names the directory is awaited; else as
// apply_run_write() and tickquery_run(). Slots before *done_us are done in any case.
int derivetick_make(struct store *store, struct bucket_state *bucket, struct tick_bucket *ticks,
    const struct range *range, size_t *left, int64_t *done_us);

#endif
