// SPDX-License-Identifier: Apache-2.0
// Stored rows of trades or aggregate trades, a second's at once, as what bars are made of. Used by derivetick.c and
// derivedamage.c alone; the caller owns the rows and frees them.
#ifndef WRITER_DERIVEROWS_H
#define WRITER_DERIVEROWS_H

#include "common/aggregate.h"
#include "common/tickquery.h"
#include "workers/writer/storestate.h"

struct derive_event {
        int64_t id;
        union {
                struct trade trade;
                struct agg_trade agg_trade;
        } of;
};

struct derive_rows {
        struct derive_event *events; // of the run decoded last
        size_t capacity;
};

// Asks for the bucket's rows of [start_us, end_us); INT64_MIN: from the first one on.
struct tickquery deriverows_query(
    const struct store *store, const struct tick_bucket *ticks, int64_t start_us, int64_t end_us);

// Fills `events` with a second's run->count rows in the order of their ids: times of milliseconds among those of
// microseconds do not tell it. Returns 0, or -1: a row is none of this program's.
int deriverows_decode(struct derive_rows *rows, enum tick_kind kind, const struct tick_run *run);
void deriverows_free(struct derive_rows *rows);

// Returns 0 or -1, as aggregate_add_trade().
int deriverows_add(struct aggregate *aggregate, enum tick_kind kind, const struct derive_event *event);
double deriverows_price(enum tick_kind kind, const struct derive_event *event);

#endif
