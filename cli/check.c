// SPDX-License-Identifier: Apache-2.0
// check: the effective configuration, and what is worth knowing before it runs.
#include "cli/cli.h"
#include "cli/online.h"
#include "cli/target.h"
#include "common/clock.h"
#include "common/exitcode.h"
#include "common/units.h"
#include "config/derivation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPOT_BEGAN_US INT64_C(1502928000000000) // 2017-08-17, the exchange's first bar
#define RECORD_BYTES_FULL 80                    // of a bar on disk: index and nine columns
#define RECORD_BYTES_SEED 48                    // index and five columns

struct values {
        const char *config;
        bool markdown, example, online;
};

static const struct option_row options[] = {
    {"--config", 'c', OPTION_TEXT, offsetof(struct values, config), "FILE", "the same as FILE; else " TARGET_PLACES},
    {"--online", 'o', OPTION_FLAG, offsetof(struct values, online), NULL,
        "also ask the exchange, and a store server, that the file names"},
    {"--example", 0, OPTION_FLAG, offsetof(struct values, example), NULL,
        "print a file with every key explained, to copy"},
    {"--markdown", 0, OPTION_FLAG, offsetof(struct values, markdown), NULL,
        "print the table of keys for documentation"},
    {.name = NULL},
};

static interval_set fetched_intervals(const struct settings *settings)
{
        return (settings->backfill_data & DATA_KLINE) != 0 ? settings->backfill_intervals : 0;
}

static interval_set kept_intervals(const struct settings *settings)
{
        struct derivation made[INTERVAL_COUNT];
        interval_set kept = derivation_native(settings);

        derivation_resolve(settings, made);
        for (int i = 0; i < INTERVAL_COUNT; i++)
                kept |= (interval_set)(made[i].from != AGGREGATE_UNSAID) << i;
        return kept;
}

static double bars_of(const struct settings *settings, interval_set intervals, int64_t from_us, int64_t to_us)
{
        double bars = 0;

        if (from_us >= to_us)
                return 0;
        for (int i = 0; i < INTERVAL_COUNT; i++) {
                if ((intervals >> i & 1) != 0)
                        bars += (double)(to_us - from_us) / (double)interval_length_us((enum interval)i);
        }
        return bars * (double)settings->symbols.count;
}

static void hint_disk(const struct settings *settings, int64_t now_us)
{
        char bytes[UNITS_TEXT_SIZE], a_year[UNITS_TEXT_SIZE], there[UNITS_TEXT_SIZE], rows[UNITS_TEXT_SIZE];
        double record = settings->store_columns == COLUMNS_SEED ? RECORD_BYTES_SEED : RECORD_BYTES_FULL;
        int64_t from_us = settings->backfill_start_us > SPOT_BEGAN_US ? settings->backfill_start_us : SPOT_BEGAN_US;
        int64_t to_us = settings->backfill_end_us < now_us ? settings->backfill_end_us : now_us;
        interval_set kept = kept_intervals(settings);
        double history = settings->backfill_enabled ? bars_of(settings, kept, from_us, to_us) : 0;
        struct statvfs disk;

        if (settings->all_symbols || settings->store_type != STORE_FILES || kept == 0)
                return;
        fprintf(stderr, "hint: at most %s bars of history, %s on disk; then %s a year\n",
            units_count((int64_t)history, rows), units_bytes((uint64_t)(history * record), bytes),
            units_bytes((uint64_t)(bars_of(settings, kept, 0, 365 * US_PER_DAY) * record), a_year));
        if (statvfs(settings->data_directory, &disk) == 0 &&
            (double)disk.f_bavail * (double)disk.f_frsize < history * record)
                fprintf(stderr, "hint: the disk of %s has only %s free\n", settings->data_directory,
                    units_bytes((uint64_t)disk.f_bavail * disk.f_frsize, there));
}

static void hint_server(const struct settings *settings)
{
        char bytes[UNITS_TEXT_SIZE];

        if (settings->store_type != STORE_SERVER)
                return;
        fprintf(stderr,
            "hint: rows go to the MarketStore server %s, and `query` asks it; here lie ledger and spool, which takes "
            "up to %s while the server is away\n",
            settings->store_url, units_bytes((uint64_t)settings->spool_bytes_max, bytes));
}

static void hint_hole(const struct settings *settings, int64_t now_us)
{
        char end[UNITS_TEXT_SIZE];

        if (!settings->backfill_enabled || !settings->realtime_enabled || settings->backfill_end_us >= now_us)
                return;
        fprintf(stderr,
            "hint: history ends at %s and live bars begin when it runs: what lies between is not wanted; leave out "
            "backfill.end_time to have it\n",
            units_time_us(settings->backfill_end_us, end));
}

static void hint_weight(const struct settings *settings, int64_t now_us)
{
        char span[UNITS_TEXT_SIZE];
        int64_t from_us = settings->backfill_start_us > SPOT_BEGAN_US ? settings->backfill_start_us : SPOT_BEGAN_US;
        int64_t to_us = settings->backfill_end_us < now_us ? settings->backfill_end_us : now_us;
        double requests = bars_of(settings, fetched_intervals(settings), from_us, to_us) / settings->batch_size;
        double limit = settings->weight_per_minute > 0 ? settings->weight_per_minute : WEIGHT_LIMIT_DEFAULT;

        // A page of klines weighs 2.
        double seconds = requests * 2 / (limit * settings->utilization) * 60;
        if (settings->backfill_enabled && !settings->all_symbols && seconds >= 60)
                fprintf(stderr, "hint: backfilling takes at least %s within %.0f %% of the exchange's request limit\n",
                    units_span_s(seconds, span), settings->utilization * 100);
}

// How many there are the exchange does not say beforehand.
static void hint_ticks(const struct settings *settings)
{
        bool kept = ((settings->backfill_data | settings->stream_types) & ~(uint32_t)DATA_KLINE) != 0;
        bool fetched = (settings->backfill_data & (DATA_TRADE | DATA_AGG_TRADE)) != 0;

        if (kept)
                fprintf(stderr, "hint: ticks take room%s that nobody knows beforehand; it is not in these figures\n",
                    settings->backfill_enabled && fetched ? " and, as history, requests" : "");
}

// Only here: the file may well come to its place between a check and a start.
static void hint_files(const struct settings *settings)
{
        if (settings->ca_file[0] != '\0' && access(settings->ca_file, R_OK) != 0)
                fprintf(stderr, "hint: endpoints.ca_file %s cannot be read: %s; without it no TLS connection is made\n",
                    settings->ca_file, strerror(errno));
}

static int check_file(const struct command *command, const char *file, bool online)
{
        static struct settings settings;
        static struct config_errors errors;
        int64_t now_us = wall_now().ns / 1000;

        if (file == NULL)
                file = target_find_file();
        if (file == NULL)
                return complain(command, EXIT_BAD_USAGE,
                    "which file? None is in the usual places (" TARGET_PLACES
                    "); `binancefeeder check --example` prints one to "
                    "copy");
        int result = config_read(file, CONFIG_RUN, now_us, &settings, &errors);
        target_print_warnings(&errors);
        if (result != 0)
                return target_print_mistakes(&errors);
        config_print(&settings, stdout);
        fflush(stdout);
        fprintf(stderr, "%s is good; above is what it means with all defaults\n", file);
        hint_files(&settings);
        hint_hole(&settings, now_us);
        hint_weight(&settings, now_us);
        hint_disk(&settings, now_us);
        hint_server(&settings);
        hint_ticks(&settings);
        return online ? online_check(&settings, stderr) : EXIT_DONE;
}

static int run_check(const struct command *command, int argc, char **argv)
{
        struct values values = {0};
        struct words words;
        int code = options_parse(command, argc, argv, &values, &words);

        if (code >= 0)
                return code;
        if (values.online && (values.markdown || values.example))
                return complain(command, EXIT_BAD_USAGE, "--online is about a file");
        if (words.count + (values.config != NULL) + values.markdown + values.example > 1)
                return complain(command, EXIT_BAD_USAGE, "one file, or --example, or --markdown");
        if (values.markdown)
                config_print_markdown(stdout);
        else if (values.example)
                config_print_example(stdout);
        else
                return check_file(command, words.count > 0 ? words.items[0] : values.config, values.online);
        return EXIT_DONE;
}

const struct command command_check = {
    .name = "check",
    .summary = "Checks a configuration file and prints what it means",
    .arguments = "[[--online] FILE | --example | --markdown]",
    .details =
        "Mistakes are told with file, line, column and what is accepted. What is printed is a complete configuration\n"
        "with all defaults, and reads back to the same. MarketStore's mkts.yml with a BinanceFeederV2 block is read "
        "too.\n"
        "With --online it then asks once, and says one line each, \"ok\" or \"wrong\" with the cure: whether REST "
        "answers\n"
        "(through proxy and ca_file), the exchange's clock, its request limit, each symbol, the streams' host, and "
        "with\n"
        "store.type server that server. Exit 0 where all is well, 1 where something is wrong, 78 for mistakes in the "
        "file.\n",
    .examples = "check binancefeeder.yml\n"
                "check --online binancefeeder.yml\n"
                "check --example > binancefeeder.yml",
    .options = options,
    .run = run_check,
};
