// SPDX-License-Identifier: Apache-2.0
// What is known of the continuity of a stream whose events are numbered without holes (trades, aggregate trades): which
// of the newest ids were seen, which are missing, and whether two connections that overlap have met. Pure; called by
// tradestream.c for every event. Ids may come again or out of order, and during a planned renewal on two connections
// (legs 0 and 1) at once: each is new exactly once. Those more than IDS_WINDOW behind the newest are taken for repeats.
//
// An id at or below the newest whose event is more than an hour younger begins a new numbering (the test network is
// wiped every month).
#ifndef WORKERS_STREAM_IDS_H
#define WORKERS_STREAM_IDS_H

#include <stdbool.h>
#include <stdint.h>

#define IDS_LEGS 2
#define IDS_WINDOW 4096 // a power of two
#define IDS_EPOCH_US (INT64_C(3600) * 1000000)

struct ids {
        int64_t newest;         // -1: none yet
        int64_t newest_time_us; // newest time seen, of any event
        int64_t expected;       // all below are seen or counted; -1: begins with the next event
        uint32_t counted;       // missing ids that left the window before they were told
        int64_t leg_first[IDS_LEGS], leg_newest[IDS_LEGS]; // -1: none
        uint64_t seen[IDS_WINDOW / 64]; // bit of id: id % IDS_WINDOW, for (newest - IDS_WINDOW, newest]
};

void ids_init(struct ids *ids);
// The stream begins on `leg` after an interruption: the hole before its first event is the boundary's, not ours.
void ids_restart(struct ids *ids, unsigned leg);
// A second connection of the stream begins on `leg`, the other one still flows.
void ids_overlap(struct ids *ids, unsigned leg);

// An event came. True: it is new and must be kept.
bool ids_note(struct ids *ids, unsigned leg, int64_t id, int64_t time_us);
// Ids that no leg in `flowing` (a mask) can show any more, not told of before. With one connection that is every hole
// behind the newest id.
uint32_t ids_missed(struct ids *ids, unsigned flowing);
// True when nothing was lost between the legs `old` and `new`.
bool ids_overlap_proven(const struct ids *ids, unsigned old, unsigned new);

#endif
