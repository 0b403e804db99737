// SPDX-License-Identifier: Apache-2.0
// backfill: history of the symbols named, without a file. A running instance on the same data directory is given the
// work; otherwise a private one does it and ends.
#include "cli/asked.h"
#include "cli/cli.h"
#include "cli/facts_draw.h"
#include "cli/launch.h"
#include "cli/logtail.h"
#include "cli/outcome.h"
#include "cli/progress.h"
#include "cli/target.h"
#include "common/client.h"
#include "common/clock.h"
#include "common/exitcode.h"
#include "common/servertime.h"
#include "common/units.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 100
#define LIVE_AGE_US US_PER_MIN
#define HANDOVER_TRIES_MAX 100 // of TICK_MS: its writer may be starting

struct values {
        struct target_words target;
        const char *what, *interval;
        struct option_time since, until;
        int64_t parallelism;
        bool plain, json;
};

static const struct option_row options[] = {
    {"--what", 'w', OPTION_TEXT, offsetof(struct values, what), "LIST",
        "kline, trade or agg_trade, one or a list: trade,agg_trade (kline)"},
    {"--interval", 'i', OPTION_TEXT, offsetof(struct values, interval), "LIST",
        "bars to fetch, one or a list: 1m,1h,1d (1m). There are 1s 1m 3m 5m 15m\n30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"},
    {"--since", 's', OPTION_TIME, offsetof(struct values, since), "TIME",
        "from here on: 5y, 1h, 2024-01, 2024-03-01T10:00 (the symbol's first bar or trade)"},
    {"--until", 'u', OPTION_TIME, offsetof(struct values, until), "TIME", "up to here (now)"},
    {"--data", 'd', OPTION_TEXT, offsetof(struct values, target.data), "DIR", "data directory (./binance-data)"},
    {"--config", 'c', OPTION_TEXT, offsetof(struct values, target.config), "FILE",
        "take everything else from this file"},
    {"--parallelism", 'p', OPTION_COUNT, offsetof(struct values, parallelism), "N", "worker processes (4)"},
    {"--testnet", 0, OPTION_FLAG, offsetof(struct values, target.testnet), NULL, "Binance's test network, kept apart"},
    {"--plain", 0, OPTION_FLAG, offsetof(struct values, plain), NULL, "lines instead of bars, also on a terminal"},
    {"--json", 0, OPTION_FLAG, offsetof(struct values, json), NULL, "the counts at the end as JSON"},
    {.name = NULL},
};

struct backfill {
        const struct command *command;
        struct values *values;
        struct settings *settings;
        pid_t pid; // of the private instance; 0: a running one has the work
        int exit_code, asked;
        bool clock_compared, range_moved;
        struct client client;
        struct screen screen;
        struct progress progress;
        struct logtail log;
        char state_directory[PATH_SIZE], log_path[PATH_SIZE];
        size_t refused;
};

static void pause_ms(long ms)
{
        struct timespec span = {.tv_nsec = ms * 1000000};

        (void)nanosleep(&span, NULL); // a signal ends it early
}

// ---- drawing ----

static void say_log(struct backfill *backfill)
{
        bool is_error;

        if (backfill->log.fd < 0)
                return;
        for (const char *line; (line = logtail_next(&backfill->log, &is_error)) != NULL;)
                screen_say(&backfill->screen, "%s%s%s%s",
                    screen_colour(backfill->screen.colour, is_error ? COLOUR_RED : COLOUR_YELLOW),
                    is_error ? "error: " : "", line, screen_colour(backfill->screen.colour, COLOUR_NONE));
}

static void draw(struct backfill *backfill)
{
        struct screen *screen = &backfill->screen;
        struct facts facts;
        size_t room = screen_panel_room(screen);

        screen_panel_begin(screen);
        if (backfill->client.page == NULL)
                screen_panel_line(screen, "starting ...");
        else if (backfill->asked > 0)
                screen_panel_line(screen, "stopping in order: what has arrived is stored ...");
        else {
                progress_draw(
                    &backfill->progress, screen, screen->live && backfill->progress.count <= room - 2, room - 3);
                facts_read(backfill->client.page, &facts);
                facts_draw(&facts, true, screen);
        }
        screen_draw(screen);
}

static void step(struct backfill *backfill)
{
        if (backfill->client.page == NULL && client_open(backfill->settings->run_directory, &backfill->client) == 0 &&
            backfill->client.about.supervisor_pid != backfill->pid)
                client_close(&backfill->client); // an older instance that ends
        say_log(backfill);
        progress_count(&backfill->progress, backfill->client.page, false);
        draw(backfill);
}

// ---- the exchange's clock ----

// Counts a span from `now_us`. Returns whether that is another time.
static bool count_from(struct option_time *time, int64_t now_us)
{
        const char *accepted;
        int64_t us;

        if (time->text == NULL || time_parse_us(time->text, now_us, &us, &accepted) != 0 || us == time->us)
                return false;
        time->us = us;
        return true;
}

// Once it is known: "--since 10d" is meant by it, not by this host's clock. Returns whether the range is another now.
static bool compare_clocks(struct backfill *backfill)
{
        struct values *values = backfill->values;
        const struct governor_page *page = backfill->client.page;
        int64_t exchange_us = page != NULL ? governor_exchange_now_us(page) : -1, own_us = wall_now().ns / NS_PER_US;
        char exchange[UNITS_TEXT_SIZE], own[UNITS_TEXT_SIZE];

        if (backfill->clock_compared || exchange_us < 0)
                return false;
        backfill->clock_compared = true;
        if (llabs(exchange_us - own_us) < SERVERTIME_DIFFERENCE_US)
                return false;
        bool since = count_from(&values->since, exchange_us), until = count_from(&values->until, exchange_us);
        if (since || until)
                screen_say(&backfill->screen,
                    "it is %s UTC by the exchange's clock, %s by this host's: %s %s is counted "
                    "from the exchange's",
                    units_time_us(exchange_us, exchange), units_time_us(own_us, own), since ? "--since" : "--until",
                    since ? values->since.text : values->until.text);
        return since || until;
}

// ---- a running instance has the work ----

static int hand_over_one(struct backfill *backfill, const char *symbol, enum interval interval)
{
        struct control_backfill want = {
            .interval = interval, .start_us = backfill->values->since.us, .end_us = backfill->values->until.us};
        struct control_result result;

        snprintf(want.symbol, sizeof(want.symbol), "%s", symbol);
        for (int i = 0; client_backfill(&backfill->client, &want, &result) != 0; i++) {
                if (result.error != EAGAIN || i == HANDOVER_TRIES_MAX || launch_signals_seen() > 0)
                        return complain(
                            backfill->command, -1, "%s %s: %s", symbol, interval_name(interval), result.text);
                pause_ms(TICK_MS);
        }
        return 0;
}

static void hand_over(struct backfill *backfill, const struct asked *asked)
{
        int64_t now_us;

        while ((now_us = governor_exchange_now_us(backfill->client.page)) < 0 && launch_signals_seen() == 0 &&
               client_is_connected(&backfill->client))
                pause_ms(TICK_MS);      // its clock is set by its first answer
        (void)compare_clocks(backfill); // what it says goes for all that follows
        // The newest bars are on their way by stream, where there is one.
        int64_t end_us = now_us - LIVE_AGE_US;
        if (backfill->values->until.us < end_us)
                end_us = backfill->values->until.us;
        for (size_t i = 0; i < asked->symbols.count && (asked->data & DATA_KLINE) != 0; i++) {
                for (int interval = 0; interval < INTERVAL_COUNT; interval++) {
                        if ((asked->intervals >> interval & 1) == 0)
                                continue;
                        if (hand_over_one(backfill, asked->symbols.names[i], (enum interval)interval) != 0)
                                backfill->refused++;
                        else
                                progress_add(&backfill->progress, asked->symbols.names[i], (enum interval)interval,
                                    backfill->values->since.us, end_us);
                }
        }
}

// Its trades are kept by its configuration alone.
static void refuse_ticks(struct backfill *backfill)
{
        (void)complain(backfill->command, -1,
            "trades and aggregate trades are not handed to a running instance: set backfill.data and "
            "backfill.start_time in its configuration and reload it (SIGHUP), or stop it and start this again");
        backfill->refused++;
}

static bool watch_running(struct backfill *backfill)
{
        while (progress_may_go_on(&backfill->progress)) {
                step(backfill);
                if (launch_signals_seen() > 0) {
                        screen_say(&backfill->screen,
                            "the running instance goes on with it; `binancefeeder status` shows how far it is");
                        return true;
                }
                if (!client_is_connected(&backfill->client)) {
                        screen_say(
                            &backfill->screen, "the running instance has ended; start this command again to go on");
                        return false;
                }
                pause_ms(TICK_MS);
        }
        return false;
}

// ---- a private instance ----

static void expect_symbol(struct backfill *backfill, const struct asked *asked, const char *symbol)
{
        struct progress *progress = &backfill->progress;
        // As its configuration says it, to the digit.
        int64_t start_us = backfill->settings->backfill_start_us, end_us = backfill->settings->backfill_end_us;

        for (int interval = 0; interval < INTERVAL_COUNT && (asked->data & DATA_KLINE) != 0; interval++) {
                if ((asked->intervals >> interval & 1) != 0)
                        progress_add(progress, symbol, (enum interval)interval, start_us, end_us);
        }
        if ((asked->data & DATA_TRADE) != 0)
                progress_add_ticks(progress, symbol, TICK_TRADE, start_us, end_us);
        if ((asked->data & DATA_AGG_TRADE) != 0)
                progress_add_ticks(progress, symbol, TICK_AGG_TRADE, start_us, end_us);
}

static void expect(struct backfill *backfill, const struct asked *asked)
{
        for (size_t i = 0; i < asked->symbols.count; i++)
                expect_symbol(backfill, asked, asked->symbols.names[i]);
}

static int start_private(struct backfill *backfill)
{
        struct launch launch = {.config_fd = launch_print_settings(backfill->settings), .one_shot = true};

        if (launch.config_fd < 0)
                return complain(
                    backfill->command, EXIT_FAILED, "the configuration cannot be handed on: %s", strerror(errno));
        int code =
            launch_open_log(backfill->command, backfill->settings->data_directory, backfill->log_path, &launch.log_fd);
        if (code >= 0) {
                close(launch.config_fd);
                return code;
        }
        logtail_begin(&backfill->log, launch.log_fd);
        backfill->pid = launch_start(&launch);
        close(launch.config_fd);
        if (backfill->pid < 0)
                return complain(
                    backfill->command, EXIT_FAILED, "the supervisor cannot be started: %s", strerror(errno));
        return -1;
}

static void stop_where_range_moved(struct backfill *backfill)
{
        if (!compare_clocks(backfill))
                return;
        backfill->range_moved = true;
        (void)kill(backfill->pid, SIGTERM); // it may have ended
}

// Returns whether it was interrupted.
static bool watch_private(struct backfill *backfill)
{
        while (!launch_has_ended(backfill->pid, &backfill->exit_code)) {
                launch_pass_on(backfill->pid, &backfill->asked);
                step(backfill);
                stop_where_range_moved(backfill);
                pause_ms(TICK_MS);
        }
        say_log(backfill);
        stop_where_range_moved(backfill); // it may have ended at once, for nothing lay in the range
        if (backfill->asked > 0)
                screen_say(&backfill->screen, "stopped; what is stored stays, and the same command goes on from there");
        return backfill->asked > 0;
}

// Once more, where the exchange's clock has moved the range. Returns -1 to go on, or the exit code.
static int run_private(struct backfill *backfill, const struct asked *asked, bool *interrupted)
{
        struct asked again = *asked;

        expect(backfill, asked);
        *interrupted = watch_private(backfill);
        if (*interrupted || !backfill->range_moved)
                return -1;
        client_close(&backfill->client);
        close(backfill->log.fd);
        progress_free(&backfill->progress);
        progress_begin(&backfill->progress, backfill->state_directory);
        int code = asked_apply(&again, backfill->values->since.us, backfill->values->until.us,
            backfill->values->parallelism, backfill->settings);
        if (code < 0)
                code = start_private(backfill);
        if (code >= 0)
                return code;
        expect(backfill, &again);
        *interrupted = watch_private(backfill);
        return -1;
}

// ---- the command ----

static int finish(struct backfill *backfill, bool interrupted)
{
        struct facts facts = {0};
        char target[TARGET_FORMAT_SIZE];
        bool private = backfill->pid != 0;

        progress_count(&backfill->progress, private ? NULL : backfill->client.page, true);
        if (!interrupted) {
                screen_panel_begin(&backfill->screen);
                progress_draw(&backfill->progress, &backfill->screen, true, screen_panel_room(&backfill->screen) - 2);
                screen_print_now(&backfill->screen);
                screen_draw(&backfill->screen);
        }
        screen_close(&backfill->screen, !interrupted);
        if (backfill->client.page != NULL)
                facts_read(backfill->client.page, &facts);
        struct outcome outcome = {.progress = &backfill->progress,
            .target = target_format_next(&backfill->values->target, backfill->settings->data_directory, target),
            .log_path = private ? backfill->log_path : NULL,
            .interrupted = interrupted,
            .hindered = facts_is_hindered(&facts),
            .refused = backfill->refused,
            .exit_code = private ? backfill->exit_code : EXIT_DONE};
        int code = outcome_print(&outcome, backfill->values->json);
        client_close(&backfill->client);
        progress_free(&backfill->progress);
        return code;
}

static int work(struct backfill *backfill, const struct asked *asked)
{
        bool running = client_open(backfill->settings->run_directory, &backfill->client) == 0, interrupted;

        // ENOTDIR: nor can the log be written there, which start_private() says.
        if (!running && errno != ENOENT && errno != ENOTDIR && errno != ECONNREFUSED)
                return complain(backfill->command, EXIT_TRY_LATER, "an instance on %s does not answer: %s",
                    backfill->settings->data_directory,
                    errno == EBADMSG ? "it is of another version; stop it, or use its own program" : strerror(errno));
        snprintf(backfill->state_directory, PATH_SIZE, "%s",
            running ? backfill->client.about.state_directory : backfill->settings->state_directory);
        backfill->log.fd = -1;
        launch_watch_signals();
        progress_begin(&backfill->progress, backfill->state_directory);
        if (!running) {
                int code = start_private(backfill);
                if (code >= 0)
                        return code;
        }
        screen_open(&backfill->screen, stderr, backfill->values->plain);
        if (running) {
                screen_say(&backfill->screen, "an instance runs on %s (process %d): it is given the work",
                    backfill->settings->data_directory, backfill->client.about.supervisor_pid);
                hand_over(backfill, asked);
                if (asked->data != DATA_KLINE)
                        refuse_ticks(backfill);
                interrupted = watch_running(backfill);
        } else {
                int code = run_private(backfill, asked, &interrupted);
                if (code >= 0)
                        return code;
        }
        return finish(backfill, interrupted);
}

static int run_backfill(const struct command *command, int argc, char **argv)
{
        static struct settings settings;
        static struct backfill backfill;
        static struct asked asked;
        struct values values = {.since.us = INT64_MIN, .until.us = INT64_MAX, .target.only_named = true};
        struct words words;
        int code = options_parse(command, argc, argv, &values, &words);

        if (code >= 0)
                return code;
        code = asked_read(command, &words, values.what, values.interval, &asked);
        if (code >= 0)
                return code;
        if (values.since.us >= values.until.us)
                return complain(command, EXIT_BAD_USAGE, "--since lies behind --until");
        code = target_read(command, &values.target, CONFIG_ONE_SHOT, &settings, NULL);
        if (code >= 0)
                return code;
        code = asked_apply(&asked, values.since.us, values.until.us, values.parallelism, &settings);
        if (code >= 0)
                return code;
        backfill = (struct backfill){.command = command, .values = &values, .settings = &settings, .client.fd = -1};
        return work(&backfill, &asked);
}

const struct command command_backfill = {
    .name = "backfill",
    .summary = "Fetches history of some symbols; needs no file",
    .arguments = "SYMBOL... [--what LIST] [--interval LIST] [--since TIME] [--until TIME] [--data DIR]",
    .details =
        "Goes on where an earlier one stopped: what is stored is not fetched again. The last line counts what was "
        "wanted,\n"
        "what is stored, what the exchange itself does not have, and what is missing; exit code 0 means nothing is.\n"
        "Where an instance runs on the same data directory, it is given the work.\n",
    .examples = "backfill BTCUSDT ETHUSDT --interval 1m --since 5y\n"
                "backfill BTC/USDT --interval 1h,1d --since 2020-01-01 --data /srv/binance\n"
                "backfill BTCUSDT --what trade --since 1h",
    .options = options,
    .run = run_backfill,
};
