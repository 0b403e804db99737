// SPDX-License-Identifier: Apache-2.0
// Which ids of trades to ask for next, and what an answer says. Pure. Used by tickjob.c.
//
// A job's ids are cut into windows of `page_rows`, so that the next window can be asked for while the last one is on
// its way: spot ids are contiguous, a window holds as many rows as ids. A page speaks for everything up to the first id
// that it lacks. From there on it is asked once more, and an id that both answers lack does not exist; so is a page
// that ended too early, and a second answer without any row means that the newest id has been had.
#ifndef BACKFILL_IDPAGER_H
#define BACKFILL_IDPAGER_H

#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What an answer that left a doubt had.
struct idpager_doubt {
        bool open;
        int64_t until; // the answer spoke for ids up to this
        size_t count;
        int64_t ids[REST_PAGE_ROWS_MAX]; // ascending
};

struct idpager {
        uint32_t page_rows;
        int64_t last_id;     // nothing behind it is asked for
        int64_t next_id;     // where the next window begins
        int64_t answered_id; // everything up to it is answered
        struct idpager_doubt doubt;
};

struct idpager_request {
        int64_t first_id, last_id;
        uint32_t rows_max;
        bool again; // the question that settles a doubt
};

struct idpager_answer {
        size_t count;        // rows to keep, from the first
        int64_t answered_id; // the answer speaks for ids up to this; request.first_id - 1: for none
        bool full;           // there may be rows behind it
        bool ended;          // the exchange has nothing from the first id asked for on
};

// Ids [first_id, last_id]; INT64_MAX: up to the newest.
void idpager_init(struct idpager *pager, uint32_t page_rows, int64_t first_id, int64_t last_id);

// The next window to ask for. False when there is none (for now: answers may yet bring one).
bool idpager_next(struct idpager *pager, struct idpager_request *request);

// Reads an answer of `received` rows, those of `count` different ids, ascending. Returns 0, or -1 and `why`.
int idpager_check(const struct idpager *pager, const struct idpager_request *request, const int64_t *ids, size_t count,
    size_t received, struct idpager_answer *answer, char why[REASON_SIZE]);

// Takes a checked answer and its ids into account, in the order of requests. True: requests handed out after this one
// are void.
bool idpager_accept(struct idpager *pager, const struct idpager_request *request, const struct idpager_answer *answer,
    const int64_t *ids, size_t count);

bool idpager_is_done(const struct idpager *pager);

#endif
