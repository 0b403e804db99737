// SPDX-License-Identifier: Apache-2.0
// Which provisional bars are to be confirmed by REST now. Pure.
// Due when SETTLE_BARS_MAX of them have gathered, or the oldest closed more than a quarter of an hour ago; never bars
// younger than a minute, for REST's newest bars are not final. One request, so at most one page.
#ifndef WRITER_SETTLE_H
#define WRITER_SETTLE_H

#include "common/interval.h"
#include "common/ranges.h"

#include <stdbool.h>
#include <stdint.h>

#define SETTLE_AFTER_US (INT64_C(900) * 1000 * 1000) // exchange time since the oldest closed
#define SETTLE_AGE_US (INT64_C(60) * 1000 * 1000)    // the youngest bar that is asked for

struct settle_input {
        enum interval interval;
        int64_t now_us; // exchange time
        const struct ranges *covered;
        const struct ranges *wanted; // only what is wanted is worth a request
        const struct ranges *busy;   // leased or in trouble
        uint32_t page_rows;
};

// True with the range to ask for, from the oldest provisional bar on. Else false, and *due_us is when it may become due
// by time (INT64_MAX: never, as things are).
bool settle_pick(const struct settle_input *input, struct range *job, int64_t *due_us);

#endif
