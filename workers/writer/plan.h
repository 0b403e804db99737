// SPDX-License-Identifier: Apache-2.0
// Plans of all buckets, from the pure parts (planner, settle) and the store's state. Used by the store alone; the
// public questions (store_next_job(), store_is_complete(), store_is_exhausted()) are in store.h.
#ifndef WRITER_PLAN_H
#define WRITER_PLAN_H

#include "workers/writer/storestate.h"

// Makes those plans anew that no longer hold at `now_us` (exchange time).
void plan_refresh(struct store *store, int64_t now_us);

#endif
