// SPDX-License-Identifier: Apache-2.0
#include "common/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void every_interval_has_a_home_a_stock_server_can_address(void **state)
{
        static const struct {
                enum interval interval;
                const char *name;
                int64_t timeframe_s;
        } cases[] = {
            {INTERVAL_1S, "BTCUSDT/1Sec/OHLCV", 1},
            {INTERVAL_1M, "BTCUSDT/1Min/OHLCV", 60},
            {INTERVAL_3M, "BTCUSDT/1Min/OHLCV_3Min", 60},
            {INTERVAL_5M, "BTCUSDT/5Min/OHLCV", 300},
            {INTERVAL_15M, "BTCUSDT/15Min/OHLCV", 900},
            {INTERVAL_30M, "BTCUSDT/30Min/OHLCV", 1800},
            {INTERVAL_1H, "BTCUSDT/1H/OHLCV", 3600},
            {INTERVAL_2H, "BTCUSDT/2H/OHLCV", 7200},
            {INTERVAL_4H, "BTCUSDT/2H/OHLCV_4H", 7200},
            {INTERVAL_6H, "BTCUSDT/2H/OHLCV_6H", 7200},
            {INTERVAL_8H, "BTCUSDT/2H/OHLCV_8H", 7200},
            {INTERVAL_12H, "BTCUSDT/2H/OHLCV_12H", 7200},
            {INTERVAL_1D, "BTCUSDT/1D/OHLCV", 86400},
            {INTERVAL_3D, "BTCUSDT/1D/OHLCV_3D", 86400},
            {INTERVAL_1W, "BTCUSDT/1D/OHLCV_1W", 86400},
            {INTERVAL_1MO, "BTCUSDT/1D/OHLCV_1M", 86400},
        };
        char name[BUCKET_NAME_SIZE];
        struct bucket bucket;
        const char *why;

        (void)state;
        assert_int_equal(sizeof(cases) / sizeof(cases[0]), INTERVAL_COUNT);
        for (size_t i = 0; i < INTERVAL_COUNT; i++) {
                bucket_format("BTCUSDT", cases[i].interval, name);
                assert_string_equal(name, cases[i].name);
                assert_int_equal(
                    bar_home_of(cases[i].interval).timeframe_ns, cases[i].timeframe_s * INT64_C(1000000000));
                assert_int_equal(bucket_parse(name, &bucket, &why), 0);
                assert_int_equal(bucket.interval, cases[i].interval);
                assert_string_equal(bucket.symbol, "BTCUSDT");
        }
}

static void buckets_are_understood_as_users_name_them(void **state)
{
        static const struct {
                const char *text;
                enum interval interval;
        } cases[] = {{"BTCUSDT/1m", INTERVAL_1M}, {"BTCUSDT/1m/OHLCV", INTERVAL_1M},
            {"BTCUSDT/1Min/OHLCV", INTERVAL_1M}, {"BTCUSDT/4h/OHLCV", INTERVAL_4H}, {"BTCUSDT/4H/OHLCV", INTERVAL_4H},
            {"BTCUSDT/2H/OHLCV_4H", INTERVAL_4H}, {"BTCUSDT/1M", INTERVAL_1MO}, {"BTCUSDT/1mo/OHLCV", INTERVAL_1MO},
            {"BTCUSDT/1W/OHLCV", INTERVAL_1W}};
        struct bucket bucket;
        const char *why;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(bucket_parse(cases[i].text, &bucket, &why), 0);
                assert_int_equal(bucket.interval, cases[i].interval);
        }
        assert_int_equal(bucket_parse("binance_BTC-USDT/1H/OHLCV", &bucket, &why), 0);
        assert_string_equal(bucket.symbol, "binance_BTC-USDT");
}

static void what_is_no_bucket_is_refused_with_a_reason(void **state)
{
        static const char *const bad[] = {"", "/", "BTCUSDT", "BTCUSDT/", "BTCUSDT//OHLCV", "BTCUSDT/1m/",
            "BTCUSDT/1m/OHLCV/", "BTCUSDT/1m/OHLCV/2024.bin", "BTCUSDT/7m/OHLCV", "BTCUSDT/1m/TRADE",
            "BTCUSDT/1H/OHLCV_4H", "BTCUSDT/4H/OHLCV_4H", "../etc/1m/OHLCV", "./1m", "A,B/1m", "A:B/1m", "A B/1m",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/1m",
            "BTCUSDT/1mmmmmmmmmmmmmmmmmmmmmmmmmm", "BTCUSDT/1m/OHLCVOHLCVOHLCVOHLCV"};
        struct bucket bucket;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                const char *why = NULL;

                if (bucket_parse(bad[i], &bucket, &why) != -1)
                        fail_msg("\"%s\" was accepted", bad[i]);
                assert_non_null(why);
        }
}

static void the_symbol_template_is_expanded(void **state)
{
        char out[BUCKET_SYMBOL_SIZE];

        (void)state;
        assert_int_equal(bucket_symbol_expand("{symbol}", "BTCUSDT", NULL, NULL, out, sizeof(out)), 0);
        assert_string_equal(out, "BTCUSDT");
        assert_int_equal(bucket_symbol_expand("binance_{base}-{quote}", "BTCUSDT", "BTC", "USDT", out, sizeof(out)), 0);
        assert_string_equal(out, "binance_BTC-USDT");
}

static void a_template_that_makes_no_name_is_refused(void **state)
{
        static const char *const bad[] = {
            "", "{nothing}", "{symbol", "{base}-{quote}", "x/{symbol}", ".{symbol}", "{symbol}:x"};
        char out[BUCKET_SYMBOL_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                assert_int_equal(bucket_symbol_expand(bad[i], "BTCUSDT", NULL, "", out, sizeof(out)), -1);
                assert_int_equal(errno, EINVAL);
        }
        assert_int_equal(bucket_symbol_expand("{symbol}{symbol}", "BTCUSDT", NULL, NULL, out, 14), -1);
        assert_int_equal(errno, ENAMETOOLONG);
        assert_int_equal(bucket_symbol_expand("{symbol}{symbol}", "BTCUSDT", NULL, NULL, out, 15), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_interval_has_a_home_a_stock_server_can_address),
            cmocka_unit_test(buckets_are_understood_as_users_name_them),
            cmocka_unit_test(what_is_no_bucket_is_refused_with_a_reason),
            cmocka_unit_test(the_symbol_template_is_expanded),
            cmocka_unit_test(a_template_that_makes_no_name_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
