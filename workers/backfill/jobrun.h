// SPDX-License-Identifier: Apache-2.0
// A job's life: the exchange's clock is read, JOB_BEGIN, what the job is for, JOB_END, until the writer has
// acknowledged all of it. One job at a time. Used by main.c. Owns the jobs' machinery, not the pipeline.
//
// It ends by calling `over` with what the writer is to be told: 0 (nothing: JOB_END said it) or an enum job_failure.
#ifndef BACKFILL_JOBRUN_H
#define BACKFILL_JOBRUN_H

#include "common/job.h"
#include "common/pipeline.h"
#include "workers/backfill/call.h"
#include "workers/backfill/clocksync.h"

#include <stdbool.h>

struct jobrun;

struct jobrun_events {
        void (*changed)(void *context); // jobrun_service() has something to do
        void (*over)(void *context, uint32_t failure, const char *text);
        void *context;
};

struct jobrun *jobrun_new(struct caller *caller, struct clocksync *clocksync, struct pipeline *pipeline,
    bool weight_configured, const struct jobrun_events *events);
void jobrun_free(struct jobrun *jobrun);

// No job may be under way. A job that makes no sense ends at the next jobrun_service().
void jobrun_start(struct jobrun *jobrun, const struct job *job);
// Moves the job on; may call `over`.
void jobrun_service(struct jobrun *jobrun, mono_time now);
// Drops the job without a word. Chunks under way stay in the pipeline; the writer discards them.
void jobrun_cancel(struct jobrun *jobrun);
// The lease of the job under way, 0: none.
uint64_t jobrun_lease(const struct jobrun *jobrun);
// The job under way, or the last one.
const struct job *jobrun_job(const struct jobrun *jobrun);

#endif
