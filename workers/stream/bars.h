// SPDX-License-Identifier: Apache-2.0
// What is known of a kline stream's continuity: which bars have closed, which close was missed, and whether two
// connections that overlap have met. Pure; called by klinestream.c for every event. Repeats (two connections, or a
// reconnect) are recognised among the last 64 bars; a close older than those is taken for a repeat.
//
// A connection of a stream is named by its leg, 0 or 1: during a planned renewal both flow.
#ifndef WORKERS_STREAM_BARS_H
#define WORKERS_STREAM_BARS_H

#include "common/interval.h"

#include <stdbool.h>
#include <stdint.h>

#define BARS_LEGS 2

struct bars {
        enum interval interval;
        int64_t expected_us;             // grid open time of the next bar that must close; 0: nothing seen yet
        int64_t newest_closed_us;        // newest bar whose close was seen; 0: none
        int64_t overlap_from_us;         // what was expected when the overlap began
        uint64_t closed;                 // bit n: the bar n intervals before the newest has closed
        int64_t leg_first_us[BARS_LEGS]; // bar of the first and of the newest event on each leg; 0: none
        int64_t leg_newest_us[BARS_LEGS];
};

enum bars_verdict { BARS_FORMING, BARS_CLOSED, BARS_REPEAT };

void bars_init(struct bars *bars, enum interval interval);
// The stream begins on `leg` after an interruption: the hole before its first event is the boundary's, not ours.
void bars_restart(struct bars *bars, unsigned leg);
// A second connection of the stream begins on `leg`, the other one still flows.
void bars_overlap(struct bars *bars, unsigned leg);

// An event of the bar that opens at `open_us`. BARS_CLOSED: it is final and new, and must be kept.
enum bars_verdict bars_note(struct bars *bars, unsigned leg, int64_t open_us, bool closed);
// Bars whose close did not come though every leg in `flowing` (a mask) is past them, or though a later bar has closed
// (what is lost must be said before the record of that one); counted once, and no more than about a window's bars.
uint32_t bars_missed(struct bars *bars, unsigned flowing);
// True when nothing was lost between the legs `old` and `new`: the old one has shown the bar that the new one began
// with, or all bars between have closed.
bool bars_overlap_proven(const struct bars *bars, unsigned old, unsigned new);
// When the bar that is forming should close (exchange time), 0 while none was seen.
int64_t bars_next_close_us(const struct bars *bars);

#endif
