// SPDX-License-Identifier: Apache-2.0
// What each bucket is to hold, from the configuration, the catalogue, the first bars and what was asked for on the
// command line. Recomputed when one of these changes; kept in the ledger, so that its readers need no configuration.
#ifndef WRITER_WANTED_H
#define WRITER_WANTED_H

#include "workers/writer/storestate.h"

// Takes over a configuration: which buckets are followed, and how.
void wanted_configure(struct store *store);
// After its first bar, its first streamed bar, a want or the catalogue changed.
void wanted_refresh(struct store *store, struct bucket_state *bucket);
void wanted_refresh_all(struct store *store);
// Exchange time as the caller knows it (-1: not yet). The first one fixes the horizon of a one-shot run.
void wanted_note_time(struct store *store, int64_t now_us);
// True where its first bar is needed to say what is wanted.
bool wanted_needs_listing(const struct store *store, const struct bucket_state *bucket);
// Forgets wants that are covered or explained.
void wanted_prune(struct store *store);

#endif
