// SPDX-License-Identifier: Apache-2.0
#include "cli/onlinejudge.h"

#include "common/answer.h"
#include "common/cure.h"
#include "common/servertime.h"
#include "common/units.h"
#include "config/suggest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void onlinejudge_say(struct online_report *report, bool good, const char *format, ...)
{
        va_list arguments;

        fputs(good ? "ok     " : "wrong  ", report->out);
        va_start(arguments, format);
        vfprintf(report->out, format, arguments);
        va_end(arguments);
        fputc('\n', report->out);
        report->wrong += !good;
}

// ---- hosts ----

#define HOST_FORMAT "%s: %s%s%s"
#define HOST_VALUES(host) (host)->what, (host)->url, (host)->proxy[0] != '\0' ? " by the proxy " : "", (host)->proxy

static void tell_no_answer(
    struct online_report *report, const struct online_host *host, const struct http_answer *answer)
{
        if (answer->untrusted)
                onlinejudge_say(report, false, HOST_FORMAT " is not trusted (%s): " CURE_UNTRUSTED, HOST_VALUES(host),
                    answer->error);
        else
                onlinejudge_say(report, false, HOST_FORMAT " cannot be reached (%s): " CURE_ELSEWHERE,
                    HOST_VALUES(host), answer->error);
}

bool onlinejudge_answer(
    struct online_report *report, const struct online_host *host, const struct http_answer *http, int64_t own_ms)
{
        struct answer answer;
        char span[UNITS_TEXT_SIZE];

        if (http->status == 0) {
                tell_no_answer(report, host, http);
                return false;
        }
        answer_judge(&(struct answer_input){.status = http->status,
                         .error = http->error,
                         .body = http->body,
                         .length = http->length,
                         .retry_after_s = http->retry_after_s,
                         .now_ms = own_ms},
            &answer);
        if (answer.verdict == ANSWER_OK)
                return true;
        if (answer.verdict != ANSWER_BAN)
                onlinejudge_say(report, false,
                    HOST_FORMAT " gives no answer of use (%s): ask again later, and see that "
                                "it is Binance's REST that answers there",
                    HOST_VALUES(host), answer.text);
        else if (answer.ban_status == 451)
                onlinejudge_say(report, false,
                    HOST_FORMAT " refuses this address for where it is (HTTP 451): " CURE_ELSEWHERE
                                " " CURE_ELSEWHERE_LACKS,
                    HOST_VALUES(host));
        else
                onlinejudge_say(report, false,
                    HOST_FORMAT
                    " refuses requests (HTTP %u) for another %s (%s): wait so long. If it comes again, " CURE_LIMITED,
                    HOST_VALUES(host), answer.ban_status, units_span_s((double)answer.ban_seconds, span), answer.text);
        return false;
}

void onlinejudge_reached(
    struct online_report *report, const struct online_host *host, const char *does, int64_t took_us)
{
        char took[UNITS_TEXT_SIZE];

        onlinejudge_say(
            report, true, HOST_FORMAT " %s, in %s", HOST_VALUES(host), does, units_latency_us(took_us, took));
}

void onlinejudge_connection(
    struct online_report *report, const struct online_host *host, const struct http_answer *answer, int64_t took_us)
{
        if (answer->error != NULL)
                tell_no_answer(report, host, answer);
        else
                onlinejudge_reached(report, host, "takes connections", took_us);
}

// ---- clock and limit ----

void onlinejudge_clock(struct online_report *report, int64_t server_us, int64_t own_us)
{
        char difference[UNITS_TEXT_SIZE];
        int64_t difference_us = llabs(own_us - server_us);
        const char *side = own_us > server_us ? "ahead of" : "behind";

        if (difference_us < SERVERTIME_DIFFERENCE_US)
                onlinejudge_say(report, true, "clock: this host's is %s %s the exchange's",
                    units_latency_us(difference_us, difference), side);
        else
                onlinejudge_say(report, false,
                    "clock: this host's is %s %s the exchange's: set it, for spans such as start_time 10d, receive "
                    "stamps and the log go by it",
                    units_span_s((double)difference_us / US_PER_S, difference), side);
}

void onlinejudge_limit(struct online_report *report, const struct settings *settings, uint32_t exchange_limit)
{
        char limit[UNITS_TEXT_SIZE], own[UNITS_TEXT_SIZE], used[UNITS_TEXT_SIZE];
        uint32_t configured = settings->weight_per_minute;
        uint32_t known = exchange_limit != 0 ? exchange_limit : WEIGHT_LIMIT_DEFAULT;
        uint32_t taken = configured != 0 ? configured : known;

        units_count(known, limit);
        units_count(taken, own);
        units_count((int64_t)(taken * settings->utilization), used);
        if (exchange_limit != 0 && configured > exchange_limit)
                onlinejudge_say(report, false,
                    "request limit: rate_limit.weight_per_minute %s is more than the exchange's %s a minute: leave it "
                    "out, and the exchange's counts",
                    own, limit);
        else
                onlinejudge_say(report, true, "request limit: %s%s a minute, of which up to %s are used", own,
                    configured != 0       ? " as configured"
                    : exchange_limit == 0 ? ", for the exchange names none,"
                                          : "",
                    used);
}

// ---- symbols ----

#define NEAR_MAX 3

struct near {
        const struct record_symbol *symbols[NEAR_MAX];
        unsigned distances[NEAR_MAX];
        size_t count;
};

// Smaller is nearer; those that do not trade come after those that do.
static unsigned distance_of(const char *name, const struct record_symbol *symbol)
{
        unsigned distance = strcmp(symbol->base, name) == 0 ? 1 : suggest_distance(name, symbol->symbol);

        return distance * 2 + (symbol->status != SYMBOL_TRADING);
}

static void consider(struct near *near, const struct record_symbol *symbol, unsigned distance)
{
        size_t at = near->count;

        while (at > 0 && near->distances[at - 1] > distance)
                at--;
        if (at == NEAR_MAX)
                return;
        if (near->count < NEAR_MAX)
                near->count++;
        for (size_t i = near->count - 1; i > at; i--) {
                near->symbols[i] = near->symbols[i - 1];
                near->distances[i] = near->distances[i - 1];
        }
        near->symbols[at] = symbol;
        near->distances[at] = distance;
}

// "; near it: BTCUSDT, BTCUSDC", or nothing.
static const char *near_names(const struct catalog *catalog, const char *name, char text[128])
{
        struct near near = {0};
        unsigned near_enough = strlen(name) >= 6 ? 2 : 1; // a short name is near to anything
        size_t used = 0;

        text[0] = '\0';
        for (size_t i = 0; i < catalog->count; i++) {
                unsigned distance = distance_of(name, &catalog->symbols[i]);
                if (distance / 2 <= near_enough)
                        consider(&near, &catalog->symbols[i], distance);
        }
        for (size_t i = 0; i < near.count; i++)
                used += (size_t)snprintf(
                    text + used, 128 - used, "%s%s", i == 0 ? "; near it: " : ", ", near.symbols[i]->symbol);
        return text;
}

static const struct record_symbol *find(const struct catalog *catalog, const char *name)
{
        for (size_t i = 0; i < catalog->count; i++) {
                if (strcmp(catalog->symbols[i].symbol, name) == 0)
                        return &catalog->symbols[i];
        }
        return NULL;
}

static void judge_named(struct online_report *report, const struct settings *settings, const struct catalog *catalog)
{
        size_t trading = 0, silent = 0;
        char near[128];

        for (size_t i = 0; i < settings->symbols.count; i++) {
                const char *name = settings->symbols.names[i];
                const struct record_symbol *symbol = find(catalog, name);
                if (symbol == NULL)
                        onlinejudge_say(report, false, "symbols: the exchange's catalogue has no symbol %s%s", name,
                            near_names(catalog, name, near));
                else if (symbol->status == SYMBOL_TRADING)
                        trading++;
                else if (settings->realtime_enabled)
                        onlinejudge_say(report, false,
                            "symbols: %s does not trade at present (%s): nothing is streamed until it does; its "
                            "history is still fetched",
                            name, catalog_status_name(symbol->status));
                else
                        silent++;
        }
        if (trading + silent == 0)
                return;
        if (silent == 0)
                onlinejudge_say(
                    report, true, "symbols: %zu of %zu are known and trade", trading, settings->symbols.count);
        else
                onlinejudge_say(report, true,
                    "symbols: %zu of %zu are known; %zu do not trade at present, and have history", trading + silent,
                    settings->symbols.count, silent);
}

static void judge_quotes(struct online_report *report, const struct settings *settings, const struct catalog *catalog)
{
        for (size_t i = 0; i < settings->quote_assets_count; i++) {
                size_t quoted = 0;
                for (size_t j = 0; j < catalog->count; j++)
                        quoted += strcmp(catalog->symbols[j].quote, settings->quote_assets[i]) == 0;
                if (quoted == 0)
                        onlinejudge_say(report, false, "quote_assets: the exchange has no symbol that is quoted in %s",
                            settings->quote_assets[i]);
        }
}

static void judge_all(struct online_report *report, const struct settings *settings, const struct catalog *catalog)
{
        char text[UNITS_TEXT_SIZE], most[UNITS_TEXT_SIZE];
        size_t count = 0;

        for (size_t i = 0; i < catalog->count; i++) {
                const struct record_symbol *symbol = &catalog->symbols[i];
                count += symbol->status == SYMBOL_TRADING && settings_want_quote(settings, symbol->quote) &&
                         !symbol_list_contains(&settings->exclude_symbols, symbol->symbol);
        }
        judge_quotes(report, settings, catalog);
        units_count((int64_t)count, text);
        if (count == 0)
                onlinejudge_say(report, false, "symbols: all is none at present: see quote_assets and exclude_symbols");
        else if (count > SYMBOLS_MAX)
                onlinejudge_say(report, false,
                    "symbols: all is %s, more than the %s that one instance follows: narrow it by quote_assets", text,
                    units_count(SYMBOLS_MAX, most));
        else
                onlinejudge_say(report, true, "symbols: all is %s that trade%s", text,
                    settings->quote_assets_count > 0 ? ", quoted in quote_assets" : "");
}

void onlinejudge_symbols(struct online_report *report, const struct settings *settings, const struct catalog *catalog)
{
        char near[128];

        if (settings->all_symbols)
                judge_all(report, settings, catalog);
        else
                judge_named(report, settings, catalog);
        for (size_t i = 0; i < settings->exclude_symbols.count; i++) {
                const char *name = settings->exclude_symbols.names[i];
                if (find(catalog, name) == NULL)
                        onlinejudge_say(report, false, "exclude_symbols: the exchange's catalogue has no symbol %s%s",
                            name, near_names(catalog, name, near));
        }
}
