// SPDX-License-Identifier: Apache-2.0
// The backfill worker: asks the writer for a job, fetches it from Binance's REST, hands it over, asks again. It parses
// the internet and touches no disk. One libevent loop; callbacks note and poke, serve() does the work.
#include "common/exitcode.h"
#include "common/log.h"
#include "common/nnio.h"
#include "workers/backfill/channel.h"
#include "workers/backfill/jobrun.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_BUSY_MS 2   // while the writer acknowledges
#define TICK_SLOW_MS 50  // while it has not for BUSY_MS
#define TICK_IDLE_MS 500 // and for IDLE_MS: what is pending waits for a writer to come
#define BUSY_MS 500
#define IDLE_MS 10000
#define CHUNK_AGE_MS 20 // an unfinished chunk is sent after this
#define CONTROL_PER_WAKE_MAX 16

struct worker {
        struct child child;
        struct event_base *base;
        struct event *control, *terminate, *interrupt, *heartbeat, *work, *tick;
        struct caller caller;
        struct clocksync *clocksync;
        struct channel *channel;
        struct pipeline *pipeline;
        struct jobrun *jobrun;
        bool wanting; // JOB_WANT is out
        bool ending;
        uint64_t acknowledged;
        mono_time active_since; // last sign of life between writer and us
};

static void poke(void *context)
{
        struct worker *worker = context;

        event_active(worker->work, EV_TIMEOUT, 0);
}

static void announce_resolver(void *context)
{
        struct worker *worker = context;

        child_announce_ms(&worker->child, CHILD_HANG_RESOLVE_MS);
}

// ---- the work ----

static void plan_tick(struct worker *worker, mono_time now)
{
        int64_t quiet_ms, tick_ms;

        if (pipeline_acknowledged(worker->pipeline) != worker->acknowledged) {
                worker->acknowledged = pipeline_acknowledged(worker->pipeline);
                worker->active_since = now;
        }
        if (!pipeline_pending(worker->pipeline)) {
                evtimer_del(worker->tick);
                return;
        }
        quiet_ms = mono_since_ms(now, worker->active_since);
        tick_ms = quiet_ms < BUSY_MS ? TICK_BUSY_MS : quiet_ms < IDLE_MS ? TICK_SLOW_MS : TICK_IDLE_MS;
        struct timeval delay = {0, tick_ms * 1000};
        evtimer_add(worker->tick, &delay);
}

static void serve(struct worker *worker)
{
        mono_time now = mono_now();

        if (pipeline_service(worker->pipeline, now) != 0) {
                log_error("the pipeline to the writer is broken: %m; starting afresh");
                exit(EXIT_TRY_LATER);
        }
        jobrun_service(worker->jobrun, now);
        if (!worker->ending && !worker->wanting && channel_is_open(worker->channel) &&
            jobrun_lease(worker->jobrun) == 0) {
                worker->wanting = true; // first, for a lost channel clears it
                channel_send(worker->channel, JOB_WANT, 0, 0, "");
        }
        plan_tick(worker, now);
}

static void on_work(evutil_socket_t fd, short what, void *context)
{
        (void)fd;
        (void)what;
        serve(context);
}

static void job_over(void *context, uint32_t failure, const char *text)
{
        struct worker *worker = context;
        const struct job *job = jobrun_job(worker->jobrun);

        if (failure != 0) {
                log_debug("job %llu (%s) failed: %s", (unsigned long long)job->lease, job->symbol, text);
                channel_send(worker->channel, JOB_FAILED, job->lease, failure, text);
        }
        poke(worker);
}

// ---- the writer ----

static void on_job_message(void *context, const struct job_message *message)
{
        struct worker *worker = context;

        switch (message->type) {
        case JOB_GRANT:
                worker->wanting = false;
                if (message->job.lease == 0 || jobrun_lease(worker->jobrun) != 0) {
                        log_error("the writer granted a job that was not asked for; ignored");
                        break;
                }
                worker->active_since = mono_now();
                jobrun_start(worker->jobrun, &message->job);
                break;
        case JOB_REVOKE:
                if (jobrun_lease(worker->jobrun) == message->job.lease && message->job.lease != 0) {
                        log_info("job %llu was revoked", (unsigned long long)message->job.lease);
                        jobrun_cancel(worker->jobrun);
                }
                break;
        default: log_error("the writer sent a job message of type %u; ignored", message->type);
        }
        poke(worker);
}

static void on_channel_lost(void *context)
{
        struct worker *worker = context;

        worker->wanting = false;
        if (jobrun_lease(worker->jobrun) != 0)
                log_info("the writer is gone; its job is dropped and will be given out again");
        jobrun_cancel(worker->jobrun);
}

static void take_channel(struct worker *worker, int fd)
{
        // The writer that gave the present job is not the one behind the new channel.
        if (channel_is_open(worker->channel) || jobrun_lease(worker->jobrun) != 0)
                on_channel_lost(worker);
        if (channel_attach(worker->channel, fd) != 0)
                log_error("cannot watch the job channel: %m");
        worker->active_since = mono_now();
        poke(worker);
}

// ---- the supervisor ----

// Nothing new is begun and nothing finished: what was not acknowledged is fetched again.
static void stop(struct worker *worker)
{
        if (worker->ending)
                return;
        worker->ending = true;
        if (jobrun_lease(worker->jobrun) != 0)
                channel_send(worker->channel, JOB_FAILED, jobrun_lease(worker->jobrun), JOB_FAILURE_STOPPED, "stopped");
        jobrun_cancel(worker->jobrun);
        child_send(&worker->child, CONTROL_DRAINED, NULL, 0, -1); // a supervisor that is gone needs none
        event_base_loopbreak(worker->base);
}

static void take_control(struct worker *worker, struct control_message *message)
{
        switch (message->header.type) {
        case CONTROL_JOB_CHANNEL: take_channel(worker, message->fd); return;
        case CONTROL_SETUP:
                if (child_adopt_setup(&worker->child, message->fd) != 0)
                        log_error("a new configuration cannot be read: %m; the old one stays");
                return;
        case CONTROL_DRAIN: stop(worker); break;
        default: log_error("the supervisor sent a message of type %u; ignored", message->header.type);
        }
        if (message->fd >= 0)
                close(message->fd);
}

static void on_control(evutil_socket_t fd, short what, void *context)
{
        struct worker *worker = context;
        struct control_message message;

        (void)what;
        for (int i = 0; i < CONTROL_PER_WAKE_MAX && !worker->ending; i++) {
                int result = control_receive(fd, &message);

                if (result == 1) {
                        take_control(worker, &message);
                } else if (result == 0) {
                        stop(worker); // the supervisor is gone
                } else if (errno == EBADMSG) {
                        log_error("the supervisor sent a message of the wrong size; ignored");
                } else if (errno == EAGAIN || errno == EINTR) {
                        return;
                } else {
                        log_error("the control socket is broken: %m");
                        stop(worker);
                }
        }
}

static void on_terminate(evutil_socket_t signal_number, short what, void *context)
{
        (void)signal_number;
        (void)what;
        stop(context);
}

// Ctrl-C reaches every process of the terminal; the supervisor says in which order they end.
static void on_interrupt(evutil_socket_t signal_number, short what, void *context)
{
        (void)signal_number;
        (void)what;
        (void)context;
}

static void on_heartbeat(evutil_socket_t fd, short what, void *context)
{
        struct worker *worker = context;

        (void)fd;
        (void)what;
        child_heartbeat(&worker->child);
        if (jobrun_lease(worker->jobrun) == 0 && !clocksync_is_fresh(worker->child.governor, CLOCK_IDLE_S))
                clocksync_start(worker->clocksync);
        if (jobrun_lease(worker->jobrun) != 0)
                poke(worker); // a stalled job is noticed without any event
}

// ---- start and end ----

static bool add_events(struct worker *worker)
{
        struct timeval beat = {CHILD_HEARTBEAT_MS / 1000, CHILD_HEARTBEAT_MS % 1000 * 1000};

        worker->control = event_new(worker->base, CHILD_FD_CONTROL, EV_READ | EV_PERSIST, on_control, worker);
        worker->terminate = evsignal_new(worker->base, SIGTERM, on_terminate, worker);
        worker->interrupt = evsignal_new(worker->base, SIGINT, on_interrupt, worker);
        worker->heartbeat = event_new(worker->base, -1, EV_PERSIST, on_heartbeat, worker);
        worker->work = event_new(worker->base, -1, 0, on_work, worker);
        worker->tick = evtimer_new(worker->base, on_work, worker);
        if (worker->control == NULL || worker->terminate == NULL || worker->interrupt == NULL ||
            worker->heartbeat == NULL || worker->work == NULL || worker->tick == NULL)
                return false;
        event_priority_set(worker->control, 0);
        event_priority_set(worker->terminate, 0);
        event_priority_set(worker->heartbeat, 0);
        return event_add(worker->control, NULL) == 0 && evsignal_add(worker->terminate, NULL) == 0 &&
               evsignal_add(worker->interrupt, NULL) == 0 && event_add(worker->heartbeat, &beat) == 0;
}

static bool open_parts(struct worker *worker)
{
        const struct settings *settings = &worker->child.setup->settings;
        struct caller *caller = &worker->caller;

        worker->channel = channel_new(worker->base,
            &(struct channel_events){.message = on_job_message, .lost = on_channel_lost, .context = worker});
        *caller = (struct caller){.base = worker->base,
            .governor = worker->child.governor,
            .vitals = worker->child.vitals,
            .base_url = settings->rest_url};
        caller->http = http_new(worker->base, &(struct http_options){.base_url = settings->rest_url,
                                                  .ca_file = settings->ca_file,
                                                  .proxy = settings->proxy,
                                                  .before_blocking = announce_resolver,
                                                  .context = worker});
        if (caller->http == NULL)
                return false;
        worker->clocksync = clocksync_new(caller, poke, worker);
        // The record bound is the outbox's: chunks under way, and what dropped jobs left behind.
        worker->pipeline = pipeline_open(&worker->child, NNIO_BULK, MESSAGE_BUFFER_MAX);
        if (worker->clocksync == NULL || worker->pipeline == NULL)
                return false;
        pipeline_set_flush_ms(worker->pipeline, CHUNK_AGE_MS);
        worker->jobrun = jobrun_new(caller, worker->clocksync, worker->pipeline, settings->weight_per_minute != 0,
            &(struct jobrun_events){.changed = poke, .over = job_over, .context = worker});
        return worker->jobrun != NULL;
}

static void close_parts(struct worker *worker)
{
        struct event *events[] = {
            worker->control, worker->terminate, worker->interrupt, worker->heartbeat, worker->work, worker->tick};

        jobrun_free(worker->jobrun);
        clocksync_free(worker->clocksync);
        http_free(worker->caller.http);
        channel_free(worker->channel);
        pipeline_close(worker->pipeline);
        for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
                if (events[i] != NULL)
                        event_free(events[i]);
        }
        event_base_free(worker->base);
}

int main(void)
{
        static struct worker worker;

        child_begin(CHILD_BACKFILL, &worker.child);
        if (!child_has_ca_file(&worker.child))
                return EXIT_TRY_LATER;
        worker.base = event_base_new();
        if (worker.base == NULL || event_base_priority_init(worker.base, 2) != 0 || !add_events(&worker) ||
            !open_parts(&worker) || child_send_ready(&worker.child) != 0) {
                log_error("cannot start: %m");
                return EXIT_TRY_LATER;
        }
        worker.active_since = mono_now();
        clocksync_start(worker.clocksync);
        poke(&worker);
        int result = event_base_dispatch(worker.base);
        if (result != 0)
                log_error("the event loop ended with an error: %m");
        close_parts(&worker);
        return result == 0 ? EXIT_DONE : EXIT_TRY_LATER;
}
