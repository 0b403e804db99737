// SPDX-License-Identifier: Apache-2.0
// What is missing of trades and aggregate trades, and which of it is asked for next. A function of what the
// configuration wants, of the ids that are covered, and of exchange time. Called by plan.c and the ledger.
//
// The history is wanted by time, but asked for by id: a search of one minute at its begin finds its first id, one at
// its end its last; what lies between is asked for in jobs of JOB_PAGES_MAX pages. From the first streamed id on, ids
// between those that came are wanted too.
#ifndef WRITER_TICKPLAN_H
#define WRITER_TICKPLAN_H

#include "workers/writer/storestate.h"

// Ids [first_id, last_id] of the newest numbering that are wanted and known to exist: at most two stretches that do not
// overlap. Returns how many.
#define TICK_STRETCHES 2
struct tick_stretch {
        int64_t first_id, last_id;
};
size_t tickplan_wanted(
    const struct store *store, const struct tick_bucket *bucket, struct tick_stretch stretches[TICK_STRETCHES]);

// Makes those plans anew that no longer hold at `now_us` (exchange time).
void tickplan_refresh(struct store *store, int64_t now_us);
// The bucket with the most urgent job, NULL: there is nothing to ask for now.
struct tick_bucket *tickplan_choose(struct store *store);
// Where that job stands among those of bars.
enum plan_class tickplan_class(const struct tick_bucket *bucket);
struct lease *tickplan_grant(struct store *store, struct tick_bucket *bucket);

bool tickplan_is_done(const struct tick_bucket *bucket);
// True where nothing that is left is tried again within `within_ms`; `text` then says why.
bool tickplan_is_stuck(const struct store *store, const struct tick_bucket *bucket, mono_time now, int64_t within_ms,
    char text[REASON_SIZE]);
// Jobs that what is known to be missing will take.
int64_t tickplan_jobs(const struct store *store);

#endif
