// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/storethread.h"

#include "common/exitcode.h"
#include "common/log.h"
#include "common/memfile.h"
#include "common/memory.h"
#include "common/nnio.h"
#include "workers/writer/jobchannel.h"
#include "workers/writer/marks.h"
#include "workers/writer/spool.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS_PER_PASS_MAX 32   // spool rows, then other events have their turn
#define CHUNKS_PER_PASS_MAX 16 // backfill chunks
#define RETRY_FULL_MS 1000     // a full disk
#define TICK_MS 250

struct storethread {
        struct storethread_start *start;
        const struct child *child;
        struct handover *handover;
        struct store *store;
        struct event_base *base;
        struct event *woken, *feed_again, *derive_again, *bulk_readable, *sync_timer, *tick;
        struct spool_reader *spool;
        struct nnio *bulk;
        struct jobchannels *jobs;
        struct mark marks[SLOTS_MAX]; // bulk
        int64_t row_applied;
        int64_t row_at_hand;    // for the governor's ring
        unsigned char *aligned; // a batch out of SQLite, aligned for struct access
        uint64_t catalogue_generation;
        bool complete, exhausted; // as last told
        mono_time full_until;     // no applying before this: the disk was full, or the store server away
};

static _Thread_local struct storethread *self; // storethread_live_bar() is called back by the store

static void end_process(const char *what)
{
        log_error(
            "%s: %s; this process ends and its successor replays from the ledger's cursor", what, strerror(errno));
        _exit(EXIT_TRY_LATER);
}

// A full disk and a store server that is away are waited out; anything else ends the process.
static void failed(struct storethread *thread, const char *what)
{
        if (errno == EHOSTUNREACH) { // said once by the store; the intake goes on into the spool
                thread->full_until = (mono_time){mono_now().us + RETRY_FULL_MS * US_PER_MS};
                return;
        }
        if (errno != ENOSPC && errno != EDQUOT)
                end_process(what);
        if (!atomic_exchange(&thread->handover->disk_full, true))
                log_error("%s: no space left; backfill and store wait, nothing is lost", what);
        thread->full_until = (mono_time){mono_now().us + RETRY_FULL_MS * US_PER_MS};
        handover_wake_intake(thread->handover);
}

static void succeeded(struct storethread *thread)
{
        if (atomic_load(&thread->handover->disk_full))
                atomic_store(&thread->handover->disk_full, false);
}

static bool waits_for_room(const struct storethread *thread)
{
        return mono_now().us < thread->full_until.us;
}

static void schedule_sync(struct storethread *thread);
static void sync_store(struct storethread *thread);

// After a crash: what was just applied is synced before the next, so that it is known which of them ends us.
static void sync_step(struct storethread *thread)
{
        if (steps_are_single(&thread->start->steps))
                sync_store(thread);
}

// ---- live: spool rows ----

void storethread_live_bar(void *context, const struct stream_id *stream, const struct kline *kline)
{
        struct governor_page *page = self->child->governor;
        uint64_t sequence = atomic_load(&page->live_sequence) + 1;
        struct live_entry *entry = &page->live[sequence % LIVE_RING_ENTRIES];
        struct bar_values values;

        (void)context;
        kline_to_values(kline, &values);
        atomic_store(&entry->sequence, 0); // readers skip it meanwhile
        memcpy(entry->symbol, stream->symbol, SYMBOL_SIZE);
        entry->interval = stream->interval;
        entry->open_us = kline->open_us;
        entry->close = values.close;
        entry->volume = values.volume;
        entry->received_wall_ns = kline->received_wall_ns;
        entry->durable_wall_ns = atomic_load(&self->handover->durable_wall_ns[self->row_at_hand % HANDOVER_STAMPS]);
        entry->stored_wall_ns = wall_now().ns;
        atomic_store(&entry->sequence, sequence);
        atomic_store(&page->live_sequence, sequence);
}

void storethread_blocks(void *context, int64_t ms)
{
        int64_t deadline_us = mono_now().us + ms * US_PER_MS + CHILD_HANG_DEFAULT_MS * US_PER_MS;

        (void)context;
        // Before the thread begins, and in it after a longer step was announced, there is nothing to add.
        if (self != NULL && atomic_load(&self->handover->step_deadline_us) < deadline_us)
                atomic_store(&self->handover->step_deadline_us, deadline_us);
}

static int apply_bytes(struct storethread *thread, int64_t row, const void *bytes, size_t length)
{
        struct batch_view view;
        const char *why;

        if (length > BATCH_BYTES_LARGE_MAX ||
            batch_open(memcpy(thread->aligned, bytes, length), length, &view, &why) == -1) {
                log_error("spool row %lld is damaged (%s): kept in quarantine, its records are fetched again",
                    (long long)row, length > BATCH_BYTES_LARGE_MAX ? "too long" : why);
                return store_quarantine(thread->store, bytes, length, row, "damaged in the spool");
        }
        if (steps_row_is_quarantined(&thread->start->steps, row))
                return store_quarantine(thread->store, bytes, length, row, "ended the writer three times");
        return store_apply_live(thread->store, &view, row);
}

static int apply_row(void *context, int64_t row, const void *bytes, size_t length)
{
        struct storethread *thread = context;

        thread->row_at_hand = row;
        steps_begin_row(&thread->start->steps, row);
        int result = length == 0 ? 0 : apply_bytes(thread, row, bytes, length);
        if (result == 0) {
                thread->row_applied = row;
                sync_step(thread);
        }
        steps_end(&thread->start->steps);
        return result == -1 ? -1 : 0;
}

// Its long part is done here: the intake commits meanwhile. On a full disk the WAL goes on growing and says so itself.
static void checkpoint_spool(struct storethread *thread)
{
        if (atomic_load(&thread->handover->checkpoint) != HANDOVER_CHECKPOINT_WANTED)
                return;
        if (spool_reader_checkpoint(thread->spool) == -1 && errno != ENOSPC)
                end_process("spool checkpoint");
        atomic_store(&thread->handover->checkpoint, HANDOVER_CHECKPOINT_DONE);
}

// True when all committed rows are applied.
static bool feed(struct storethread *thread)
{
        if (waits_for_room(thread))
                return false;
        if (thread->row_applied >= atomic_load(&thread->handover->row_committed))
                return true;
        if (spool_reader_each(thread->spool, thread->row_applied, ROWS_PER_PASS_MAX, apply_row, thread) == 0)
                succeeded(thread);
        else if (errno == EAGAIN)
                return true; // waits for the catalogue, which comes as a job; the tick asks again
        else
                failed(thread, "store");
        schedule_sync(thread);
        return thread->row_applied >= atomic_load(&thread->handover->row_committed);
}

// ---- backfill: bulk chunks ----

static void apply_chunk(struct storethread *thread, const struct batch_view *view, struct mark *mark)
{
        uint16_t slot = view->header.slot;
        uint64_t lease = jobchannels_lease(thread->jobs, slot);
        char why[REASON_SIZE];

        if (lease != 0) {
                int result = store_apply_bulk(thread->store, lease, view, why);

                if (result == -1 && errno != EBADMSG) {
                        failed(thread, "store");
                        return; // unacknowledged: the worker sends it again
                }
                if (result == -1)
                        log_warn("a backfill job of slot %u is discarded and will run again: %s", slot, why);
                if (result != 0)
                        jobchannels_close_lease(thread->jobs, slot, result == -1);
        }
        // A chunk without a lease belongs to a job that is no more: acknowledged, so that its worker's window empties.
        mark->incarnation = view->header.incarnation;
        mark->sequence = view->header.sequence;
        if (mark->sequence == 1)
                ack_line_open(thread->child->acks, slot, mark->incarnation);
        ack_line_advance(thread->child->acks, slot, mark->sequence);
        succeeded(thread);
}

static void take_chunk(struct storethread *thread, const void *message, size_t length)
{
        struct batch_view view;
        const char *why;

        if (batch_open(message, length, &view, &why) == -1) {
                atomic_fetch_add(&thread->child->vitals->malformed, 1);
                log_warn("a backfill chunk was refused: %s; its job will run again", why);
                return;
        }
        struct mark *mark = &thread->marks[view.header.slot];
        enum mark_verdict verdict = mark_judge(mark, &view);
        if (verdict != MARK_NEXT && verdict != MARK_OPEN)
                return;
        steps_begin_chunk(&thread->start->steps,
            store_job(thread->store, jobchannels_lease(thread->jobs, view.header.slot)), message, length);
        apply_chunk(thread, &view, mark);
        sync_step(thread);
        steps_end(&thread->start->steps);
}

static void on_bulk(evutil_socket_t fd, short events, void *context)
{
        struct storethread *thread = context;
        void *message;
        ssize_t length;

        (void)fd;
        (void)events;
        for (int i = 0; i < CHUNKS_PER_PASS_MAX && !waits_for_room(thread); i++) {
                length = nnio_receive(thread->bulk, &message);
                if (length == -1)
                        break;
                take_chunk(thread, message, (size_t)length);
                nnio_free(message);
        }
        if (waits_for_room(thread))
                (void)event_del(thread->bulk_readable);
        schedule_sync(thread);
}

// ---- sync, and what follows from it ----

static void send_catalogue(struct storethread *thread)
{
        size_t count;
        uint64_t generation;
        const struct catalogue_entry *entries = store_catalogue(thread->store, &count, &generation);

        if (generation == thread->catalogue_generation || count == 0)
                return;
        int fd = memfile_create_sealed("catalogue", entries, count * sizeof(*entries));
        if (fd < 0)
                return; // tried again after the next sync
        if (child_send(thread->child, CONTROL_SYMBOLS, NULL, 0, fd) == 0)
                thread->catalogue_generation = generation;
        (void)close(fd);
}

// Says once that nothing is left to do, or that what is left cannot be had soon (a one-shot run ends with either).
static void tell_complete(struct storethread *thread)
{
        int64_t now_us = governor_exchange_now_us(thread->child->governor);
        struct control_result result = {.error = ENODATA};
        bool complete = store_is_complete(thread->store, now_us);
        bool exhausted = !complete && store_is_exhausted(thread->store, now_us, result.text);

        if (!complete && store_is_away_for_good(thread->store, result.text)) {
                if (!thread->exhausted)
                        log_error("%s", result.text);
                result.error = EHOSTUNREACH;
                exhausted = true;
        }
        if (complete && !thread->complete && child_send(thread->child, CONTROL_COMPLETE, NULL, 0, -1) == -1)
                return; // again at the next tick
        if (exhausted && !thread->exhausted &&
            child_send(thread->child, CONTROL_EXHAUSTED, &result, sizeof(result), -1) == -1)
                return;
        thread->complete = complete;
        thread->exhausted = exhausted;
}

static void sync_store(struct storethread *thread)
{
        atomic_store(&thread->handover->step_deadline_us, mono_now().us + CHILD_HANG_SYNC_MS * US_PER_MS);
        int result = store_sync(thread->store);
        atomic_store(&thread->handover->step_deadline_us, 0);
        if (result == -1) {
                failed(thread, "store sync");
                return;
        }
        succeeded(thread);
        atomic_store(&thread->handover->row_durable, store_cursor(thread->store));
        handover_wake_intake(thread->handover);
}

static void schedule_sync(struct storethread *thread)
{
        int64_t wait_ms = store_sync_wait_ms(thread->store, mono_now());

        if (wait_ms < 0)
                return;
        if (waits_for_room(thread) && wait_ms < RETRY_FULL_MS)
                wait_ms = RETRY_FULL_MS;
        struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
        (void)event_add(thread->sync_timer, &wait);
}

static void on_sync(evutil_socket_t fd, short events, void *context)
{
        struct storethread *thread = context;

        (void)fd;
        (void)events;
        if (store_sync_due(thread->store, mono_now()))
                sync_store(thread);
        schedule_sync(thread);
}

// ---- bars made here: when there is nothing else to do ----

static void on_derive(evutil_socket_t fd, short events, void *context)
{
        struct storethread *thread = context;

        (void)fd;
        (void)events;
        if (waits_for_room(thread))
                return;
        int result = store_derive(thread->store);
        if (result == 1)
                event_active(thread->derive_again, EV_TIMEOUT, 1);
        else if (result == -1 && errno != EAGAIN)
                failed(thread, "derived bars");
        schedule_sync(thread);
}

// ---- messages of the other thread ----

static void reconfigure(struct storethread *thread, int fd)
{
        const struct child_setup *setup = child_map_setup(fd);

        (void)close(fd);
        if (setup == NULL) {
                log_error("the new configuration could not be taken over: %s; the old one stays", strerror(errno));
                return;
        }
        child_unmap_setup(thread->start->setup);
        thread->start->setup = setup;
        log_set_level(setup->settings.log_level);
        store_reconfigure(thread->store, setup);
        jobchannels_serve(thread->jobs);
}

static void on_control(struct storethread *thread, struct control_message *message)
{
        struct control_died died;
        struct control_backfill want;
        struct control_result result = {0};

        switch (message->header.type) {
        case CONTROL_SETUP: reconfigure(thread, message->fd); break;
        case CONTROL_JOB_CHANNEL:
                jobchannels_attach(thread->jobs, message->header.slot, message->header.incarnation, message->fd);
                break;
        case CONTROL_DIED:
                memcpy(&died, message->payload, sizeof(died));
                jobchannels_died(thread->jobs, message->header.slot, message->header.incarnation, died.crash != 0);
                break;
        case CONTROL_BACKFILL:
                memcpy(&want, message->payload, sizeof(want));
                result.error = store_want(thread->store, &want, result.text) == 0 ? 0 : errno;
                (void)child_send(thread->child, CONTROL_RESULT, &result, sizeof(result), -1);
                thread->complete = thread->exhausted = false;
                jobchannels_serve(thread->jobs);
                break;
        default: break;
        }
}

// Everything that was spooled is applied, so time alone decides which ticks are complete.
static void pass_time(struct storethread *thread, int64_t now_us)
{
        if (now_us < 0 || waits_for_room(thread))
                return;
        if (store_pass_time(thread->store, now_us) == 0)
                succeeded(thread);
        else if (errno != EAGAIN)
                failed(thread, "store");
        schedule_sync(thread);
}

// After other events had their turn; where a full disk or the server is waited for, with the next tick.
static void feed_again(struct storethread *thread)
{
        if (!waits_for_room(thread))
                event_active(thread->feed_again, EV_TIMEOUT, 1);
}

// Everything that was acknowledged is applied and synced; then this thread is done. A store server that is away is not
// waited for: what it has not got is in the spool.
static void drain(struct storethread *thread)
{
        if (atomic_load(&thread->child->governor->store_away_since_wall_ns) != 0) {
                log_warn("the store server is away: what it has not got is kept in the spool until the next start");
                (void)event_base_loopbreak(thread->base);
                return;
        }
        if (!feed(thread)) {
                feed_again(thread);
                return;
        }
        pass_time(thread, INT64_MAX);
        sync_store(thread);
        if (!waits_for_room(thread))
                (void)event_base_loopbreak(thread->base);
}

static void on_woken(evutil_socket_t fd, short events, void *context)
{
        struct storethread *thread = context;
        static _Thread_local struct control_message message;

        (void)fd;
        (void)events;
        handover_clear(thread->handover->to_store_fd);
        while (handover_take(thread->handover, &message))
                on_control(thread, &message);
        checkpoint_spool(thread);
        if (atomic_load(&thread->handover->drain))
                drain(thread);
        else if (!feed(thread))
                feed_again(thread);
        else
                pass_time(thread, governor_exchange_now_us(thread->child->governor));
}

static void on_tick(evutil_socket_t fd, short events, void *context)
{
        struct storethread *thread = context;

        (void)fd;
        (void)events;
        atomic_fetch_add(&thread->handover->ticks, 1);
        if (!waits_for_room(thread))
                (void)event_add(thread->bulk_readable, NULL);
        event_active(thread->derive_again, EV_TIMEOUT, 1);
        send_catalogue(thread);
        tell_complete(thread);
        handover_wake_store(thread->handover);
}

// ---- life cycle ----

static struct event *event_on(struct storethread *thread, int fd, short what, event_callback_fn callback, int priority)
{
        struct event *event = event_new(thread->base, fd, what, callback, thread);

        REQUIRE(event != NULL && event_priority_set(event, priority) == 0);
        return event;
}

static void begin(struct storethread *thread)
{
        static const struct timeval tick = {.tv_usec = TICK_MS * 1000};
        char why[REASON_SIZE];

        thread->base = event_base_new();
        REQUIRE(thread->base != NULL && event_base_priority_init(thread->base, 3) == 0);
        // Live rows and chunks share the lower priority, so that neither starves the other.
        thread->spool = spool_reader_open(thread->start->spool_path, why);
        thread->bulk = nnio_open(NNIO_PULL, thread->start->setup->settings.run_directory, NNIO_BULK);
        if (thread->spool == NULL || thread->bulk == NULL)
                end_process(thread->spool == NULL ? why : "bulk pipeline");
        thread->jobs = jobchannels_new(thread->base, thread->store, thread->child->governor);
        thread->aligned = memory_zeroed(1, BATCH_BYTES_LARGE_MAX);
        thread->row_applied = store_cursor(thread->store);
        for (size_t slot = 0; slot < SLOTS_MAX; slot++) {
                thread->marks[slot].incarnation = atomic_load(&thread->child->acks->lines[slot].incarnation);
                thread->marks[slot].sequence = atomic_load(&thread->child->acks->lines[slot].sequence);
        }
        thread->woken = event_on(thread, thread->handover->to_store_fd, EV_READ | EV_PERSIST, on_woken, 1);
        thread->feed_again = event_on(thread, -1, 0, on_woken, 1);
        thread->derive_again = event_on(thread, -1, 0, on_derive, 2);
        thread->bulk_readable = event_on(thread, nnio_fd(thread->bulk), EV_READ | EV_PERSIST, on_bulk, 1);
        thread->sync_timer = event_on(thread, -1, 0, on_sync, 0);
        thread->tick = event_on(thread, -1, EV_PERSIST, on_tick, 0);
        REQUIRE(event_add(thread->woken, NULL) == 0 && event_add(thread->bulk_readable, NULL) == 0 &&
                event_add(thread->tick, &tick) == 0);
}

static void finish(struct storethread *thread)
{
        struct event *all[] = {thread->woken, thread->feed_again, thread->derive_again, thread->bulk_readable,
            thread->sync_timer, thread->tick};

        jobchannels_free(thread->jobs);
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
                event_free(all[i]);
        nnio_close(thread->bulk);
        spool_reader_close(thread->spool);
        store_close(thread->store);
        event_base_free(thread->base);
        free(thread->aligned);
}

static void *run(void *context)
{
        struct storethread *thread = memory_zeroed(1, sizeof(*thread));

        thread->start = context;
        thread->child = thread->start->child;
        thread->handover = thread->start->handover;
        thread->store = thread->start->store;
        self = thread;
        begin(thread);
        (void)event_base_dispatch(thread->base);
        finish(thread);
        struct handover *handover = thread->handover;
        free(thread);
        atomic_store(&handover->ended, true);
        handover_wake_intake(handover);
        return NULL;
}

int storethread_run(struct storethread_start *start, pthread_t *thread)
{
        sigset_t all, old;

        // Signals belong to the main thread's event base.
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &old);
        errno = pthread_create(thread, NULL, run, start);
        int saved = errno;
        (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
        errno = saved;
        return saved == 0 ? 0 : -1;
}
