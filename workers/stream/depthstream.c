// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/depthstream.h"

#include "common/log.h"
#include "common/memory.h"
#include "workers/stream/booksync.h"
#include "workers/stream/streamtype.h"

#include <stdlib.h>
#include <string.h>

struct depthstream {
        struct booksync kept;
        struct booksync probe; // for a comparison
        struct stream *changes;
        uint32_t levels;
        int64_t cadence_us;
        int64_t event_us;       // exchange time that the kept book speaks for
        int64_t top_update_id;  // of the last stored levels, 0: none
        int64_t quiet_from_id;  // first update of events that changed nothing since the last kept one, 0: none
        int64_t received_ns;    // of the newest change
        bool met[2];            // the leg has shown an event that the book knew or took
        mono_time refreshed_at; // by a snapshot, or an attempt to get one
        mono_time compare_at, compare_until; // us == 0: not planned; not under way
        bool uncertain_said;
        int64_t compare_every_ms;
        struct depth_comparisons comparisons;
};

// Of whichever stream has its turn; too large for the stack.
static struct depth_message message;

static const char *name_of(const struct stream *stream)
{
        return stream->id.symbol;
}

// ---- records ----

static void write_message(struct depthstream *depth, struct sink *sink, const struct depth_message *record)
{
        depth->quiet_from_id = 0;
        if (depth->changes != NULL)
                sink_record(sink, depth->changes, RECORD_DEPTH, record, depth_record_bytes(&record->head));
}

static void write_clear(struct depthstream *depth, struct sink *sink, int64_t update_id)
{
        struct depth clear = {.update_id = update_id,
            .time_us = depth->event_us,
            .received_wall_ns = depth->received_ns,
            .kind = DEPTH_CLEAR};

        depth->quiet_from_id = 0;
        if (depth->changes != NULL)
                sink_record(sink, depth->changes, RECORD_DEPTH, &clear, sizeof(clear));
}

// Rows are made of levels, so an event without any would be a hole between the updates: the next one begins with it.
static void write_changes(struct depthstream *depth, struct sink *sink, const struct depth *event)
{
        static struct depth_message joined;
        size_t bytes = depth_record_bytes(event);
        int64_t quiet_from_id = depth->quiet_from_id;

        if (depth->changes == NULL)
                return;
        if (event->bids + event->asks == 0) {
                if (quiet_from_id == 0)
                        depth->quiet_from_id = event->first_id;
                return;
        }
        depth->quiet_from_id = 0;
        if (quiet_from_id != 0) {
                memcpy(&joined, event, bytes); // the levels stand behind their head, wherever that is
                joined.head.first_id = quiet_from_id;
                event = &joined.head;
        }
        sink_record(sink, depth->changes, RECORD_DEPTH, event, bytes);
}

// The kept book as it stands, as the snapshot that a reader may start from.
static void write_book(struct depthstream *depth, struct sink *sink)
{
        const struct book *book = &depth->kept.book;

        message.head = (struct depth){.update_id = book->update_id,
            .time_us = depth->event_us,
            .received_wall_ns = depth->received_ns,
            .kind = DEPTH_SNAPSHOT};
        message.head.bids = (uint16_t)book_top(&book->bids, BOOK_LEVELS_MAX, message.levels);
        message.head.asks = (uint16_t)book_top(&book->asks, BOOK_LEVELS_MAX, message.levels + message.head.bids);
        write_message(depth, sink, &message);
}

static void write_top(struct stream *stream, struct sink *sink, int64_t time_us)
{
        struct depthstream *depth = stream->depth;
        const struct book *book = &depth->kept.book;
        struct {
                struct depth head;
                struct level levels[2 * TICK_LEVELS_MAX];
        } top;

        top.head = (struct depth){.update_id = book->update_id,
            .time_us = time_us,
            .received_wall_ns = depth->received_ns,
            .kind = DEPTH_TOP};
        top.head.bids = (uint16_t)book_top(&book->bids, depth->levels, top.levels);
        top.head.asks = (uint16_t)book_top(&book->asks, depth->levels, top.levels + top.head.bids);
        sink_record(sink, stream, RECORD_DEPTH, &top, depth_record_bytes(&top.head));
        depth->top_update_id = book->update_id;
}

// The book as it stands is what it was at the first multiple of the cadence behind its newest change, if that is not
// after `until_us`.
static void write_due_top(struct stream *stream, struct sink *sink, int64_t until_us)
{
        struct depthstream *depth = stream->depth;
        int64_t due_us = (depth->event_us / depth->cadence_us + 1) * depth->cadence_us;

        if (depth->kept.state == BOOK_LIVE && due_us <= until_us && depth->kept.book.update_id != depth->top_update_id)
                write_top(stream, sink, due_us);
}

// ---- comparison ----

static void plan_comparison(struct depthstream *depth, mono_time now, uint64_t random)
{
        int64_t every_ms = depth->compare_every_ms;

        booksync_stop(&depth->probe);
        depth->refreshed_at = now;
        depth->compare_until = (mono_time){0};
        depth->compare_at = (mono_time){now.us + (every_ms + (int64_t)(random % (uint64_t)(every_ms / 4))) * US_PER_MS};
}

static void count_comparison(struct depth_comparisons *comparisons, size_t same, size_t all)
{
        comparisons->books++;
        comparisons->differing += same != all;
        comparisons->levels += all;
        comparisons->equal += same;
}

const struct depth_comparisons *depthstream_comparisons(const struct stream *stream)
{
        return &stream->depth->comparisons;
}

// Both books stand at the same update: compare them, and go on with the fresh one.
static void compare(struct stream *stream, struct sink *sink, mono_time now)
{
        struct depthstream *depth = stream->depth;
        struct book *kept = &depth->kept.book, *fresh = &depth->probe.book, old;
        size_t same, all;

        if (depth->probe.state != BOOK_LIVE || depth->kept.state != BOOK_LIVE || kept->update_id != fresh->update_id)
                return;
        book_compare(kept, fresh, &same, &all);
        double percent = all > 0 ? 100.0 * (double)same / (double)all : 100;
        count_comparison(&depth->comparisons, same, all);
        if (same == all)
                log_info("%s: the kept book equals a fresh snapshot at update %lld: all %zu levels", name_of(stream),
                    (long long)kept->update_id, all);
        else
                log_warn("%s: the kept book differs from a fresh snapshot at update %lld: %zu of %zu levels equal "
                         "(%.2f %%); going on from the snapshot",
                    name_of(stream), (long long)kept->update_id, same, all, percent);
        old = *kept;
        *kept = *fresh;
        *fresh = old;
        depth->uncertain_said = false;
        write_book(depth, sink);
        plan_comparison(depth, now, (uint64_t)kept->update_id);
}

// Little is left of what the last snapshot showed.
static void hasten_comparison(struct stream *stream, mono_time now)
{
        struct depthstream *depth = stream->depth;
        mono_time soon = {depth->refreshed_at.us + DEPTH_REFRESH_MS * US_PER_MS};

        if (depth->compare_at.us > soon.us)
                depth->compare_at = soon.us > now.us ? soon : now;
        if (depth->uncertain_said || book_is_certain(&depth->kept.book, depth->levels))
                return;
        depth->uncertain_said = true;
        log_warn("%s: the market has left the levels that the last snapshot showed; until the next one some that have "
                 "not changed may be missing in the book",
            name_of(stream));
}

// ---- giving up ----

static void say_given_up(struct stream *stream, struct sink *sink, int64_t update_id, uint32_t count, const char *why)
{
        struct depthstream *depth = stream->depth;

        write_clear(depth, sink, update_id);
        sink_boundary(sink, stream, BOUNDARY_MISSED, count);
        booksync_stop(&depth->probe);
        depth->compare_at = depth->compare_until = (mono_time){0};
        log_warn("%s: the order book was given up at update %lld: %s; a new snapshot is asked for in %.0f s",
            name_of(stream), (long long)update_id, why, (double)booksync_pause_ms(&depth->kept) / 1000);
}

// ---- events ----

// One event, from the stream or from the buffer. Returns false where the book was given up.
static bool apply(struct stream *stream, struct sink *sink, const struct depth *event, const struct level *levels,
    bool others_flow, mono_time now, enum booksync_verdict *verdict)
{
        struct depthstream *depth = stream->depth;
        int64_t before = depth->kept.book.update_id;

        if (event->first_id <= before + 1 && event->update_id > before)
                write_due_top(stream, sink, event->time_us);
        *verdict = booksync_event(&depth->kept, event, levels, others_flow, now);
        switch (*verdict) {
        case BOOK_GAP:
                say_given_up(stream, sink, before, (uint32_t)(event->first_id - before - 1), "updates are missing");
                return false;
        case BOOK_CROSSED:
                say_given_up(stream, sink, before, 0, "the best bid is not below the best ask");
                return false;
        case BOOK_APPLIED: break;
        default: return true;
        }
        depth->event_us = event->time_us;
        depth->received_ns = event->received_wall_ns;
        write_changes(depth, sink, event);
        if (!book_is_certain(&depth->kept.book, DEPTH_KNOWN_MIN))
                hasten_comparison(stream, now);
        return true;
}

static void feed_probe(struct stream *stream, struct sink *sink, mono_time now)
{
        struct depthstream *depth = stream->depth;
        enum booksync_verdict verdict;

        if (depth->probe.state == BOOK_IDLE)
                return;
        verdict = booksync_event(&depth->probe, &message.head, message.levels, false, now);
        if (verdict == BOOK_GAP || verdict == BOOK_CROSSED)
                plan_comparison(depth, now, (uint64_t)message.head.update_id);
        else
                compare(stream, sink, now);
}

static const char *accept_depth(struct stream_event *event, struct sink *sink)
{
        struct stream *stream = event->stream;
        struct depthstream *depth = stream->depth;
        struct json data = event->frame->data;
        const char *why = depth_read_event(&data, stream->id.symbol, &message);
        bool others_flow = (event->legs_flowing & ~(1u << event->leg)) != 0;
        enum booksync_verdict verdict;

        if (why == NULL)
                why = frame_close(event->frame, &data);
        if (why != NULL)
                return why;
        message.head.received_wall_ns = event->received.ns;
        event->event_us = message.head.time_us;
        if (apply(stream, sink, &message.head, message.levels, others_flow, event->now, &verdict)) {
                depth->met[event->leg] |= verdict == BOOK_OLD || verdict == BOOK_APPLIED;
                if (verdict == BOOK_APPLIED)
                        feed_probe(stream, sink, event->now);
        }
        return NULL;
}

// ---- snapshots ----

bool depthstream_wants_snapshot(const struct stream *stream, mono_time now)
{
        return booksync_wants_snapshot(&stream->depth->kept, now) ||
               booksync_wants_snapshot(&stream->depth->probe, now);
}

static void apply_buffered(struct stream *stream, struct sink *sink, mono_time now)
{
        const struct level *levels;
        const struct depth *event;
        enum booksync_verdict verdict;

        while ((event = booksync_next_buffered(&stream->depth->kept, &levels)) != NULL) {
                if (!apply(stream, sink, event, levels, false, now, &verdict))
                        return;
        }
}

static void take_for_kept(
    struct stream *stream, struct sink *sink, struct depth_message *snapshot, const struct depth_clocks *clocks)
{
        struct depthstream *depth = stream->depth;
        struct depth *head = &snapshot->head;
        enum booksync_answer answer =
            booksync_snapshot(&depth->kept, head, snapshot->levels, DEPTH_SNAPSHOT_LEVELS, clocks->now);

        if (answer != SNAPSHOT_TAKEN) {
                log_info("%s: the snapshot at update %lld is %s; the next one is asked for in %.0f s", name_of(stream),
                    (long long)head->update_id,
                    answer == SNAPSHOT_TOO_OLD ? "older than the stream's first event" : "not in order, or crossed",
                    (double)booksync_pause_ms(&depth->kept) / 1000);
                return;
        }
        // It carries no time. What it shows was before the first change behind it.
        int64_t first_us = booksync_first_time_us(&depth->kept);
        depth->event_us = first_us > 0 && first_us < clocks->exchange_us ? first_us : clocks->exchange_us;
        depth->received_ns = clocks->wall.ns;
        depth->top_update_id = 0;
        depth->uncertain_said = false;
        head->time_us = depth->event_us;
        head->received_wall_ns = depth->received_ns;
        write_message(depth, sink, snapshot);
        plan_comparison(depth, clocks->now, clocks->random);
        log_info("%s: the order book is right from update %lld on, with %u bids and %u asks", name_of(stream),
            (long long)head->update_id, head->bids, head->asks);
        apply_buffered(stream, sink, clocks->now);
}

static void take_for_probe(
    struct stream *stream, struct sink *sink, const struct depth_message *snapshot, const struct depth_clocks *clocks)
{
        struct depthstream *depth = stream->depth;
        const struct level *levels;
        const struct depth *event;

        if (booksync_snapshot(&depth->probe, &snapshot->head, snapshot->levels, DEPTH_SNAPSHOT_LEVELS, clocks->now) !=
            SNAPSHOT_TAKEN)
                return; // another one after its pause, until compare_until
        while ((event = booksync_next_buffered(&depth->probe, &levels)) != NULL)
                booksync_event(&depth->probe, event, levels, false, clocks->now);
        compare(stream, sink, clocks->now);
}

void depthstream_take_snapshot(
    struct stream *stream, struct sink *sink, struct depth_message *snapshot, const struct depth_clocks *clocks)
{
        struct depthstream *depth = stream->depth;

        if (depth->kept.state == BOOK_BUFFERING)
                take_for_kept(stream, sink, snapshot, clocks);
        else if (depth->probe.state == BOOK_BUFFERING)
                take_for_probe(stream, sink, snapshot, clocks);
}

void depthstream_step(struct stream *stream, struct sink *sink, const struct depth_clocks *clocks)
{
        struct depthstream *depth = stream->depth;
        mono_time now = clocks->now;

        if (depth->kept.state != BOOK_LIVE)
                return;
        write_due_top(stream, sink, clocks->exchange_us - DEPTH_TOP_WAIT_US);
        if (depth->compare_until.us != 0 && now.us >= depth->compare_until.us) {
                log_info("%s: the kept book could not be compared with a fresh snapshot within two minutes",
                    name_of(stream));
                plan_comparison(depth, now, clocks->random);
        } else if (depth->compare_until.us == 0 && depth->compare_at.us != 0 && now.us >= depth->compare_at.us) {
                depth->compare_until = (mono_time){now.us + DEPTH_COMPARE_WITHIN_MS * US_PER_MS};
                booksync_begin(&depth->probe, now);
        }
}

// ---- life ----

static void init(struct stream *stream, const struct settings *settings)
{
        struct depthstream *depth = memory_zeroed(1, sizeof(*depth));

        depth->levels = settings->depth_levels;
        depth->cadence_us = settings->depth_cadence_ms * US_PER_MS;
        depth->compare_every_ms = settings->depth_compare_ms;
        booksync_init(&depth->kept);
        booksync_init(&depth->probe);
        if (settings->depth_diffs) {
                depth->changes = memory_zeroed(1, sizeof(*depth->changes));
                depth->changes->id = stream->id;
                depth->changes->id.kind = STREAM_DEPTH_DIFF;
        }
        stream->depth = depth;
        stream->companion = depth->changes;
}

static void free_depth(struct stream *stream)
{
        booksync_free(&stream->depth->kept);
        booksync_free(&stream->depth->probe);
        free(stream->depth->changes);
        free(stream->depth);
}

static void restart(struct stream *stream, unsigned leg, mono_time now)
{
        (void)leg;
        stream->depth->met[0] = stream->depth->met[1] = false;
        booksync_begin(&stream->depth->kept, now);
}

static void overlap(struct stream *stream, unsigned leg)
{
        stream->depth->met[leg] = false;
}

static bool overlap_proven(const struct stream *stream, unsigned old, unsigned new)
{
        (void)old;
        return stream->depth->met[new];
}

static void interrupt(struct stream *stream, struct sink *sink)
{
        struct depthstream *depth = stream->depth;

        // What the stream has shown is still to be kept, and before the boundary.
        if (depth->kept.state == BOOK_LIVE)
                write_clear(depth, sink, depth->kept.book.update_id);
        booksync_stop(&depth->kept);
        booksync_stop(&depth->probe);
        depth->compare_at = depth->compare_until = (mono_time){0};
}

const struct stream_type depth_stream_type = {
    .kind = STREAM_DEPTH,
    .setting = DATA_DEPTH,
    .suffix = "depth@100ms",
    .init = init,
    .free = free_depth,
    .restart = restart,
    .overlap = overlap,
    .interrupt = interrupt,
    .accept = accept_depth,
    .overlap_proven = overlap_proven,
};
