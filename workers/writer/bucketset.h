// SPDX-License-Identifier: Apache-2.0
// The buckets (symbol × interval) of the store: finding them, and the account of each: what is covered, explained,
// noted. Every change goes through here, so that the next sync commits it and plans are made anew. Called by the
// store's other files; owns the buckets.
#ifndef WRITER_BUCKETSET_H
#define WRITER_BUCKETSET_H

#include "common/ledger.h"
#include "workers/writer/storestate.h"

struct bucket_state *bucketset_find(const struct store *store, const char *symbol, enum interval interval);
// Creates it where it is not there yet. `symbol` must be valid.
struct bucket_state *bucketset_get(struct store *store, const char *symbol, enum interval interval);
size_t bucketset_index(const struct store *store, const struct bucket_state *bucket);
void bucketset_free(struct store *store);

// Bars of `source` are in the tree on [start_us, end_us); what was said about their absence no longer holds.
void bucket_cover(
    struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us, enum bar_source source);
// They are not, after all.
void bucket_uncover(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us);
// Parts of [start_us, end_us) that are not covered are missing for a reason that will not change.
void bucket_explain(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us,
    enum gap_state state, int64_t found_us, const char *evidence);
// Records that bars are missing and how that came about. Nothing is recorded where all are covered.
void bucket_note_gap(
    struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us, const char *evidence);
// Its line in the ledger changed (first bar, counters, `why` …).
void bucket_row_changed(struct store *store, struct bucket_state *bucket);
// Why it does not go on; "" when it does again. Logged once.
void bucket_set_why(struct store *store, struct bucket_state *bucket, const char *why);
// Its plan is made anew at the next look.
void bucket_replan(struct bucket_state *bucket);

#endif
