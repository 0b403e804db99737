// SPDX-License-Identifier: Apache-2.0
// Reads bars of a bucket across its year files: what `binancefeeder query` and the gateway answer.
// Semantics of MarketStore's Query: end inclusive, start floored to its bar, a limit counts from the end unless told
// otherwise, rows ascend. A query that starts exactly on 1 January of a daily bucket finds that day (a stock server
// does not: common/yearslot.h). Reads only, in bounded memory; safe beside the running writer.
#ifndef COMMON_BARQUERY_H
#define COMMON_BARQUERY_H

#include "common/interval.h"
#include "common/kline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct barquery {
        const char *root;   // store.root_directory
        const char *symbol; // directory name
        enum interval interval;
        int64_t start_us, end_us; // inclusive; INT64_MIN / INT64_MAX: open
        size_t limit;             // 0: none
        bool limit_from_start;
};

// Called with runs of 1 to BARQUERY_ROWS_MAX rows in ascending order; a non-zero return stops the query and is returned
// (positive, so that it is told from a failure).
typedef int barquery_rows(void *context, const int64_t *open_us, const struct bar_values *bars, size_t count);

// Returns 0, the callback's non-zero value, or -1 with errno and a message in `why`: ENOENT, no such bucket; EINVAL, a
// file that is no year file of this bucket (named); else the system's. A bucket without rows in the range is no error.
int barquery_run(const struct barquery *query, barquery_rows *rows, void *context, char *why, size_t why_size);

#endif
