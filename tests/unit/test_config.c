// SPDX-License-Identifier: Apache-2.0
// The configuration in our own form: what is understood, what defaults to what, and how each mistake is answered.
#include "config_text.h"

#define INTERVALS "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"
#define TIMES "accepted: a UTC time such as 2024-01-01T00:00:00Z or 2024-01, a span back from now such as 5y, or "
#define HTTPS "accepted: https://host[:port], or for loopback http://"
#define WSS "accepted: wss://host[:port], or for loopback ws://"

static struct settings settings;

// Each is added to "symbols: BTCUSDT\n", so its own first line is 2.
static const struct {
        const char *text;
        const char *messages;
} refused[] = {
    // keys
    {"backfil: {enabled: true}", ":2:1: backfil: unknown key; did you mean backfill?"},
    {"start_time: 5y", ":2:1: start_time: unknown key; did you mean backfill.start_time?"},
    {"backfill: {paralelism: 2}", ":2:12: backfill.paralelism: unknown key; did you mean backfill.parallelism?"},
    {"backfill: {x: 2}", ":2:12: backfill.x: unknown key; accepted: enabled, start_time, end_time, batch_size, "
                         "parallelism, interval, source, data"},
    {"backfill.enabled: true",
        ":2:1: backfill.enabled: a dot does not open a section; accepted: enabled inside the mapping backfill"},
    {"backfill: true", ":2:11: backfill: is not a mapping; accepted: the keys enabled, start_time, end_time, "
                       "batch_size, parallelism, interval, source, data"},
    {"\"a b\\n\": 1", ":2:1: \"a b?\": unknown key; accepted: symbols, exclude_symbols, quote_assets, timeframe, "
                      "market, testnet, api_key, secret_key, backfill, realtime, depth, aggregate, endpoints, "
                      "data_directory, state_directory, run_directory, store, spool, gateway, rate_limit, log_level"},
    // shapes
    {"testnet: [true]", ":2:10: testnet: is a list; accepted: true, false"},
    {"testnet: {a: true}", ":2:10: testnet: is a mapping; accepted: true, false"},
    {"testnet:", ":2:9: testnet: has no value; accepted: true, false"},
    {"timeframe: [[1m]]", ":2:13: timeframe: contains a list or a mapping; accepted: " INTERVALS},
    {"timeframe: []", ":2:12: timeframe: names no interval; accepted: " INTERVALS},
    // values
    {"testnet: maybe", ":2:10: testnet: maybe is neither true nor false; accepted: true, false"},
    {"timeframe: 7m", ":2:12: timeframe: 7m is not an interval; accepted: " INTERVALS},
    {"timeframe: [1m, 1x, 2y]", ":2:17: timeframe: 1x is not an interval; accepted: " INTERVALS
                                "\n:2:21: timeframe: 2y is not an interval; accepted: " INTERVALS},
    {"exclude_symbols: [../x]", ":2:19: exclude_symbols: ../x is not a symbol; accepted: names such as BTCUSDT"},
    {"exclude_symbols: [B\xc3\x84R]",
        ":2:19: exclude_symbols: B\xc3\x84R is not a symbol; accepted: names such as BTCUSDT"},
    {"exclude_symbols: BTCUSDT", ":2:18: exclude_symbols: leaves none of the symbols"},
    {"quote_assets: U$D", ":2:15: quote_assets: U$D is not an asset; accepted: assets such as USDT"},
    {"quote_assets: THISASSETNAMEISFARTOOLONG",
        ":2:15: quote_assets: THISASSETNAMEISFARTOOLONG is not an asset; accepted: assets such as USDT"},
    {"market: um", ":2:9: market: um is not in this version; accepted: spot"},
    {"market: options", ":2:9: market: options is unknown; accepted: spot"},
    {"log_level: loud", ":2:12: log_level: loud is unknown; accepted: debug, info, warn, error"},
    {"backfill: {batch_size: 0}", ":2:24: backfill.batch_size: 0 is too small; accepted: 1 to 1000"},
    {"backfill: {batch_size: -5}", ":2:24: backfill.batch_size: -5 is too small; accepted: 1 to 1000"},
    {"backfill: {batch_size: 1001}", ":2:24: backfill.batch_size: 1001 is too large; accepted: 1 to 1000"},
    {"backfill: {batch_size: 99999999999999999999}",
        ":2:24: backfill.batch_size: 99999999999999999999 is too large; accepted: 1 to 1000"},
    {"backfill: {batch_size: 10x}", ":2:24: backfill.batch_size: 10x is not a whole number; accepted: 1 to 1000"},
    {"backfill: {batch_size: 1.5}", ":2:24: backfill.batch_size: 1.5 is not a whole number; accepted: 1 to 1000"},
    {"backfill: {batch_size: \"\"}", ":2:24: backfill.batch_size: \"\" is not a whole number; accepted: 1 to 1000"},
    {"backfill: {start_time: yesterday}", ":2:24: backfill.start_time: yesterday is not a time; " TIMES "first"},
    {"backfill: {start_time: 2023-02-29}", ":2:24: backfill.start_time: 2023-02-29 is not a time; " TIMES "first"},
    {"backfill: {start_time: 1969-12-31}", ":2:24: backfill.start_time: 1969-12-31 is not a time; " TIMES "first"},
    {"backfill:\n  start_time: 2024-02-01\n  end_time: 2024-01-01",
        ":4:13: backfill.end_time: 2024-01-01T00:00:00Z is not after start_time 2024-02-01T00:00:00Z"},
    {"backfill: {source: archive}", ":2:20: backfill.source: archive is not in this version; accepted: auto, rest"},
    {"backfill: {data: depth}", ":2:18: backfill.data: depth is unknown; accepted: kline, trade, agg_trade, none"},
    {"realtime: {stream_type: [kline, depht]}",
        ":2:33: realtime.stream_type: depht is unknown; accepted: kline, trade, agg_trade, depth, book_ticker"},
    {"realtime: {stream_type: aggTrade}",
        ":2:25: realtime.stream_type: aggTrade is unknown; accepted: kline, trade, agg_trade, depth, book_ticker"},
    {"realtime: {update_freq: 100ms}",
        ":2:25: realtime.update_freq: 100ms is a cadence of depth snapshots; accepted for klines: " INTERVALS},
    {"realtime: {update_freq: [1m, 1000ms]}",
        ":2:25: realtime.update_freq: 1000ms is a cadence of depth snapshots; accepted for klines: " INTERVALS},
    {"realtime: {update_freq: 5}", ":2:25: realtime.update_freq: 5 is not an interval; accepted: " INTERVALS},
    {"realtime: {buffer_size: 10}", ":2:25: realtime.buffer_size: 10 is too small; accepted: 1000 to 1000000"},
    {"realtime: {retry_delay: 5h}", ":2:25: realtime.retry_delay: 5h has an unknown unit; accepted: 100ms to 60s"},
    {"realtime: {retry_delay: 99ms}", ":2:25: realtime.retry_delay: 99ms is too small; accepted: 100ms to 60s"},
    {"realtime: {retry_delay: 61}", ":2:25: realtime.retry_delay: 61 is too large; accepted: 100ms to 60s"},
    {"realtime: {retry_delay: soon}",
        ":2:25: realtime.retry_delay: soon is not a number with a unit; accepted: 100ms to 60s"},
    {"realtime: {symbols_per_worker: 0}",
        ":2:32: realtime.symbols_per_worker: 0 is too small; accepted: 1 to 1024, or auto"},
    {"timeframe: [1m, 1h]\nrealtime: {symbols_per_worker: 600}",
        ":3:32: realtime.symbols_per_worker: 600 is too large with 2 intervals; accepted: up to 512, for a connection "
        "carries 1024 streams"},
    {"depth: {levels: 7}", ":2:17: depth.levels: 7 is unknown; accepted: 5, 10, 20"},
    {"store: {type: server}",
        ":2:15: store.url: is needed by store.type server; accepted: the server's URL, for example "
        "http://127.0.0.1:5993"},
    {"store: {type: server, url: \"http://10.0.0.5:5993\"}\naggregate: {to: 1h}",
        ":3:17: aggregate.to: with store.type server no bars are made here: name their intervals in timeframe, with "
        "kline "
        "among realtime.stream_type, or let the server's own trigger ondiskagg make them"},
    {"store: {type: elsewhere}", ":2:15: store.type: elsewhere is unknown; accepted: files, server"},
    {"store: {columns: some}", ":2:18: store.columns: some is unknown; accepted: full, seed"},
    {"store: {symbol: \"a/{symbol}\"}", ":2:17: store.symbol: a/{symbol} contains something else; accepted: letters, "
                                        "digits, _ . - with {symbol}, or {base} and {quote}"},
    {"store: {symbol: \"x{base}\"}", ":2:17: store.symbol: x{base} would give several symbols one name; accepted: "
                                     "letters, digits, _ . - with {symbol}, or {base} and {quote}"},
    {"store: {symbol: \"..{symbol}\"}", ":2:17: store.symbol: ..{symbol} begins with a dot; accepted: letters, "
                                        "digits, _ . - with {symbol}, or {base} and {quote}"},
    {"spool: {bytes_max: 1MiB}", ":2:20: spool.bytes_max: 1MiB is too small; accepted: 16MiB to 1TiB"},
    {"spool: {reserve: 64 parsecs}",
        ":2:18: spool.reserve: \"64 parsecs\" has an unknown unit; accepted: 1MiB to 16GiB"},
    {"spool: {bytes_max: 9999999999TiB}",
        ":2:20: spool.bytes_max: 9999999999TiB is too large; accepted: 16MiB to 1TiB"},
    {"gateway: {listen: nowhere}", ":2:19: gateway.listen: nowhere has no port; accepted: address:port, or off"},
    {"rate_limit: {utilization: 1.1}", ":2:27: rate_limit.utilization: 1.1 is too large; accepted: 0.01 to 1"},
    {"rate_limit: {utilization: 0}", ":2:27: rate_limit.utilization: 0 is too small; accepted: 0.01 to 1"},
    {"rate_limit: {utilization: 50%}", ":2:27: rate_limit.utilization: 50% is not a number; accepted: 0.01 to 1"},
    {"rate_limit: {utilization: nan}", ":2:27: rate_limit.utilization: nan is not a number; accepted: 0.01 to 1"},
    // endpoints
    {"endpoints: {rest: api.binance.com}", ":2:19: endpoints.rest: api.binance.com has no scheme; " HTTPS},
    {"endpoints: {rest: \"wss://api.binance.com\"}",
        ":2:19: endpoints.rest: wss://api.binance.com has another scheme; " HTTPS},
    {"endpoints: {rest: \"http://10.0.0.1\"}",
        ":2:19: endpoints.rest: http://10.0.0.1 is not encrypted, and its host is not loopback; " HTTPS},
    {"endpoints: {rest: \"http://127.0.0.1.evil.example\"}",
        ":2:19: endpoints.rest: http://127.0.0.1.evil.example is not encrypted, and its host is not loopback; " HTTPS},
    {"endpoints: {rest: \"https://a.example/api\"}",
        ":2:19: endpoints.rest: https://a.example/api must not have a path or query; " HTTPS},
    {"endpoints: {rest: \"https://a.example?x\"}",
        ":2:19: endpoints.rest: https://a.example?x must not have a path or query; " HTTPS},
    {"endpoints: {rest: \"https://u:p@a.example\"}",
        ":2:19: endpoints.rest: must not contain a user or password; " HTTPS},
    {"endpoints: {rest: \"https://\"}", ":2:19: endpoints.rest: https:// has no valid host name; " HTTPS},
    {"endpoints: {rest: \"https://a..b\"}", ":2:19: endpoints.rest: https://a..b has no valid host name; " HTTPS},
    {"endpoints: {rest: \"https://127.1\"}", ":2:19: endpoints.rest: https://127.1 has no valid host name; " HTTPS},
    {"endpoints: {rest: \"https://a.example:0\"}",
        ":2:19: endpoints.rest: https://a.example:0 has a port outside 1 to 65535; " HTTPS},
    {"endpoints: {rest: \"https://a.example:65536\"}",
        ":2:19: endpoints.rest: https://a.example:65536 has a port outside 1 to 65535; " HTTPS},
    {"endpoints: {rest: \"https://a.example:\"}",
        ":2:19: endpoints.rest: https://a.example: has a port that is not a number; " HTTPS},
    {"endpoints: {rest: \"https://[::1\"}", ":2:19: endpoints.rest: https://[::1 has a [ without its ]; " HTTPS},
    {"endpoints: {rest: \"https://[::g]\"}",
        ":2:19: endpoints.rest: https://[::g] has no valid IPv6 address in its brackets; " HTTPS},
    {"endpoints: {stream: \"ws://stream.example\"}",
        ":2:21: endpoints.stream: ws://stream.example is not encrypted, and its host is not loopback; " WSS},
    {"endpoints: {proxy: \"http://proxy.example\"}", ":2:20: endpoints.proxy: http://proxy.example has no port; "
                                                     "accepted: http://host:port, or socks5://host:port"},
    {"endpoints: {proxy: \"http://user:secret@proxy.example:1\"}",
        ":2:20: endpoints.proxy: must not contain a user or password; accepted: "
        "http://host:port, or socks5://host:port"},
    {"endpoints: {proxy: \"socks5://127.0.0.1:1080\"}",
        ":2:20: endpoints.proxy: the streams cannot use a SOCKS5 proxy; accepted: http://host:port, or "
        "realtime.enabled: false"},
    {"testnet: true\nendpoints: {rest: \"https://api.binance.com\"}",
        ":3:19: endpoints.rest: https://api.binance.com is not the test network, but testnet is true"},
    {"endpoints: {rest: \"https://testnet.binance.vision\"}",
        ":2:19: endpoints.rest: https://testnet.binance.vision is the test network, but testnet is false"},
    // directories
    {"data_directory: \"\"", ":2:17: data_directory: \"\" is empty; accepted: a path"},
    {"data_directory: ~/data",
        ":2:17: data_directory: ~/data begins with ~, which only a shell expands; accepted: a path"},
    {"data_directory: \"a\\tb\"", ":2:17: data_directory: \"a?b\" contains a control character; accepted: a path"},
    {"state_directory: /d/marketstore/state\ndata_directory: /d",
        ":2:18: state_directory: /d/marketstore/state lies inside store.root_directory /d/marketstore, where "
        "MarketStore would take it for data; accepted: another place"},
    {"run_directory: /d/x/../marketstore\ndata_directory: /d",
        ":2:16: run_directory: /d/marketstore lies inside store.root_directory /d/marketstore, where MarketStore would "
        "take it for data; accepted: another place"},
    {"run_directory: /d/state\ndata_directory: /d",
        ":2:16: run_directory: is the state_directory; accepted: another place"},
};

static void every_mistake_names_place_key_and_what_is_accepted(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
                char text[512];
                snprintf(text, sizeof text, "symbols: BTCUSDT\n%s\n", refused[i].text);
                must_refuse(text, strlen(text), refused[i].messages);
        }
}

static void mistakes_in_symbols_name_their_place(void **state)
{
        (void)state;
        static const struct {
                const char *text, *messages;
        } cases[] = {
            {"", ": symbols: none are named; accepted: symbols: [BTCUSDT, ETHUSDT], or all"},
            {"symbols: []", ":1:10: symbols: names no symbol; accepted: names such as BTCUSDT, or all"},
            {"symbols: \"\"", ":1:10: symbols: names no symbol; accepted: names such as BTCUSDT, or all"},
            {"symbols: [all, BTCUSDT]",
                ":1:10: symbols: names symbols beside all; accepted: names such as BTCUSDT, or all"},
            {"symbols: [BTCUSDT, ../x, B\xc3\x84R]",
                ":1:20: symbols: ../x is not a symbol; accepted: names such as BTCUSDT, or all\n"
                ":1:26: symbols: B\xc3\x84R is not a symbol; accepted: names such as BTCUSDT, or all"},
            {"symbols: [ETHUSDT, BTC USDT]",
                ":1:20: symbols: \"BTC USDT\" is not a symbol; accepted: names such as BTCUSDT, or all"},
            {"symbols:\n  - BTC\n    USDT",
                ":2:5: symbols: \"BTC USDT\" is not a symbol; accepted: names such as BTCUSDT, or all"},
            {"symbols: ABCDEFGHIJKLMNOPQRSTU", ":1:10: symbols: ABCDEFGHIJKLMNOPQRSTU is not a symbol; accepted: names "
                                               "such as BTCUSDT, or all"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                must_refuse(cases[i].text, strlen(cases[i].text), cases[i].messages);
}

static void mistakes_beyond_the_bound_are_counted(void **state)
{
        (void)state;
        char text[2048] = "symbols: BTCUSDT\n";
        for (int i = 0; i < 30; i++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "unknown%d: 1\n", i);
        assert_int_equal(read_text(text, &settings), -1);
        assert_int_equal(errors.count, 30);
        assert_non_null(strstr(errors.text[CONFIG_ERRORS_MAX - 1], ":17:1: unknown15"));
        assert_int_equal(errors.warnings_count, 0);
}

static void the_defaults_are_those_of_the_table(void **state)
{
        (void)state;
        must_read("symbols: BTCUSDT\n", &settings);
        assert_int_equal(settings.timeframes, 1u << INTERVAL_1M);
        assert_int_equal(settings.backfill_intervals, 1u << INTERVAL_1M);
        assert_int_equal(settings.stream_intervals, 1u << INTERVAL_1M);
        assert_true(settings.backfill_enabled);
        assert_true(settings.realtime_enabled);
        assert_true(settings.backfill_start_us == INT64_MIN);
        assert_true(settings.backfill_end_us == INT64_MAX);
        assert_int_equal(settings.batch_size, 1000);
        assert_int_equal(settings.stream_types, DATA_KLINE);
        assert_int_equal(settings.backfill_data, DATA_KLINE);
        assert_int_equal(settings.retry_delay_ms, 1000);
        assert_int_equal(settings.symbols_per_worker, 0);
        assert_int_equal(settings.depth_levels, 20);
        assert_string_equal(settings.rest_url, "https://api.binance.com");
        assert_string_equal(settings.stream_url, "wss://stream.binance.com:9443");
        assert_string_equal(settings.archive_url, "https://data.binance.vision");
        assert_string_equal(settings.data_directory, "/binance-data");
        assert_string_equal(settings.root_directory, "/binance-data/marketstore");
        assert_string_equal(settings.state_directory, "/binance-data/state");
        assert_string_equal(settings.run_directory, "/binance-data/run");
        assert_string_equal(settings.store_symbol, "{symbol}");
        assert_string_equal(settings.gateway_listen, "127.0.0.1:5993");
        assert_true(settings.spool_bytes_max == INT64_C(4) << 30);
        assert_true(settings.spool_reserve_bytes == BALLAST_BYTES_DEFAULT);
        assert_true(settings.utilization == 0.5);
        assert_int_equal(settings.log_level, LOG_LEVEL_INFO);
        assert_int_equal(errors.warnings_count, 0);
}

static void a_one_shot_uses_more_of_the_limit_and_may_name_symbols_later(void **state)
{
        (void)state;
        assert_int_equal(read_bytes("", 0, CONFIG_ONE_SHOT, &settings), 0);
        assert_true(settings.utilization == 0.9);
        assert_int_equal(config_set(&settings, "symbols", "BTCUSDT ethusdt", NOW_US, &errors), 0);
        assert_int_equal(config_complete(&settings, &errors), 0);
        assert_int_equal(settings.symbols.count, 2);
        assert_string_equal(settings.symbols.names[1], "ETHUSDT");
}

static void symbols_may_be_written_in_many_ways(void **state)
{
        (void)state;
        static const char *const texts[] = {"symbols: [BTCUSDT, ETHUSDT]", "symbols: BTCUSDT ETHUSDT",
            "symbols: \"btcusdt,ethusdt\"", "symbols:\n  - BTC/USDT\n  - ETH-USDT", "symbols: [\"BTCUSDT , ETHUSDT\"]",
            "symbols: [BTCUSDT, BTC/USDT, ETHUSDT]"};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
                must_read(texts[i], &settings);
                assert_int_equal(settings.symbols.count, 2);
                assert_string_equal(settings.symbols.names[0], "BTCUSDT");
                assert_string_equal(settings.symbols.names[1], "ETHUSDT");
                assert_false(settings.all_symbols);
        }
        must_read("symbols: all\nquote_assets: usdt, USDC\nexclude_symbols: [BTC/USDT]\n", &settings);
        assert_true(settings.all_symbols);
        assert_int_equal(settings.symbols.count, 0);
        assert_int_equal(settings.quote_assets_count, 2);
        assert_string_equal(settings.quote_assets[0], "USDT");
        assert_true(symbol_list_contains(&settings.exclude_symbols, "BTCUSDT"));
}

static void intervals_follow_the_timeframe_unless_given(void **state)
{
        (void)state;
        must_read("symbols: BTCUSDT\ntimeframe: [1Min, 4h, 1mo]\n", &settings);
        interval_set three = 1u << INTERVAL_1M | 1u << INTERVAL_4H | 1u << INTERVAL_1MO;
        assert_int_equal(settings.timeframes, three);
        assert_int_equal(settings.backfill_intervals, three);
        assert_int_equal(settings.stream_intervals, three);
        char text[128];
        assert_string_equal(interval_set_format(three, text), "1m 4h 1M");

        must_read(
            "symbols: BTCUSDT\ntimeframe: 1m\nbackfill: {interval: 1h}\nrealtime: {update_freq: 5m}\n", &settings);
        assert_int_equal(settings.backfill_intervals, 1u << INTERVAL_1H);
        assert_int_equal(settings.stream_intervals, 1u << INTERVAL_5M);

        // A flag after the file: what followed the old timeframe follows the new one.
        must_read("symbols: BTCUSDT\nbackfill: {interval: 1h}\n", &settings);
        assert_int_equal(config_set(&settings, "timeframe", "1d,1w", NOW_US, &errors), 0);
        assert_int_equal(config_complete(&settings, &errors), 0);
        assert_int_equal(settings.backfill_intervals, 1u << INTERVAL_1H);
        assert_int_equal(settings.stream_intervals, 1u << INTERVAL_1D | 1u << INTERVAL_1W);
}

static void values_are_read_in_the_units_of_the_seed(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                uint32_t ms;
        } delays[] = {{"\"5s\"", 5000}, {"5", 5000}, {"500ms", 500}, {"\"1 s\"", 1000}, {"1m", 60000}};
        for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
                char text[128];
                snprintf(text, sizeof text, "symbols: BTCUSDT\nrealtime: {retry_delay: %s}\n", delays[i].text);
                must_read(text, &settings);
                assert_int_equal(settings.retry_delay_ms, delays[i].ms);
        }
        must_read("symbols: BTCUSDT\n"
                  "backfill: {start_time: \"2024-01-01T00:00:00Z\", end_time: 2024-02}\n"
                  "spool: {bytes_max: 100 MB, reserve: 33554432}\n"
                  "store: {symbol: \"binance_{base}-{quote}\", columns: seed}\n"
                  "log_level: warning\n",
            &settings);
        assert_true(settings.backfill_start_us == INT64_C(1704067200000000));
        assert_true(settings.backfill_end_us == INT64_C(1706745600000000));
        assert_true(settings.spool_bytes_max == 100000000);
        assert_true(settings.spool_reserve_bytes == 33554432);
        assert_int_equal(settings.store_columns, COLUMNS_SEED);
        assert_int_equal(settings.log_level, LOG_LEVEL_WARN);
        must_read("symbols: BTCUSDT\nbackfill: {start_time: 10d, end_time: }\n", &settings);
        assert_true(settings.backfill_start_us == NOW_US - INT64_C(10) * 86400 * 1000000);
        assert_true(settings.backfill_end_us == INT64_MAX);
}

static void endpoints_are_normalised(void **state)
{
        (void)state;
        must_read("symbols: BTCUSDT\n"
                  "endpoints:\n"
                  "  rest: \"HTTP://LocalHost:8080/\"\n"
                  "  stream: \"ws://[::1]:9443\"\n"
                  "  archive: \"http://127.8.0.1:1\"\n"
                  "  proxy: \"http://Proxy.example:3128/\"\n"
                  "  ca_file: ca.pem\n",
            &settings);
        assert_string_equal(settings.rest_url, "http://localhost:8080");
        assert_string_equal(settings.stream_url, "ws://[::1]:9443");
        assert_string_equal(settings.archive_url, "http://127.8.0.1:1");
        assert_string_equal(settings.proxy, "http://proxy.example:3128");
        assert_string_equal(settings.ca_file, "/ca.pem");
        must_read("symbols: BTCUSDT\nrealtime: {enabled: no}\nendpoints: {proxy: \"socks5h://h:1080\"}\n", &settings);
        assert_string_equal(settings.proxy, "socks5h://h:1080");
}

static void the_test_network_has_hosts_and_directories_of_its_own(void **state)
{
        (void)state;
        must_read("symbols: BTCUSDT\ntestnet: true\n", &settings);
        assert_string_equal(settings.rest_url, "https://testnet.binance.vision");
        assert_string_equal(settings.stream_url, "wss://stream.testnet.binance.vision");
        assert_string_equal(settings.archive_url, "");
        assert_string_equal(settings.root_directory, "/binance-data/testnet/marketstore");
        assert_string_equal(settings.state_directory, "/binance-data/testnet/state");
        assert_string_equal(settings.run_directory, "/binance-data/testnet/run");
        must_read("symbols: BTCUSDT\ntestnet: true\ndata_directory: /data\nrun_directory: /run/bf\n", &settings);
        assert_string_equal(settings.root_directory, "/data/testnet/marketstore");
        assert_string_equal(settings.run_directory, "/run/bf");
}

static void directories_become_absolute(void **state)
{
        (void)state;
        assert_int_equal(chdir("/tmp"), 0);
        must_read("symbols: BTCUSDT\ndata_directory: ./a//b/../c/\nstate_directory: ../s\n", &settings);
        assert_string_equal(settings.data_directory, "/tmp/a/c");
        assert_string_equal(settings.root_directory, "/tmp/a/c/marketstore");
        assert_string_equal(settings.state_directory, "/s");
        // A neighbour whose name only begins alike is not inside.
        must_read("symbols: BTCUSDT\nstate_directory: ./binance-data/marketstore2\n", &settings);
}

static void paths_too_long_for_their_purpose_are_refused(void **state)
{
        (void)state;
        char text[1024];
        char name[DIRECTORY_LENGTH_MAX + 2];
        memset(name, 'n', sizeof name);
        name[sizeof name - 1] = '\0';
        snprintf(text, sizeof text, "symbols: BTCUSDT\nstate_directory: %s\n", name);
        assert_int_equal(read_text(text, &settings), -1);
        assert_non_null(strstr(errors.text[0], " is too long; accepted: a path"));

        name[DIRECTORY_LENGTH_MAX] = '\0'; // fits, but not with the current directory before it
        snprintf(text, sizeof text, "symbols: BTCUSDT\nstate_directory: %s\n", name);
        assert_int_equal(read_text(text, &settings), -1);
        assert_string_equal(errors.text[0],
            ":2:18: state_directory: the path is too long when made absolute; accepted: "
            "up to 399 bytes");

        name[RUN_DIRECTORY_LENGTH_MAX - 1] = '\0';
        snprintf(text, sizeof text, "symbols: BTCUSDT\nrun_directory: /%s\n", name);
        must_read(text, &settings);
        snprintf(text, sizeof text, "symbols: BTCUSDT\nrun_directory: /%sn\n", name);
        assert_int_equal(read_text(text, &settings), -1);
        assert_non_null(strstr(errors.text[0], "is 84 bytes long, too long for sockets; accepted: up to 83"));
}

static void secrets_are_read_and_forgotten(void **state)
{
        (void)state;
        must_read("symbols: BTCUSDT\napi_key: \"hunter2hunter2\"\nsecret_key: YOUR_SECRET_KEY\n", &settings);
        assert_null(memmem(&settings, sizeof settings, "hunter2", 7));
        assert_null(memmem(&settings, sizeof settings, "YOUR_SECRET", 11));
        assert_int_equal(read_text("symbols: BTCUSDT\napi_key: [hunter2]\n", &settings), -1);
        assert_null(strstr(errors.text[0], "hunter2"));
        must_read("symbols: BTCUSDT\napi_key:\n", &settings);
}

static void what_has_no_effect_is_a_warning(void **state)
{
        (void)state;
        must_read("symbols: BTCUSDT\naggregate: {from: 1m}\n", &settings);
        assert_int_equal(errors.warnings_count, 1);
        assert_string_equal(errors.warnings[0], ":2:19: aggregate: makes nothing: `to` names no interval");
        must_read("symbols: BTCUSDT\nbackfill: {enabled: false}\nrealtime: {enabled: false}\n", &settings);
        assert_string_equal(errors.warnings[0], ":3:21: backfill and realtime are both disabled: nothing will be kept");
}

static void depth_is_kept_as_told(void **state)
{
        (void)state;
        must_read("symbols: BTCUSDT\nrealtime: {stream_type: depth}\n", &settings);
        assert_int_equal(settings.stream_types, DATA_DEPTH);
        assert_int_equal(settings.depth_cadence_ms, 1000);
        assert_int_equal(settings.depth_levels, 20);
        assert_false(settings.depth_diffs);
        must_read("symbols: BTCUSDT\nrealtime: {stream_type: [depth, trade], update_freq: 100ms}\n"
                  "depth: {levels: 5, diffs: true}\n",
            &settings);
        assert_int_equal(errors.warnings_count, 0);
        assert_int_equal(settings.stream_types, DATA_DEPTH | DATA_TRADE);
        assert_int_equal(settings.depth_cadence_ms, 100);
        assert_int_equal(settings.depth_levels, 5);
        assert_true(settings.depth_diffs);
        // The seed's own line.
        must_read("symbols: BTCUSDT\nrealtime: {stream_type: depth, update_freq: \"1m\"}\n", &settings);
        assert_int_equal(settings.depth_cadence_ms, 60000);
}

static void the_environment_beats_the_file(void **state)
{
        (void)state;
        setenv("BINANCEFEEDER_ENDPOINTS_REST", "http://127.0.0.1:4711", 1);
        setenv("BINANCEFEEDER_DATA_DIRECTORY", "/elsewhere", 1);
        setenv("BINANCEFEEDER_SYMBOLS", "BNBUSDT", 1);
        setenv("BINANCEFEEDER_LOG_LEVEL", "", 1); // empty is unset
        must_read("symbols: BTCUSDT\ndata_directory: /here\nlog_level: error\n", &settings);
        assert_string_equal(settings.rest_url, "http://127.0.0.1:4711");
        assert_string_equal(settings.state_directory, "/elsewhere/state");
        assert_int_equal(settings.symbols.count, 1);
        assert_string_equal(settings.symbols.names[0], "BNBUSDT");
        assert_int_equal(settings.log_level, LOG_LEVEL_ERROR);

        setenv("BINANCEFEEDER_BACKFILL_BATCH_SIZE", "5000", 1);
        setenv("BINANCEFEEDER_BACKFILL_PARALELISM", "5", 1);
        assert_int_equal(read_text("symbols: BTCUSDT\n", &settings), -1);
        assert_string_equal(errors.text[0], "environment BINANCEFEEDER_BACKFILL_BATCH_SIZE: backfill.batch_size: 5000 "
                                            "is too large; accepted: 1 to 1000");
        assert_string_equal(errors.warnings[0], "environment: BINANCEFEEDER_BACKFILL_PARALELISM is no setting; did you "
                                                "mean BINANCEFEEDER_BACKFILL_PARALLELISM?");
        unsetenv("BINANCEFEEDER_BACKFILL_PARALELISM");
}

static void variables_without_a_file_are_applied_alone(void **state)
{
        (void)state;
        setenv("BINANCEFEEDER_TESTNET", "true", 1);
        config_defaults(CONFIG_ONE_SHOT, &settings);
        assert_int_equal(config_set_from_environment(&settings, NOW_US, &errors), 0);
        assert_int_equal(config_complete(&settings, &errors), 0);
        assert_string_equal(settings.rest_url, "https://testnet.binance.vision");
}

static void each_key_has_a_variable_of_its_own(void **state)
{
        (void)state;
        for (size_t i = 0; i < key_rows_count; i++) {
                for (size_t j = 0; j < i; j++) {
                        char a[KEY_VARIABLE_SIZE];
                        char b[KEY_VARIABLE_SIZE];
                        assert_string_not_equal(key_variable(&key_rows[i], a), key_variable(&key_rows[j], b));
                }
        }
}

static void a_flag_is_checked_like_a_line_of_a_file(void **state)
{
        (void)state;
        config_defaults(CONFIG_ONE_SHOT, &settings);
        assert_int_equal(config_set(&settings, "backfill.parallelism", "65", NOW_US, &errors), -1);
        assert_string_equal(errors.text[0], "backfill.parallelism: 65 is too large; accepted: 1 to 64");
        assert_int_equal(config_set(&settings, "backfill.paralelism", "6", NOW_US, &errors), -1);
        assert_string_equal(errors.text[1], "backfill.paralelism: unknown key; did you mean backfill.parallelism?");
        assert_int_equal(config_set(&settings, "backfill.start_time", "5y", NOW_US, &errors), 0);
        assert_int_equal(config_set(&settings, "backfill.end_time", "6y", NOW_US, &errors), 0);
        assert_int_equal(config_complete(&settings, &errors), -1);
        assert_non_null(strstr(errors.text[2], "is not after start_time"));
}

static void a_reload_keeps_what_only_a_start_can_change(void **state)
{
        (void)state;
        static struct settings wanted;
        must_read("symbols: BTCUSDT\ndata_directory: /a\n", &settings);
        must_read("symbols: ETHUSDT\ndata_directory: /b\nbackfill: {parallelism: 7}\n", &wanted);
        config_keep_fixed(&settings, &wanted, &errors);
        assert_string_equal(wanted.data_directory, "/a");
        assert_string_equal(wanted.root_directory, "/a/marketstore");
        assert_int_equal(wanted.parallelism, 7);
        assert_string_equal(wanted.symbols.names[0], "ETHUSDT");
        assert_int_equal(errors.warnings_count, 4);
        assert_string_equal(
            errors.warnings[0], "data_directory: takes effect at the next start; until then the old value holds");
        assert_false(settings_equal(&settings, &wanted));
        config_keep_fixed(&settings, &wanted, &errors);
        assert_int_equal(errors.warnings_count, 4);
}

static void a_vanished_current_directory_is_an_error(void **state)
{
        (void)state;
        char directory[] = "/tmp/binancefeeder-test-XXXXXX";
        assert_non_null(mkdtemp(directory));
        assert_int_equal(chdir(directory), 0);
        assert_int_equal(rmdir(directory), 0);
        must_refuse("symbols: BTCUSDT\n", 17,
            "the current directory cannot be read (No such file or directory); accepted: start in one that exists");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(every_mistake_names_place_key_and_what_is_accepted, from_the_root),
            cmocka_unit_test_setup(mistakes_in_symbols_name_their_place, from_the_root),
            cmocka_unit_test_setup(mistakes_beyond_the_bound_are_counted, from_the_root),
            cmocka_unit_test_setup(the_defaults_are_those_of_the_table, from_the_root),
            cmocka_unit_test_setup(a_one_shot_uses_more_of_the_limit_and_may_name_symbols_later, from_the_root),
            cmocka_unit_test_setup(symbols_may_be_written_in_many_ways, from_the_root),
            cmocka_unit_test_setup(intervals_follow_the_timeframe_unless_given, from_the_root),
            cmocka_unit_test_setup(values_are_read_in_the_units_of_the_seed, from_the_root),
            cmocka_unit_test_setup(endpoints_are_normalised, from_the_root),
            cmocka_unit_test_setup(the_test_network_has_hosts_and_directories_of_its_own, from_the_root),
            cmocka_unit_test_setup(directories_become_absolute, from_the_root),
            cmocka_unit_test_setup(paths_too_long_for_their_purpose_are_refused, from_the_root),
            cmocka_unit_test_setup(secrets_are_read_and_forgotten, from_the_root),
            cmocka_unit_test_setup(what_has_no_effect_is_a_warning, from_the_root),
            cmocka_unit_test_setup(depth_is_kept_as_told, from_the_root),
            cmocka_unit_test_setup(the_environment_beats_the_file, from_the_root),
            cmocka_unit_test_setup(variables_without_a_file_are_applied_alone, from_the_root),
            cmocka_unit_test_setup(each_key_has_a_variable_of_its_own, from_the_root),
            cmocka_unit_test_setup(a_flag_is_checked_like_a_line_of_a_file, from_the_root),
            cmocka_unit_test_setup(a_reload_keeps_what_only_a_start_can_change, from_the_root),
            cmocka_unit_test_setup(a_vanished_current_directory_is_an_error, from_the_root),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
