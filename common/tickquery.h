// SPDX-License-Identifier: Apache-2.0
// Reads ticks of a bucket across its year files: what `binancefeeder query` and the gateway answer, and what bars are
// made of. Both ends inclusive, to the nanosecond; a limit counts from the end unless told otherwise; rows ascend. Rows
// of a second with equal keys are one (a stock server doubles rows when it replays its log). Reads only, in bounded
// memory (one second's rows); safe beside the running writer, whose blocks are seen once they are committed.
#ifndef COMMON_TICKQUERY_H
#define COMMON_TICKQUERY_H

#include "common/limits.h"
#include "common/tickbucket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tickquery {
        const char *root;   // store.root_directory
        const char *symbol; // directory name
        enum tick_kind kind;
        int64_t start_ns, end_ns; // inclusive; INT64_MIN / INT64_MAX: open
        size_t limit;             // 0: none
        bool limit_from_start;
        size_t skip;             // rows left out at the beginning of the range; tickquery_find_start() sets it
        int64_t *damaged_second; // NULL, or where the second of a damaged block is told (EBADMSG)
};

// Rows of one second, 1 or more, ascending. Columns are the file's own, which for a bucket of other people's may be any
// (tick_decode_is_possible()).
struct tick_run {
        const struct yearfile_schema *schema;
        int64_t second; // since 1970
        size_t count;
        size_t row_bytes;
        const unsigned char *rows; // columns in header order and ticks, back to back
};

int64_t tick_run_time_ns(const struct tick_run *run, size_t i);
const unsigned char *tick_run_columns(const struct tick_run *run, size_t i);
// Leaves the rows that lie in the range, both ends included; none may be left.
void tick_run_cut(struct tick_run *run, int64_t start_ns, int64_t end_ns);

// A non-zero return stops the query and is returned (positive, so that it is told from a failure).
typedef int tickquery_rows(void *context, const struct tick_run *run);

// Returns 0, the callback's non-zero value, or -1 with errno and a message in `why`: ENOENT, no such bucket; EINVAL, a
// file that is no tick file (named); EBADMSG, a damaged block (file and second named; rows before it were handed out);
// else the system's. A bucket without rows in the range is no error.
int tickquery_run(const struct tickquery *query, tickquery_rows *rows, void *context, char why[REASON_SIZE]);

// Where a limit from the end begins, found in slices: for a server, which has others to answer meanwhile.
struct tickquery_search { // {0} at first
        bool begun;
        int64_t end_second; // seconds before this are yet to be counted
        size_t missing;     // rows yet to be counted
};

// Counts back some seconds that hold about `rows_max` rows. Returns 1: call again; 0: the query is one from the start
// now, for the same rows (those that the writer adds meanwhile may move it); -1 as tickquery_run().
int tickquery_find_start(
    struct tickquery *query, struct tickquery_search *search, size_t rows_max, char why[REASON_SIZE]);

#endif
