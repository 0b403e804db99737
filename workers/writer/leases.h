// SPDX-License-Identifier: Apache-2.0
// Jobs under way. A lease counts at its rank from its first applied chunk until it is committed or discarded; what it
// brought is accounted for only when its JOB_END proves that nothing is missing.
#ifndef WRITER_LEASES_H
#define WRITER_LEASES_H

#include "workers/writer/storestate.h"

struct lease *lease_find(struct store *store, uint64_t id); // NULL: none
// Grants a job; `bucket` NULL for the catalogue. NULL where LEASES_MAX are under way.
struct lease *lease_grant(struct store *store, struct bucket_state *bucket, enum job_kind kind,
    enum job_purpose purpose, const struct range *range);
void lease_end(struct store *store, struct lease *lease);
// Adds the ranges of a bucket's leases to `busy`.
void lease_ranges(const struct store *store, const struct bucket_state *bucket, struct ranges *busy);
bool lease_is_open(const struct store *store, enum job_kind kind, const struct bucket_state *bucket);

#endif
