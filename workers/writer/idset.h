// SPDX-License-Identifier: Apache-2.0
// Sets of ids that the store has, in each numbering (epoch) of a symbol: ranges with the times of their ends and where
// they came from. Sorted by epoch and id, never overlapping, neighbours of the same epoch and source joined. Pure; the
// ledger keeps them. A set owns its memory; without any the process ends (common/memory.h).
#ifndef WRITER_IDSET_H
#define WRITER_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_range {
        int32_t epoch;
        int32_t source;            // enum id_source (common/ledger.h)
        int64_t first_id, last_id; // both in it
        int64_t first_us, last_us; // exchange times of its oldest and newest row
};

struct idset { // {0} is the empty set
        struct id_range *items;
        size_t count, capacity;
};

void idset_free(struct idset *set);
// Ids that are there already keep their source, but for absent ones that have come after all.
void idset_add(struct idset *set, const struct id_range *range);
void idset_remove(struct idset *set, int32_t epoch, int64_t first_id, int64_t last_id);

// Index of the first range that ends at or after the id; count where there is none.
size_t idset_find(const struct idset *set, int32_t epoch, int64_t id);
bool idset_contains(const struct idset *set, int32_t epoch, int64_t id);
// The same, and not because it does not exist.
bool idset_has_row(const struct idset *set, int32_t epoch, int64_t id);
// The last range of an epoch; NULL where it has none.
const struct id_range *idset_last(const struct idset *set, int32_t epoch);
// The first ids of [from, to] that are not in the set. False: all are.
bool idset_hole(const struct idset *set, int32_t epoch, int64_t from, int64_t to, int64_t *first_id, int64_t *last_id);
// Ids of [from, to] that are not in the set, and those that are there and came from `source`.
int64_t idset_missing(const struct idset *set, int32_t epoch, int64_t from, int64_t to);
int64_t idset_count_source(const struct idset *set, int32_t epoch, int64_t from, int64_t to, int32_t source);

#endif
