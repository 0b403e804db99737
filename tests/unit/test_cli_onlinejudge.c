// SPDX-License-Identifier: Apache-2.0
// LINK: cli/onlinejudge.c
// What `check --online` says of the exchange's answers.
#include "cli/onlinejudge.h"
#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OWN_MS INT64_C(1709640000000)

static const struct online_host rest = {"REST", "https://api.binance.com", ""};
static struct online_report report;
static char *said;
static size_t said_length;

static void begin(void)
{
        free(said);
        report = (struct online_report){.out = open_memstream(&said, &said_length)};
        assert_non_null(report.out);
}

// Compares all that was said since begin(), and how much of it was wrong.
static void expect(size_t wrong, const char *text)
{
        assert_int_equal(fclose(report.out), 0);
        assert_string_equal(said, text);
        assert_int_equal(report.wrong, wrong);
}

static struct http_answer answer(int status, const char *body)
{
        return (struct http_answer){.status = status,
            .body = body,
            .length = strlen(body),
            .used_weight = -1,
            .retry_after_s = -1,
            .date_s = -1};
}

static bool judge(struct http_answer http)
{
        begin();
        return onlinejudge_answer(&report, &rest, &http, OWN_MS);
}

#define ELSEWHERE                                                                                                      \
        "set endpoints.proxy, or endpoints.rest: https://data-api.binance.vision and endpoints.stream: "               \
        "wss://data-stream.binance.vision"

static void an_answer_of_no_use_is_told_with_its_cure(void **state)
{
        struct http_answer http = answer(200, "{\"serverTime\":1709640000000}");

        (void)state;
        assert_true(judge(http));
        expect(0, "");
        assert_false(judge(answer(451, "{}")));
        expect(1, "wrong  REST: https://api.binance.com refuses this address for where it is (HTTP 451): " ELSEWHERE
                  " (public market data; no historicalTrades there)\n");
        http = answer(429, "{\"code\":-1003,\"msg\":\"Too many requests.\"}");
        http.retry_after_s = 30;
        assert_false(judge(http));
        expect(1, "wrong  REST: https://api.binance.com refuses requests (HTTP 429) for another 30 s (Too many "
                  "requests.): wait "
                  "so long. If it comes again, lower rate_limit.utilization or see what else uses this address\n");
        assert_false(judge(answer(200, "<html>")));
        expect(1, "wrong  REST: https://api.binance.com gives no answer of use (HTTP 200 with HTML: something between "
                  "here and "
                  "Binance answered): ask again later, and see that it is Binance's REST that answers there\n");
        assert_false(judge(answer(503, "")));
        assert_int_equal(report.wrong, 1);
        expect(1, "wrong  REST: https://api.binance.com gives no answer of use (HTTP 503): ask again later, and see "
                  "that it is "
                  "Binance's REST that answers there\n");
}

static void who_cannot_be_reached_or_trusted_is_told_apart(void **state)
{
        const struct online_host proxied = {"REST", "https://api.binance.com", "http://127.0.0.1:3128"};
        struct http_answer http = answer(0, "");

        (void)state;
        http.error = "no route";
        begin();
        assert_false(onlinejudge_answer(&report, &proxied, &http, OWN_MS));
        expect(1, "wrong  REST: https://api.binance.com by the proxy http://127.0.0.1:3128 cannot be reached (no "
                  "route): " ELSEWHERE "\n");
        http.untrusted = true;
        http.error = "self-signed";
        begin();
        onlinejudge_connection(&report, &rest, &http, 0);
        expect(1, "wrong  REST: https://api.binance.com is not trusted (self-signed): check this host's clock, "
                  "endpoints.ca_file, and who answers in its place\n");
        begin();
        onlinejudge_connection(&report, &rest, &(struct http_answer){.status = 0}, 12 * US_PER_MS);
        expect(0, "ok     REST: https://api.binance.com takes connections, in 12 ms\n");
}

static void a_clock_may_be_off_by_less_than_a_minute(void **state)
{
        int64_t now_us = OWN_MS * 1000;

        (void)state;
        begin();
        onlinejudge_clock(&report, now_us, now_us - 12 * US_PER_MS);
        onlinejudge_clock(&report, now_us, now_us + 59 * US_PER_S);
        expect(0, "ok     clock: this host's is 12 ms behind the exchange's\n"
                  "ok     clock: this host's is 59 s ahead of the exchange's\n");
        begin();
        onlinejudge_clock(&report, now_us, now_us + 60 * US_PER_S);
        onlinejudge_clock(&report, now_us, now_us - 2 * US_PER_HOUR);
        assert_int_equal(report.wrong, 2);
        assert_int_equal(fclose(report.out), 0);
        assert_non_null(strstr(said, "ahead of the exchange's: set it"));
        assert_non_null(strstr(said, "2 h behind the exchange's: set it"));
}

static void a_limit_above_the_exchange_s_is_wrong(void **state)
{
        static struct settings settings = {.utilization = 0.5};

        (void)state;
        begin();
        onlinejudge_limit(&report, &settings, 6000);
        onlinejudge_limit(&report, &settings, 0);
        settings.weight_per_minute = 1200;
        onlinejudge_limit(&report, &settings, 6000);
        expect(0, "ok     request limit: 6,000 a minute, of which up to 3,000 are used\n"
                  "ok     request limit: 6,000, for the exchange names none, a minute, of which up to 3,000 are used\n"
                  "ok     request limit: 1,200 as configured a minute, of which up to 600 are used\n");
        settings.weight_per_minute = 6001;
        begin();
        onlinejudge_limit(&report, &settings, 6000);
        expect(1, "wrong  request limit: rate_limit.weight_per_minute 6,001 is more than the exchange's 6,000 a "
                  "minute: leave "
                  "it out, and the exchange's counts\n");
}

// ---- symbols ----

static struct record_symbol listed[] = {{.symbol = "ETHBTC", .base = "ETH", .quote = "BTC", .status = SYMBOL_TRADING},
    {.symbol = "BTCUSDP", .base = "BTC", .quote = "USDP", .status = SYMBOL_BREAK},
    {.symbol = "BTCUSDT", .base = "BTC", .quote = "USDT", .status = SYMBOL_TRADING},
    {.symbol = "BTCUSDC", .base = "BTC", .quote = "USDC", .status = SYMBOL_TRADING},
    {.symbol = "ETHUSDT", .base = "ETH", .quote = "USDT", .status = SYMBOL_TRADING},
    {.symbol = "BTCEUR", .base = "BTC", .quote = "EUR", .status = SYMBOL_TRADING},
    {.symbol = "LUNAUSDT", .base = "LUNA", .quote = "USDT", .status = SYMBOL_HALT}};
static const struct catalog catalog = {.symbols = listed, .count = sizeof(listed) / sizeof(listed[0])};

static void name(struct symbol_list *list, const char *first, const char *second)
{
        memset(list, 0, sizeof(*list));
        assert_int_equal(symbol_list_add(list, first), 0);
        if (second != NULL)
                assert_int_equal(symbol_list_add(list, second), 0);
}

static void named_symbols_must_be_known_and_trade(void **state)
{
        static struct settings settings = {.realtime_enabled = true};

        (void)state;
        name(&settings.symbols, "BTCUSDT", "ETHBTC");
        begin();
        onlinejudge_symbols(&report, &settings, &catalog);
        expect(0, "ok     symbols: 2 of 2 are known and trade\n");
        name(&settings.symbols, "LUNAUSDT", "BTCUSDT");
        begin();
        onlinejudge_symbols(&report, &settings, &catalog);
        expect(1, "wrong  symbols: LUNAUSDT does not trade at present (halt): nothing is streamed until it does; its "
                  "history is "
                  "still fetched\n"
                  "ok     symbols: 1 of 2 are known and trade\n");
        settings.realtime_enabled = false;
        begin();
        onlinejudge_symbols(&report, &settings, &catalog);
        expect(0, "ok     symbols: 2 of 2 are known; 1 do not trade at present, and have history\n");
}

static void an_unknown_symbol_comes_with_the_nearest_names(void **state)
{
        static struct settings settings;

        (void)state;
        // Those that trade come first, three at most.
        name(&settings.symbols, "BTCUSD", "BTC");
        begin();
        onlinejudge_symbols(&report, &settings, &catalog);
        expect(2, "wrong  symbols: the exchange's catalogue has no symbol BTCUSD; near it: BTCUSDT, BTCUSDC, BTCUSDP\n"
                  "wrong  symbols: the exchange's catalogue has no symbol BTC; near it: BTCUSDT, BTCUSDC, BTCEUR\n");
        name(&settings.symbols, "NOSUCHPAIR", "BTCUSDT");
        name(&settings.exclude_symbols, "ETHUSDTT", "ETHBTC");
        begin();
        onlinejudge_symbols(&report, &settings, &catalog);
        expect(2, "wrong  symbols: the exchange's catalogue has no symbol NOSUCHPAIR\n"
                  "ok     symbols: 1 of 2 are known and trade\n"
                  "wrong  exclude_symbols: the exchange's catalogue has no symbol ETHUSDTT; near it: ETHUSDT\n");
}

static void all_symbols_are_counted(void **state)
{
        static struct settings settings = {.all_symbols = true};

        (void)state;
        begin();
        onlinejudge_symbols(&report, &settings, &catalog);
        expect(0, "ok     symbols: all is 5 that trade\n");
        settings.quote_assets_count = 2;
        strcpy(settings.quote_assets[0], "USDT");
        strcpy(settings.quote_assets[1], "USDX");
        name(&settings.exclude_symbols, "ETHUSDT", NULL);
        begin();
        onlinejudge_symbols(&report, &settings, &catalog);
        expect(1, "wrong  quote_assets: the exchange has no symbol that is quoted in USDX\n"
                  "ok     symbols: all is 1 that trade, quoted in quote_assets\n");
        name(&settings.exclude_symbols, "ETHUSDT", "BTCUSDT");
        settings.quote_assets_count = 1;
        begin();
        onlinejudge_symbols(&report, &settings, &catalog);
        expect(1, "wrong  symbols: all is none at present: see quote_assets and exclude_symbols\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(an_answer_of_no_use_is_told_with_its_cure),
            cmocka_unit_test(who_cannot_be_reached_or_trusted_is_told_apart),
            cmocka_unit_test(a_clock_may_be_off_by_less_than_a_minute),
            cmocka_unit_test(a_limit_above_the_exchange_s_is_wrong),
            cmocka_unit_test(named_symbols_must_be_known_and_trade),
            cmocka_unit_test(an_unknown_symbol_comes_with_the_nearest_names),
            cmocka_unit_test(all_symbols_are_counted)};
        int result = cmocka_run_group_tests(tests, NULL, NULL);

        free(said);
        return result;
}
