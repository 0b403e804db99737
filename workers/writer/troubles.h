// SPDX-License-Identifier: Apache-2.0
// Ranges of a bucket that failed, and when they are tried again. Kept in the ledger, so that `status` can say why a
// range is not asked for, and a quarantined one stays so over a restart.
#ifndef WRITER_TROUBLES_H
#define WRITER_TROUBLES_H

#include "workers/writer/storestate.h"

const char *trouble_kind_name(enum trouble_kind kind, uint32_t attempts);
int trouble_kind_parse(const char *name); // -1: unknown

// One more failure of this kind on the range. The same trouble where a range of that kind overlaps. Returns it.
const struct trouble *trouble_add(struct store *store, struct bucket_state *bucket, enum trouble_kind kind,
    int64_t start_us, int64_t end_us, const char *text);
// A job has answered [start_us, end_us): what was wrong there is over.
void trouble_clear(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us);
// As the ledger kept it.
void trouble_restore(struct bucket_state *bucket, const struct trouble *trouble);
// Adds the ranges that are to be left alone at `now` to `busy`, and those that may be tried again, as they are, to
// `cuts`. *until is lowered to the next retry.
void trouble_ranges(
    const struct bucket_state *bucket, mono_time now, struct ranges *busy, struct ranges *cuts, mono_time *until);
// Where `*us` lies in a range that is not tried again within `within_ms`: moves it behind that range, `text` says what
// is wrong, true.
bool trouble_skip(
    const struct bucket_state *bucket, int64_t *us, mono_time now, int64_t within_ms, char text[REASON_SIZE]);

// Seconds until the next attempt.
int64_t trouble_delay_s(enum trouble_kind kind, uint32_t attempts);

#endif
