// SPDX-License-Identifier: Apache-2.0
// Prints ticks as CSV, JSON or a table while they are read, in large writes, whatever columns their bucket has. Times
// have nine places. A table shows the first level of a book alone, and leaves out what is the same in every row. A
// failed write stops the query.
#ifndef CLI_TICKPRINT_H
#define CLI_TICKPRINT_H

#include "cli/queryprint.h"
#include "common/tickquery.h"

#include <stdio.h>

struct tickprint;

// Nothing is written before the first rows or the end, so that a query that fails prints only its message.
struct tickprint *tickprint_begin(enum queryprint_format format, FILE *out);
int tickprint_rows(void *context, const struct tick_run *run); // a tickquery_rows
// 0, or -1: not all could be written; frees it. `schema` (may be NULL): the bucket's, for the header of no rows.
int tickprint_end(struct tickprint *print, const struct yearfile_schema *schema);
void tickprint_discard(struct tickprint *print);

#endif
