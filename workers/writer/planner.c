// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/planner.h"

int64_t planner_horizon_us(enum interval interval, int64_t now_us, bool live)
{
        return interval_floor_us(interval, live ? now_us - PLANNER_LIVE_AGE_US : now_us);
}

int64_t planner_horizon_next_us(enum interval interval, int64_t now_us, bool live)
{
        int64_t next_us = interval_next_us(interval, planner_horizon_us(interval, now_us, live));

        return live ? next_us + PLANNER_LIVE_AGE_US : next_us;
}

int planner_add_wanted(const struct planner_want *want, struct ranges *wanted)
{
        if (want->backfill && want->first_bar_us >= 0) {
                // The first bar may lie off the grid: it takes the slot that contains it.
                int64_t start_us = interval_floor_us(want->interval, want->first_bar_us);
                int64_t end_us = want->backfill_end_us;

                if (want->backfill_start_us > start_us)
                        start_us = interval_ceil_us(want->interval, want->backfill_start_us);
                if (end_us != INT64_MAX)
                        end_us = interval_ceil_us(want->interval, end_us);
                if (ranges_set(wanted, start_us, end_us, 0) < 0)
                        return -1;
        }
        if (want->live && want->live_from_us >= 0)
                return ranges_set(wanted, want->live_from_us, INT64_MAX, 0);
        return 0;
}

static int64_t min64(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

bool planner_pick(const struct ranges *missing, const struct ranges *busy, const struct ranges *cuts,
    enum interval interval, int64_t from_us, int64_t until_us, int64_t rows_max, struct range *job)
{
        for (size_t i = ranges_find(missing, from_us); i < missing->count; i++) {
                int64_t start_us = missing->items[i].start_us > from_us ? missing->items[i].start_us : from_us;
                int64_t end_us = min64(missing->items[i].end_us, until_us);
                size_t b = ranges_find(busy, start_us);

                while (b < busy->count && busy->items[b].start_us <= start_us)
                        start_us = busy->items[b++].end_us;
                if (start_us >= until_us)
                        return false;
                if (start_us >= end_us)
                        continue;
                if (b < busy->count)
                        end_us = min64(end_us, busy->items[b].start_us);
                size_t c = ranges_find(cuts, start_us);
                if (c < cuts->count)
                        end_us = min64(end_us,
                            cuts->items[c].start_us > start_us ? cuts->items[c].start_us : cuts->items[c].end_us);
                end_us = min64(end_us, interval_step_us(interval, start_us, rows_max));
                *job = (struct range){start_us, end_us, 0};
                return true;
        }
        return false;
}
