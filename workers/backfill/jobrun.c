// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/jobrun.h"

#include "common/log.h"
#include "common/memory.h"
#include "common/symbol.h"
#include "workers/backfill/klinejob.h"
#include "workers/backfill/outbox.h"
#include "workers/backfill/recordjob.h"
#include "workers/backfill/tickjob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum stage {
        STAGE_NONE,
        STAGE_CLOCK, // the exchange's clock is being read
        STAGE_BEGIN, // JOB_BEGIN waits for room
        STAGE_WORK,
        STAGE_END, // JOB_END waits for room
        STAGE_ACKNOWLEDGE,
};

struct jobrun {
        struct caller *caller;
        struct clocksync *clocksync;
        struct pipeline *pipeline;
        struct klinejob *klinejob;
        struct tickjob *tickjob;
        struct recordjob *recordjob;
        struct jobrun_events events;
        enum stage stage;
        struct job job;
        struct outbox outbox;
};

struct jobrun *jobrun_new(struct caller *caller, struct clocksync *clocksync, struct pipeline *pipeline,
    bool weight_configured, const struct jobrun_events *events)
{
        struct jobrun *jobrun = memory_zeroed(1, sizeof(*jobrun));

        jobrun->caller = caller;
        jobrun->clocksync = clocksync;
        jobrun->pipeline = pipeline;
        jobrun->events = *events;
        jobrun->klinejob = klinejob_new(caller, events->changed, events->context);
        jobrun->tickjob = tickjob_new(caller, events->changed, events->context);
        jobrun->recordjob = recordjob_new(caller, weight_configured, events->changed, events->context);
        if (jobrun->klinejob == NULL || jobrun->tickjob == NULL || jobrun->recordjob == NULL) {
                jobrun_free(jobrun);
                return NULL;
        }
        return jobrun;
}

void jobrun_free(struct jobrun *jobrun)
{
        if (jobrun == NULL)
                return;
        klinejob_free(jobrun->klinejob);
        tickjob_free(jobrun->tickjob);
        recordjob_free(jobrun->recordjob);
        free(jobrun);
}

uint64_t jobrun_lease(const struct jobrun *jobrun)
{
        return jobrun->stage == STAGE_NONE ? 0 : jobrun->job.lease;
}

const struct job *jobrun_job(const struct jobrun *jobrun)
{
        return &jobrun->job;
}

static void show(struct jobrun *jobrun)
{
        atomic_store(&jobrun->caller->vitals->job_lease, jobrun_lease(jobrun));
        atomic_store(&jobrun->caller->vitals->connected, jobrun->stage != STAGE_NONE);
}

void jobrun_start(struct jobrun *jobrun, const struct job *job)
{
        REQUIRE(jobrun->stage == STAGE_NONE && job->lease != 0);
        jobrun->job = *job;
        jobrun->stage = STAGE_CLOCK;
        // Also what is wrong with the clock stays the last attempt's: this job makes its own.
        if (!clocksync_is_fresh(jobrun->caller->governor, CLOCK_JOB_S))
                clocksync_start(jobrun->clocksync);
        show(jobrun);
        jobrun->events.changed(jobrun->events.context);
}

void jobrun_cancel(struct jobrun *jobrun)
{
        klinejob_cancel(jobrun->klinejob);
        tickjob_cancel(jobrun->tickjob);
        recordjob_cancel(jobrun->recordjob);
        jobrun->stage = STAGE_NONE;
        show(jobrun);
}

static void end(struct jobrun *jobrun, uint32_t failure, const char *text)
{
        jobrun_cancel(jobrun);
        jobrun->events.over(jobrun->events.context, failure, text);
}

static bool is_of_ticks(const struct job *job)
{
        return job->kind == JOB_TRADES || job->kind == JOB_AGG_TRADES;
}

// Rows of history, by time or by id: what is new there depends on the exchange's clock.
static bool is_of_pages(const struct job *job)
{
        return job->kind == JOB_KLINES || is_of_ticks(job);
}

// What no writer of ours asks for, or NULL.
static const char *job_defect(const struct job *job)
{
        bool by_id = is_of_ticks(job) && job->first_id >= 0;

        if (job->kind == JOB_CATALOG)
                return NULL;
        if (!is_of_pages(job) && job->kind != JOB_LISTING)
                return "a job of an unknown kind";
        if (memchr(job->symbol, '\0', sizeof(job->symbol)) == NULL || !symbol_is_valid(job->symbol))
                return "a job with a name that is no symbol";
        if (!is_of_ticks(job) && job->interval >= INTERVAL_COUNT)
                return "a job with an unknown interval";
        if (is_of_pages(job) && (job->page_rows < 1 || job->page_rows > REST_PAGE_ROWS_MAX))
                return "a job whose pages have not 1 to 1000 rows";
        if (is_of_pages(job) && !by_id && (job->start_us < 0 || job->end_us <= job->start_us))
                return "a job without a range of time";
        if (is_of_ticks(job) && (job->first_id < -1 || job->last_id < -1))
                return "a job with an id below -1";
        if (by_id && job->last_id >= 0 && job->last_id < job->first_id)
                return "a job without a range of ids";
        return NULL;
}

static void check_clock(struct jobrun *jobrun)
{
        const char *defect = job_defect(&jobrun->job);

        if (defect != NULL)
                end(jobrun, JOB_FAILURE_REFUSED, defect);
        else if (clocksync_is_fresh(jobrun->caller->governor, CLOCK_JOB_S) || !is_of_pages(&jobrun->job))
                jobrun->stage = STAGE_BEGIN;
        else if (!clocksync_is_running(jobrun->clocksync) && clocksync_error(jobrun->clocksync)[0] != '\0')
                end(jobrun, JOB_FAILURE_NETWORK, clocksync_error(jobrun->clocksync));
        else
                clocksync_start(jobrun->clocksync); // nothing where it is asking already
}

static void begin(struct jobrun *jobrun)
{
        if (outbox_begin(&jobrun->outbox, jobrun->pipeline, jobrun->job.lease) != 0)
                return;
        jobrun->stage = STAGE_WORK;
        int64_t now_us = governor_exchange_now_us(jobrun->caller->governor);
        if (jobrun->job.kind == JOB_KLINES)
                klinejob_start(jobrun->klinejob, &jobrun->job, now_us);
        else if (is_of_ticks(&jobrun->job))
                tickjob_start(jobrun->tickjob, &jobrun->job, now_us);
        else
                recordjob_start(jobrun->recordjob, &jobrun->job);
}

static enum call_end failure(const struct jobrun *jobrun, const char **text)
{
        if (jobrun->job.kind == JOB_KLINES)
                return klinejob_failure(jobrun->klinejob, text);
        if (is_of_ticks(&jobrun->job))
                return tickjob_failure(jobrun->tickjob, text);
        return recordjob_failure(jobrun->recordjob, text);
}

static void fail(struct jobrun *jobrun)
{
        const char *text;

        switch (failure(jobrun, &text)) {
        case CALL_REFUSED: end(jobrun, JOB_FAILURE_REFUSED, text); break;
        case CALL_NO_SYMBOL: end(jobrun, JOB_FAILURE_SYMBOL, text); break;
        case CALL_UNREACHABLE:
        case CALL_DONE: end(jobrun, JOB_FAILURE_NETWORK, text); break;
        }
}

static enum step step_job(struct jobrun *jobrun)
{
        if (jobrun->job.kind == JOB_KLINES)
                return klinejob_step(jobrun->klinejob, &jobrun->outbox);
        if (is_of_ticks(&jobrun->job))
                return tickjob_step(jobrun->tickjob, &jobrun->outbox);
        return recordjob_step(jobrun->recordjob, &jobrun->outbox);
}

static void work(struct jobrun *jobrun)
{
        enum step step = step_job(jobrun);

        if (step == STEP_COMPLETE)
                jobrun->stage = STAGE_END;
        else if (step == STEP_FAILED)
                fail(jobrun);
}

static int64_t answered_until_us(const struct jobrun *jobrun)
{
        if (jobrun->job.kind == JOB_KLINES)
                return klinejob_answered_until_us(jobrun->klinejob);
        return is_of_ticks(&jobrun->job) ? tickjob_answered_until_us(jobrun->tickjob) : jobrun->job.end_us;
}

static void send_end(struct jobrun *jobrun)
{
        if (outbox_end(&jobrun->outbox, answered_until_us(jobrun)) == 0)
                jobrun->stage = STAGE_ACKNOWLEDGE;
}

static void step_stage(struct jobrun *jobrun)
{
        switch (jobrun->stage) {
        case STAGE_NONE: break;
        case STAGE_CLOCK: check_clock(jobrun); break;
        case STAGE_BEGIN: begin(jobrun); break;
        case STAGE_WORK: work(jobrun); break;
        case STAGE_END: send_end(jobrun); break;
        case STAGE_ACKNOWLEDGE:
                if (outbox_is_empty(&jobrun->outbox))
                        end(jobrun, 0, "");
        }
}

void jobrun_service(struct jobrun *jobrun, mono_time now)
{
        enum stage before;

        do { // stages only move on, so this ends
                before = jobrun->stage;
                step_stage(jobrun);
        } while (jobrun->stage != before && jobrun->stage != STAGE_NONE);
        if (jobrun->stage > STAGE_CLOCK && outbox_is_stalled(&jobrun->outbox, now)) {
                char text[REASON_SIZE];
                snprintf(text, sizeof(text), "the writer has acknowledged nothing for %d ms", JOB_STALL_MS);
                end(jobrun, JOB_FAILURE_STALLED, text);
        }
}
