// SPDX-License-Identifier: Apache-2.0
#include "common/rest.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/restweight.h"
#include "common/symbol.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum endpoint { ENDPOINT_TIME, ENDPOINT_EXCHANGE_INFO, ENDPOINT_KLINES, ENDPOINT_TRADES, ENDPOINT_AGG_TRADES };

static const struct {
        const char *path;
        uint32_t weight;
        size_t body_bytes_max;
        bool microseconds;
        const char *may_lack;
} endpoints[] = {
    [ENDPOINT_TIME] = {"/api/v3/time", 1, REST_SMALL_BYTES_MAX, false, NULL},
    [ENDPOINT_EXCHANGE_INFO] = {"/api/v3/exchangeInfo", 20, HTTP_BODY_BYTES_MAX, false, NULL},
    [ENDPOINT_KLINES] = {"/api/v3/klines", KLINES_WEIGHT, REST_PAGE_BYTES_MAX, false, NULL},
    [ENDPOINT_TRADES] = {"/api/v3/historicalTrades", TRADES_WEIGHT, REST_PAGE_BYTES_MAX, true, "historicalTrades"},
    [ENDPOINT_AGG_TRADES] = {"/api/v3/aggTrades", AGG_TRADES_WEIGHT, REST_PAGE_BYTES_MAX, true, NULL},
};

static void __attribute__((format(printf, 3, 4)))
build(struct rest_query *query, enum endpoint endpoint, const char *format, ...)
{
        va_list arguments;
        int length = snprintf(query->path, sizeof(query->path), "%s", endpoints[endpoint].path);

        va_start(arguments, format);
        length += vsnprintf(query->path + length, sizeof(query->path) - (size_t)length, format, arguments);
        va_end(arguments);
        REQUIRE((size_t)length < sizeof(query->path));
        query->weight = endpoints[endpoint].weight;
        query->body_bytes_max = endpoints[endpoint].body_bytes_max;
        query->microseconds = endpoints[endpoint].microseconds;
        query->may_lack = endpoints[endpoint].may_lack;
}

void rest_query_time(struct rest_query *query)
{
        build(query, ENDPOINT_TIME, "%s", "");
}

void rest_query_exchange_info(struct rest_query *query)
{
        // The permission sets are half of the answer and none of our business.
        build(query, ENDPOINT_EXCHANGE_INFO, "?showPermissionSets=false");
}

static int64_t ceil_ms(int64_t us)
{
        return us / US_PER_MS + (us % US_PER_MS > 0);
}

void rest_query_klines(struct rest_query *query, const char *symbol, enum interval interval, int64_t start_us,
    int64_t end_us, uint32_t rows_max)
{
        REQUIRE(symbol_is_valid(symbol) && start_us >= 0 && end_us > start_us);
        build(query, ENDPOINT_KLINES, "?symbol=%s&interval=%s&startTime=%" PRId64 "&endTime=%" PRId64 "&limit=%" PRIu32,
            symbol, interval_name(interval), ceil_ms(start_us), (end_us - 1) / US_PER_MS, rows_max);
}

void rest_query_first_kline(struct rest_query *query, const char *symbol, enum interval interval)
{
        REQUIRE(symbol_is_valid(symbol));
        build(query, ENDPOINT_KLINES, "?symbol=%s&interval=%s&startTime=0&limit=1", symbol, interval_name(interval));
}

void rest_query_trades(struct rest_query *query, const char *symbol, int64_t first_id, uint32_t rows_max)
{
        REQUIRE(symbol_is_valid(symbol) && first_id >= 0);
        build(query, ENDPOINT_TRADES, "?symbol=%s&fromId=%" PRId64 "&limit=%" PRIu32, symbol, first_id, rows_max);
}

void rest_query_agg_trades(struct rest_query *query, const char *symbol, int64_t first_id, uint32_t rows_max)
{
        REQUIRE(symbol_is_valid(symbol) && first_id >= 0);
        build(query, ENDPOINT_AGG_TRADES, "?symbol=%s&fromId=%" PRId64 "&limit=%" PRIu32, symbol, first_id, rows_max);
}

void rest_query_agg_trades_since(struct rest_query *query, const char *symbol, int64_t start_us, uint32_t rows_max)
{
        REQUIRE(symbol_is_valid(symbol) && start_us >= 0);
        build(query, ENDPOINT_AGG_TRADES, "?symbol=%s&startTime=%" PRId64 "&limit=%" PRIu32, symbol, ceil_ms(start_us),
            rows_max);
}

void rest_query_agg_trades_newest(struct rest_query *query, const char *symbol, uint32_t rows_max)
{
        REQUIRE(symbol_is_valid(symbol));
        build(query, ENDPOINT_AGG_TRADES, "?symbol=%s&limit=%" PRIu32, symbol, rows_max);
}
