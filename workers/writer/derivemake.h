// SPDX-License-Identifier: Apache-2.0
// Makes bars of a bucket from the smaller bars of another (derivekeep.h). Used by derive.c alone.
#ifndef WRITER_DERIVEMAKE_H
#define WRITER_DERIVEMAKE_H

#include "workers/writer/storestate.h"

// Open time of the symbol's first bar as far as it is known to this bucket or to what it is made of; -1: not known.
int64_t derive_first_bar_us(const struct store *store, const struct bucket_state *bucket);

// Makes the slots of `range` from `source`, in order, as long as *left rows may still be read; *done_us is the end of
// what is done (made, or not to be made now). Returns 0, or -1 with errno: EAGAIN, the catalogue that names the
// directory is awaited; else as apply_run_write(). Slots before *done_us are done in any case.
int derive_make(struct store *store, struct bucket_state *bucket, struct bucket_state *source,
    const struct range *range, size_t *left, int64_t *done_us);

#endif
