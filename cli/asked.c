// SPDX-License-Identifier: Apache-2.0
#include "cli/asked.h"

#include "cli/target.h"
#include "common/clock.h"
#include "common/exitcode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_SIZE 64

// The next word of a comma-separated list; false at its end. A word that is too long keeps its beginning.
static bool next_word(const char **list, char word[WORD_SIZE])
{
        *list += strspn(*list, ", ");
        size_t length = strcspn(*list, ", ");

        snprintf(word, WORD_SIZE, "%.*s", (int)length, *list);
        *list += length;
        return length > 0;
}

static int read_symbols(const struct command *command, const struct words *words, struct symbol_list *symbols)
{
        char word[WORD_SIZE], name[SYMBOL_SIZE];
        const char *why = "";

        for (size_t i = 0; i < words->count; i++) {
                const char *list = words->items[i];
                while (next_word(&list, word)) {
                        if (strcasecmp(word, "all") == 0)
                                return complain(command, EXIT_BAD_USAGE,
                                    "name the symbols; for every one there is write `symbols: all` in a file for "
                                    "`binancefeeder run`");
                        if (symbol_normalize(word, name, &why) != 0)
                                return complain(command, EXIT_BAD_USAGE, "%s is no symbol: %s", word, why);
                        if (symbol_list_add(symbols, name) != 0)
                                return complain(
                                    command, EXIT_BAD_USAGE, "too many symbols; accepted: up to %d", SYMBOLS_MAX);
                }
        }
        if (symbols->count > 0)
                return -1;
        return complain(command, EXIT_BAD_USAGE,
            "which SYMBOL? For example: binancefeeder backfill BTCUSDT ETHUSDT --interval 1m --since 5y");
}

static const struct {
        const char *name;
        enum data_kind data;
} kinds[] = {{"kline", DATA_KLINE}, {"trade", DATA_TRADE}, {"agg_trade", DATA_AGG_TRADE}};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int read_data(const struct command *command, const char *list, uint32_t *data)
{
        char word[WORD_SIZE];

        while (list != NULL && next_word(&list, word)) {
                size_t i = 0;

                while (i < KINDS && strcmp(kinds[i].name, word) != 0)
                        i++;
                if (i == KINDS)
                        return complain(command, EXIT_BAD_USAGE,
                            "--what %s: there is no such history; accepted: kline, trade, agg_trade", word);
                *data |= kinds[i].data;
        }
        return -1;
}

// As the configuration writes a list.
static const char *format_data(uint32_t data, char text[128])
{
        size_t used = 0;

        for (size_t i = 0; i < KINDS; i++) {
                if ((data & kinds[i].data) != 0)
                        used += (size_t)snprintf(text + used, 128 - used, "%s%s", used > 0 ? " " : "", kinds[i].name);
        }
        return text;
}

int asked_read(const struct command *command, const struct words *words, const char *data, const char *intervals,
    struct asked *asked)
{
        char word[WORD_SIZE];
        enum interval interval;

        memset(asked, 0, sizeof(*asked));
        int code = read_data(command, data, &asked->data);
        if (code >= 0)
                return code;
        if (data != NULL && asked->data == 0)
                return complain(command, EXIT_BAD_USAGE, "--what names nothing; accepted: kline, trade, agg_trade");
        if (asked->data == 0)
                asked->data = DATA_KLINE;
        if (intervals != NULL && (asked->data & DATA_KLINE) == 0)
                return complain(command, EXIT_BAD_USAGE, "--interval is about bars; add kline to --what");
        for (const char *list = intervals; list != NULL && next_word(&list, word);) {
                if (interval_parse(word, &interval) != 0)
                        return complain(command, EXIT_BAD_USAGE,
                            "--interval %s: there is no such interval; accepted: %s", word, interval_names());
                asked->intervals |= 1u << interval;
        }
        if (intervals != NULL && asked->intervals == 0)
                return complain(command, EXIT_BAD_USAGE, "--interval names none; accepted: %s", interval_names());
        return read_symbols(command, words, &asked->symbols);
}

static const char *format_bound(int64_t us, int64_t open, const char *word, char text[TIME_TEXT_SIZE])
{
        if (us == open)
                snprintf(text, TIME_TEXT_SIZE, "%s", word);
        else
                time_format_us(us, text);
        return text;
}

int asked_apply(struct asked *asked, int64_t since_us, int64_t until_us, int64_t parallelism, struct settings *settings)
{
        static struct config_errors errors;
        char since[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE], intervals[128], data[128], number[24];
        int64_t now_us = wall_now().ns / 1000;

        if (asked->intervals == 0)
                asked->intervals = settings->timeframes;
        interval_set_format(asked->intervals, intervals);
        snprintf(number, sizeof(number), "%" PRId64, parallelism > 0 ? parallelism : settings->parallelism);
        const char *const keys[][2] = {
            {"timeframe", intervals},
            {"backfill.interval", intervals},
            {"backfill.enabled", "true"},
            {"backfill.data", format_data(asked->data, data)},
            {"backfill.start_time", format_bound(since_us, INT64_MIN, "first", since)},
            {"backfill.end_time", format_bound(until_us, INT64_MAX, "none", until)},
            {"backfill.parallelism", number},
            {"realtime.enabled", "false"},
        };

        memset(&errors, 0, sizeof(errors));
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
                (void)config_set(settings, keys[i][0], keys[i][1], now_us, &errors); // counted in errors
        // A list may be long, and was checked above.
        settings->symbols = asked->symbols;
        settings->all_symbols = false;
        memset(&settings->exclude_symbols, 0, sizeof(settings->exclude_symbols));
        if (errors.count > 0 || config_complete(settings, &errors) != 0)
                return target_print_mistakes(&errors);
        return -1;
}
