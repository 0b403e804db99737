// SPDX-License-Identifier: Apache-2.0
// When a symbol's first bar opened: the answer to `klines` with start time 0 and limit 1, for exchangeInfo has no
// listing date. Pure. Used by recordjob.c.
#ifndef BACKFILL_LISTING_H
#define BACKFILL_LISTING_H

#include "common/interval.h"
#include "common/record.h"

#include <stddef.h>

// Returns 0 and the record (first_open_us -1: the exchange has no bar), or -1 and `why`.
int listing_parse(const char *body, size_t length, const char *symbol, enum interval interval,
    struct record_listing *record, char why[REASON_SIZE]);

#endif
