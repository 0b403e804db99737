// SPDX-License-Identifier: Apache-2.0
// Jobs of one request whose answer is a few records: JOB_CATALOG (exchangeInfo; its limits go to the governor page) and
// JOB_LISTING (a symbol's first bar). Used by jobrun.c. Owns the call and the records.
#ifndef BACKFILL_RECORDJOB_H
#define BACKFILL_RECORDJOB_H

#include "common/job.h"
#include "workers/backfill/call.h"
#include "workers/backfill/outbox.h"
#include "workers/backfill/step.h"

#include <stdbool.h>

struct recordjob;

// `weight_configured`: the user has set a limit, which the exchange's does not replace.
struct recordjob *recordjob_new(
    struct caller *caller, bool weight_configured, void (*changed)(void *context), void *context);
void recordjob_free(struct recordjob *recordjob);

void recordjob_start(struct recordjob *recordjob, const struct job *job);
enum step recordjob_step(struct recordjob *recordjob, struct outbox *outbox);
enum call_end recordjob_failure(const struct recordjob *recordjob, const char **text);
void recordjob_cancel(struct recordjob *recordjob);

#endif
