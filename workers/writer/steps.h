// SPDX-License-Identifier: Apache-2.0
// What the store thread is applying at the moment, told to its successor: should a spool row or a backfill chunk end
// the writer by its own fault, the next writer knows which it was. The third time a row is kept in quarantine and a
// chunk's job is left alone for a day (design §5). After such a crash the thread goes in single steps for a while: it
// syncs behind each row and chunk before the next, so that a crash in the sync has a culprit as well, and keeps the
// bytes of each chunk in state_directory/suspect.batch until it is applied.
//
// The marks lie in the governor page, which outlives the writer but not the supervisor: whether a death counts is the
// supervisor's word (after_crash). Called by main.c at the start and by storethread.c; a file that cannot be written is
// said and otherwise ignored.
#ifndef WRITER_STEPS_H
#define WRITER_STEPS_H

#include "common/child.h"
#include "workers/writer/spool.h"
#include "workers/writer/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct steps {
        const struct child *child;
        int64_t suspect_row; // spool row during which our predecessor crashed, 0: none
        int suspect_attempts;
        mono_time single_until;
        char directory[PATH_SIZE];
};

// Reads and clears what our predecessor left. Where it crashed: counts the row's attempt in the spool, or the job's in
// the store, which is synced so that the count survives the next crash.
void steps_take_over(struct steps *steps, const struct child *child, struct spool *spool, struct store *store);
// True where the row has ended the writer three times.
bool steps_row_is_quarantined(const struct steps *steps, int64_t row);
bool steps_are_single(const struct steps *steps);

void steps_begin_row(struct steps *steps, int64_t row);
// `job` NULL: a chunk of no job, which is only acknowledged.
void steps_begin_chunk(struct steps *steps, const struct job *job, const void *bytes, size_t length);
// Applied, and in single steps synced. Leaves errno alone.
void steps_end(struct steps *steps);

#endif
