// SPDX-License-Identifier: Apache-2.0
// A JOB_KLINES: pages are fetched ahead (REST_REQUESTS_IN_FLIGHT at a time) and handed to the writer in order, so that
// network and store work at the same time. Used by jobrun.c. Owns the calls and their rows.
#ifndef BACKFILL_KLINEJOB_H
#define BACKFILL_KLINEJOB_H

#include "common/job.h"
#include "workers/backfill/call.h"
#include "workers/backfill/outbox.h"
#include "workers/backfill/step.h"

struct klinejob;

// `changed` is called when step() has something to do. One klinejob serves all jobs of a worker, one after the other.
struct klinejob *klinejob_new(struct caller *caller, void (*changed)(void *context), void *context);
void klinejob_free(struct klinejob *klinejob);

void klinejob_start(struct klinejob *klinejob, const struct job *job, int64_t exchange_now_us);
// Asks, and appends what has come, as far as the outbox takes it.
enum step klinejob_step(struct klinejob *klinejob, struct outbox *outbox);
int64_t klinejob_answered_until_us(const struct klinejob *klinejob); // for JOB_END
enum call_end klinejob_failure(const struct klinejob *klinejob, const char **text);
void klinejob_cancel(struct klinejob *klinejob);

#endif
