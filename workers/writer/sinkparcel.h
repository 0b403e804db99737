// SPDX-License-Identifier: Apache-2.0
// Rows of one bucket and year that go to a MarketStore server in one write, and what became of them. One year, for the
// server mixes up equal slots of two years in a batch (MarketStore issue 249); in order of time, for the same reason.
// Memory only; used by sink.c.
#ifndef WRITER_SINKPARCEL_H
#define WRITER_SINKPARCEL_H

#include "workers/writer/sinkmatch.h"
#include "workers/writer/sinkrule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink_target;

struct parcel {
        struct sink_target *target;
        struct parcel *older, *newer;  // over all targets
        struct parcel *next_of_target; // the one begun before it
        int64_t year;
        uint8_t *rows; // of the target's layout
        size_t count, capacity;
        bool *present;  // rows found at the server, while it is read back
        bool is_sorted; // and without two fixed rows at one time
        // Sent, and nobody knows whether it took effect: to be read back before it is sent again.
        bool uncertain;
        mono_time tried_at;
        bool alone; // refused together with others: next time it goes by itself, so that the refusal has an owner
        struct sink_moment written; // acknowledged; connection 0: not
        unsigned attempts;          // writes that a restart of the server undid
};

struct parcel *parcel_new(struct sink_target *target, int64_t year);
void parcel_free(struct parcel *parcel);
void parcel_add(struct parcel *parcel, const struct storerpc_layout *layout, const uint8_t *row);

// The calendar year of a row, UTC.
int64_t parcel_year_of(const uint8_t *row);
// By time; rows of a variable bucket at one time keep their order, of fixed ones the last stays.
void parcel_sort(struct parcel *parcel, const struct storerpc_layout *layout);
// Takes out the rows at the times of these (ascending) ones, which replace them. For fixed buckets.
void parcel_forget(struct parcel *parcel, const struct storerpc_layout *layout, const uint8_t *rows, size_t count);

// ---- read back: the parcel is sorted ----

// The end of the rows from `first` on that lie close enough together to be read at once, and their range.
size_t parcel_span(
    const struct parcel *parcel, const struct storerpc_layout *layout, size_t first, struct storerpc_range *range);
// Marks which of the rows [first, end) are among the found ones, which are ascending and in the shape's `look`: of a
// fixed bucket byte for byte, of a variable one as sinkmatch.h says. Returns how many are there with other values
// (fixed buckets).
size_t parcel_mark(struct parcel *parcel, const struct sink_shape *shape, size_t first, size_t end,
    const uint8_t *found, size_t found_count);
// Drops what was found.
void parcel_keep_missing(struct parcel *parcel, const struct storerpc_layout *layout);

#endif
