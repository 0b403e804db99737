// SPDX-License-Identifier: Apache-2.0
// How a book comes to be right and stays so, as a pure state machine: buffer the events of the stream, get a snapshot,
// go on from it, and give up when an update is missing. The rule is U <= L+1 <= u for the first event behind a snapshot
// and for every later one (L: the update the book stands at; U, u: first and last update of the event). The exchange's
// page says "contains lastUpdateId", which cannot hold where U = L+1, the ordinary case.
//
// Failures in a row make the pause before the next snapshot longer, up to five minutes: no loop of snapshots may ever
// use up the address's requests. Owned by depthstream.c, which asks for snapshots and makes records of what happened.
#ifndef WORKERS_STREAM_BOOKSYNC_H
#define WORKERS_STREAM_BOOKSYNC_H

#include "common/clock.h"
#include "workers/stream/book.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESYNC_PAUSE_MS_MIN 1000
#define RESYNC_PAUSE_MS_MAX (5 * 60 * 1000)
#define RESYNC_HEALTHY_MS 60000  // right for this long: failures are forgotten
#define FIRST_EVENT_WAIT_MS 5000 // a quiet market shows none; then the snapshot is asked for without having seen one

enum booksync_state { BOOK_IDLE, BOOK_BUFFERING, BOOK_LIVE };

struct buffered_event;

struct booksync {
        enum booksync_state state;
        struct book book;
        struct buffered_event *first, **end; // in order of arrival
        struct buffered_event *taken;        // given out by booksync_next_buffered()
        size_t buffered_count, buffered_bytes;
        unsigned failures;
        mono_time begun_at;    // BOOK_BUFFERING: since when, and …
        mono_time snapshot_at; // … when a snapshot may be asked for, once an event has shown that the stream flows
        mono_time live_since;
};

enum booksync_verdict {
        BOOK_BUFFERED, // waits for the snapshot
        BOOK_OLD,      // the book knows it already
        BOOK_APPLIED,
        BOOK_AHEAD,  // another connection will show what lies between
        BOOK_GAP,    // updates are missing: given up
        BOOK_CROSSED // the book would be crossed: given up
};

enum booksync_answer { SNAPSHOT_TAKEN, SNAPSHOT_TOO_OLD, SNAPSHOT_UNUSABLE };

void booksync_init(struct booksync *sync);
void booksync_free(struct booksync *sync);
// Forgets everything and begins to buffer; the snapshot may be asked for at once, or after the pause where that has
// failed before. booksync_stop(): begins nothing.
void booksync_begin(struct booksync *sync, mono_time now);
void booksync_stop(struct booksync *sync);
// Given up: like booksync_begin(), and counts as a failure.
void booksync_fail(struct booksync *sync, mono_time now);

// An event. `others_flow`: another connection of the stream is up, so a hole may still be filled. Levels stand behind
// `event`. BOOK_GAP and BOOK_CROSSED: it has been given up, and the event is the first one in the buffer.
enum booksync_verdict booksync_event(
    struct booksync *sync, const struct depth *event, const struct level *levels, bool others_flow, mono_time now);
// A snapshot. Where it was taken, the events of the buffer must be applied next: booksync_next_buffered() until NULL.
enum booksync_answer booksync_snapshot(
    struct booksync *sync, const struct depth *snapshot, const struct level *levels, size_t levels_max, mono_time now);
// Takes the oldest event out of the buffer; it stays valid until the next call. NULL: none is left, or the book was
// given up meanwhile.
const struct depth *booksync_next_buffered(struct booksync *sync, const struct level **levels);

// Exchange time of the oldest event in the buffer, 0: there is none.
int64_t booksync_first_time_us(const struct booksync *sync);
bool booksync_wants_snapshot(const struct booksync *sync, mono_time now);
int64_t booksync_pause_ms(const struct booksync *sync); // before the next snapshot, after `failures`

#endif
