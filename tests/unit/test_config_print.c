// SPDX-License-Identifier: Apache-2.0
// What config_print() writes reads back to the same settings; the example and the documentation come from the same
// table.
#include "config_text.h"

static struct settings settings;
static struct settings again;

// Printed text, for free().
static char *printed(const struct settings *from)
{
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        config_print(from, out);
        fclose(out);
        return text;
}

static char *example(void)
{
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        config_print_example(out);
        fclose(out);
        return text;
}

static void must_read_back(const struct settings *from)
{
        char *text = printed(from);
        if (read_bytes(text, strlen(text), CONFIG_ONE_SHOT, &again) < 0)
                fail_msg("%s\n%s", errors.text[0], text);
        assert_int_equal(errors.warnings_count <= 1, 1); // both halves may be off
        char *text_again = printed(&again);
        assert_string_equal(text_again, text);
        assert_true(settings_equal(from, &again));
        free(text_again);
        free(text);
}

// Values that each key accepts; every key of the table is here.
static const struct {
        const char *key;
        const char *values[6];
} samples[] = {
    {"symbols", {"BTCUSDT", "btc/usdt eth-usdt 1INCHUSDT", "all",
                    "A1,A2,A3,A4,A5,A6,A7,A8,A9,B1,B2,B3,B4,B5,B6,B7,B8,B9,C1,C2,TRUE,NULL,NO,Y,ON"}},
    {"exclude_symbols", {"", "XUSDT", "OFF,YUSDT,NULL"}},
    {"quote_assets", {"", "USDT", "USDT usdc NULL"}},
    {"timeframe", {"1m", "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M", "4h,1mo"}},
    {"market", {"spot"}},
    {"testnet", {"false", "true"}},
    {"api_key", {"secret"}},
    {"secret_key", {"secret"}},
    {"backfill.enabled", {"true", "false"}},
    {"backfill.start_time", {"first", "5y", "2017-08-17", "2020-02-29T12:34:56.789012Z"}},
    {"backfill.end_time", {"none", "now", "2024-03-01T00:00:00.5Z", "9999-12-31"}},
    {"backfill.batch_size", {"1", "1000"}},
    {"backfill.parallelism", {"1", "64"}},
    {"backfill.interval", {"1d", "1m 1h"}},
    {"backfill.source", {"auto", "rest"}},
    {"backfill.data", {"kline", "trade agg_trade", "none"}},
    {"realtime.enabled", {"true", "false"}},
    {"realtime.stream_type", {"kline", "trade agg_trade", "depth", "kline depth book_ticker"}},
    {"realtime.update_freq", {"1m", "1M 1w", "1s 5m"}},
    {"realtime.buffer_size", {"1000", "1000000"}},
    {"realtime.max_retries", {"0", "1000"}},
    {"realtime.retry_delay", {"100ms", "1500ms", "60"}},
    {"realtime.symbols_per_worker", {"auto", "1", "64"}},
    {"depth.levels", {"5", "10", "20"}},
    {"depth.diffs", {"true"}},
    {"depth.compare", {"10s", "900s", "60m"}},
    {"aggregate.from", {"trade", "1m"}},
    {"aggregate.to", {"1h", "5m 4h 1w 1M"}},
    {"aggregate.check", {"false", "true"}},
    {"endpoints.rest", {"http://127.0.0.1:1", "https://[2001:db8::1]:8443", "https://mirror.example"}},
    {"endpoints.stream", {"ws://localhost:9", "wss://mirror.example:443"}},
    {"endpoints.archive", {"http://[::1]:80", "https://mirror.example"}},
    {"endpoints.ca_file", {"", "ca.pem", "/etc/my ca \"quoted\" \\ #1.pem"}},
    {"endpoints.proxy", {"", "http://proxy.example:3128"}},
    {"data_directory", {"./binance-data", "/d: e", "/\xc3\xa4 ' {x}"}},
    {"state_directory", {"/s", "state # not a comment"}},
    {"run_directory", {"/r"}},
    {"store.type", {"files"}},
    {"store.root_directory", {"/m", "/m/x: y"}},
    {"store.url", {"http://127.0.0.1:5993"}},
    {"store.symbol", {"{symbol}", "binance_{base}-{quote}"}},
    {"store.columns", {"full", "seed"}},
    {"store.mkts_port", {"none", "1", "65535"}},
    {"spool.bytes_max", {"16MiB", "100000001", "1TiB"}},
    {"spool.reserve", {"1MiB", "64MiB"}},
    {"gateway.listen", {"off", "127.0.0.1:5993", "[::1]:80", "localhost:5993"}},
    {"rate_limit.utilization", {"0.01", "0.333333333333333314829616256247", "1", "0.1"}},
    {"rate_limit.weight_per_minute", {"auto", "1", "6000"}},
    {"log_level", {"debug", "info", "warn", "error", "fatal"}},
};
static const size_t samples_count = sizeof samples / sizeof samples[0];

static size_t values_count(size_t sample)
{
        size_t count = 0;
        while (count < 6 && samples[sample].values[count] != NULL)
                count++;
        return count;
}

static void set(const char *key, const char *value)
{
        if (config_set(&settings, key, value, NOW_US, &errors) < 0)
                fail_msg("%s", errors.text[0]);
}

static void every_key_has_a_sample(void **state)
{
        (void)state;
        assert_int_equal(samples_count, key_rows_count);
        for (size_t i = 0; i < samples_count; i++)
                assert_string_equal(samples[i].key, key_rows[i].name);
}

static void each_value_reads_back(void **state)
{
        (void)state;
        for (size_t i = 0; i < samples_count; i++) {
                for (size_t j = 0; j < values_count(i); j++) {
                        config_defaults(CONFIG_ONE_SHOT, &settings);
                        set(samples[i].key, samples[i].values[j]);
                        memset(&errors, 0, sizeof errors);
                        if (config_complete(&settings, &errors) < 0)
                                fail_msg("%s", errors.text[0]);
                        must_read_back(&settings);
                }
        }
}

// Deterministic: a failure can be repeated.
static uint32_t next_random(void)
{
        static uint64_t random_state = 42;
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(random_state >> 33);
}

static void any_mixture_of_values_reads_back(void **state)
{
        (void)state;
        size_t read_back = 0;
        for (int round = 0; round < 400; round++) {
                config_defaults(round % 2 == 0 ? CONFIG_RUN : CONFIG_ONE_SHOT, &settings);
                for (size_t i = 0; i < samples_count; i++)
                        if (next_random() % 3 == 0)
                                set(samples[i].key, samples[i].values[next_random() % values_count(i)]);
                memset(&errors, 0, sizeof errors);
                if (config_complete(&settings, &errors) < 0) // an end before its start, for example
                        continue;
                must_read_back(&settings);
                read_back++;
        }
        assert_true(read_back > 200);
}

static void defaults_are_complete_and_read_back(void **state)
{
        (void)state;
        config_defaults(CONFIG_RUN, &settings);
        assert_string_equal(settings.run_directory, "/binance-data/run");
        must_read_back(&settings);
        config_defaults(CONFIG_ONE_SHOT, &settings);
        must_read_back(&settings);
}

static void nothing_remains_of_a_value_that_was_set_before(void **state)
{
        (void)state;
        for (size_t i = 0; i < samples_count; i++) {
                size_t count = values_count(i);
                for (size_t j = 0; j < count; j++) {
                        config_defaults(CONFIG_RUN, &settings);
                        set(samples[i].key, samples[i].values[j]);
                        again = settings;
                        set(samples[i].key, samples[i].values[count - 1]);
                        set(samples[i].key, samples[i].values[j]);
                        assert_true(settings_equal(&settings, &again));
                }
        }
}

static void no_secret_is_printed(void **state)
{
        (void)state;
        must_read("symbols: BTCUSDT\napi_key: hunter2\nsecret_key: hunter3\n", &settings);
        char *text = printed(&settings);
        assert_null(strstr(text, "hunter"));
        assert_null(strstr(text, "_key"));
        free(text);
}

static void different_settings_are_not_equal(void **state)
{
        (void)state;
        must_read("symbols: BTCUSDT\n", &settings);
        must_read("symbols: BTCUSDT\nlog_level: info\n", &again);
        assert_true(settings_equal(&settings, &again));
        must_read("symbols: BTCUSDT\nlog_level: debug\n", &again);
        assert_false(settings_equal(&settings, &again));
}

static void the_example_means_the_defaults(void **state)
{
        (void)state;
        char *text = example();
        must_read(text, &settings);
        assert_int_equal(errors.warnings_count, 0);
        must_read("symbols: [BTCUSDT, ETHUSDT]\n", &again);
        assert_true(settings_equal(&settings, &again));
        free(text);
}

static void commented_keys_of_the_example_can_be_uncommented(void **state)
{
        (void)state;
        char *text = example();
        size_t keys = 0;
        for (char *line = text; *line != '\0';) {
                char *end = strchr(line, '\n');
                bool indented = strncmp(line, "#    ", 5) == 0;
                if (line[0] == '#' && (line[1] != ' ' || indented)) {
                        memmove(line, line + 1, strlen(line));
                        end--;
                        keys++;
                }
                line = end + 1;
        }
        must_read(text, &settings);
        assert_true(keys > 10);
        // The keys whose example is not what happens without them.
        must_read("symbols: [BTCUSDT, ETHUSDT]\naggregate: {from: 1m, to: [5m, 1h]}\n"
                  "store: {url: \"http://127.0.0.1:5993\"}\n",
            &again);
        assert_true(settings_equal(&settings, &again));
        free(text);
}

static void the_reference_file_is_the_example(void **state)
{
        (void)state;
        char path[PATH_MAX + 32];
        snprintf(path, sizeof path, "%s/config/reference.yml", repository);
        FILE *in = fopen(path, "r");
        assert_non_null(in);
        char *text = example();
        char *file = calloc(1, strlen(text) + 2);
        assert_non_null(file);
        size_t got = fread(file, 1, strlen(text) + 1, in);
        fclose(in);
        assert_int_equal(got, strlen(text));
        assert_string_equal(file, text); // else: binancefeeder check --example > config/reference.yml
        free(file);
        free(text);
}

static void the_other_files_in_config_are_valid(void **state)
{
        (void)state;
        static const char *const names[] = {"binancefeeder.yml", "demo.yml"};
        for (size_t i = 0; i < 2; i++) {
                char path[PATH_MAX + 32];
                snprintf(path, sizeof path, "%s/config/%s", repository, names[i]);
                if (config_read(path, CONFIG_RUN, NOW_US, &settings, &errors) < 0)
                        fail_msg("%s", errors.text[0]);
                assert_int_equal(errors.warnings_count, 0);
        }
        assert_int_equal(settings.symbols.count, 3);
}

static void the_documentation_has_a_row_for_every_key(void **state)
{
        (void)state;
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        config_print_markdown(out);
        fclose(out);
        for (size_t i = 0; i < key_rows_count; i++) {
                char row[96];
                snprintf(row, sizeof row, "\n| `%s` | ", key_rows[i].name);
                assert_non_null(strstr(text, row));
        }
        size_t lines = 0;
        for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
                size_t bars = 0;
                for (const char *c = line; *c != '\n'; c++)
                        bars += *c == '|';
                assert_int_equal(bars, 6);
                lines++;
        }
        assert_int_equal(lines, key_rows_count + 2);
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(every_key_has_a_sample, from_the_root),
            cmocka_unit_test_setup(each_value_reads_back, from_the_root),
            cmocka_unit_test_setup(any_mixture_of_values_reads_back, from_the_root),
            cmocka_unit_test_setup(defaults_are_complete_and_read_back, from_the_root),
            cmocka_unit_test_setup(nothing_remains_of_a_value_that_was_set_before, from_the_root),
            cmocka_unit_test_setup(no_secret_is_printed, from_the_root),
            cmocka_unit_test_setup(different_settings_are_not_equal, from_the_root),
            cmocka_unit_test_setup(the_example_means_the_defaults, from_the_root),
            cmocka_unit_test_setup(commented_keys_of_the_example_can_be_uncommented, from_the_root),
            cmocka_unit_test_setup(the_reference_file_is_the_example, from_the_root),
            cmocka_unit_test_setup(the_other_files_in_config_are_valid, from_the_root),
            cmocka_unit_test_setup(the_documentation_has_a_row_for_every_key, from_the_root),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
