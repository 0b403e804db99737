// SPDX-License-Identifier: Apache-2.0
// page: which bars a klines request gets. Binance's rule: with a start the oldest bars from it on, otherwise the
// newest; both ends inclusive, by open time; always ascending; the bar still forming is the last one.
#ifndef BF_EXCHANGE_PAGE_H
#define BF_EXCHANGE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/exchange/market.h"

#define PAGE_ROWS_MAX 1000
#define PAGE_ROWS_DEFAULT 500

struct page_query {
        struct market_series series;
        bool has_start, has_end;
        int64_t start_ms, end_ms;
        size_t limit; // 1..PAGE_ROWS_MAX
        int64_t now_ms;
};

// Writes at most query->limit bars, ascending, and returns how many.
size_t page_fill(const struct page_query *query, struct bar *bars);

#endif
