// SPDX-License-Identifier: Apache-2.0
// Where ticks end up: year files (tickfiles.c) or a running MarketStore server (tickserver.c). Which rows, and what
// they prove, is decided by the store's other files and is the same for both; one of the two is chosen at the start
// (store->tick_sink). Called on the store thread.
//
// Functions return 0; 1: the bucket is refused, nothing may be written; or -1 with errno: EAGAIN, the catalogue is not
// there yet; EHOSTUNREACH, the server is away, nothing was done, call again later.
#ifndef WRITER_TICKSINK_H
#define WRITER_TICKSINK_H

#include "workers/writer/storestate.h"

struct tick_sink {
        // At the first touch by this process, once the bucket's directory has its name: its levels, what is there, and
        // what the ledger counts and is gone.
        int (*look)(struct store *store, struct tick_bucket *bucket);
        // ticksink_stage()
        int (*stage)(struct store *store, struct tick_bucket *bucket, const struct tick_rows *rows);
};

extern const struct tick_sink tickfiles, tickserver;

// Makes the bucket ready to be written: its directory's name, its levels, what the store holds.
int ticksink_prepare(struct store *store, struct tick_bucket *bucket);
// An empty list of rows of this bucket's kind; the store's, valid until the next call for the kind.
struct tick_rows *ticksink_rows(struct store *store, const struct tick_bucket *bucket);
// Puts all rows of the list on their way; rows that are there already change nothing. What store_sync() has not yet
// confirmed is staged again after a crash. errno EFBIG: a second has more rows than a block may have.
int ticksink_stage(struct store *store, struct tick_bucket *bucket, const struct tick_rows *rows);

// ---- for the two ----

// Gives the bucket up, aloud, until a reload. Returns 1.
int ticksink_refuse(struct store *store, struct tick_bucket *bucket, const char *what);
// Nothing of it counts as stored any more.
void ticksink_forget(struct store *store, struct tick_bucket *bucket);

#endif
