// SPDX-License-Identifier: Apache-2.0
// Finds the ids of a job that knows only times, or only its first id. Pure. Used by tickjob.c.
//
// `aggTrades` alone can be asked by time: its first row at or after a time gives the aggregate's id, and the trade's by
// the first trade it sums. The job ends before the first row at or after its end, or with the newest row there is.
// Tombstones sum no trades: for those the rows behind are asked for. An empty answer is believed when it comes twice.
#ifndef BACKFILL_IDSEEK_H
#define BACKFILL_IDSEEK_H

#include "common/job.h"
#include "workers/backfill/tickpage.h"

#include <stdbool.h>
#include <stdint.h>

enum idseek_stage { IDSEEK_FIRST, IDSEEK_LAST, IDSEEK_NEWEST, IDSEEK_DONE };

struct idseek {
        enum tick_kind kind;
        enum idseek_stage stage;
        int64_t start_us, end_us;
        bool end_is_past;
        int64_t from_id;           // of the next question; -1: by time
        bool empty_before;         // the last answer was
        int64_t first_id, last_id; // when done; first_id > last_id: there are none. INT64_MAX: up to the newest
        int64_t newest_id;         // highest id seen, -1: none
        bool end_seen;             // a row at or after end_us: nothing before it can still come
};

// `from_id` -1: the oldest row at or after start_us; and where that is -1 too, the newest.
struct idseek_request {
        int64_t from_id, start_us;
        uint32_t rows_max;
};

void idseek_init(struct idseek *seek, const struct job *job, int64_t exchange_now_us);
// What to ask next; false when nothing is left to ask.
bool idseek_next(const struct idseek *seek, struct idseek_request *request);
// Takes an answer: aggregate trades. Returns 0, or -1 and `why`.
int idseek_take(
    struct idseek *seek, const struct idseek_request *request, const struct tickpage *page, char why[REASON_SIZE]);

#endif
