// SPDX-License-Identifier: Apache-2.0
// A JOB_TRADES or JOB_AGG_TRADES: its ids are found where only times are known (idseek.h), then pages are fetched ahead
// (REST_REQUESTS_IN_FLIGHT at a time) and handed to the writer in order, each behind a RECORD_ID_PAGE. Used by
// jobrun.c. Owns the calls and their rows.
#ifndef BACKFILL_TICKJOB_H
#define BACKFILL_TICKJOB_H

#include "common/job.h"
#include "workers/backfill/call.h"
#include "workers/backfill/outbox.h"
#include "workers/backfill/step.h"

struct tickjob;

// `changed` is called when step() has something to do. One tickjob serves all jobs of a worker, one after the other.
struct tickjob *tickjob_new(struct caller *caller, void (*changed)(void *context), void *context);
void tickjob_free(struct tickjob *tickjob);

void tickjob_start(struct tickjob *tickjob, const struct job *job, int64_t exchange_now_us);
// Asks, and appends what has come, as far as the outbox takes it.
enum step tickjob_step(struct tickjob *tickjob, struct outbox *outbox);
// For JOB_END: the job's end where a row behind it was seen, else just behind the newest row handed over.
int64_t tickjob_answered_until_us(const struct tickjob *tickjob);
enum call_end tickjob_failure(const struct tickjob *tickjob, const char **text);
void tickjob_cancel(struct tickjob *tickjob);

#endif
