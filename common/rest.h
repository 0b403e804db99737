// SPDX-License-Identifier: Apache-2.0
// The endpoints of Binance's spot REST that are asked: path, weight, largest answer. Pure. Weights are those of
// rest-api.md; klines cost the same for 1 row and for 1000, so pages are full.
#ifndef COMMON_REST_H
#define COMMON_REST_H

#include "common/interval.h"
#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rest_query {
        char path[REST_PATH_SIZE]; // with its query string
        uint32_t weight;
        size_t body_bytes_max;
        bool microseconds;    // of its times; else milliseconds
        const char *may_lack; // the endpoint's name where hosts exist that do not have it, else NULL
};

void rest_query_time(struct rest_query *query);
void rest_query_exchange_info(struct rest_query *query);
// Bars whose open time lies in [start_us, end_us), the oldest `rows_max` of them. Both ends are inclusive on the wire
// and in milliseconds. `symbol` must be valid (symbol_is_valid()).
void rest_query_klines(struct rest_query *query, const char *symbol, enum interval interval, int64_t start_us,
    int64_t end_us, uint32_t rows_max);
// The first bar there is: with a start time alone the exchange skips ahead to it.
void rest_query_first_kline(struct rest_query *query, const char *symbol, enum interval interval);
// Trades from id `first_id` on. Hosts of market data alone (data-api.binance.vision) do not have this.
void rest_query_trades(struct rest_query *query, const char *symbol, int64_t first_id, uint32_t rows_max);
// Aggregate trades from id `first_id` on; the oldest at or after `start_us`; the newest.
void rest_query_agg_trades(struct rest_query *query, const char *symbol, int64_t first_id, uint32_t rows_max);
void rest_query_agg_trades_since(struct rest_query *query, const char *symbol, int64_t start_us, uint32_t rows_max);
void rest_query_agg_trades_newest(struct rest_query *query, const char *symbol, uint32_t rows_max);

#endif
