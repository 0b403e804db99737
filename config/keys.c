// SPDX-License-Identifier: Apache-2.0
#include "config/keys.h"

#include "common/log.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct key_choice markets[] = {{"spot", MARKET_SPOT}, {"um", 1}, {"cm", 2}, {NULL, 0}};
static const struct key_choice sources[] = {
    {"auto", SOURCE_AUTO}, {"archive", SOURCE_ARCHIVE}, {"rest", SOURCE_REST}, {NULL, 0}};
static const struct key_choice history_kinds[] = {
    {"kline", DATA_KLINE}, {"trade", DATA_TRADE}, {"agg_trade", DATA_AGG_TRADE}, {"none", 0}, {NULL, 0}};
static const struct key_choice stream_kinds[] = {{"kline", DATA_KLINE}, {"trade", DATA_TRADE},
    {"agg_trade", DATA_AGG_TRADE}, {"depth", DATA_DEPTH}, {"book_ticker", DATA_BOOK_TICKER}, {NULL, 0}};
static const struct key_choice store_types[] = {{"files", STORE_FILES}, {"server", STORE_SERVER}, {NULL, 0}};
static const struct key_choice column_sets[] = {{"full", COLUMNS_FULL}, {"seed", COLUMNS_SEED}, {NULL, 0}};
static const struct key_choice levels[] = {{"5", 5}, {"10", 10}, {"20", 20}, {NULL, 0}};
static const struct key_choice tick_kinds[] = {
    {"trade", AGGREGATE_TRADE}, {"agg_trade", AGGREGATE_AGG_TRADE}, {NULL, 0}};
static const struct key_choice log_levels[] = {{"debug", LOG_LEVEL_DEBUG}, {"info", LOG_LEVEL_INFO},
    {"warn", LOG_LEVEL_WARN}, {"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARN}, {"fatal", LOG_LEVEL_ERROR},
    {NULL, 0}};
static const struct key_choice http_schemes[] = {{"https", 1}, {"http", 0}, {NULL, 0}};
static const struct key_choice websocket_schemes[] = {{"wss", 1}, {"ws", 0}, {NULL, 0}};

#define FIELD(member) .offset = offsetof(struct settings, member), .size = sizeof(((struct settings *)NULL)->member)

// In the order in which they are printed; the keys of a section stand together.
const struct key_row key_rows[] = {
    {.name = "symbols",
        .type = KEY_SYMBOLS,
        .flags = KEY_RELOADABLE,
        FIELD(symbols),
        .word = "all",
        .follows = "none; must be given",
        .example = "[BTCUSDT, ETHUSDT]",
        .help =
            "What to keep: BTCUSDT, btcusdt, BTC/USDT and BTC-USDT are the same. `all` is every symbol that trades, "
            "narrowed by quote_assets and read again every hour."},
    {.name = "exclude_symbols",
        .type = KEY_SYMBOLS,
        .flags = KEY_RELOADABLE,
        FIELD(exclude_symbols),
        .fallback = "[]",
        .help = "Symbols to leave out, mostly of `all`."},
    {.name = "quote_assets",
        .type = KEY_ASSETS,
        .flags = KEY_RELOADABLE,
        FIELD(quote_assets),
        .fallback = "[]",
        .help = "With `symbols: all`: only symbols quoted in these assets, for example [USDT, USDC]. Empty: any."},
    {.name = "timeframe",
        .type = KEY_INTERVALS,
        .flags = KEY_RELOADABLE,
        FIELD(timeframes),
        .fallback = "1m",
        .help = "Bars to keep, one interval or a list. The intervals of backfill and streams follow it."},
    {.name = "market",
        .type = KEY_CHOICE,
        FIELD(market),
        .choices = markets,
        .supported = "spot",
        .fallback = "spot",
        .help = "Binance's spot market."},
    {.name = "testnet",
        .type = KEY_BOOL,
        FIELD(testnet),
        .fallback = "false",
        .help = "Use Binance's spot test network, REST and streams only. Its data is kept apart, below `testnet` in "
                "data_directory."},
    {.name = "api_key",
        .type = KEY_SECRET,
        .follows = "none",
        .help = "Not needed: all data is public. Accepted, neither kept nor sent nor printed."},
    {.name = "secret_key", .type = KEY_SECRET, .follows = "none", .help = "Not needed, like api_key."},

    {.name = "backfill.enabled",
        .type = KEY_BOOL,
        .flags = KEY_RELOADABLE,
        FIELD(backfill_enabled),
        .fallback = "true",
        .help = "Fetch history. `false` stops history only: holes of the running streams are still repaired."},
    {.name = "backfill.start_time",
        .type = KEY_TIME,
        .flags = KEY_RELOADABLE,
        FIELD(backfill_start_us),
        .min = INT64_MIN,
        .word = "first",
        .fallback = "first",
        .help = "History from here on, in UTC: 2024-01-01T00:00:00Z, 2024-01, seconds or milliseconds since 1970, a "
                "span back from now such as 5y or 30d, or `first`: from each symbol's first bar."},
    {.name = "backfill.end_time",
        .type = KEY_TIME,
        .flags = KEY_RELOADABLE,
        FIELD(backfill_end_us),
        .min = INT64_MAX,
        .word = "none",
        .fallback = "none",
        .help = "History up to here. `none`, or nothing: up to now and for ever on."},
    {.name = "backfill.batch_size",
        .type = KEY_COUNT,
        .flags = KEY_RELOADABLE,
        FIELD(batch_size),
        .min = 1,
        .max = REST_PAGE_ROWS_MAX,
        .fallback = "1000",
        .help = "Rows per REST page."},
    {.name = "backfill.parallelism",
        .type = KEY_COUNT,
        .flags = KEY_RELOADABLE,
        FIELD(parallelism),
        .min = 1,
        .max = PARALLELISM_MAX,
        .fallback = "4",
        .help = "Backfill worker processes. They share one request budget, so more of them seldom fetch faster."},
    {.name = "backfill.interval",
        .type = KEY_INTERVALS,
        .flags = KEY_RELOADABLE,
        FIELD(backfill_intervals),
        .follows = "`timeframe`",
        .example = "1m",
        .help = "Bars to fetch as history."},
    {.name = "backfill.source",
        .type = KEY_CHOICE,
        .flags = KEY_RELOADABLE,
        FIELD(backfill_source),
        .choices = sources,
        .supported = "auto rest",
        .fallback = "auto",
        .help = "Where history comes from. In this version `auto` is REST."},
    {.name = "backfill.data",
        .type = KEY_CHOICES,
        .flags = KEY_RELOADABLE,
        FIELD(backfill_data),
        .choices = history_kinds,
        .follows = "`realtime.stream_type`",
        .example = "kline",
        .help = "What history is fetched; there is none of order books and best quotes."},

    {.name = "realtime.enabled",
        .type = KEY_BOOL,
        .flags = KEY_RELOADABLE,
        FIELD(realtime_enabled),
        .fallback = "true",
        .help = "Follow the market over WebSocket streams."},
    {.name = "realtime.stream_type",
        .type = KEY_CHOICES,
        .flags = KEY_RELOADABLE,
        FIELD(stream_types),
        .choices = stream_kinds,
        .fallback = "kline",
        .help = "What is streamed, one or a list: bars, trades, aggregate trades, order books, best quotes."},
    {.name = "realtime.update_freq",
        .type = KEY_FREQUENCY,
        .flags = KEY_RELOADABLE,
        FIELD(stream_intervals),
        .follows = "`timeframe`",
        .example = "1m",
        .help = "For klines: the intervals that are streamed. For depth: how often the top of the book is stored, such "
                "as 100ms, 1000ms or an interval; where nothing is said, 1000ms."},
    {.name = "realtime.buffer_size",
        .type = KEY_COUNT,
        .flags = KEY_RELOADABLE,
        FIELD(buffer_size),
        .min = MESSAGE_BUFFER_MIN,
        .max = MESSAGE_BUFFER_MAX,
        .fallback = "10000",
        .help = "Messages a stream worker may hold that are not yet durable; never more than 16 MiB."},
    {.name = "realtime.max_retries",
        .type = KEY_COUNT,
        .flags = KEY_RELOADABLE,
        FIELD(max_retries),
        .min = 0,
        .max = QUICK_RETRIES_MAX,
        .fallback = "5",
        .help = "Quick reconnects before a stream is reported degraded. It never gives up."},
    {.name = "realtime.retry_delay",
        .type = KEY_DURATION,
        .flags = KEY_RELOADABLE,
        FIELD(retry_delay_ms),
        .min = RETRY_DELAY_MS_MIN,
        .max = RETRY_DELAY_MS_MAX,
        .fallback = "1s",
        .help = "The first reconnect delay; it doubles, with jitter."},
    {.name = "realtime.symbols_per_worker",
        .type = KEY_COUNT,
        .flags = KEY_RELOADABLE,
        FIELD(symbols_per_worker),
        .min = 1,
        .max = STREAMS_PER_CONNECTION_MAX,
        .word = "auto",
        .fallback = "auto",
        .help = "Symbols in one stream process. `auto`: one, and above 60 symbols as many as spread them over 60."},

    {.name = "depth.levels",
        .type = KEY_CHOICE,
        .flags = KEY_RELOADABLE,
        FIELD(depth_levels),
        .choices = levels,
        .fallback = "20",
        .help = "Levels of a stored book snapshot, for stream_type depth."},
    {.name = "depth.diffs",
        .type = KEY_BOOL,
        .flags = KEY_RELOADABLE,
        FIELD(depth_diffs),
        .fallback = "false",
        .help = "Keep every change of the book too, with the snapshots it starts from, for stream_type depth."},
    {.name = "depth.compare",
        .type = KEY_DURATION,
        .flags = KEY_RELOADABLE,
        FIELD(depth_compare_ms),
        .min = DEPTH_COMPARE_MS_MIN,
        .max = DEPTH_COMPARE_MS_MAX,
        .fallback = "900s",
        .help =
            "How often a kept book is compared with a fresh snapshot and goes on from it (weight 50 each time), with "
            "jitter, for stream_type depth."},
    {.name = "aggregate.from",
        .type = KEY_SOURCE,
        .flags = KEY_RELOADABLE,
        FIELD(aggregates[0].from),
        .choices = tick_kinds,
        .follows = "trades where they are streamed and klines are not, else the shortest interval that is kept",
        .example = "1m",
        .help =
            "What higher intervals are made from here. `aggregate` may be one block or a list of them. Where trades "
            "are streamed and klines are not, bars of `timeframe` are made from them without asking."},
    {.name = "aggregate.to",
        .type = KEY_INTERVALS,
        .flags = KEY_RELOADABLE,
        FIELD(aggregates[0].to),
        .follows = "none",
        .example = "[5m, 1h]",
        .help = "Intervals to make, each from the next smaller one. Where an interval is also fetched or streamed, the "
                "exchange's own bars win."},
    {.name = "aggregate.check",
        .type = KEY_BOOL,
        .flags = KEY_RELOADABLE,
        FIELD(aggregates[0].check),
        .fallback = "false",
        .help =
            "Compare each bar made here with the exchange's own where there are both, and record every difference."},

    {.name = "endpoints.rest",
        .type = KEY_URL,
        FIELD(rest_url),
        .choices = http_schemes,
        .follows = "`https://api.binance.com`, with testnet `https://testnet.binance.vision`",
        .example = "\"https://api.binance.com\"",
        .help = "REST base URL. Where Binance refuses your country (HTTP 451): https://data-api.binance.vision."},
    {.name = "endpoints.stream",
        .type = KEY_URL,
        FIELD(stream_url),
        .choices = websocket_schemes,
        .follows = "`wss://stream.binance.com:9443`, with testnet `wss://stream.testnet.binance.vision`",
        .example = "\"wss://stream.binance.com:9443\"",
        .help = "WebSocket base URL; the same for market data only: wss://data-stream.binance.vision."},
    {.name = "endpoints.archive",
        .type = KEY_URL,
        FIELD(archive_url),
        .choices = http_schemes,
        .follows = "`https://data.binance.vision`; testnet has none",
        .example = "\"https://data.binance.vision\"",
        .help = "Base URL of the public archive."},
    {.name = "endpoints.ca_file",
        .type = KEY_PATH,
        FIELD(ca_file),
        .fallback = "\"\"",
        .help = "Certificates to trust (PEM) instead of the system's."},
    {.name = "endpoints.proxy",
        .type = KEY_PROXY,
        FIELD(proxy),
        .fallback = "\"\"",
        .help = "Proxy for all three; socks5:// works only with realtime.enabled false. The variables http_proxy and "
                "https_proxy are not used."},

    {.name = "data_directory",
        .type = KEY_PATH,
        FIELD(data_directory),
        .fallback = "./binance-data",
        .help = "Holds marketstore/, state/ and run/ unless the next keys say otherwise. Relative to the directory the "
                "program is started in."},
    {.name = "state_directory",
        .type = KEY_PATH,
        FIELD(state_directory),
        .follows = "`state` in data_directory",
        .example = "./binance-data/state",
        .help = "Spool and ledger. Must not lie inside store.root_directory."},
    {.name = "run_directory",
        .type = KEY_PATH,
        FIELD(run_directory),
        .follows = "`run` in data_directory",
        .example = "./binance-data/run",
        .help = "Sockets. Must not lie inside store.root_directory, and its path must be short."},
    {.name = "store.type",
        .type = KEY_CHOICE,
        FIELD(store_type),
        .choices = store_types,
        .fallback = "files",
        .help = "`files`: MarketStore's own directory tree, written by this program. `server`: the rows are sent to a "
                "running MarketStore server, see store.url."},
    {.name = "store.root_directory",
        .type = KEY_PATH,
        FIELD(root_directory),
        .follows = "`marketstore` in data_directory",
        .example = "./binance-data/marketstore",
        .help = "MarketStore's root_directory."},
    {.name = "store.url",
        .type = KEY_URL,
        .flags = KEY_PLAIN,
        FIELD(store_url),
        .choices = http_schemes,
        .follows = "none",
        .example = "\"http://127.0.0.1:5993\"",
        .help = "A running MarketStore server, for store.type server. It knows neither passwords nor encryption: keep "
                "it on this host or in a network of its own. In a mkts.yml: where that file's server listens."},
    {.name = "store.symbol",
        .type = KEY_TEMPLATE,
        FIELD(store_symbol),
        .fallback = "\"{symbol}\"",
        .help = "How a symbol is named in the store; \"binance_{base}-{quote}\" continues the old feeder's buckets."},
    {.name = "store.columns",
        .type = KEY_CHOICE,
        FIELD(store_columns),
        .choices = column_sets,
        .fallback = "full",
        .help =
            "`seed`: Open High Low Close Volume only. `full`: also QuoteVolume, Trades, TakerBuyBase, TakerBuyQuote."},
    {.name = "store.mkts_port",
        .type = KEY_COUNT,
        FIELD(mkts_listen_port),
        .min = 1,
        .max = 65535,
        .word = "none",
        .fallback = "none",
        .help = "Port of a MarketStore server that may use the same root_directory; while it answers, nothing is "
                "written. In a mkts.yml: its listen_port."},

    {.name = "spool.bytes_max",
        .type = KEY_BYTES,
        FIELD(spool_bytes_max),
        .min = SPOOL_BYTES_MIN,
        .max = SPOOL_BYTES_MAX,
        .fallback = "4GiB",
        .help = "Records that wait for the store; above this, streams are held back, then closed and repaired later."},
    {.name = "spool.reserve",
        .type = KEY_BYTES,
        FIELD(spool_reserve_bytes),
        .min = BALLAST_BYTES_MIN,
        .max = BALLAST_BYTES_MAX,
        .fallback = "64MiB",
        .help = "Set aside on disk, to work on when the disk is full."},
    {.name = "gateway.listen",
        .type = KEY_LISTEN,
        .flags = KEY_RELOADABLE,
        FIELD(gateway_listen),
        .fallback = "\"127.0.0.1:5993\"",
        .fallback_one_shot = "off",
        .help =
            "Where HTTP is served, for MarketStore clients, curl and Prometheus. There are no passwords: an address "
            "that others reach lets others read. In a mkts.yml: its listen_host and listen_port. With store.type "
            "server the default is 127.0.0.1:5983, and rows are the server's to answer."},
    {.name = "rate_limit.utilization",
        .type = KEY_SHARE,
        .flags = KEY_RELOADABLE,
        FIELD(utilization),
        .fallback = "0.5",
        .fallback_one_shot = "0.9",
        .help = "Share of Binance's request limit to use; other programs may share the address."},
    {.name = "rate_limit.weight_per_minute",
        .type = KEY_COUNT,
        .flags = KEY_RELOADABLE,
        FIELD(weight_per_minute),
        .min = 1,
        .max = WEIGHT_PER_MINUTE_MAX,
        .word = "auto",
        .fallback = "auto",
        .help = "The request limit itself. `auto`: as the exchange tells it."},
    {.name = "log_level",
        .type = KEY_CHOICE,
        .flags = KEY_RELOADABLE,
        FIELD(log_level),
        .choices = log_levels,
        .fallback = "info",
        .help = "What is logged."},
};

const size_t key_rows_count = sizeof key_rows / sizeof key_rows[0];
static_assert(sizeof key_rows / sizeof key_rows[0] <= 64, "`given` has a bit for each key");

const struct key_row *key_find(const char *name)
{
        for (size_t i = 0; i < key_rows_count; i++)
                if (strcmp(key_rows[i].name, name) == 0)
                        return &key_rows[i];
        return NULL;
}

bool key_is_section(const char *name)
{
        size_t length = strlen(name);
        for (size_t i = 0; i < key_rows_count; i++)
                if (strncmp(key_rows[i].name, name, length) == 0 && key_rows[i].name[length] == '.')
                        return true;
        return false;
}

bool key_is_given(const struct settings *settings, const char *name)
{
        const struct key_row *row = key_find(name);
        REQUIRE(row != NULL);
        return (settings->given & key_bit(row)) != 0;
}

const char *key_variable(const struct key_row *row, char variable[KEY_VARIABLE_SIZE])
{
        int length = snprintf(variable, KEY_VARIABLE_SIZE, "BINANCEFEEDER_%s", row->name);
        REQUIRE(length > 0 && length < KEY_VARIABLE_SIZE);
        for (char *c = variable; *c != '\0'; c++)
                *c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
        return variable;
}

bool key_supports(const struct key_row *row, const char *word)
{
        if (row->supported == NULL)
                return true;
        size_t length = strlen(word);
        for (const char *at = row->supported; *at != '\0';) {
                size_t next = strcspn(at, " ");
                if (next == length && strncmp(at, word, length) == 0)
                        return true;
                at += next + strspn(at + next, " ");
        }
        return false;
}

static void append(char text[KEY_ACCEPTED_SIZE], const char *more)
{
        size_t used = strlen(text);
        snprintf(text + used, KEY_ACCEPTED_SIZE - used, "%s", more);
}

// Of two words for the same value the first.
static bool is_second_word(const struct key_row *row, const struct key_choice *choice)
{
        for (const struct key_choice *other = row->choices; other != choice; other++)
                if (other->value == choice->value)
                        return true;
        return false;
}

static void append_choices(const struct key_row *row, char text[KEY_ACCEPTED_SIZE])
{
        bool first = true;
        for (const struct key_choice *choice = row->choices; choice->word != NULL; choice++) {
                if (!key_supports(row, choice->word) || is_second_word(row, choice))
                        continue;
                append(text, first ? "" : ", ");
                append(text, choice->word);
                first = false;
        }
}

static void append_bytes(char text[KEY_ACCEPTED_SIZE], int64_t bytes)
{
        static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
        size_t unit = 0;
        while (bytes >= 1024 && bytes % 1024 == 0 && unit < 4) {
                bytes /= 1024;
                unit++;
        }
        char number[32];
        snprintf(number, sizeof number, "%lld%s", (long long)bytes, units[unit]);
        append(text, number);
}

static void append_range(const struct key_row *row, char text[KEY_ACCEPTED_SIZE])
{
        char range[64];
        if (row->type == KEY_BYTES) {
                append_bytes(text, row->min);
                append(text, " to ");
                append_bytes(text, row->max);
                return;
        }
        if (row->type == KEY_DURATION)
                snprintf(range, sizeof range, row->min % 1000 != 0 ? "%lldms to %llds" : "%llds to %llds",
                    (long long)(row->min % 1000 != 0 ? row->min : row->min / 1000), (long long)row->max / 1000);
        else
                snprintf(range, sizeof range, "%lld to %lld", (long long)row->min, (long long)row->max);
        append(text, range);
        if (row->word != NULL) {
                append(text, ", or ");
                append(text, row->word);
        }
}

static const char *type_accepts(const struct key_row *row)
{
        switch (row->type) {
        case KEY_BOOL: return "true, false";
        case KEY_SHARE: return "0.01 to 1";
        case KEY_TIME:
                return "a UTC time such as 2024-01-01T00:00:00Z or 2024-01, a span back from now such as 5y, or ";
        case KEY_SYMBOLS: return row->word != NULL ? "names such as BTCUSDT, or all" : "names such as BTCUSDT";
        case KEY_ASSETS: return "assets such as USDT";
        case KEY_PROXY: return "http://host:port, or socks5://host:port";
        case KEY_PATH: return "a path";
        case KEY_TEMPLATE: return "letters, digits, _ . - with {symbol}, or {base} and {quote}";
        case KEY_SECRET: return "any text";
        default: return "";
        }
}

const char *key_accepted(const struct key_row *row, char text[KEY_ACCEPTED_SIZE])
{
        text[0] = '\0';
        append(text, type_accepts(row));
        switch (row->type) {
        case KEY_COUNT:
        case KEY_BYTES:
        case KEY_DURATION: append_range(row, text); break;
        case KEY_CHOICE:
        case KEY_CHOICES: append_choices(row, text); break;
        case KEY_SOURCE:
                append_choices(row, text);
                append(text, ", ");
                append(text, interval_names());
                break;
        case KEY_INTERVALS:
        case KEY_FREQUENCY: append(text, interval_names()); break;
        case KEY_TIME: append(text, row->word); break;
        case KEY_LISTEN: append(text, row->supported != NULL ? row->supported : "address:port, or off"); break;
        case KEY_URL:
                append(text, row->choices[0].word);
                append(
                    text, (row->flags & KEY_PLAIN) != 0 ? "://host[:port], or " : "://host[:port], or for loopback ");
                append(text, row->choices[1].word);
                append(text, "://");
                break;
        default: break;
        }
        return text;
}
