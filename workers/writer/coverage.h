// SPDX-License-Identifier: Apache-2.0
// Coverage of a bucket: which open times have a bar, and where it came from (the tag of a range: enum bar_source).
// Pure. The rule of ranks lives here: a bar of lower rank never replaces one of higher rank; of equal rank the last
// wins.
#ifndef WRITER_COVERAGE_H
#define WRITER_COVERAGE_H

#include "common/ledger.h"
#include "common/ranges.h"

#include <stdint.h>

// Rank of what covers `us`, or -1; *until_us is the end of the stretch that has the same answer.
int coverage_rank_at(const struct ranges *covered, int64_t us, int64_t *until_us);
// Records bars of `source` on [start_us, end_us), except where a higher rank is. Returns 0, or -1 with ENOMEM.
int coverage_add(struct ranges *covered, int64_t start_us, int64_t end_us, enum bar_source source);

#endif
