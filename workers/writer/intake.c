// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/intake.h"

#include "common/exitcode.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/nnio.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PENDING_BATCHES_MAX 512 // in one commit
#define MESSAGES_PER_WAKE_MAX 256
#define RETRY_FULL_MS 1000
#define TRIM_AGAIN_MS 20 // between two transactions that only delete
#define QUIET_MS 100

struct intake {
        struct child *child;
        struct spool *spool;
        struct ballast *ballast;
        struct handover *handover;
        struct nnio *live;
        struct event *readable, *commit_timer, *retry_timer, *trim_timer;
        struct mark marks[SLOTS_MAX]; // with what is pending
        struct spool_batch pending[PENDING_BATCHES_MAX];
        struct batch_view views[PENDING_BATCHES_MAX]; // of them
        size_t pending_count, pending_bytes;
        mono_time commit_begun; // the last one
        mono_time last_received;
        bool stopped; // not reading: disk or spool full
        uint64_t refused;
};

// ---- acknowledging ----

// When what came live was read from its socket; 0 for what did not. What a book stands at is written when its time has
// come, long after that.
static int64_t received_wall_ns(const struct record_view *record)
{
        const struct depth *depth = record->payload;

        switch (record->type) {
        case RECORD_KLINE: return ((const struct kline *)record->payload)->received_wall_ns;
        case RECORD_TRADE: return ((const struct trade *)record->payload)->received_wall_ns;
        case RECORD_AGG_TRADE: return ((const struct agg_trade *)record->payload)->received_wall_ns;
        case RECORD_QUOTE: return ((const struct quote *)record->payload)->received_wall_ns;
        case RECORD_DEPTH: return depth->kind == DEPTH_CHANGES ? depth->received_wall_ns : 0;
        default: return 0;
        }
}

static void measure_latency(struct intake *intake, struct batch_view *view, wall_time now)
{
        struct record_view record;

        while (batch_next_record(view, &record)) {
                int64_t received_ns = received_wall_ns(&record);

                if (received_ns > 0)
                        latency_add(&intake->child->governor->receive_to_durable, (now.ns - received_ns) / 1000);
        }
}

static void acknowledge(struct intake *intake)
{
        wall_time now = wall_now();
        int64_t newest = 0;

        for (size_t i = 0; i < intake->pending_count; i++) {
                struct spool_batch *batch = &intake->pending[i];

                if (batch->mark.sequence == 1)
                        ack_line_open(intake->child->acks, batch->slot, batch->mark.incarnation);
                ack_line_advance(intake->child->acks, batch->slot, batch->mark.sequence);
                atomic_store(&intake->handover->durable_wall_ns[batch->row % HANDOVER_STAMPS], now.ns);
                newest = batch->row;
                measure_latency(intake, &intake->views[i], now);
                nnio_free((void *)(uintptr_t)batch->bytes);
        }
        atomic_fetch_add(&intake->child->vitals->records, intake->pending_count);
        intake->pending_count = intake->pending_bytes = 0;
        if (newest > 0) {
                atomic_store(&intake->handover->row_committed, newest);
                handover_wake_store(intake->handover);
        }
}

static void publish_spool_size(struct intake *intake)
{
        struct governor_page *page = intake->child->governor;
        uint64_t rows, bytes;

        spool_size(intake->spool, &rows, &bytes);
        atomic_store(&page->spool_batches, rows);
        atomic_store(&page->spool_bytes, bytes);
        atomic_store(&page->spool_oldest_wall_ns, spool_oldest_wall_ns(intake->spool));
        pace_note(&page->spool_pace, boot_now(), DRAIN_SAMPLE_S, (int64_t)bytes);
}

// ---- stopping and going on ----

static void stop_reading(struct intake *intake)
{
        struct timeval again = {.tv_sec = RETRY_FULL_MS / 1000};

        intake->stopped = true;
        (void)event_del(intake->readable);
        (void)event_add(intake->retry_timer, &again);
}

static void disk_is_full(struct intake *intake)
{
        if (atomic_exchange(&intake->child->governor->disk_full, 1) == 0)
                log_error(
                    "no space left in %s: nothing is acknowledged and workers hold their data; it goes on by itself "
                    "when there is room again",
                    intake->child->setup->settings.state_directory);
        ballast_release(intake->ballast);
        stop_reading(intake);
}

static void go_on_reading(struct intake *intake)
{
        intake->stopped = false;
        if (atomic_exchange(&intake->child->governor->disk_full, 0) == 1)
                log_info("there is room again: batches are acknowledged");
        (void)event_add(intake->readable, NULL);
}

static bool spool_is_full(const struct intake *intake)
{
        uint64_t rows, bytes;

        spool_size(intake->spool, &rows, &bytes);
        return bytes > (uint64_t)intake->child->setup->settings.spool_bytes_max;
}

// ---- committing ----

static _Noreturn void end_process(const char *what)
{
        log_error("%s: %s; this process ends unacknowledged and its successor reads from the disk again", what,
            strerror(errno));
        _exit(EXIT_TRY_LATER);
}

// The store thread does the long part, so that no commit waits for it.
static void go_on_with_checkpoint(struct intake *intake)
{
        _Atomic int *checkpoint = &intake->handover->checkpoint;

        if (atomic_load(checkpoint) == HANDOVER_CHECKPOINT_DONE) {
                if (spool_checkpoint_rest(intake->spool) == -1 && errno != ENOSPC)
                        end_process("spool checkpoint");
                atomic_store(checkpoint, HANDOVER_CHECKPOINT_NONE);
        }
        if (spool_checkpoint_wanted(intake->spool)) {
                atomic_store(checkpoint, HANDOVER_CHECKPOINT_WANTED);
                handover_wake_store(intake->handover);
        }
}

static int commit(struct intake *intake)
{
        int64_t durable = atomic_load(&intake->handover->row_durable);

        (void)event_del(intake->commit_timer);
        if (intake->pending_count == 0)
                return 0;
        intake->commit_begun = mono_now();
        if (spool_append(intake->spool, intake->pending, intake->pending_count, durable) == -1) {
                if (errno == ENOSPC) {
                        disk_is_full(intake);
                        return -1;
                }
                end_process("spool");
        }
        acknowledge(intake);
        publish_spool_size(intake);
        go_on_with_checkpoint(intake);
        return 0;
}

static void on_commit_timer(evutil_socket_t fd, short events, void *context)
{
        (void)fd;
        (void)events;
        (void)commit(context);
}

// At once where none was for a while. What comes during a commit, or right after it, shares the next one: else each
// batch would have a sync of its own.
static void commit_when_due(struct intake *intake)
{
        struct timeval wait = {0};

        if (intake->pending_count == 0 || intake->stopped)
                return;
        int64_t wait_us = SPOOL_COMMIT_MS * US_PER_MS - (mono_now().us - intake->commit_begun.us);
        if (wait_us <= 0) {
                (void)commit(intake);
                return;
        }
        wait.tv_usec = (suseconds_t)wait_us;
        (void)event_add(intake->commit_timer, &wait);
}

// Commits delete what is applied as they go; this does it where none come, or where the disk is full.
static void trim(struct intake *intake)
{
        static const struct timeval again = {.tv_usec = TRIM_AGAIN_MS * 1000};
        int64_t durable = atomic_load(&intake->handover->row_durable);
        bool commits_come = !intake->stopped && mono_since_ms(mono_now(), intake->commit_begun) < TRIM_AGAIN_MS;

        if (!commits_come && spool_append(intake->spool, NULL, 0, durable) == -1) {
                if (errno != ENOSPC && errno != EAGAIN)
                        end_process("spool");
                return;
        }
        publish_spool_size(intake);
        if (spool_trim_is_due(intake->spool, durable))
                (void)event_add(intake->trim_timer, &again);
}

static void on_trim_timer(evutil_socket_t fd, short events, void *context)
{
        (void)fd;
        (void)events;
        trim(context);
}

static void on_retry_timer(evutil_socket_t fd, short events, void *context)
{
        struct intake *intake = context;

        (void)fd;
        (void)events;
        intake_upkeep(intake);
        if (commit(intake) == -1)
                return; // still full: disk_is_full() set the timer again
        if (spool_is_full(intake) || atomic_load(&intake->handover->disk_full))
                stop_reading(intake);
        else
                go_on_reading(intake);
}

// ---- receiving ----

static void refuse(struct intake *intake, const struct batch_header *header, const char *why)
{
        atomic_fetch_add(&intake->child->vitals->malformed, 1);
        if (intake->refused++ % 1000 == 0)
                log_warn("a batch of slot %u was refused: %s; it is not acknowledged, its worker is ended",
                    header->slot, why);
        if (header->slot < SLOTS_MAX)
                (void)control_send(CHILD_FD_CONTROL, CONTROL_SUSPECT, header->slot, header->incarnation, NULL, 0, -1);
}

// True when the batch is kept (and its message owned).
static bool take(struct intake *intake, const void *message, size_t length)
{
        struct batch_view view;
        const char *why;

        memset(&view, 0, sizeof(view));
        if (batch_open(message, length, &view, &why) == -1) {
                refuse(intake, &view.header, why);
                return false;
        }
        struct mark *mark = &intake->marks[view.header.slot];
        switch (mark_judge(mark, &view)) {
        case MARK_NEXT:
        case MARK_OPEN: break;
        default: return false;
        }
        mark->incarnation = view.header.incarnation;
        mark->sequence = view.header.sequence;
        intake->views[intake->pending_count] = view;
        intake->pending[intake->pending_count++] =
            (struct spool_batch){.bytes = message, .length = length, .slot = view.header.slot, .mark = *mark};
        intake->pending_bytes += length;
        return true;
}

static void on_readable(evutil_socket_t fd, short events, void *context)
{
        struct intake *intake = context;
        void *message;
        ssize_t length;

        (void)fd;
        (void)events;
        for (int i = 0; i < MESSAGES_PER_WAKE_MAX && !intake->stopped; i++) {
                length = nnio_receive(intake->live, &message);
                if (length == -1)
                        break;
                intake->last_received = mono_now();
                if (!take(intake, message, (size_t)length))
                        nnio_free(message);
                if (intake->pending_bytes >= SPOOL_COMMIT_BYTES || intake->pending_count == PENDING_BATCHES_MAX)
                        (void)commit(intake);
        }
        commit_when_due(intake);
}

// ---- life cycle ----

// Live slots stand as the spool knows them. A backfill slot's line is not in the spool: what the page says was applied
// by our predecessor, and the worker goes on from there.
static int restore_marks(struct intake *intake)
{
        struct ack_page *page = intake->child->acks;

        if (spool_load_marks(intake->spool, intake->marks) == -1)
                return -1;
        for (uint32_t slot = 0; slot < SLOTS_MAX; slot++) {
                uint64_t known = atomic_load(&page->lines[slot].incarnation);

                if (intake->marks[slot].incarnation != 0 && intake->marks[slot].incarnation >= known)
                        ack_line_restore(
                            page, (uint16_t)slot, intake->marks[slot].incarnation, intake->marks[slot].sequence);
        }
        ack_page_publish_writer(page, intake->child->setup->incarnation);
        return 0;
}

struct intake *intake_open(struct child *child, struct spool *spool, struct ballast *ballast, struct handover *handover,
    struct event_base *base)
{
        struct intake *intake = memory_zeroed(1, sizeof(*intake));

        intake->child = child;
        intake->spool = spool;
        intake->ballast = ballast;
        intake->handover = handover;
        intake->live = nnio_open(NNIO_PULL, child->setup->settings.run_directory, NNIO_LIVE);
        if (intake->live == NULL || restore_marks(intake) == -1)
                goto fail;
        intake->readable = event_new(base, nnio_fd(intake->live), EV_READ | EV_PERSIST, on_readable, intake);
        intake->commit_timer = evtimer_new(base, on_commit_timer, intake);
        intake->retry_timer = evtimer_new(base, on_retry_timer, intake);
        intake->trim_timer = evtimer_new(base, on_trim_timer, intake);
        if (intake->readable == NULL || intake->commit_timer == NULL || intake->retry_timer == NULL ||
            intake->trim_timer == NULL) {
                errno = ENOMEM;
                goto fail;
        }
        (void)event_priority_set(intake->readable, 1); // control first
        publish_spool_size(intake);
        if (event_add(intake->readable, NULL) == 0)
                return intake;
fail:;
        int saved = errno;
        intake_close(intake);
        errno = saved;
        return NULL;
}

void intake_close(struct intake *intake)
{
        struct event **all[] = {&intake->readable, &intake->commit_timer, &intake->retry_timer, &intake->trim_timer};

        if (intake->readable != NULL)
                (void)commit(intake);
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
                if (*all[i] != NULL)
                        event_free(*all[i]);
        if (intake->live != NULL)
                nnio_close(intake->live);
        free(intake);
}

void intake_upkeep(struct intake *intake)
{
        if (atomic_load(&intake->handover->disk_full) && !intake->stopped)
                disk_is_full(intake);
        trim(intake);
        if (spool_truncation_is_due(intake->spool)) {
                child_announce_ms(intake->child, CHILD_HANG_SYNC_MS);
                if (spool_truncate_wal(intake->spool) == -1 && errno != ENOSPC)
                        end_process("spool checkpoint");
                child_heartbeat(intake->child);
        }
        if (!intake->stopped && spool_is_full(intake)) {
                log_warn(
                    "the spool holds more than spool.bytes_max (%lld bytes): workers are held back until the store has "
                    "caught up",
                    (long long)intake->child->setup->settings.spool_bytes_max);
                stop_reading(intake);
        }
        if (!intake->ballast->held && !intake->stopped)
                (void)ballast_restore(intake->ballast);
        atomic_store(&intake->child->governor->disk_free_bytes, ballast_disk_free(intake->ballast));
}

bool intake_is_quiet(const struct intake *intake)
{
        return intake->pending_count == 0 && mono_since_ms(mono_now(), intake->last_received) >= QUIET_MS;
}
