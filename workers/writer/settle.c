// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/settle.h"

#include "common/ledger.h"
#include "common/limits.h"

static int64_t max64(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

// The next stretch of provisional bars in [*from_us, until_us) that is wanted and not busy; moves *from_us behind it.
static bool next_stretch(const struct settle_input *input, int64_t *from_us, int64_t until_us, struct range *stretch)
{
        const struct ranges *covered = input->covered, *wanted = input->wanted, *busy = input->busy;

        while (*from_us < until_us) {
                size_t i = ranges_find(covered, *from_us), j = ranges_find(wanted, *from_us),
                       k = ranges_find(busy, *from_us);

                if (i == covered->count || j == wanted->count)
                        return false;
                int64_t start = max64(*from_us, max64(covered->items[i].start_us, wanted->items[j].start_us));
                if (!bar_source_is_provisional(covered->items[i].tag)) {
                        *from_us = covered->items[i].end_us;
                } else if (start > *from_us) {
                        *from_us = start;
                } else if (k < busy->count && busy->items[k].start_us <= start) {
                        *from_us = busy->items[k].end_us;
                } else {
                        int64_t end = min64(min64(covered->items[i].end_us, wanted->items[j].end_us), until_us);

                        if (k < busy->count)
                                end = min64(end, busy->items[k].start_us);
                        *stretch = (struct range){start, end, 0};
                        *from_us = end;
                        return true;
                }
        }
        return false;
}

bool settle_pick(const struct settle_input *input, struct range *job, int64_t *due_us)
{
        int64_t until_us = interval_floor_us(input->interval, input->now_us - SETTLE_AGE_US);
        int64_t from_us = INT64_MIN, page_end_us = INT64_MAX, bars = 0;
        struct range stretch;
        bool found = false;

        *due_us = INT64_MAX;
        while (bars < SETTLE_BARS_MAX && next_stretch(input, &from_us, until_us, &stretch)) {
                bars += interval_count(input->interval, stretch.start_us, stretch.end_us);
                if (!found) {
                        page_end_us = interval_step_us(input->interval, stretch.start_us, input->page_rows);
                        job->start_us = stretch.start_us;
                        found = true;
                }
                if (stretch.start_us < page_end_us)
                        job->end_us = min64(stretch.end_us, page_end_us);
        }
        if (!found) {
                // Whatever is provisional by then is at least a bar old; the first of them decides.
                int64_t after_us = from_us;
                if (next_stretch(input, &after_us, INT64_MAX, &stretch))
                        *due_us = interval_next_us(input->interval, stretch.start_us) + SETTLE_AFTER_US;
                return false;
        }
        job->tag = 0;
        int64_t oldest_due_us = interval_next_us(input->interval, job->start_us) + SETTLE_AFTER_US;
        if (bars >= SETTLE_BARS_MAX || input->now_us >= oldest_due_us)
                return true;
        *due_us = oldest_due_us;
        return false;
}
