// SPDX-License-Identifier: Apache-2.0
#include "config/complete.h"

#include "common/clock.h"
#include "config/aggregates.h"
#include "config/path.h"
#include "config/url.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct completion {
        struct settings *settings;
        const struct key_places *places;
        struct config_errors *errors;
};

static struct config_place place_of(const struct completion *completion, const char *key)
{
        if (completion->places == NULL)
                return (struct config_place){0};
        return completion->places->at[key_find(key) - key_rows];
}

// ---- defaults that follow other keys ----

static void fill_text(char *field, size_t size, const char *text)
{
        memset(field, 0, size);
        snprintf(field, size, "%s", text);
}

static void fill_data(struct settings *settings)
{
        if (!key_is_given(settings, "backfill.interval"))
                settings->backfill_intervals = settings->timeframes;
        if (!key_is_given(settings, "backfill.data"))
                settings->backfill_data = settings->stream_types & (DATA_KLINE | DATA_TRADE | DATA_AGG_TRADE);
        if (key_is_given(settings, "realtime.update_freq"))
                return;
        settings->stream_intervals = settings->timeframes;
        settings->depth_cadence_ms = 1000;
        if ((settings->stream_types & DATA_DEPTH) == 0)
                settings->depth_cadence_ms =
                    interval_length_us((enum interval)__builtin_ctz(settings->timeframes)) / US_PER_MS;
}

static void fill_endpoints(struct settings *settings)
{
        if (!key_is_given(settings, "endpoints.rest"))
                fill_text(settings->rest_url, sizeof settings->rest_url,
                    settings->testnet ? "https://testnet.binance.vision" : "https://api.binance.com");
        if (!key_is_given(settings, "endpoints.stream"))
                fill_text(settings->stream_url, sizeof settings->stream_url,
                    settings->testnet ? "wss://stream.testnet.binance.vision" : "wss://stream.binance.com:9443");
        if (!key_is_given(settings, "endpoints.archive"))
                fill_text(settings->archive_url, sizeof settings->archive_url,
                    settings->testnet ? "" : "https://data.binance.vision");
}

static void fill_path(const struct completion *completion, const char *key, const char *directory, char *field)
{
        if (path_make_absolute(directory, field, field) == 0 && strlen(field) <= DIRECTORY_LENGTH_MAX)
                return;
        config_error_add(completion->errors, place_of(completion, key), key,
            "the path is too long when made absolute; accepted: up to %d bytes", DIRECTORY_LENGTH_MAX);
}

// A directory the user did not name lies in the data directory; the test network's in a corner of its own, because its
// prices must never be taken for real ones.
static void fill_directory(
    const struct completion *completion, const char *key, const char *working, const char *name, char *field)
{
        const struct settings *settings = completion->settings;
        if (key_is_given(settings, key)) {
                fill_path(completion, key, working, field);
                return;
        }
        char relative[64];
        snprintf(relative, sizeof relative, "%s%s", settings->testnet ? "testnet/" : "", name);
        fill_text(field, PATH_SIZE, relative);
        fill_path(completion, key, settings->data_directory, field);
}

static bool fill_directories(const struct completion *completion)
{
        struct settings *settings = completion->settings;
        char working[PATH_MAX];
        if (getcwd(working, sizeof working) == NULL) {
                config_error_add(completion->errors, (struct config_place){0}, NULL,
                    "the current directory cannot be read (%s); accepted: start in one that exists", strerror(errno));
                return false;
        }
        fill_path(completion, "data_directory", working, settings->data_directory);
        fill_directory(completion, "store.root_directory", working, "marketstore", settings->root_directory);
        fill_directory(completion, "state_directory", working, "state", settings->state_directory);
        fill_directory(completion, "run_directory", working, "run", settings->run_directory);
        if (settings->ca_file[0] != '\0')
                fill_path(completion, "endpoints.ca_file", working, settings->ca_file);
        return true;
}

// The store server itself listens on 5993.
static void fill_gateway(struct settings *settings)
{
        if (settings->store_type == STORE_SERVER && !key_is_given(settings, "gateway.listen") &&
            settings->gateway_listen[0] != '\0')
                fill_text(settings->gateway_listen, sizeof settings->gateway_listen, "127.0.0.1:5983");
}

// ---- combinations ----

static void check_times(const struct completion *completion)
{
        const struct settings *settings = completion->settings;
        if (settings->backfill_start_us < settings->backfill_end_us)
                return;
        char start[TIME_TEXT_SIZE];
        char end[TIME_TEXT_SIZE];
        config_error_add(completion->errors, place_of(completion, "backfill.end_time"), "backfill.end_time",
            "%s is not after start_time %s", time_format_us(settings->backfill_end_us, end),
            time_format_us(settings->backfill_start_us, start));
}

static void check_frequency(const struct completion *completion)
{
        const struct settings *settings = completion->settings;
        if ((settings->stream_types & DATA_KLINE) == 0)
                return;
        bool cadence = settings->stream_intervals == 0;
        if (!cadence && (settings->stream_types & DATA_DEPTH) == 0)
                cadence = settings->depth_cadence_ms !=
                          interval_length_us((enum interval)__builtin_ctz(settings->stream_intervals)) / US_PER_MS;
        if (cadence)
                config_error_add(completion->errors, place_of(completion, "realtime.update_freq"),
                    "realtime.update_freq", "%lldms is a cadence of depth snapshots; accepted for klines: %s",
                    (long long)settings->depth_cadence_ms, interval_names());
}

static void check_symbols(const struct completion *completion)
{
        const struct settings *settings = completion->settings;
        size_t left = 0;
        for (size_t i = 0; i < settings->symbols.count; i++)
                left += !symbol_list_contains(&settings->exclude_symbols, settings->symbols.names[i]);
        if (settings->symbols.count > 0 && left == 0)
                config_error_add(completion->errors, place_of(completion, "exclude_symbols"), "exclude_symbols",
                    "leaves none of the symbols");
        size_t streams = (size_t)__builtin_popcount(settings->stream_intervals);
        if (settings->symbols_per_worker * streams > STREAMS_PER_CONNECTION_MAX)
                config_error_add(completion->errors, place_of(completion, "realtime.symbols_per_worker"),
                    "realtime.symbols_per_worker",
                    "%u is too large with %zu intervals; accepted: up to %zu, for a "
                    "connection carries %d streams",
                    settings->symbols_per_worker, streams, STREAMS_PER_CONNECTION_MAX / streams,
                    STREAMS_PER_CONNECTION_MAX);
}

static bool ends_with(const char *text, const char *end)
{
        size_t text_length = strlen(text);
        size_t length = strlen(end);
        return text_length >= length && strcmp(text + text_length - length, end) == 0;
}

// Real data and the test network's are never mixed, not even by a forgotten line.
static void check_network(const struct completion *completion, const char *key, const char *text)
{
        struct url url;
        if (url_parse(text, &url) != NULL)
                return;
        if (!ends_with(url.host, "binance.com") && !ends_with(url.host, "binance.vision"))
                return;
        bool is_testnet = strstr(url.host, "testnet") != NULL;
        if (is_testnet == completion->settings->testnet)
                return;
        config_error_add(completion->errors, place_of(completion, key), key, "%s is %s, but testnet is %s", text,
            is_testnet ? "the test network" : "not the test network", is_testnet ? "false" : "true");
}

static void check_endpoints(const struct completion *completion)
{
        const struct settings *settings = completion->settings;
        check_network(completion, "endpoints.rest", settings->rest_url);
        check_network(completion, "endpoints.stream", settings->stream_url);
        check_network(completion, "endpoints.archive", settings->archive_url);
        if (strncmp(settings->proxy, "socks5", 6) == 0 && settings->realtime_enabled)
                config_error_add(completion->errors, place_of(completion, "endpoints.proxy"), "endpoints.proxy",
                    "the streams cannot use a SOCKS5 proxy; accepted: http://host:port, or realtime.enabled: false");
}

static void check_apart(const struct completion *completion, const char *key, const char *directory)
{
        const char *root = completion->settings->root_directory;
        if (!path_is_inside(directory, root))
                return;
        config_error_add(completion->errors, place_of(completion, key), key,
            "%s lies inside store.root_directory %s, where MarketStore would take it for data; accepted: another place",
            directory, root);
}

static void check_directories(const struct completion *completion)
{
        const struct settings *settings = completion->settings;
        check_apart(completion, "state_directory", settings->state_directory);
        check_apart(completion, "run_directory", settings->run_directory);
        if (strcmp(settings->state_directory, settings->run_directory) == 0)
                config_error_add(completion->errors, place_of(completion, "run_directory"), "run_directory",
                    "is the state_directory; accepted: another place");
        size_t length = strlen(settings->run_directory);
        if (length > RUN_DIRECTORY_LENGTH_MAX)
                config_error_add(completion->errors, place_of(completion, "run_directory"), "run_directory",
                    "%s is %zu bytes long, too long for sockets; accepted: up to %d, for example /run/user/%u/"
                    "binancefeeder",
                    settings->run_directory, length, RUN_DIRECTORY_LENGTH_MAX, (unsigned)getuid());
}

// Bars are made of what lies in year files. With a server as store, its own trigger makes them (ondiskagg), or the
// exchange sends them.
static void check_server_bars(const struct completion *completion)
{
        static const char instead[] = "with store.type server no bars are made here: name their intervals in timeframe";
        const struct settings *settings = completion->settings;
        const uint32_t trades = DATA_TRADE | DATA_AGG_TRADE;
        if (settings->aggregates[0].to != 0 && key_is_given(settings, "aggregate.to"))
                config_error_add(completion->errors, place_of(completion, "aggregate.to"), "aggregate.to",
                    "%s, with kline "
                    "among realtime.stream_type, or let the server's own trigger ondiskagg make them",
                    instead);
        else if (settings->aggregates[0].to != 0)
                config_warning_add(completion->errors, (struct config_place){0}, "triggers",
                    "ondiskagg is the server's own to run: with store.type server no bars are made here");
        if ((settings->stream_types & trades) != 0 && (settings->stream_types & DATA_KLINE) == 0)
                config_warning_add(completion->errors, place_of(completion, "realtime.stream_type"),
                    "realtime.stream_type", "%s, with kline among realtime.stream_type, where they are wanted",
                    instead);
}

static void check_store(const struct completion *completion)
{
        const struct settings *settings = completion->settings;
        if (settings->store_type == STORE_SERVER)
                check_server_bars(completion);
        if (settings->store_type == STORE_SERVER && settings->store_url[0] == '\0')
                config_error_add(completion->errors, place_of(completion, "store.type"), "store.url",
                    "is needed by store.type server; accepted: the server's URL, for example http://127.0.0.1:5993");
}

static void check_purpose(const struct completion *completion)
{
        const struct settings *settings = completion->settings;
        if (!settings->backfill_enabled && !settings->realtime_enabled)
                config_warning_add(completion->errors, place_of(completion, "realtime.enabled"), NULL,
                    "backfill and realtime are both disabled: nothing will be kept");
}

int complete_settings(struct settings *settings, const struct key_places *places, struct config_errors *errors)
{
        size_t errors_before = errors->count;
        struct completion completion = {settings, places, errors};
        fill_data(settings);
        fill_endpoints(settings);
        fill_gateway(settings);
        bool absolute = fill_directories(&completion);
        check_times(&completion);
        check_frequency(&completion);
        check_symbols(&completion);
        aggregates_complete(settings, places, errors);
        check_endpoints(&completion);
        if (absolute)
                check_directories(&completion);
        check_store(&completion);
        check_purpose(&completion);
        return errors->count == errors_before ? 0 : -1;
}

int config_complete(struct settings *settings, struct config_errors *errors)
{
        return complete_settings(settings, NULL, errors);
}
