// SPDX-License-Identifier: Apache-2.0
// Which klines to ask for next, and what an answer says. Pure: time and answers are arguments. Used by klinejob.c.
//
// A job's range is cut into windows of `page_rows` bars, so that the next window can be asked for while the last one
// is on its way. `klines` answers the oldest rows of a window first, so a page speaks for everything up to its last
// row: what it skips before that does not exist. What lies behind the last row is doubtful (a page may come back short
// or empty by mistake): it is asked for once more, up to the job's end, and only a second answer makes it a hole. That
// question also skips over long holes in one step.
//
// Nothing is asked for that was not closed when the job began, and a row that had not closed when its page was asked
// for is dropped.
#ifndef BACKFILL_PAGER_H
#define BACKFILL_PAGER_H

#include "common/interval.h"
#include "common/kline.h"
#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pager {
        enum interval interval;
        uint32_t page_rows;
        int64_t end_us;      // nothing at or behind it is asked for
        int64_t next_us;     // where the next window begins
        int64_t answered_us; // everything before it is answered
        bool doubtful;       // the next question goes up to end_us
};

struct pager_request {
        int64_t start_us, end_us; // open times [start_us, end_us)
        uint32_t rows_max;
        bool wide; // a second question: an empty answer is believed
};

struct pager_answer {
        size_t count;              // rows to keep, from the first
        int64_t answered_until_us; // the answer speaks for open times before this
        bool unclosed;             // rows were dropped for not having closed: nothing behind them is worth asking
};

// Open times [start_us, end_us), as far as closed at `now_us` (exchange time).
void pager_init(
    struct pager *pager, enum interval interval, uint32_t page_rows, int64_t start_us, int64_t end_us, int64_t now_us);

// The next window to ask for. False when there is none (for now: answers may yet bring one).
bool pager_next(struct pager *pager, struct pager_request *request);

// Checks the rows of an answer: inside the window, in order, none twice (an exact repetition is dropped), each closed
// at `requested_us`. Returns 0, or -1 and `why`.
int pager_check(const struct pager *pager, const struct pager_request *request, int64_t requested_us,
    struct kline *rows, size_t count, struct pager_answer *answer, char why[REASON_SIZE]);

// Takes a checked answer into account, in the order of requests. True: requests handed out after this one are void.
bool pager_accept(struct pager *pager, const struct pager_request *request, const struct pager_answer *answer);

bool pager_is_done(const struct pager *pager);

#endif
