// SPDX-License-Identifier: Apache-2.0
// Dead and silent told apart. A connection is dead when our own ping gets no pong: nothing else proves that both
// directions work (data that arrives does not show that our pongs leave, and an idle market sends no data). A
// connection that lives may still be silent, which is normal for a halted symbol: then REST is asked (comparison.h),
// with doubling pauses, and only what misses something is renewed. Pings of the exchange are answered by the library,
// at once and with their payload. Pure.
#ifndef WORKERS_STREAM_LIVENESS_H
#define WORKERS_STREAM_LIVENESS_H

#include "common/clock.h"
#include "common/interval.h"

#include <stdbool.h>

#define PING_EVERY_MS 30000
#define PONG_WITHIN_MS 15000
#define SILENCE_MS 60000                 // no event of any stream for this long, by our clock
#define SILENCE_BARS 3                   // and this many bars of the shortest interval overdue, by the exchange's
#define SILENCE_BARS_MAX_US US_PER_HOUR  // but long intervals do not make it longer than this
#define SILENCE_GRACE_US US_PER_MIN      // closes come late by up to this
#define SILENCE_ASK_MS (5 * 60 * 1000)   // first pause between questions for silence, doubling …
#define SILENCE_ASK_MS_MAX (3600 * 1000) // … to this
#define SILENCE_ASK_AGAIN_MS (60 * 1000) // after one without an answer

struct liveness {
        mono_time proven_at; // connected, or the last pong
        mono_time pinged_at;
        bool awaiting_pong;
};

enum liveness_verdict { LIVENESS_OK, LIVENESS_PING, LIVENESS_DEAD };

void liveness_start(struct liveness *liveness, mono_time now);
void liveness_pinged(struct liveness *liveness, mono_time now);
void liveness_pong(struct liveness *liveness, mono_time now);
enum liveness_verdict liveness_check(const struct liveness *liveness, mono_time now);
mono_time liveness_deadline(const struct liveness *liveness); // when the verdict changes next

// Silence of all streams of one connection.
struct silence {
        mono_time heard_at; // last event of any stream, or the connection's start
        int64_t heard_us;   // exchange time then; 0: none yet
        mono_time asked_at; // last question
        int64_t pause_ms;   // before the next one; 0: none yet
};

void silence_start(struct silence *silence, mono_time now, int64_t exchange_us);
void silence_heard(struct silence *silence, mono_time now, int64_t event_us);
// True when it is time to ask whether something is missed. `exchange_us` is exchange time now (-1: unknown),
// `shortest_us` the length of the shortest interval carried.
bool silence_is_due(struct silence *silence, mono_time now, int64_t exchange_us, int64_t shortest_us);
// The question has been asked; the next one is due after a pause twice as long as the last.
void silence_asked(struct silence *silence, mono_time now);
// It has got no answer.
void silence_unanswered(struct silence *silence);

// True when a bar that should have closed at `close_us` is late at exchange time `exchange_us`.
bool liveness_bar_is_late(int64_t close_us, int64_t exchange_us);

#endif
