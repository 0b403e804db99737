// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/booksync.h"

#include "common/memory.h"

#include <stdlib.h>
#include <string.h>

struct buffered_event {
        struct buffered_event *next;
        struct depth depth;
        struct level levels[];
};

void booksync_init(struct booksync *sync)
{
        *sync = (struct booksync){.state = BOOK_IDLE};
        sync->end = &sync->first;
        book_init(&sync->book);
}

static struct buffered_event *take_first(struct booksync *sync)
{
        struct buffered_event *event = sync->first;

        sync->first = event->next;
        if (sync->first == NULL)
                sync->end = &sync->first;
        sync->buffered_count--;
        sync->buffered_bytes -= ((size_t)event->depth.bids + event->depth.asks) * sizeof(struct level);
        return event;
}

static void drop_first(struct booksync *sync)
{
        free(take_first(sync));
}

static void forget(struct booksync *sync)
{
        while (sync->first != NULL)
                drop_first(sync);
        book_clear(&sync->book);
}

void booksync_free(struct booksync *sync)
{
        forget(sync);
        free(sync->taken);
        book_free(&sync->book);
}

void booksync_stop(struct booksync *sync)
{
        forget(sync);
        sync->state = BOOK_IDLE;
}

int64_t booksync_pause_ms(const struct booksync *sync)
{
        int64_t pause_ms = RESYNC_PAUSE_MS_MIN;

        if (sync->failures == 0)
                return 0;
        for (unsigned i = 1; i < sync->failures && pause_ms < RESYNC_PAUSE_MS_MAX; i++)
                pause_ms *= 2;
        return pause_ms < RESYNC_PAUSE_MS_MAX ? pause_ms : RESYNC_PAUSE_MS_MAX;
}

static void pause_snapshots(struct booksync *sync, mono_time now)
{
        sync->snapshot_at = (mono_time){now.us + booksync_pause_ms(sync) * US_PER_MS};
}

static void forget_failures(struct booksync *sync, mono_time now)
{
        if (sync->state == BOOK_LIVE && mono_since_ms(now, sync->live_since) >= RESYNC_HEALTHY_MS)
                sync->failures = 0;
}

void booksync_begin(struct booksync *sync, mono_time now)
{
        forget_failures(sync, now);
        forget(sync);
        sync->state = BOOK_BUFFERING;
        sync->begun_at = now;
        pause_snapshots(sync, now);
}

void booksync_fail(struct booksync *sync, mono_time now)
{
        forget_failures(sync, now);
        sync->failures++;
        sync->state = BOOK_IDLE; // was right, but is no more: this failure counts
        booksync_begin(sync, now);
}

// A buffer that is full is begun anew: the snapshot that comes will be newer than what is thrown away, or too old for
// the rest, and then another one is asked for.
static void buffer(struct booksync *sync, const struct depth *depth, const struct level *levels)
{
        size_t bytes = ((size_t)depth->bids + depth->asks) * sizeof(*levels);

        while (sync->first != NULL &&
               (sync->buffered_count >= BOOK_EVENTS_MAX || sync->buffered_bytes + bytes > BOOK_BUFFER_BYTES_MAX))
                drop_first(sync);
        struct buffered_event *event = memory_zeroed(1, sizeof(*event) + bytes);
        event->depth = *depth;
        if (bytes > 0)
                memcpy(event->levels, levels, bytes);
        *sync->end = event;
        sync->end = &event->next;
        sync->buffered_count++;
        sync->buffered_bytes += bytes;
}

static enum booksync_verdict give_up(struct booksync *sync, const struct depth *event, const struct level *levels,
    enum booksync_verdict verdict, mono_time now)
{
        booksync_fail(sync, now);
        buffer(sync, event, levels);
        return verdict;
}

enum booksync_verdict booksync_event(
    struct booksync *sync, const struct depth *event, const struct level *levels, bool others_flow, mono_time now)
{
        if (sync->state != BOOK_LIVE) {
                if (sync->state == BOOK_BUFFERING)
                        buffer(sync, event, levels);
                return BOOK_BUFFERED;
        }
        if (event->update_id <= sync->book.update_id)
                return BOOK_OLD;
        if (event->first_id > sync->book.update_id + 1)
                return others_flow ? BOOK_AHEAD : give_up(sync, event, levels, BOOK_GAP, now);
        if (!book_apply(&sync->book, event, levels))
                return give_up(sync, event, levels, BOOK_CROSSED, now);
        return BOOK_APPLIED;
}

// Retries without a failure being anybody's fault are failures too: they cost the same.
static enum booksync_answer refuse(struct booksync *sync, enum booksync_answer answer, mono_time now)
{
        sync->failures++;
        pause_snapshots(sync, now);
        return answer;
}

enum booksync_answer booksync_snapshot(
    struct booksync *sync, const struct depth *snapshot, const struct level *levels, size_t levels_max, mono_time now)
{
        if (sync->state != BOOK_BUFFERING)
                return SNAPSHOT_UNUSABLE;
        while (sync->first != NULL && sync->first->depth.update_id <= snapshot->update_id)
                drop_first(sync);
        if (sync->first != NULL && sync->first->depth.first_id > snapshot->update_id + 1)
                return refuse(sync, SNAPSHOT_TOO_OLD, now);
        if (!book_load(&sync->book, snapshot, levels, levels_max))
                return refuse(sync, SNAPSHOT_UNUSABLE, now);
        sync->state = BOOK_LIVE;
        sync->live_since = now;
        return SNAPSHOT_TAKEN;
}

const struct depth *booksync_next_buffered(struct booksync *sync, const struct level **levels)
{
        free(sync->taken);
        sync->taken = NULL;
        if (sync->state != BOOK_LIVE || sync->first == NULL)
                return NULL;
        sync->taken = take_first(sync);
        *levels = sync->taken->levels;
        return &sync->taken->depth;
}

int64_t booksync_first_time_us(const struct booksync *sync)
{
        return sync->first != NULL ? sync->first->depth.time_us : 0;
}

bool booksync_wants_snapshot(const struct booksync *sync, mono_time now)
{
        bool flows = sync->first != NULL || mono_since_ms(now, sync->begun_at) >= FIRST_EVENT_WAIT_MS;

        return sync->state == BOOK_BUFFERING && flows && now.us >= sync->snapshot_at.us;
}
