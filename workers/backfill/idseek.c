// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/idseek.h"

#include <inttypes.h>
#include <stdio.h>

static void find_last(struct idseek *seek)
{
        seek->from_id = -1;
        if (seek->last_id >= 0)
                seek->stage = IDSEEK_DONE;
        else
                seek->stage = seek->end_is_past ? IDSEEK_LAST : IDSEEK_NEWEST;
}

void idseek_init(struct idseek *seek, const struct job *job, int64_t exchange_now_us)
{
        *seek = (struct idseek){
            .kind = job->kind == JOB_TRADES ? TICK_TRADE : TICK_AGG_TRADE,
            .stage = IDSEEK_FIRST,
            .start_us = job->start_us,
            .end_us = job->end_us,
            // A job that knows its first id may have no times.
            .end_is_past = job->first_id < 0 && job->end_us <= exchange_now_us,
            .from_id = -1,
            .first_id = job->first_id,
            .last_id = job->last_id,
            .newest_id = -1,
        };
        if (job->first_id >= 0)
                find_last(seek);
}

bool idseek_next(const struct idseek *seek, struct idseek_request *request)
{
        *request = (struct idseek_request){.from_id = seek->from_id, .start_us = -1, .rows_max = 1};
        if (seek->stage != IDSEEK_DONE && seek->from_id >= 0) {
                request->rows_max = REST_PAGE_ROWS_MAX; // tombstones come in rows
                return true;
        }
        switch (seek->stage) {
        case IDSEEK_FIRST: request->start_us = seek->start_us; return true;
        case IDSEEK_LAST: request->start_us = seek->end_us; return true;
        case IDSEEK_NEWEST: return true;
        case IDSEEK_DONE: break;
        }
        return false;
}

static int check(const struct idseek_request *request, const struct tickpage *page, char why[REASON_SIZE])
{
        for (size_t i = 0; i < page->count; i++) {
                if (page->ids[i] < request->from_id || page->agg_trades[i].time_us < request->start_us) {
                        snprintf(why, REASON_SIZE, "the row with id %" PRId64 " comes before the first asked for",
                            page->ids[i]);
                        return -1;
                }
        }
        return 0;
}

static void note_newest(struct idseek *seek, const struct tickpage *page)
{
        for (size_t i = 0; i < page->count; i++) {
                int64_t id = seek->kind == TICK_TRADE ? page->agg_trades[i].last_id : page->ids[i];

                if (id > seek->newest_id)
                        seek->newest_id = id;
        }
}

static void find_none(struct idseek *seek, int64_t next_id)
{
        seek->first_id = next_id;
        seek->last_id = next_id - 1;
        seek->stage = IDSEEK_DONE;
}

static void settle_last(struct idseek *seek, int64_t last_id)
{
        seek->last_id = last_id;
        if (last_id < seek->first_id)
                find_none(seek, seek->first_id);
        seek->stage = IDSEEK_DONE;
}

// The first row that has an id of the wanted kind, or `count`.
static size_t first_row(const struct idseek *seek, const struct tickpage *page)
{
        size_t i = 0;

        while (seek->kind == TICK_TRADE && i < page->count && page->agg_trades[i].first_id < 0)
                i++;
        return i;
}

static void take_first(struct idseek *seek, const struct tickpage *page, size_t row)
{
        int64_t id = seek->kind == TICK_TRADE ? page->agg_trades[row].first_id : page->ids[row];

        seek->end_seen = page->agg_trades[row].time_us >= seek->end_us;
        if (seek->stage == IDSEEK_LAST) {
                settle_last(seek, id - 1);
        } else if (seek->end_seen) {
                find_none(seek, id);
        } else {
                seek->first_id = id;
                find_last(seek);
        }
}

static void take_newest(struct idseek *seek, const struct tickpage *page)
{
        const struct agg_trade *newest = &page->agg_trades[page->count - 1];

        if (seek->kind == TICK_AGG_TRADE)
                settle_last(seek, newest->id);
        else
                settle_last(seek, newest->last_id >= 0 ? newest->last_id : INT64_MAX); // paging finds the end
}

static void take_empty(struct idseek *seek)
{
        seek->from_id = -1;
        if (seek->stage == IDSEEK_LAST)
                seek->stage = IDSEEK_NEWEST;
        else
                find_none(seek, seek->first_id < 0 ? 0 : seek->first_id);
}

int idseek_take(
    struct idseek *seek, const struct idseek_request *request, const struct tickpage *page, char why[REASON_SIZE])
{
        if (check(request, page, why) != 0)
                return -1;
        note_newest(seek, page);
        bool empty_again = page->count == 0 && seek->empty_before;
        seek->empty_before = page->count == 0 && !empty_again;
        if (empty_again) {
                take_empty(seek);
        } else if (page->count > 0 && seek->stage == IDSEEK_NEWEST) {
                take_newest(seek, page);
        } else if (page->count > 0) {
                size_t row = first_row(seek, page);
                if (row < page->count)
                        take_first(seek, page, row);
                else
                        seek->from_id = page->ids[page->count - 1] + 1;
        }
        return 0;
}
