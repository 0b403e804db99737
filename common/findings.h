// SPDX-License-Identifier: Apache-2.0
// What is wrong and what to do about it, from a snapshot: the last part of `status`, as text and as JSON. Pure
// functions, so that their test is a table.
#ifndef COMMON_FINDINGS_H
#define COMMON_FINDINGS_H

#include "common/snapshot.h"

#define FINDINGS_MAX 32

struct finding {
        char what[REASON_SIZE * 2];
        char cure[REASON_SIZE * 2]; // empty: nothing to do
};

struct findings {
        size_t count, more; // `more`: further ones, only counted
        struct finding items[FINDINGS_MAX];
};

void findings_collect(const struct snapshot *snapshot, struct findings *findings);

// Ready, connected where it should be, and not restarted again and again.
bool findings_child_is_healthy(const struct snapshot_child *child);
// Nothing missing beyond what is under way, nothing that hinders it.
bool findings_bucket_is_healthy(const struct ledger_bucket *bucket);
bool findings_tick_is_healthy(const struct ledger_tick *tick);

#endif
