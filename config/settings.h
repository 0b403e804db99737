// SPDX-License-Identifier: Apache-2.0
// The effective configuration, one plain value of fixed size, so that the supervisor can hand it to a child in a sealed
// memory file. Every key is a row of the table in config/keys.c, which gives the parser, the checks, the dump, the
// documentation table and the commented example.
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "common/interval.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/symbol.h"

#include <stdbool.h>
#include <stdint.h>

enum market { MARKET_SPOT };
enum store_type { STORE_FILES, STORE_SERVER };
enum store_columns { COLUMNS_FULL, COLUMNS_SEED };
enum backfill_source { SOURCE_AUTO, SOURCE_ARCHIVE, SOURCE_REST };

// Bits of `stream_types` and `backfill_data`.
enum data_kind { DATA_KLINE = 1, DATA_TRADE = 2, DATA_AGG_TRADE = 4, DATA_DEPTH = 8, DATA_BOOK_TICKER = 16 };

// What bars are made from where they are made here: trades, or bars of an interval (AGGREGATE_BARS + enum interval).
enum aggregate_from { AGGREGATE_UNSAID, AGGREGATE_TRADE, AGGREGATE_AGG_TRADE, AGGREGATE_BARS };

// Sets of intervals are bit masks: 1u << enum interval.
typedef uint32_t interval_set;

// A block of `aggregate`; config/derivation.h says what follows from them.
struct aggregation {
        uint32_t from; // AGGREGATE_UNSAID: follows other keys
        interval_set to;
        bool check;
};

struct settings {
        // Bit n: the n-th row of the table of keys was written by the user, so it does not follow other keys.
        uint64_t given;

        // what
        struct symbol_list symbols; // as named, normalised; empty with `all_symbols`
        bool all_symbols;
        struct symbol_list exclude_symbols;
        size_t quote_assets_count;
        char quote_assets[QUOTE_ASSETS_MAX][ASSET_SIZE];
        enum market market;
        bool testnet;
        interval_set timeframes; // bars to keep

        // backfill
        bool backfill_enabled;
        int64_t backfill_start_us; // INT64_MIN: from each symbol's first bar
        int64_t backfill_end_us;   // INT64_MAX: up to now and for ever on
        uint32_t batch_size;
        uint32_t parallelism;
        interval_set backfill_intervals;
        enum backfill_source backfill_source;
        uint32_t backfill_data;

        // realtime
        bool realtime_enabled;
        uint32_t stream_types;
        interval_set stream_intervals; // klines
        int64_t depth_cadence_ms;
        uint32_t buffer_size; // messages a worker may hold that are not yet durable
        uint32_t max_retries; // quick reconnects before a stream is reported degraded
        uint32_t retry_delay_ms;
        uint32_t symbols_per_worker; // 0: auto
        uint32_t depth_levels;
        bool depth_diffs;
        uint32_t depth_compare_ms;

        // bars made here; the first block without an interval ends the list
        struct aggregation aggregates[AGGREGATES_MAX];

        // where
        char rest_url[URL_SIZE];    // no trailing slash: "https://api.binance.com"
        char stream_url[URL_SIZE];  // "wss://stream.binance.com:9443"
        char archive_url[URL_SIZE]; // empty: none (testnet)
        char ca_file[PATH_SIZE];    // empty: the system's
        char proxy[URL_SIZE];       // empty: none; the environment's http_proxy is never used

        char data_directory[PATH_SIZE];
        enum store_type store_type;
        char root_directory[PATH_SIZE];
        char store_url[URL_SIZE];
        char store_symbol[64];
        enum store_columns store_columns;
        char state_directory[PATH_SIZE];
        char run_directory[PATH_SIZE];
        int64_t spool_bytes_max;
        int64_t spool_reserve_bytes;
        char gateway_listen[64];   // "127.0.0.1:5993"; empty: off
        uint32_t mkts_listen_port; // where a MarketStore server on the same root_directory would listen; 0: none

        // manners
        double utilization;
        uint32_t weight_per_minute; // 0: read from exchangeInfo
        enum log_level log_level;
};

// True where both mean the same, whoever wrote it (user or default).
bool settings_equal(const struct settings *a, const struct settings *b);

// True where `symbols: all` takes symbols quoted in this asset.
bool settings_want_quote(const struct settings *settings, const char *asset);

// The intervals in a set, as "1m 4h 1M"; returns `text`.
const char *interval_set_format(interval_set set, char text[128]);

#endif
