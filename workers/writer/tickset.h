// SPDX-License-Identifier: Apache-2.0
// The buckets of ticks (symbol × kind): finding them, what the configuration wants of them, and the account of each:
// ids that are covered, gaps, numberings, troubles. Every change goes through here, so that the next sync commits it
// and plans are made anew. Called by the store's other files; owns the buckets.
#ifndef WRITER_TICKSET_H
#define WRITER_TICKSET_H

#include "workers/writer/storestate.h"

#define TICK_YOUNG_US (10 * US_PER_S) // a gap this young may still be filled by rows out of order
#define TICK_EPOCH_US US_PER_HOUR     // an old id this much newer begins a new numbering

// False for kinds of streams that have no bucket of ticks.
bool tick_kind_of_stream(uint8_t stream_kind, enum tick_kind *kind);
// Trades and aggregate trades: their ids have no holes, and REST has them.
bool tick_kind_has_ids(enum tick_kind kind);
// A placeholder of the exchange: an id without a trade.
bool tick_is_tombstone(enum tick_kind kind, const void *payload);

struct tick_bucket *tickset_find(const struct store *store, const char *symbol, enum tick_kind kind);
struct tick_bucket *tickset_get(struct store *store, const char *symbol, enum tick_kind kind);
size_t tickset_index(const struct store *store, const struct tick_bucket *bucket);
void tickset_free(struct store *store);
// Takes over the configuration: which buckets are followed, and how.
void tickset_configure(struct store *store);
// After the catalogue, or the horizon of a one-shot run, has changed.
void tickset_refresh(struct store *store);

void tick_replan(struct tick_bucket *bucket);
void tick_row_changed(struct store *store, struct tick_bucket *bucket);
void tick_set_why(struct store *store, struct tick_bucket *bucket, const char *why);

// ---- numberings ----

int32_t tick_epoch_newest(const struct tick_bucket *bucket);
// The numbering that a row belongs to. Begins a new one where an id that was had already comes over an hour newer: what
// is missing of the older ones is lost then.
int32_t tick_epoch_of(struct store *store, struct tick_bucket *bucket, int64_t id, int64_t time_us);

// ---- ids ----

void tick_cover(struct store *store, struct tick_bucket *bucket, const struct id_range *range);
void tick_uncover(struct store *store, struct tick_bucket *bucket, int32_t epoch, int64_t first_id, int64_t last_id);
// The highest id that is covered in the newest numbering, -1: none.
int64_t tick_covered_last(const struct tick_bucket *bucket);

// ---- gaps ----

// A span of nothing yet, found now; and makes it reach over one row more, of [start_us, end_us]. `state`: enum
// gap_state.
struct tick_gap tick_gap_begin(const struct store *store, int32_t state);
void tick_gap_cover(struct tick_gap *gap, int64_t id, int64_t start_us, int64_t end_us);
// Records what is missing, or lost, and how that came about; nothing where it is recorded already.
void tick_note_gap(struct store *store, struct tick_bucket *bucket, const struct tick_gap *gap);
// As tick_note_gap() for what is lost in one second after another: one that follows the newest within a minute, for the
// same reason, makes that one longer.
void tick_note_lost(struct store *store, struct tick_bucket *bucket, const struct tick_gap *gap);
// What has become of the gaps that are open.
void tick_settle_gaps(struct store *store);

// ---- troubles ----

const struct tick_trouble *tick_trouble_add(
    struct store *store, struct tick_bucket *bucket, int kind, int64_t first_id, int64_t last_id, const char *text);
void tick_trouble_clear(struct store *store, struct tick_bucket *bucket, int64_t first_id, int64_t last_id);

#endif
