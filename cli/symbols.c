// SPDX-License-Identifier: Apache-2.0
// symbols: what the exchange lists, from the ledger's copy of its catalogue.
#include "cli/cli.h"
#include "cli/table.h"
#include "cli/target.h"
#include "common/catalog.h"
#include "common/exitcode.h"
#include "common/ledgerview.h"
#include "common/record.h"
#include "common/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct values {
        struct target_words target;
        const char *quote;
        bool all, json;
};

static const struct option_row options[] = {
    {"--quote", 'q', OPTION_TEXT, offsetof(struct values, quote), "ASSET", "only those quoted in ASSET, such as USDT"},
    {"--all", 'a', OPTION_FLAG, offsetof(struct values, all), NULL, "also those that do not trade at present"},
    {"--json", 0, OPTION_FLAG, offsetof(struct values, json), NULL, "an array of objects"},
    TARGET_OPTIONS(struct values, target),
    {.name = NULL},
};

struct listing {
        const struct values *values;
        struct table table;
        bool plain; // names alone, one a line, for a pipe
        int64_t shown, known;
};

static int list_symbol(void *context, const struct catalogue_entry *entry)
{
        struct listing *listing = context;
        const struct values *values = listing->values;
        bool trades = entry->status == SYMBOL_TRADING;

        listing->known++;
        if ((!trades && !values->all) || (values->quote != NULL && strcasecmp(values->quote, entry->quote) != 0))
                return 0;
        listing->shown++;
        if (values->json) {
                printf("%s{\"symbol\":\"%s\",\"base\":\"%s\",\"quote\":\"%s\",\"status\":\"%s\",\"ended\":%s}",
                    listing->shown > 1 ? ",\n " : "[", entry->symbol, entry->base, entry->quote,
                    catalog_status_name(entry->status), entry->ended ? "true" : "false");
        } else if (listing->plain) {
                puts(entry->symbol);
        } else {
                table_add(&listing->table, entry->symbol);
                table_add(&listing->table, entry->base);
                table_add(&listing->table, entry->quote);
                table_add(&listing->table, entry->ended ? "ended" : catalog_status_name(entry->status));
        }
        return 0;
}

static int no_catalogue(const struct command *command, const struct settings *settings, const char *why)
{
        char target[TARGET_FORMAT_SIZE];

        complain(command, EXIT_FAILED, "there is no list of the exchange's symbols in %s yet%s%s",
            settings->state_directory, why[0] != '\0' ? ": " : "", why);
        fprintf(stderr,
            "Every run and every backfill fetches it first, for example:\n"
            "  binancefeeder backfill BTCUSDT --interval 1d --since 30d%s\n",
            target_format(NULL, settings->data_directory, target));
        return EXIT_FAILED;
}

static void print_end(struct listing *listing, const struct ledger_meta *meta)
{
        char shown[UNITS_TEXT_SIZE], known[UNITS_TEXT_SIZE], time[UNITS_TEXT_SIZE];

        if (listing->values->json)
                puts(listing->shown > 0 ? "]" : "[]");
        else if (!listing->plain)
                table_print(&listing->table, "", stdout);
        if (!listing->values->json)
                fprintf(stderr, "%s of %s symbols, as the exchange listed them on %s UTC\n",
                    units_count(listing->shown, shown), units_count(listing->known, known),
                    units_time_us(meta->catalogue_us, time));
}

static int run_symbols(const struct command *command, int argc, char **argv)
{
        static const char *const heads[] = {"<SYMBOL", "<BASE", "<QUOTE", "<STATUS", NULL};
        static struct settings settings;
        struct values values = {0};
        struct listing listing = {.values = &values, .plain = !isatty(STDOUT_FILENO)};
        struct ledger_meta meta;
        struct words words;
        char why[REASON_SIZE];
        int code = options_parse(command, argc, argv, &values, &words);

        if (code >= 0)
                return code;
        if (words.count > 0)
                return complain(command, EXIT_BAD_USAGE, "takes no words, but got %s; --quote ASSET narrows the list",
                    words.items[0]);
        code = target_read(command, &values.target, CONFIG_ONE_SHOT, &settings, NULL);
        if (code >= 0)
                return code;
        struct ledgerview *view = ledgerview_open(settings.state_directory, why);
        if (view == NULL)
                return no_catalogue(command, &settings, why);
        table_begin(&listing.table, heads);
        int result = ledgerview_meta(view, &meta);
        if (result == 0 && meta.catalogue_generation == 0) {
                ledgerview_close(view);
                return no_catalogue(command, &settings, "");
        }
        if (result == 0)
                result = ledgerview_each_symbol(view, list_symbol, &listing);
        if (result == 0)
                print_end(&listing, &meta);
        else
                code = complain(command, EXIT_FAILED, "%s", ledgerview_error(view));
        ledgerview_close(view);
        return result == 0 ? EXIT_DONE : code;
}

const struct command command_symbols = {
    .name = "symbols",
    .summary = "Lists the exchange's symbols",
    .arguments = "[--quote ASSET] [--all] [--json]",
    .details = "Reads the copy that a run or a backfill has fetched; in a pipe it prints names alone, one a line.\n",
    .examples = "symbols --quote USDT\n"
                "symbols --all --json",
    .options = options,
    .run = run_symbols,
};
