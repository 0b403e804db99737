// SPDX-License-Identifier: Apache-2.0
// Prints bars as CSV, JSON or a table while they are read, in large writes. A failed write stops the query.
#ifndef CLI_QUERYPRINT_H
#define CLI_QUERYPRINT_H

#include "common/kline.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum queryprint_format { QUERYPRINT_CSV, QUERYPRINT_JSON, QUERYPRINT_TABLE };

struct queryprint;

// Nothing is written before the first rows or the end, so that a query that fails prints only its message.
struct queryprint *queryprint_begin(enum queryprint_format format, FILE *out);
int queryprint_rows(
    void *context, const int64_t *open_us, const struct bar_values *bars, size_t count); // a barquery_rows
int queryprint_end(struct queryprint *print); // 0, or -1: not all could be written; frees it
void queryprint_discard(struct queryprint *print);

#endif
