// SPDX-License-Identifier: Apache-2.0
// A MarketStore configuration with our block in it: the seed's file, the old feeder's, and what contradicts us.
#include "config_text.h"

static struct settings settings;

#define WORKERS "bgworkers:\n  - module: binancefeeder_v2.so\n    name: BinanceFeederV2\n    config:\n"
#define BLOCK WORKERS "      symbols: [BTCUSDT]\n"

static void the_block_has_our_keys(void **state)
{
        (void)state;
        static struct settings flat;
        must_read(WORKERS "      symbols: [BTCUSDT, ETHUSDT]\n"
                          "      timeframe: \"1m\"\n"
                          "      api_key: \"YOUR_API_KEY\"\n"
                          "      secret_key: \"YOUR_SECRET_KEY\"\n"
                          "      testnet: false\n"
                          "      backfill: {enabled: true, start_time: \"2024-01-01T00:00:00Z\", batch_size: 1000, "
                          "parallelism: 4, interval: \"1m\"}\n"
                          "      realtime: {enabled: true, stream_type: \"kline\", update_freq: \"1m\", "
                          "buffer_size: 1000, max_retries: 5, retry_delay: \"5s\"}\n"
                          "log_level: debug\n",
            &settings);
        assert_int_equal(errors.warnings_count, 0);
        must_read("symbols: [BTCUSDT, ETHUSDT]\ntimeframe: 1m\nbackfill: {start_time: 2024-01-01}\n"
                  "realtime: {buffer_size: 1000, max_retries: 5, retry_delay: 5s}\nlog_level: debug\n",
            &flat);
        assert_true(settings_equal(&settings, &flat));
}

static void mistakes_in_the_block_name_their_place(void **state)
{
        (void)state;
        static const char text[] = BLOCK "      timefrane: 1m\n      realtime: {stream_type: trades}\n";
        must_refuse(text, strlen(text),
            ":6:7: timefrane: unknown key; did you mean timeframe?\n"
            ":7:31: realtime.stream_type: trades is unknown; accepted: kline, trade, agg_trade, depth, book_ticker");
}

static void marketstores_keys_are_defaults_for_ours(void **state)
{
        (void)state;
        must_read("root_directory: /data/mkts\nlisten_host: localhost\nlisten_port: 5993\nlog_level: warning\n"
                  "grpc_listen_port: 5995\nwal_rotate_interval: 5\nreplication: {enabled: false}\n" BLOCK,
            &settings);
        assert_string_equal(settings.root_directory, "/data/mkts");
        assert_int_equal(settings.mkts_listen_port, 5993);
        assert_int_equal(settings.log_level, LOG_LEVEL_WARN);
        assert_string_equal(settings.state_directory, "/binance-data/state");

        must_read("root_directory: /data/mkts\nlisten_port: 5993\nlog_level: warning\n" BLOCK
                  "      store: {root_directory: /ours, mkts_port: none}\n      log_level: error\n",
            &settings);
        assert_string_equal(settings.root_directory, "/ours");
        assert_int_equal(settings.mkts_listen_port, 0);
        assert_int_equal(settings.log_level, LOG_LEVEL_ERROR);

        setenv("BINANCEFEEDER_STORE_ROOT_DIRECTORY", "/environment", 1);
        must_read("root_directory: /data/mkts\n" BLOCK, &settings);
        assert_string_equal(settings.root_directory, "/environment");
}

static void clients_of_the_server_find_the_gateway_where_it_was(void **state)
{
        static const struct {
                const char *text, *listen;
        } cases[] = {
            {"listen_port: 6000\n" BLOCK, "127.0.0.1:6000"},
            {"listen_host: localhost\nlisten_port: 6000\n" BLOCK, "localhost:6000"},
            {"listen_host: 0.0.0.0\nlisten_port: 6000\n" BLOCK, "0.0.0.0:6000"},
            {"listen_host: \"::1\"\nlisten_port: 6000\n" BLOCK, "[::1]:6000"},
            {"listen_host: localhost\n" BLOCK, "127.0.0.1:5993"},
            {"listen_port: 6000\n" BLOCK "      gateway: {listen: \"127.0.0.1:7000\"}\n", "127.0.0.1:7000"},
            {"listen_port: 6000\n" BLOCK "      gateway: {listen: off}\n", ""},
            {"listen_port: 6000\n" BLOCK "      store: {type: server}\n", "127.0.0.1:5983"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                must_read(cases[i].text, &settings);
                assert_string_equal(settings.gateway_listen, cases[i].listen);
        }
}

static void the_test_network_never_uses_marketstores_directory(void **state)
{
        (void)state;
        must_read("root_directory: /data/mkts\n" BLOCK "      testnet: true\n", &settings);
        assert_string_equal(settings.root_directory, "/binance-data/testnet/marketstore");
        assert_string_equal(errors.warnings[0],
            ":1:17: root_directory: is not used with testnet: its data is kept apart, below data_directory");
        setenv("BINANCEFEEDER_TESTNET", "true", 1);
        must_read("root_directory: /data/mkts\n" BLOCK, &settings);
        assert_string_equal(settings.root_directory, "/binance-data/testnet/marketstore");
}

static void our_directories_stay_out_of_marketstores(void **state)
{
        (void)state;
        static const char text[] = "root_directory: /binance-data\n" BLOCK;
        assert_int_equal(read_text(text, &settings), -1);
        assert_int_equal(errors.count, 2);
        assert_non_null(
            strstr(errors.text[0], "state_directory: /binance-data/state lies inside store.root_directory"));
}

static void what_contradicts_us_is_refused(void **state)
{
        (void)state;
        static const struct {
                const char *text, *messages;
        } cases[] = {
            {"timezone: America/New_York\n" BLOCK,
                ":1:11: timezone: America/New_York would move every bar to another slot; accepted: UTC"},
            {"timezone: [UTC]\n" BLOCK,
                ":1:11: timezone: something else would move every bar to another slot; accepted: UTC"},
            {"disable_variable_compression: true\n" BLOCK,
                ":1:31: disable_variable_compression: true does not go with store.type files, which compresses "
                "variable buckets; accepted: false"},
            {"listen_port: many\n" BLOCK,
                ":1:14: store.mkts_port: many is not a whole number; accepted: 1 to 65535, or none"},
            {"data_directory: /d\n" BLOCK,
                ":1:1: data_directory: stands outside the block of BinanceFeederV2; accepted: inside its config"},
            {"bgworkers: 5\n", ":1:12: bgworkers: is not a list; accepted: - module: binancefeeder_v2.so, name: "
                               "BinanceFeederV2, config: ..."},
            {"bgworkers:\n  - {module: other.so, name: Other}\n",
                ":2:3: bgworkers: no block for this program; accepted: module: binancefeeder_v2.so or name: "
                "BinanceFeederV2"},
            {BLOCK "  - {name: BinanceFeederV2}\n",
                ":6:5: bgworkers: a second block for this program; the first is on line 2"},
            {"bgworkers:\n  - {name: BinanceFeederV2, config: [BTCUSDT]}\n",
                ":2:37: config: is not a mapping; accepted: our keys"},
            {"bgworkers:\n  - {name: BinanceFeederV2}\n",
                ": symbols: none are named; accepted: symbols: [BTCUSDT, ETHUSDT], or all"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                must_refuse(cases[i].text, strlen(cases[i].text), cases[i].messages);
}

static void what_does_not_concern_us_is_left_alone(void **state)
{
        (void)state;
        must_read("timezone: \"UTC\"\ndisable_variable_compression: false\nstale_threshold: 5\nx: {y: [1, 2]}\n"
                  "triggers:\n  - {module: other.so, on: \"*/1Min/OHLCV\", config: {a: 1}}\n"
                  "bgworkers:\n  - {module: slait.so, name: Slait, config: {endpoint: x}}\n"
                  "  - module: /usr/lib/binancefeeder_v2.so\n    config: {symbols: ETHUSDT}\n",
            &settings);
        assert_string_equal(settings.symbols.names[0], "ETHUSDT");
        assert_int_equal(errors.warnings_count, 0);
}

static void an_ondiskagg_trigger_makes_bars(void **state)
{
        (void)state;
        static struct settings flat;
        must_read("triggers:\n  - module: ondiskagg.so\n    on: \"*/1Min/OHLCV\"\n    config:\n"
                  "      filter: \"\"\n      destinations: [5Min, 15Min, 1H, 1D]\n"
                  "  - {module: stream.so, on: \"*/*/*\"}\n" BLOCK,
            &settings);
        assert_int_equal(errors.warnings_count, 0);
        must_read("symbols: BTCUSDT\naggregate: {from: 1m, to: [5m, 15m, 1h, 1d]}\n", &flat);
        assert_true(settings_equal(&settings, &flat));

        must_read("triggers:\n  - {module: ondiskagg.so, on: \"*/1Sec/TRADE\", config: {destinations: [1Min]}}\n" BLOCK
                  "      realtime: {stream_type: trade}\n",
            &settings);
        assert_int_equal(settings.aggregates[0].from, AGGREGATE_TRADE);
        assert_int_equal(settings.aggregates[0].to, 1u << INTERVAL_1M);
}

static void of_an_ondiskagg_what_cannot_be_done_is_a_warning(void **state)
{
        (void)state;
        must_read("triggers:\n  - {module: ondiskagg.so, on: \"*/1Min/OHLCV\", config: {filter: nasdaq,\n"
                  "     destinations: [1Min, 2Min, 1H]}}\n"
                  "  - {module: ondiskagg.so, on: \"*/1D/OHLCV\", config: {destinations: [1W]}}\n"
                  "  - {module: ondiskagg.so, on: \"SPY/*/OHLCV\", config: {destinations: [1D]}}\n"
                  "  - {module: ondiskagg.so, config: {destinations: [1D]}}\n" BLOCK,
            &settings);
        static const char *const warnings[] = {
            ":2:5: triggers: ondiskagg's filter has no effect here: this market never closes",
            ":3:21: triggers: ondiskagg's destination 1Min is left out: it is no interval, or none that can be made "
            "here",
            ":3:27: triggers: ondiskagg's destination 2Min is left out: it is no interval, or none that can be made "
            "here",
            ":4:5: triggers: ondiskagg on */1D/OHLCV has no effect here: that is not kept",
            ":5:5: triggers: ondiskagg on SPY/*/OHLCV is taken for all symbols",
            ":6:5: triggers: ondiskagg on \"\" has no effect here; understood are timeframes of bars, such as "
            "*/1Min/OHLCV"};
        assert_int_equal(errors.warnings_count, 6);
        for (size_t i = 0; i < 6; i++)
                assert_string_equal(errors.warnings[i], warnings[i]);
        assert_int_equal(settings.aggregates[0].to, 1u << INTERVAL_1H);
        assert_int_equal(settings.aggregates[1].to, 1u << INTERVAL_1D);
        assert_int_equal(settings.aggregates[2].to, 0);
}

static void our_own_aggregate_stands_before_a_trigger(void **state)
{
        (void)state;
        must_read("triggers:\n  - {module: ondiskagg.so, on: \"*/1Min/OHLCV\", config: {destinations: [5Min]}}\n" BLOCK
                  "      aggregate: {to: 1h}\n",
            &settings);
        assert_int_equal(settings.aggregates[0].to, 1u << INTERVAL_1H);
        assert_int_equal(settings.aggregates[1].to, 0);
}

static void the_old_feeders_block_is_understood(void **state)
{
        (void)state;
        must_read("bgworkers:\n  - module: binancefeeder.so\n    name: BinanceFetcher\n    config:\n"
                  "      symbols: [ETH, BTC]\n      base_timeframe: \"1Min\"\n      query_start: \"2018-01-01 00:00\"\n"
                  "      base_currencies: [USDT, BTC]\n",
            &settings);
        assert_int_equal(settings.symbols.count, 3);
        assert_string_equal(settings.symbols.names[0], "ETHUSDT");
        assert_string_equal(settings.symbols.names[1], "ETHBTC");
        assert_string_equal(settings.symbols.names[2], "BTCUSDT");
        assert_int_equal(settings.quote_assets_count, 0);
        assert_int_equal(settings.timeframes, 1u << INTERVAL_1M);
        assert_true(settings.backfill_start_us == INT64_C(1514764800000000));
}

static void the_old_feeder_defaults_to_all_symbols_in_usdt(void **state)
{
        (void)state;
        must_read("bgworkers:\n  - module: binancefeeder.so\n    config: {base_timeframe: 1H}\n", &settings);
        assert_true(settings.all_symbols);
        assert_int_equal(settings.quote_assets_count, 1);
        assert_string_equal(settings.quote_assets[0], "USDT");
        must_read("bgworkers:\n  - module: binancefeeder.so\n    config: {symbols: [WBTC], base_currencies: BTC}\n",
            &settings);
        assert_string_equal(settings.symbols.names[0], "WBTCBTC");
}

static void old_names_work_in_the_new_block(void **state)
{
        (void)state;
        must_read(WORKERS
            "      symbols: [BTCUSDT, ETH]\n      base_currencies: [USDT]\n      query_start: 2020-01-01\n",
            &settings);
        assert_int_equal(settings.symbols.count, 2);
        assert_string_equal(settings.symbols.names[0], "BTCUSDT");
        assert_string_equal(settings.symbols.names[1], "ETHUSDT");
        assert_true(settings.backfill_start_us == INT64_C(1577836800000000));

        static const char twice[] =
            BLOCK "      query_start: 2020-01-01\n      backfill:\n        start_time: 2021-01-01\n";
        must_refuse(
            twice, strlen(twice), ":6:7: query_start: means backfill.start_time, which is given too, on line 8");
        // In a file of our own they are mistakes.
        static const char flat[] = "symbols: BTCUSDT\nquery_start: 2020-01-01\n";
        assert_int_equal(read_text(flat, &settings), -1);
}

static void the_example_can_be_copied(void **state)
{
        (void)state;
        char path[PATH_MAX + 32];
        snprintf(path, sizeof path, "%s/config/mkts.example.yml", repository);
        assert_int_equal(config_read(path, CONFIG_RUN, NOW_US, &settings, &errors), 0);
        assert_int_equal(errors.warnings_count, 0);
        assert_int_equal(settings.symbols.count, 2);
        assert_string_equal(settings.root_directory, "/data");
        assert_int_equal(settings.mkts_listen_port, 5993);
}

static void the_server_of_the_file_is_the_store_where_one_is_wanted(void **state)
{
        (void)state;
        static const char *const hosts[][2] = {{"", "127.0.0.1"}, {"listen_host: 0.0.0.0\n", "127.0.0.1"},
            {"listen_host: \"::\"\n", "127.0.0.1"}, {"listen_host: db.lan\n", "db.lan"},
            {"listen_host: \"::1\"\n", "[::1]"}};
        char text[1024], url[64];

        for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
                snprintf(
                    text, sizeof(text), "%slisten_port: 5994\n" BLOCK "      store: {type: server}\n", hosts[i][0]);
                must_read(text, &settings);
                snprintf(url, sizeof(url), "http://%s:5994", hosts[i][1]);
                assert_string_equal(settings.store_url, url);
        }
        must_read("listen_port: 5994\n" BLOCK "      store: {type: server, url: \"http://other:1\"}\n", &settings);
        assert_string_equal(settings.store_url, "http://other:1");
        must_read("listen_port: 5994\n" BLOCK, &settings);
        assert_string_equal(settings.store_url, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(the_block_has_our_keys, from_the_root),
            cmocka_unit_test_setup(mistakes_in_the_block_name_their_place, from_the_root),
            cmocka_unit_test_setup(marketstores_keys_are_defaults_for_ours, from_the_root),
            cmocka_unit_test_setup(clients_of_the_server_find_the_gateway_where_it_was, from_the_root),
            cmocka_unit_test_setup(the_test_network_never_uses_marketstores_directory, from_the_root),
            cmocka_unit_test_setup(our_directories_stay_out_of_marketstores, from_the_root),
            cmocka_unit_test_setup(what_contradicts_us_is_refused, from_the_root),
            cmocka_unit_test_setup(what_does_not_concern_us_is_left_alone, from_the_root),
            cmocka_unit_test_setup(an_ondiskagg_trigger_makes_bars, from_the_root),
            cmocka_unit_test_setup(of_an_ondiskagg_what_cannot_be_done_is_a_warning, from_the_root),
            cmocka_unit_test_setup(our_own_aggregate_stands_before_a_trigger, from_the_root),
            cmocka_unit_test_setup(the_old_feeders_block_is_understood, from_the_root),
            cmocka_unit_test_setup(the_old_feeder_defaults_to_all_symbols_in_usdt, from_the_root),
            cmocka_unit_test_setup(old_names_work_in_the_new_block, from_the_root),
            cmocka_unit_test_setup(the_server_of_the_file_is_the_store_where_one_is_wanted, from_the_root),
            cmocka_unit_test_setup(the_example_can_be_copied, from_the_root),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
