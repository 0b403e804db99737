// SPDX-License-Identifier: Apache-2.0
// Rows as text: CSV and JSON, a line each, numbers with the fewest digits that read back as the same value. Times are
// UTC, "2024-03-01T10:00:00Z", those of ticks with nanoseconds. The layout is that of `binancefeeder query`. Pure.
#ifndef GATEWAY_CELLS_H
#define GATEWAY_CELLS_H

#include "workers/gateway/body.h"
#include "workers/gateway/columns.h"

#include <stdbool.h>

enum cells_format { CELLS_CSV, CELLS_JSON };

// What stands before the first row, after the last one.
void cells_begin(enum cells_format format, const struct columns *columns, struct body *body);
void cells_end(enum cells_format format, bool rows_before, struct body *body);

// All rows; `rows_before`: some were printed already.
void cells_rows(enum cells_format format, const struct columns *columns, bool rows_before, struct body *body);

#endif
