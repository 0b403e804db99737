// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/info.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/exchange/text.h"

static const struct fault_subject subject = {.endpoint = "/api/v3/exchangeInfo", .time_ms = -1};

// A whole number of 1e-8 as the filters print it.
static const char *decimal(char *buffer, int64_t value)
{
        *text_put_decimal(buffer, value) = '\0';
        return buffer;
}

static void write_head(const struct exchange *exchange, bool micro, struct evbuffer *body)
{
        int64_t now = simclock_now_ms(&exchange->clock);
        int64_t weight = exchange->rate.weight_max > 0 ? exchange->rate.weight_max : INT64_C(1000000000);
        evbuffer_add_printf(body,
            "{\"timezone\":\"UTC\",\"serverTime\":%" PRId64 ",\"rateLimits\":["
            "{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":%" PRId64 "},"
            "{\"rateLimitType\":\"ORDERS\",\"interval\":\"SECOND\",\"intervalNum\":10,\"limit\":100},"
            "{\"rateLimitType\":\"ORDERS\",\"interval\":\"DAY\",\"intervalNum\":1,\"limit\":200000},"
            "{\"rateLimitType\":\"RAW_REQUESTS\",\"interval\":\"MINUTE\",\"intervalNum\":5,\"limit\":%" PRId64 "}],"
            "\"exchangeFilters\":[],\"symbols\":[",
            micro ? now * 1000 : now, weight, exchange->rate.raw_max);
}

static void write_filters(const struct tape *tape, struct evbuffer *body)
{
        char a[TEXT_DECIMAL_MAX + 1], b[TEXT_DECIMAL_MAX + 1];
        evbuffer_add_printf(body,
            "{\"filterType\":\"PRICE_FILTER\",\"minPrice\":\"%s\",\"maxPrice\":\"1000000.00000000\",\"tickSize\":\"%"
            "s\"},",
            decimal(a, tape->tick), decimal(b, tape->tick));
        evbuffer_add_printf(body,
            "{\"filterType\":\"LOT_SIZE\",\"minQty\":\"%s\",\"maxQty\":\"900000.00000000\",\"stepSize\":\"%s\"},",
            decimal(a, tape->step), decimal(b, tape->step));
        evbuffer_add_printf(body,
            "{\"filterType\":\"ICEBERG_PARTS\",\"limit\":10},"
            "{\"filterType\":\"NOTIONAL\",\"minNotional\":\"5.00000000\",\"applyMinToMarket\":true,"
            "\"maxNotional\":\"9000000.00000000\",\"applyMaxToMarket\":false,\"avgPriceMins\":5},"
            "{\"filterType\":\"MAX_NUM_ORDERS\",\"maxNumOrders\":200}");
}

static void write_symbol(
    const struct market_symbol *symbol, const char *name, const char *status, bool permissions, struct evbuffer *body)
{
        const char *trading = strcmp(status, "TRADING") == 0 ? "true" : "false";
        evbuffer_add_printf(body,
            "{\"symbol\":\"%s\",\"status\":\"%s\",\"baseAsset\":\"%s\",\"baseAssetPrecision\":8,\"quoteAsset\":\"%s\","
            "\"quotePrecision\":8,\"quoteAssetPrecision\":8,\"baseCommissionPrecision\":8,\"quoteCommissionPrecision\":"
            "8,"
            "\"orderTypes\":[\"LIMIT\",\"LIMIT_MAKER\",\"MARKET\",\"STOP_LOSS_LIMIT\",\"TAKE_PROFIT_LIMIT\"],"
            "\"icebergAllowed\":true,\"ocoAllowed\":true,\"otoAllowed\":true,\"opoAllowed\":true,"
            "\"quoteOrderQtyMarketAllowed\":true,\"allowTrailingStop\":true,\"cancelReplaceAllowed\":true,"
            "\"amendAllowed\":true,\"pegInstructionsAllowed\":true,\"isSpotTradingAllowed\":%s,"
            "\"isMarginTradingAllowed\":false,\"filters\":[",
            name, status, symbol->base, symbol->quote, trading);
        write_filters(&symbol->tape, body);
        evbuffer_add_printf(body,
            "],\"permissions\":[],\"permissionSets\":%s,\"defaultSelfTradePreventionMode\":\"EXPIRE_MAKER\","
            "\"allowedSelfTradePreventionModes\":[\"EXPIRE_TAKER\",\"EXPIRE_MAKER\",\"EXPIRE_BOTH\",\"DECREMENT\"]}",
            permissions ? "[[\"SPOT\"]]" : "[]");
}

static int check_status(const char *status, struct param_error *error)
{
        if (status == NULL || strcmp(status, "TRADING") == 0 || strcmp(status, "HALT") == 0 ||
            strcmp(status, "BREAK") == 0) {
                return 0;
        }
        error->code = -1122;
        snprintf(error->message, sizeof error->message, "Invalid symbolStatus.");
        return -1;
}

// The names asked for, as a JSON array of strings; NULL without a complaint means all.
static int read_wanted(const struct http_request *request, cJSON **wanted, struct param_error *error)
{
        const char *one = http_find_param(request, "symbol"), *many = http_find_param(request, "symbols");
        const bool filtered =
            http_find_param(request, "permissions") != NULL || http_find_param(request, "symbolStatus") != NULL;
        *wanted = NULL;
        if ((one != NULL) + (many != NULL) > 1 || ((one != NULL || many != NULL) && filtered)) {
                error->code = -1128;
                snprintf(error->message, sizeof error->message, "Combination of optional parameters invalid.");
                return -1;
        }
        if (one != NULL) {
                *wanted = cJSON_CreateArray();
                cJSON_AddItemToArray(*wanted, cJSON_CreateString(one));
        } else if (many != NULL) {
                *wanted = cJSON_Parse(many);
                if (!cJSON_IsArray(*wanted)) {
                        cJSON_Delete(*wanted);
                        error->code = -1102;
                        snprintf(error->message, sizeof error->message,
                            "Mandatory parameter 'symbols' was not sent, was empty/null, or malformed.");
                        return -1;
                }
        }
        return 0;
}

static bool is_wanted(const cJSON *wanted, const char *name)
{
        const cJSON *item;
        cJSON_ArrayForEach(item, wanted)
        {
                if (cJSON_IsString(item) && strcmp(item->valuestring, name) == 0) {
                        return true;
                }
        }
        return wanted == NULL;
}

// A symbol is known from its listing on: before that the exchange has never heard of it.
static bool is_known(const struct exchange *exchange, const struct market_symbol *symbol)
{
        return symbol->listed_ms <= simclock_now_ms(&exchange->clock);
}

static int check_known(const struct exchange *exchange, const cJSON *wanted, struct param_error *error)
{
        const cJSON *item;
        cJSON_ArrayForEach(item, wanted)
        {
                const struct market_symbol *symbol =
                    cJSON_IsString(item) ? market_find_symbol(exchange->market, item->valuestring) : NULL;
                if (symbol == NULL || !is_known(exchange, symbol)) {
                        error->code = -1121;
                        snprintf(error->message, sizeof error->message, "Invalid symbol.");
                        return -1;
                }
        }
        return 0;
}

static bool is_left_out(const struct exchange *exchange, const struct market_symbol *symbol)
{
        const struct fault_subject this_one = {.endpoint = subject.endpoint, .symbol = symbol->name, .time_ms = -1};
        return faults_take(exchange->faults, FAULT_INFO_MISSING, &this_one) != NULL;
}

static void write_symbols(
    struct exchange *exchange, const struct http_request *request, const cJSON *wanted, struct evbuffer *body)
{
        const char *status_wanted = http_find_param(request, "symbolStatus");
        const char *show = http_find_param(request, "showPermissionSets");
        bool permissions = show == NULL || strcmp(show, "false") != 0;
        bool all_break = faults_take(exchange->faults, FAULT_INFO_BREAK, &subject) != NULL;
        const char *separator = "";
        int64_t now = simclock_now_ms(&exchange->clock);
        for (size_t i = 0; i < market_symbol_count(exchange->market); i++) {
                const struct market_symbol *symbol = market_symbol_at(exchange->market, i);
                bool ended = symbol->ends_ms <= now;
                const char *status = all_break || ended              ? "BREAK"
                                     : symbol->halted_until_ms > now ? "HALT"
                                                                     : symbol->status;
                if (!is_wanted(wanted, symbol->name) || !is_known(exchange, symbol) ||
                    (status_wanted != NULL && strcmp(status_wanted, status) != 0) || is_left_out(exchange, symbol)) {
                        continue;
                }
                evbuffer_add_printf(body, "%s", separator);
                write_symbol(symbol, symbol->name, status, permissions, body);
                separator = ",";
        }
        if (market_symbol_count(exchange->market) > 0 &&
            faults_take(exchange->faults, FAULT_INFO_CJK, &subject) != NULL) {
                evbuffer_add_printf(body, "%s", separator);
                write_symbol(market_symbol_at(exchange->market, 0), "这是测试币456", "TRADING", permissions, body);
        }
}

int info_write(struct exchange *exchange, const struct http_request *request, bool micro, struct evbuffer *body,
    struct param_error *error)
{
        cJSON *wanted;
        if (check_status(http_find_param(request, "symbolStatus"), error) != 0 ||
            read_wanted(request, &wanted, error) != 0) {
                return -1;
        }
        if (check_known(exchange, wanted, error) != 0) {
                cJSON_Delete(wanted);
                return -1;
        }
        write_head(exchange, micro, body);
        write_symbols(exchange, request, wanted, body);
        evbuffer_add_printf(body, "]}");
        cJSON_Delete(wanted);
        return 0;
}
