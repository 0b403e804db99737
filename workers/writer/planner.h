// SPDX-License-Identifier: Apache-2.0
// Why a range counts as missing, and which part of it is asked for next. Pure functions of (wanted, covered, explained,
// exchange time): missing = wanted before the horizon, less covered, less explained; a job is what is missing, less
// what is busy (leased, deferred, in trouble).
#ifndef WRITER_PLANNER_H
#define WRITER_PLANNER_H

#include "common/interval.h"
#include "common/ranges.h"

#include <stdbool.h>
#include <stdint.h>

#define PLANNER_LIVE_AGE_US (INT64_C(60) * 1000 * 1000) // a streamed bucket's newest bars are the stream's to bring

// Bars that open before this are closed, and old enough to be asked for: with a live stream, closed a minute ago;
// without, closed by now. `now_us` is exchange time.
int64_t planner_horizon_us(enum interval interval, int64_t now_us, bool live);
// Exchange time at which planner_horizon_us() next changes.
int64_t planner_horizon_next_us(enum interval interval, int64_t now_us, bool live);

struct planner_want {
        enum interval interval;
        bool backfill;
        int64_t backfill_start_us, backfill_end_us; // INT64_MIN, INT64_MAX: open
        int64_t first_bar_us;                       // of the exchange; -1: it has none, -2: not yet known
        bool live;
        int64_t live_from_us; // first bar that came by stream, -1: none yet
};

// What one bucket is to hold, on its grid: [max(start, first bar), end) for backfill, and from the first streamed bar
// on. Adds to `wanted`. Returns 0, or -1 with ENOMEM.
int planner_add_wanted(const struct planner_want *want, struct ranges *wanted);

// The first part of `missing` in [from_us, until_us) that is not busy, at most `rows_max` bars. `cuts`: where a job
// must begin or end, so that one that failed is tried again as it was. False: none.
bool planner_pick(const struct ranges *missing, const struct ranges *busy, const struct ranges *cuts,
    enum interval interval, int64_t from_us, int64_t until_us, int64_t rows_max, struct range *job);

#endif
