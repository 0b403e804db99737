// SPDX-License-Identifier: Apache-2.0
// The year files of ticks (the ticksink.h of store.type files), and the three steps of writing them
// (common/tickfile.h): rows are staged, and what a damaged block had counts as missing afterwards; store_sync() syncs
// and commits the triples in the ledger; then the indexes are pointed to the new blocks. Called by the store's other
// files; owns the open files. A file whose blocks are not yet pointed to stays open.
#ifndef WRITER_TICKFILES_H
#define WRITER_TICKFILES_H

#include "workers/writer/storestate.h"

void tickfiles_init(struct store *store);
void tickfiles_close_all(struct store *store);
// Streamed rows took so much room, for whoever asks how long the disk lasts.
void tickfiles_note_growth(struct store *store, int64_t bytes);

// Step 3 of what the ledger has. Nothing may be staged or synced while some of it is owed. Returns 0, or -1 with errno.
int tickfiles_settle(struct store *store);
// The ledger has committed what is pending: point to it. What cannot be written now is owed.
void tickfiles_point(struct store *store);
// Calls back with the triples that are pending. Returns 0, or the callback's first non-zero value.
typedef int tickfiles_triple(
    void *context, const struct tick_bucket *bucket, int year, const struct tick_triple *triple);
int tickfiles_each_pending(const struct store *store, tickfiles_triple *callback, void *context);
bool tickfiles_any_pending(const struct store *store);
// At start: points once more to what the ledger says was pending. Returns 0, or -1 with errno and `why`.
int tickfiles_redo(struct store *store, struct tick_bucket *bucket, int year, const struct tick_triple *triples,
    size_t count, char why[REASON_SIZE]);

#endif
