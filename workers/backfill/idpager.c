// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/idpager.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int64_t least(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

void idpager_init(struct idpager *pager, uint32_t page_rows, int64_t first_id, int64_t last_id)
{
        pager->page_rows = page_rows;
        pager->last_id = last_id;
        pager->next_id = first_id;
        pager->answered_id = first_id - 1;
        pager->doubt.open = false;
}

bool idpager_next(struct idpager *pager, struct idpager_request *request)
{
        int64_t first_id = pager->next_id;

        if (first_id > pager->last_id)
                return false;
        int64_t rows = pager->last_id - first_id < pager->page_rows ? pager->last_id - first_id + 1 : pager->page_rows;
        *request = (struct idpager_request){
            .first_id = first_id,
            .last_id = first_id + rows - 1,
            .rows_max = (uint32_t)rows,
            .again = pager->doubt.open && first_id == pager->answered_id + 1,
        };
        pager->next_id = request->last_id + 1;
        return true;
}

// Up to which id, from `from` on and `to` at most, both answers lack all of them; from - 1: not even that.
static int64_t lacked_twice(const struct idpager_doubt *doubt, int64_t from, int64_t to)
{
        int64_t until = least(to, doubt->until);

        for (size_t i = 0; i < doubt->count && doubt->ids[i] <= until; i++) {
                if (doubt->ids[i] >= from)
                        until = doubt->ids[i] - 1;
        }
        return until < from ? from - 1 : until;
}

int idpager_check(const struct idpager *pager, const struct idpager_request *request, const int64_t *ids, size_t count,
    size_t received, struct idpager_answer *answer, char why[REASON_SIZE])
{
        int64_t expected = request->first_id;

        *answer = (struct idpager_answer){.full = received >= request->rows_max};
        for (size_t i = 0; i < count; i++) {
                if (ids[i] < request->first_id) {
                        snprintf(
                            why, REASON_SIZE, "the row with id %" PRId64 " comes before the first asked for", ids[i]);
                        return -1;
                }
                if (ids[i] > expected) {
                        int64_t hole_end = least(ids[i] - 1, pager->last_id);
                        int64_t until = request->again ? lacked_twice(&pager->doubt, expected, hole_end) : expected - 1;

                        expected = until + 1;
                        if (until < hole_end)
                                break;
                }
                if (ids[i] > request->last_id)
                        break; // it only shows how far the hole before it reaches
                answer->count++;
                expected = ids[i] + 1;
        }
        answer->answered_id = expected - 1;
        answer->ended = request->again && received == 0;
        return 0;
}

// What comes behind `answer` is asked for once more; remembers what this answer had of it.
static void open_doubt(struct idpager *pager, const struct idpager_answer *answer, const int64_t *ids, size_t count)
{
        struct idpager_doubt *doubt = &pager->doubt;

        doubt->open = true;
        doubt->until = answer->full && count > 0 ? ids[count - 1] : INT64_MAX;
        doubt->count = count;
        memcpy(doubt->ids, ids, count * sizeof(ids[0]));
}

bool idpager_accept(struct idpager *pager, const struct idpager_request *request, const struct idpager_answer *answer,
    const int64_t *ids, size_t count)
{
        pager->answered_id = answer->answered_id;
        if (request->again)
                pager->doubt.open = false;
        if (answer->ended) {
                pager->last_id = answer->answered_id;
                pager->next_id = answer->answered_id + 1;
                return true;
        }
        if (answer->answered_id == request->last_id)
                return false;
        pager->next_id = answer->answered_id + 1;
        if (answer->answered_id < request->last_id)
                open_doubt(pager, answer, ids, count);
        return true; // a hole that reaches beyond the window takes the next ones with it
}

bool idpager_is_done(const struct idpager *pager)
{
        return pager->answered_id >= pager->last_id;
}
