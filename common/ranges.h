// SPDX-License-Identifier: Apache-2.0
// Sets of half-open ranges of open times [start_us, end_us), each with a tag (where a bar came from, why one is
// missing). Sorted, never overlapping, neighbours with the same tag joined. Pure; used by the writer's ledger and
// planner and by the read-only view of it. A set owns its memory; functions that may allocate return -1 with ENOMEM and
// leave the set as it was.
#ifndef COMMON_RANGES_H
#define COMMON_RANGES_H

#include "common/interval.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
        int64_t start_us, end_us;
        int32_t tag;
};

struct ranges { // {0} is the empty set
        struct range *items;
        size_t count, capacity;
};

void ranges_free(struct ranges *set);
void ranges_clear(struct ranges *set); // keeps the memory
int ranges_copy(struct ranges *to, const struct ranges *from);

// Gives [start_us, end_us) this tag, whatever it had before. An empty range changes nothing.
int ranges_set(struct ranges *set, int64_t start_us, int64_t end_us, int32_t tag);
int ranges_remove(struct ranges *set, int64_t start_us, int64_t end_us);
// Takes everything in `what` out of `set`.
int ranges_subtract(struct ranges *set, const struct ranges *what);
// Keeps only what lies in [start_us, end_us).
int ranges_clip(struct ranges *set, int64_t start_us, int64_t end_us);

// Index of the first range that ends after `us`; count where there is none. The range contains `us` if it starts at or
// before it.
size_t ranges_find(const struct ranges *set, int64_t us);
bool ranges_contain(const struct ranges *set, int64_t us);
// True where every part of [start_us, end_us) lies in the set.
bool ranges_cover(const struct ranges *set, int64_t start_us, int64_t end_us);

// Bars of this interval whose open time lies in the set; `within` both sets.
int64_t ranges_bars(const struct ranges *set, enum interval interval);
int64_t ranges_bars_within(const struct ranges *set, const struct ranges *within, enum interval interval);

// What is still missing: `wanted` before `horizon_us`, less `covered`, less `explained`. `missing` is replaced.
int ranges_missing(const struct ranges *wanted, int64_t horizon_us, const struct ranges *covered,
    const struct ranges *explained, struct ranges *missing);

#endif
