// SPDX-License-Identifier: Apache-2.0
// query: bars straight from the store's year files, as they stand; ticks: cli/query_ticks.c; where a MarketStore server
// is the store, both from there: cli/query_server.c.
#include "cli/cli.h"
#include "cli/query_server.h"
#include "cli/query_ticks.h"
#include "cli/querymissing.h"
#include "cli/queryname.h"
#include "cli/queryprint.h"
#include "cli/target.h"
#include "common/barquery.h"
#include "common/bucket.h"
#include "common/clock.h"
#include "common/exitcode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct values {
        struct target_words target;
        int64_t start_ns, end_ns, last, first;
        bool csv, json, table;
};

static const struct option_row options[] = {
    {"--start", 's', OPTION_TIME_NS, offsetof(struct values, start_ns), "TIME",
        "first bar or tick: 2024-03-01, 2024-03-01T10:00, seconds or milliseconds\nsince 1970, or a span back from "
        "now: 12h, 7d, 1y"},
    {"--end", 'e', OPTION_TIME_NS, offsetof(struct values, end_ns), "TIME",
        "last bar, the one that contains TIME, or last tick, one at TIME included"},
    {"--last", 'n', OPTION_COUNT, offsetof(struct values, last), "N", "only the newest N of these"},
    {"--first", 0, OPTION_COUNT, offsetof(struct values, first), "N", "only the oldest N of these"},
    {"--csv", 0, OPTION_FLAG, offsetof(struct values, csv), NULL,
        "comma-separated with a header (the default in a pipe)"},
    {"--json", 0, OPTION_FLAG, offsetof(struct values, json), NULL, "an array of objects"},
    {"--table", 0, OPTION_FLAG, offsetof(struct values, table), NULL, "aligned columns (the default on a terminal)"},
    TARGET_OPTIONS(struct values, target),
    {.name = NULL},
};

// ---- the command ----

static int run_bars(
    const struct command *command, const struct barquery *query, enum queryprint_format format, const char *target)
{
        char why[REASON_SIZE * 4];
        struct queryprint *print = queryprint_begin(format, stdout);
        int result = barquery_run(query, queryprint_rows, print, why, sizeof(why));
        int error = errno;

        if (result >= 0)
                return queryprint_end(print) == 0 ? EXIT_DONE : EXIT_FAILED;
        queryprint_discard(print);
        if (error == ENOENT)
                return querymissing_refuse(command, &(struct querymissing){.root = query->root,
                                                        .symbol = query->symbol,
                                                        .name = interval_name(query->interval),
                                                        .target = target,
                                                        .interval = query->interval});
        return complain(command, EXIT_FAILED, "%s", why);
}

static enum queryprint_format format_of(const struct values *values)
{
        bool table = values->table || (!values->csv && !values->json && isatty(STDOUT_FILENO));

        return values->json ? QUERYPRINT_JSON : table ? QUERYPRINT_TABLE : QUERYPRINT_CSV;
}

static size_t limit_of(const struct values *values)
{
        return (size_t)(values->last > 0 ? values->last : values->first);
}

static int query_ticks(const struct command *command, const struct settings *settings, const struct values *values,
    const char *symbol, enum tick_kind kind, const char *target)
{
        struct tickquery query = {.symbol = symbol,
            .kind = kind,
            .start_ns = values->start_ns,
            .end_ns = values->end_ns,
            .limit = limit_of(values),
            .limit_from_start = values->first > 0};

        if (settings->store_type == STORE_SERVER)
                return query_server_ticks(command, settings, query, format_of(values));
        return query_ticks_run(command, settings, query, format_of(values), target);
}

static int query_bars(const struct command *command, const struct settings *settings, const struct values *values,
    struct bucket *bucket, const char *target)
{
        struct barquery query = {.root = settings->root_directory,
            .symbol = bucket->symbol,
            .interval = bucket->interval,
            .start_us = values->start_ns == INT64_MIN ? INT64_MIN : values->start_ns / NS_PER_US,
            .end_us = values->end_ns == INT64_MAX ? INT64_MAX : values->end_ns / NS_PER_US,
            .limit = limit_of(values),
            .limit_from_start = values->first > 0};
        char known[BUCKET_SYMBOL_SIZE];

        if (settings->store_type == STORE_SERVER)
                return query_server_bars(command, settings, query, format_of(values));
        if (!querymissing_has_bars(settings->root_directory, bucket->symbol, bucket->interval) &&
            queryname_resolve(settings, bucket->symbol, known))
                snprintf(bucket->symbol, sizeof(bucket->symbol), "%s", known);
        return run_bars(command, &query, format_of(values), target);
}

// What the user named.
struct named {
        bool ticks;
        struct bucket bucket; // of ticks only its symbol
        enum tick_kind kind;
};

static int parse_name(const char *text, struct named *named, const char **why)
{
        named->ticks = tick_bucket_is_named(text);
        return named->ticks ? tick_bucket_parse(text, named->bucket.symbol, &named->kind, why)
                            : bucket_parse(text, &named->bucket, why);
}

// A bucket, or one whose symbol is parted by a slash as other programs have it: BTC/USDT/1m.
static int read_name(const struct command *command, const char *text, struct named *named)
{
        char joined[128], name[SYMBOL_SIZE];
        const char *why, *other, *slash = strchr(text, '/');

        if (parse_name(text, named, &why) == 0)
                return -1;
        int length =
            slash == NULL ? -1 : snprintf(joined, sizeof(joined), "%.*s%s", (int)(slash - text), text, slash + 1);
        if (length > 0 && (size_t)length < sizeof(joined) && parse_name(joined, named, &other) == 0 &&
            symbol_normalize(named->bucket.symbol, name, &other) == 0) {
                snprintf(named->bucket.symbol, sizeof(named->bucket.symbol), "%s", name);
                return -1;
        }
        return querymissing_refuse_name(command, text, why);
}

static int run_query(const struct command *command, int argc, char **argv)
{
        static struct settings settings;
        struct values values = {.start_ns = INT64_MIN, .end_ns = INT64_MAX};
        struct words words;
        struct named named;
        char path[PATH_SIZE], target[TARGET_FORMAT_SIZE];
        int code = options_parse(command, argc, argv, &values, &words);

        if (code >= 0)
                return code;
        if (words.count != 1)
                return complain(command, EXIT_BAD_USAGE,
                    words.count == 0 ? "which bars or ticks? For example: binancefeeder query BTCUSDT/1m --last 10"
                                     : "one bucket at a time, such as BTCUSDT/1m");
        if (values.csv + values.json + values.table > 1 || (values.last > 0 && values.first > 0))
                return complain(command, EXIT_BAD_USAGE, "only one of %s",
                    values.last > 0 && values.first > 0 ? "--first and --last" : "--csv, --json and --table");
        if (values.start_ns > values.end_ns)
                return complain(command, EXIT_BAD_USAGE, "--start lies behind --end");
        code = read_name(command, words.items[0], &named);
        if (code >= 0)
                return code;
        code = target_read(command, &values.target, CONFIG_ONE_SHOT, &settings, path);
        if (code >= 0)
                return code;
        target_format(path, values.target.data, target);
        return named.ticks ? query_ticks(command, &settings, &values, named.bucket.symbol, named.kind, target)
                           : query_bars(command, &settings, &values, &named.bucket, target);
}

const struct command command_query = {
    .name = "query",
    .summary = "Prints bars and ticks from the store",
    .arguments = "BUCKET [--start TIME] [--end TIME] [--last N | --first N] [--csv | --json | --table]",
    .details = "BUCKET is a symbol and an interval: BTCUSDT/1m, BTCUSDT/4h, BTCUSDT/1Min/OHLCV. Without --start and "
               "--end all\n"
               "its bars are meant. Time is when a bar opens.\n"
               "Ticks: BTCUSDT/TRADE, AGGTRADE, QUOTE, DEPTH and DEPTHDIFF. --start and --end are then exact to the\n"
               "nanosecond.\n",
    .examples = "query BTCUSDT/1m --last 10\n"
                "query BTCUSDT/1h --start 2024-03-01 --end 2024-03-02 --csv\n"
                "query ETHUSDT/1d --start 1y --json\n"
                "query BTCUSDT/TRADE --start 2024-03-01T10:00:00 --end 2024-03-01T10:00:00.999999999",
    .options = options,
    .run = run_query,
};
