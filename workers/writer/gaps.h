// SPDX-License-Identifier: Apache-2.0
// Lists of gaps with their evidence, sorted by time: what is explained (never overlapping) and what has been noted
// (boundaries of streams, open until covered). Pure; the ledger keeps them. A list owns its texts. Without memory the
// functions return -1 with ENOMEM and leave the list as it was.
#ifndef WRITER_GAPS_H
#define WRITER_GAPS_H

#include "common/ledger.h"
#include "common/ranges.h"

#include <stddef.h>
#include <stdint.h>

struct gap {
        int64_t start_us, end_us; // open times [start_us, end_us)
        int64_t found_us;         // exchange time, -1 unknown
        int32_t state;            // enum gap_state
        char *evidence;
};

struct gaps { // {0} is the empty list
        struct gap *items;
        size_t count, capacity;
};

void gaps_free(struct gaps *gaps);

// Explained: replaces what was said about [start_us, end_us). A neighbour that touches and has the same state is
// joined, so that a halted symbol stays one gap; the newest evidence speaks for the whole.
int gaps_explain(
    struct gaps *gaps, int64_t start_us, int64_t end_us, enum gap_state state, int64_t found_us, const char *evidence);
// Takes [start_us, end_us) out: a bar has come after all.
int gaps_trim(struct gaps *gaps, int64_t start_us, int64_t end_us);
// The same ranges, tagged with their state.
int gaps_to_ranges(const struct gaps *gaps, struct ranges *ranges);

// Notes: adds one, which may overlap others.
int gaps_note(
    struct gaps *gaps, int64_t start_us, int64_t end_us, enum gap_state state, int64_t found_us, const char *evidence);
// Marks notes filled where nothing in them is missing any more, repairing where a job is under way (`leased`), else
// open; forgets the oldest filled ones above `filled_max`. Returns how many changed.
size_t gaps_settle_notes(struct gaps *gaps, const struct ranges *covered, const struct ranges *explained,
    const struct ranges *leased, size_t filled_max);

#endif
