// SPDX-License-Identifier: Apache-2.0
// The answer to `klines`: JSON rows of twelve fixed columns become bars. Pure. A tokenizer of its own for this one
// shape, since a JSON library is several times slower and history is millions of rows. It accepts JSON of exactly that
// shape and nothing else; whether a bar makes sense is the writer's question, whether it was asked for is pager.c's.
#ifndef BACKFILL_PAGE_H
#define BACKFILL_PAGE_H

#include "common/kline.h"
#include "common/limits.h"

#include <stddef.h>

// Reads at most `rows_max` rows into `rows`; more are an error. Returns 0 and *count, or -1 and `why`: which row, which
// column, what is wrong.
int page_parse(
    const char *body, size_t length, struct kline *rows, size_t rows_max, size_t *count, char why[REASON_SIZE]);

#endif
