// SPDX-License-Identifier: Apache-2.0
// What it means that an answer of the exchange has no bar for an open time it was asked for. Pure.
// Young holes get no verdict: REST lags the stream.
#ifndef WRITER_VERDICT_H
#define WRITER_VERDICT_H

#include "common/interval.h"

#include <stddef.h>
#include <stdint.h>

#define VERDICT_AGE_US (INT64_C(600) * 1000 * 1000) // exchange time since a bar closed

enum verdict_kind { VERDICT_BEFORE_LISTING, VERDICT_ABSENT, VERDICT_YOUNG, VERDICT_KINDS };

struct verdict {
        enum verdict_kind kind;
        int64_t start_us, end_us;
};

// Splits the hole [start_us, end_us) of an answer to a request made at `requested_us` (exchange time) into parts of one
// verdict each, ascending. `first_bar_us`: the symbol's first bar, or negative while unknown. Returns their number.
size_t verdict_split(enum interval interval, int64_t start_us, int64_t end_us, int64_t first_bar_us,
    int64_t requested_us, struct verdict verdicts[VERDICT_KINDS]);

#endif
