// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/pager.h"

#include "common/clock.h"

#include <stdio.h>
#include <string.h>

static int64_t least(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

void pager_init(
    struct pager *pager, enum interval interval, uint32_t page_rows, int64_t start_us, int64_t end_us, int64_t now_us)
{
        *pager = (struct pager){
            .interval = interval,
            .page_rows = page_rows,
            .end_us = least(end_us, interval_floor_us(interval, now_us)),
            .next_us = start_us,
            .answered_us = start_us,
        };
}

bool pager_next(struct pager *pager, struct pager_request *request)
{
        int64_t start_us = pager->next_us;

        if (start_us >= pager->end_us)
                return false;
        // Counted from the grid point at or before the start, so that a window never holds more bars than a page.
        int64_t window_end_us =
            interval_step_us(pager->interval, interval_floor_us(pager->interval, start_us), (int64_t)pager->page_rows);
        *request = (struct pager_request){
            .start_us = start_us,
            .end_us = pager->doubtful ? pager->end_us : least(window_end_us, pager->end_us),
            .rows_max = pager->page_rows,
            .wide = pager->doubtful,
        };
        pager->next_us = request->end_us;
        return true;
}

static int refuse(char why[REASON_SIZE], const struct kline *row, const char *what)
{
        char text[TIME_TEXT_SIZE];

        snprintf(why, REASON_SIZE, "the row that opens at %s %s", time_format_us(row->open_us, text), what);
        return -1;
}

// Drops exact repetitions; -1 and `why` for rows that no right answer holds.
static int check_rows(const struct pager_request *request, struct kline *rows, size_t *count, char why[REASON_SIZE])
{
        size_t kept = 0;

        for (size_t i = 0; i < *count; i++) {
                const struct kline *row = &rows[i], *last = kept == 0 ? NULL : &rows[kept - 1];

                if (row->open_us < request->start_us || row->open_us >= request->end_us)
                        return refuse(why, row, "lies outside of what was asked for");
                if (row->close_us < row->open_us)
                        return refuse(why, row, "closes before it opens");
                if (last != NULL && row->open_us < last->open_us)
                        return refuse(why, row, "comes after a later one");
                if (last != NULL && row->open_us == last->open_us) {
                        if (memcmp(row, last, sizeof(*row)) != 0)
                                return refuse(why, row, "comes twice, with different values");
                        continue;
                }
                rows[kept++] = *row;
        }
        *count = kept;
        return 0;
}

int pager_check(const struct pager *pager, const struct pager_request *request, int64_t requested_us,
    struct kline *rows, size_t count, struct pager_answer *answer, char why[REASON_SIZE])
{
        if (check_rows(request, rows, &count, why) != 0)
                return -1;
        *answer = (struct pager_answer){.count = count};
        while (answer->count > 0 && rows[answer->count - 1].close_us >= requested_us)
                answer->count--;
        if (answer->count < count) {
                answer->unclosed = true;
                answer->answered_until_us = rows[answer->count].open_us;
        } else if (count == 0) {
                answer->answered_until_us = request->wide ? request->end_us : request->start_us;
        } else {
                int64_t last_us = rows[count - 1].open_us;
                int64_t slot_us = interval_floor_us(pager->interval, last_us);
                bool last_slot = interval_next_us(pager->interval, slot_us) >= request->end_us;

                answer->answered_until_us = last_slot ? request->end_us : least(last_us + US_PER_MS, request->end_us);
        }
        return 0;
}

bool pager_accept(struct pager *pager, const struct pager_request *request, const struct pager_answer *answer)
{
        pager->answered_us = answer->answered_until_us;
        if (answer->unclosed) {
                pager->next_us = pager->end_us = answer->answered_until_us;
                pager->doubtful = false;
                return true;
        }
        if (answer->answered_until_us >= request->end_us) {
                pager->doubtful = false;
                return false;
        }
        // A wide answer of a full page: behind it are more rows, and windows do again.
        bool full = answer->count >= request->rows_max;
        pager->next_us = answer->answered_until_us;
        pager->doubtful = !full;
        return true;
}

bool pager_is_done(const struct pager *pager)
{
        return pager->answered_us >= pager->end_us;
}
