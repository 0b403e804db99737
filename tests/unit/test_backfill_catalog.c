// SPDX-License-Identifier: Apache-2.0
// LINK: -lz
// exchangeInfo: symbols and limits, and names that no path of ours may see. The queries that ask for it.
#include "common/catalog.h"

#include "common/json.h"
#include "common/rest.h"
#include "tests/unit/backfill_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static int parse(const char *body, struct catalog *catalog, char why[REASON_SIZE])
{
        return catalog_parse(body, strlen(body), catalog, why);
}

static const struct record_symbol *find(const struct catalog *catalog, const char *symbol)
{
        for (size_t i = 0; i < catalog->count; i++) {
                if (strcmp(catalog->symbols[i].symbol, symbol) == 0)
                        return &catalog->symbols[i];
        }
        return NULL;
}

static void strange_names_are_skipped_and_counted(void **state)
{
        static const char body[] =
            "{\"symbols\":["
            "{\"symbol\":\"BTCUSDT\",\"status\":\"TRADING\",\"baseAsset\":\"BTC\",\"quoteAsset\":\"USDT\"},"
            "{\"symbol\":\"\xe8\xbf\x99\xe6\x98\xaf\xe6\xb5\x8b\xe8\xaf\x95\xe5\xb8\x81"
            "456\",\"status\":\"TRADING\",\"baseAsset\":\"A\",\"quoteAsset\":\"B\"},"
            "{\"symbol\":\"../etc\",\"status\":\"TRADING\",\"baseAsset\":\"A\",\"quoteAsset\":\"B\"},"
            "{\"symbol\":\"ABCDEFGHIJKLMNOPQRSTU\",\"status\":\"TRADING\",\"baseAsset\":\"A\",\"quoteAsset\":\"B\"},"
            "{\"symbol\":7,\"status\":\"TRADING\",\"baseAsset\":\"A\",\"quoteAsset\":\"B\"},"
            "{\"symbol\":\"ETHUSDT\",\"status\":\"NEWSTATUS\",\"baseAsset\":\"ETH\",\"quoteAsset\":\"USDT\"}]}";
        struct catalog catalog;
        char why[REASON_SIZE];

        (void)state;
        assert_int_equal(parse(body, &catalog, why), 0);
        assert_int_equal(catalog.count, 2);
        assert_int_equal(catalog.skipped, 4);
        assert_memory_equal(catalog.skipped_name, "\xe8\xbf\x99", 3);
        assert_int_equal(find(&catalog, "BTCUSDT")->status, SYMBOL_TRADING);
        assert_string_equal(find(&catalog, "BTCUSDT")->base, "BTC");
        assert_string_equal(find(&catalog, "BTCUSDT")->quote, "USDT");
        assert_int_equal(find(&catalog, "ETHUSDT")->status, SYMBOL_UNKNOWN);
        assert_int_equal(catalog.weight_limit, 0);
        catalog_free(&catalog);
}

static void limits_are_brought_to_our_windows(void **state)
{
        static const struct {
                const char *rules;
                uint32_t weight, raw;
        } cases[] = {
            {"{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":6000},"
             "{\"rateLimitType\":\"RAW_REQUESTS\",\"interval\":\"MINUTE\",\"intervalNum\":5,\"limit\":300000}",
                6000, 300000},
            {"{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"SECOND\",\"intervalNum\":10,\"limit\":100}", 600, 0},
            {"{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":6000},"
             "{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"HOUR\",\"intervalNum\":1,\"limit\":60000}",
                1000, 0},
            {"{\"rateLimitType\":\"ORDERS\",\"interval\":\"SECOND\",\"intervalNum\":10,\"limit\":50}", 0, 0},
            {"{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"CENTURY\",\"intervalNum\":1,\"limit\":6}", 0, 0},
            {"{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":0,\"limit\":6}", 0, 0},
            {"{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":-6}", 0, 0},
            {"{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":1e300}", 0, 0},
            {"{\"rateLimitType\":\"REQUEST_WEIGHT\"}, 5, null", 0, 0},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char body[1024], why[REASON_SIZE];
                struct catalog catalog;

                snprintf(body, sizeof(body),
                    "{\"rateLimits\":[%s],\"symbols\":[{\"symbol\":\"A\",\"status\":\"BREAK\",\"baseAsset\":\"A\","
                    "\"quoteAsset\":\"A\"}]}",
                    cases[i].rules);
                assert_int_equal(parse(body, &catalog, why), 0);
                assert_int_equal(catalog.weight_limit, cases[i].weight);
                assert_int_equal(catalog.raw_limit, cases[i].raw);
                catalog_free(&catalog);
        }
}

static void what_is_no_exchange_info_is_refused(void **state)
{
        static const char *const bodies[] = {"", "[]", "{}", "{\"symbols\":{}}", "{\"symbols\":[]}",
            "{\"symbols\":[1]}", "{\"symbols\":[{\"symbol\":\"A\",\"status\":\"TRADING\"}]}",
            "{\"symbols\":[{\"symbol\":\"A\",\"status\":\"BREAK\",\"baseAsset\":\"A\",\"quoteAsset\":\"A\"}]",
            "{\"symbols\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}"};

        (void)state;
        for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
                struct catalog catalog;
                char why[REASON_SIZE] = "";

                if (parse(bodies[i], &catalog, why) != -1)
                        fail_msg("accepted: %s", bodies[i]);
                assert_int_not_equal(why[0], '\0');
                assert_null(catalog.symbols);
        }
}

static void recorded_samples_are_read(void **state)
{
        struct catalog catalog;
        char why[REASON_SIZE];
        size_t length = 0;

        (void)state;
        char *body = test_data_read("rest/exchangeInfo-25symbols-2025-08-07.json", &length);
        if (body == NULL)
                skip();
        assert_int_equal(catalog_parse(body, length, &catalog, why), 0);
        assert_int_equal(catalog.count, 25);
        assert_int_equal(catalog.skipped, 0);
        assert_int_equal(catalog.weight_limit, 6000);
        assert_int_equal(catalog.raw_limit, 61000);
        assert_non_null(find(&catalog, "ETHBTC"));
        size_t resting = 0;
        for (size_t i = 0; i < catalog.count; i++)
                resting += catalog.symbols[i].status == SYMBOL_BREAK;
        assert_true(resting > 1 && resting < 25);
        catalog_free(&catalog);
        free(body);
        body = test_data_read("rest/exchangeInfo-BTCUSDT-spot-testnet-2026-09-13.json", &length);
        assert_non_null(body);
        assert_int_equal(catalog_parse(body, length, &catalog, why), 0);
        assert_int_equal(catalog.count, 1);
        assert_int_equal(catalog.raw_limit, 300000);
        catalog_free(&catalog);
        free(body);
}

// The whole spot market of May 2021, from the cassette in which it was recorded.
static void the_whole_market_is_read(void **state)
{
        const char *folder = getenv("BF_SHARED_DATA");
        char path[512], why[REASON_SIZE];
        struct catalog catalog;

        (void)state;
        snprintf(path, sizeof(path), "%s/rest/exchangeInfo-spot-full-2021-05.vcr.json.gz",
            folder == NULL ? "../shared/data" : folder);
        gzFile file = access(path, R_OK) == 0 ? gzopen(path, "rb") : NULL;
        if (file == NULL)
                skip();
        char *bytes = malloc(TEST_FILE_BYTES_MAX);
        int length = gzread(file, bytes, TEST_FILE_BYTES_MAX);
        gzclose(file);
        assert_true(length > 0);
        cJSON *cassette = json_parse(bytes, (size_t)length, why);
        const cJSON *response = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(cassette, 0), "response");
        const char *body = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(response, "body"));
        assert_non_null(body);
        assert_int_equal(parse(body, &catalog, why), 0);
        assert_int_equal(catalog.count + catalog.skipped, 1436);
        assert_int_equal(catalog.skipped, 0);
        assert_int_equal(catalog.weight_limit, 1200);
        assert_string_equal(find(&catalog, "BTCUSDT")->quote, "USDT");
        catalog_free(&catalog);
        cJSON_Delete(cassette);
        free(bytes);
}

static void queries_are_spelled_as_the_exchange_wants_them(void **state)
{
        struct rest_query query;

        (void)state;
        rest_query_time(&query);
        assert_string_equal(query.path, "/api/v3/time");
        assert_int_equal(query.weight, 1);
        rest_query_exchange_info(&query);
        assert_string_equal(query.path, "/api/v3/exchangeInfo?showPermissionSets=false");
        assert_int_equal(query.weight, 20);
        // Both ends are inclusive on the wire, in ms: a start between two ms is rounded up, an end down.
        rest_query_klines(&query, "BTCUSDT", INTERVAL_1MO, 1000000000001, 2000000000000, 1000);
        assert_string_equal(
            query.path, "/api/v3/klines?symbol=BTCUSDT&interval=1M&startTime=1000000001&endTime=1999999999&limit=1000");
        assert_int_equal(query.weight, 2);
        rest_query_first_kline(&query, "BTCUSDT", INTERVAL_1M);
        assert_string_equal(query.path, "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=0&limit=1");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(strange_names_are_skipped_and_counted),
            cmocka_unit_test(limits_are_brought_to_our_windows),
            cmocka_unit_test(what_is_no_exchange_info_is_refused),
            cmocka_unit_test(recorded_samples_are_read),
            cmocka_unit_test(the_whole_market_is_read),
            cmocka_unit_test(queries_are_spelled_as_the_exchange_wants_them),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
