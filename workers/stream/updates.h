// SPDX-License-Identifier: Apache-2.0
// What is known of the continuity of a stream whose update ids go up but skip (best quotes): what is new, and whether
// two connections that overlap have met. Holes cannot be seen. Pure; called by quotestream.c for every event.
#ifndef WORKERS_STREAM_UPDATES_H
#define WORKERS_STREAM_UPDATES_H

#include <stdbool.h>
#include <stdint.h>

#define UPDATES_LEGS 2

struct updates {
        int64_t newest; // 0: none yet
        bool restarted; // the next event is the first of a connection: its id may be lower (a test network was wiped)
        int64_t leg_first[UPDATES_LEGS], leg_newest[UPDATES_LEGS]; // 0: none
        uint64_t late; // came behind a newer one of the same connection, and are not kept
};

void updates_init(struct updates *updates);
// The stream begins on `leg` after an interruption; on `leg` while the other one still flows.
void updates_restart(struct updates *updates, unsigned leg);
void updates_overlap(struct updates *updates, unsigned leg);
// An event came; ids are positive. True: it is new and must be kept.
bool updates_note(struct updates *updates, unsigned leg, int64_t id);
// True when nothing was lost between the legs `old` and `new`.
bool updates_overlap_proven(const struct updates *updates, unsigned old, unsigned new);

#endif
