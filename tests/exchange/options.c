// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exchange/grid.h"

enum option_type {
        TYPE_TEXT,
        TYPE_NUMBER,
        TYPE_REAL,
        TYPE_TIME,
        TYPE_FLAG,
        TYPE_LISTED,
        TYPE_ENDS,
        TYPE_QUIET,
        TYPE_REPLAY_WS
};

#define AT(member) offsetof(struct options, member)

static const struct {
        const char *name;
        enum option_type type;
        size_t offset;
        const char *argument, *help;
} table[] = {
    {"--listen", TYPE_TEXT, AT(listen), "ADDRESS", "address in 127.0.0.0/8 (127.0.0.1)"},
    {"--port", TYPE_NUMBER, AT(port), "N", "plain HTTP and WebSocket; 0: any (0)"},
    {"--tls-port", TYPE_NUMBER, AT(tls_port), "N", "the same over TLS; 0: any (off)"},
    {"--cert-dir", TYPE_TEXT, AT(cert_dir), "DIR", "where ca.pem is written"},
    {"--ready-file", TYPE_TEXT, AT(ready_file), "FILE",
        "written once listening: {\"port\":..,\"tls_port\":..,\"pid\":..}"},
    {"--seed", TYPE_NUMBER, AT(seed), "N", "the market and all chance follow from it (1)"},
    {"--symbols", TYPE_TEXT, AT(symbols), "A,B:BREAK", "what is traded, with a status other than TRADING (BTCUSDT)"},
    {"--listed", TYPE_LISTED, 0, "SYMBOL=DATE", "when a symbol's life begins (2017-08-17T04:00); repeatable"},
    {"--ends", TYPE_ENDS, 0, "SYMBOL=DATE", "when it is delisted; repeatable"},
    {"--quiet-symbol", TYPE_QUIET, 0, "SYMBOL", "nobody trades it: bars without trades only; repeatable"},
    {"--start", TYPE_TIME, AT(start_ms), "ISO", "the exchange's clock at the start (now)"},
    {"--speed", TYPE_REAL, AT(speed), "X", "exchange seconds per real second; 0: stopped (1)"},
    {"--limit-weight", TYPE_NUMBER, AT(limit_weight), "N", "request weight per real minute; 0: no limits (6000)"},
    {"--limit-connections", TYPE_NUMBER, AT(limit_connections), "N",
        "new WebSockets per five minutes; 0: no limit (300)"},
    {"--ban-seconds", TYPE_NUMBER, AT(ban_seconds), "N", "the first ban; each further one twice as long (120)"},
    {"--rest-lag-ms", TYPE_NUMBER, AT(rest_lag_ms), "N", "REST trails the streams by this exchange time (0)"},
    {"--trades-per-minute", TYPE_NUMBER, AT(trades_per_minute), "N", "on average, of each symbol (8)"},
    {"--ping-interval-ms", TYPE_NUMBER, AT(ping_interval_ms), "N", "between pings (20000)"},
    {"--pong-timeout-ms", TYPE_NUMBER, AT(pong_timeout_ms), "N", "a ping may stay unanswered (60000)"},
    {"--max-connection-age-ms", TYPE_NUMBER, AT(max_connection_age_ms), "N", "a WebSocket is cut after (86400000)"},
    {"--replay", TYPE_TEXT, AT(replay_dir), "DIR",
        "real bars: DIR/spot/daily/klines/SYM/IV/*.zip and klines-SYM-IV-*.json"},
    {"--updates-per-trade", TYPE_NUMBER, AT(updates_per_agg), "N", "updates of the order book per aggregate (8)"},
    {"--quotes-per-trade", TYPE_NUMBER, AT(quotes_per_agg), "N", "how many of them change the best bid or ask (3)"},
    {"--tick-ms", TYPE_NUMBER, AT(tick_ms), "N", "streams are looked at so often, real time (20)"},
    {"--replay-ws", TYPE_REPLAY_WS, 0, "FILE.gz",
        "recorded combined frames, `<receive ns> <json>` a line, sent as they are; repeatable"},
    {"--blast", TYPE_NUMBER, AT(blast), "N",
        "send N events per stream as fast as sockets take them; ticks are rendered first"},
    {"--blast-updates", TYPE_NUMBER, AT(blast_updates), "N",
        "updates per depth event of a blast (3: 19 levels on average)"},
    {"--proxy", TYPE_FLAG, AT(proxy), "", "answer CONNECT with a tunnel back to this exchange"},
    {"--with-parent", TYPE_FLAG, AT(with_parent), "", "end when the parent process ends"},
    {"--verbose", TYPE_FLAG, AT(verbose), "", "one line per request and connection event"},
};

static void print_help(void)
{
        puts("exchange: a simulated Binance on loopback, for tests\n");
        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
                char option[64];
                snprintf(option, sizeof option, "%s %s", table[i].name, table[i].argument);
                printf("  %-28s %s\n", option, table[i].help);
        }
        puts("\nControl: POST /control/fault, /control/clock, /control/listing; GET /control/state, /control/faults\n"
             "Ledger:  GET /ledger/klines?symbol=&interval=[&startTime=&endTime=&format=csv|json], /ledger/requests,\n"
             "         /ledger/windows?from=, /ledger/emitted?stream=\n"
             "         /ledger/trades, /ledger/aggtrades, /ledger/quotes, /ledger/diffs: ?symbol=&fromId=&toId=\n"
             "         /ledger/depth?symbol=[&at=&limit=], /ledger/ids?symbol=[&time=]");
}

static int add_to_list(const char **list, int *count, const char *value)
{
        if (*count == OPTIONS_LIST_MAX) {
                return -1;
        }
        list[(*count)++] = value;
        return 0;
}

static int parse_dated(const char **list, int *count, const char *value)
{
        const char *date = strchr(value, '=');
        int64_t ignored;
        return date != NULL && grid_parse_time(date + 1, &ignored) ? add_to_list(list, count, value) : -1;
}

static int parse_value(struct options *options, size_t i, const char *value)
{
        void *at = (char *)options + table[i].offset;
        char *end = NULL;
        switch (table[i].type) {
        case TYPE_TEXT: *(const char **)at = value; return 0;
        case TYPE_NUMBER:
                *(int64_t *)at = strtoll(value, &end, 10);
                return *value != '\0' && *end == '\0' && *(int64_t *)at >= 0 ? 0 : -1;
        case TYPE_REAL:
                *(double *)at = strtod(value, &end);
                return *value != '\0' && *end == '\0' && *(double *)at >= 0 ? 0 : -1;
        case TYPE_TIME: return grid_parse_time(value, at) ? 0 : -1;
        case TYPE_LISTED: return parse_dated(options->listed, &options->listed_count, value);
        case TYPE_ENDS: return parse_dated(options->ends, &options->ends_count, value);
        case TYPE_QUIET: return add_to_list(options->quiet, &options->quiet_count, value);
        case TYPE_REPLAY_WS: return add_to_list(options->replay_ws, &options->replay_ws_count, value);
        case TYPE_FLAG: *(bool *)at = true; return 0;
        }
        return -1;
}

static size_t find(const char *name)
{
        size_t i = 0;
        while (i < sizeof table / sizeof table[0] && strcmp(table[i].name, name) != 0) {
                i++;
        }
        return i;
}

static void set_defaults(struct options *options)
{
        memset(options, 0, sizeof *options);
        options->listen = "127.0.0.1";
        options->tls_port = -1;
        options->seed = 1;
        options->symbols = "BTCUSDT";
        options->start_ms = -1;
        options->speed = 1;
        options->limit_weight = 6000;
        options->limit_connections = 300;
        options->ban_seconds = 120;
        options->trades_per_minute = 8;
        options->updates_per_agg = 8;
        options->quotes_per_agg = 3;
        options->blast_updates = 3;
        options->tick_ms = 20;
        options->ping_interval_ms = 20000;
        options->pong_timeout_ms = 60000;
        options->max_connection_age_ms = 86400000;
}

int options_parse(struct options *options, int argc, char **argv)
{
        set_defaults(options);
        for (int i = 1; i < argc; i++) {
                char name[64];
                if (strcmp(argv[i], "--help") == 0) {
                        print_help();
                        return 1;
                }
                snprintf(name, sizeof name, "%.*s", (int)strcspn(argv[i], "="), argv[i]);
                size_t option = find(name);
                if (option == sizeof table / sizeof table[0]) {
                        fprintf(stderr, "exchange: unknown option %s; see --help\n", argv[i]);
                        return -1;
                }
                const char *value = argv[i][strlen(name)] == '=' ? argv[i] + strlen(name) + 1 : NULL;
                if (value == NULL && table[option].type != TYPE_FLAG) {
                        value = i + 1 < argc ? argv[++i] : "";
                }
                if (parse_value(options, option, value) != 0) {
                        fprintf(stderr, "exchange: %s %s: expected %s, %s\n", name, value, table[option].argument,
                            table[option].help);
                        return -1;
                }
        }
        return 0;
}
