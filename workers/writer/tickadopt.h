// SPDX-License-Identifier: Apache-2.0
// Year files of trades and aggregate trades that the ledger knows nothing of: it was lost, or somebody else's tree was
// put there. Their ids count as stored once they have been looked at, so that only what they lack is fetched. Read in
// steps, for there may be a year of them; the bucket takes no rows meanwhile. Quotes and books have no such account.
// Used by tickfiles.c alone.
#ifndef WRITER_TICKADOPT_H
#define WRITER_TICKADOPT_H

#include "workers/writer/storestate.h"

// Looks at the next rows of a bucket that is `adopting`. Returns 0: all have been; 1: the bucket is refused; or -1 with
// errno: EAGAIN, call again; else the system's.
int tickadopt_step(struct store *store, struct tick_bucket *bucket);

#endif
