// SPDX-License-Identifier: Apache-2.0
// The answers to `historicalTrades` and `aggTrades`: lists of flat objects become ticks. Pure. The same tokenizer as
// for klines, for the same reason. Names may come in any order and unknown ones are passed over, as the exchange adds
// some from time to time; everything else is refused. Used by tickjob.c.
#ifndef BACKFILL_TICKPAGE_H
#define BACKFILL_TICKPAGE_H

#include "common/limits.h"
#include "common/tick.h"

#include <stddef.h>
#include <stdint.h>

enum tick_kind { TICK_TRADE, TICK_AGG_TRADE };

struct tickpage {
        enum tick_kind kind;
        size_t count;    // rows kept
        size_t received; // rows the answer held, exact repetitions included
        int64_t ids[REST_PAGE_ROWS_MAX];
        union {
                struct trade trades[REST_PAGE_ROWS_MAX];
                struct agg_trade agg_trades[REST_PAGE_ROWS_MAX];
        };
};

// Reads at most `rows_max` rows; more are an error. Ids ascend: an exact repetition is dropped, other values under the
// same id are an error, and so is an id behind a larger one. Tombstones (price 0, first and last id -1) are rows.
// Returns 0, or -1 and `why`: which row, which name, what is wrong.
int tickpage_parse(const char *body, size_t length, enum tick_kind kind, size_t rows_max, struct tickpage *page,
    char why[REASON_SIZE]);

// A row as the payload of its record, and that payload's length.
const void *tickpage_row(const struct tickpage *page, size_t row);
size_t tickpage_row_bytes(enum tick_kind kind);
int64_t tickpage_time_us(const struct tickpage *page, size_t row);

#endif
