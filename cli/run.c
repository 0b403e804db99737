// SPDX-License-Identifier: Apache-2.0
// run: history and live bars, for ever on. Without a terminal this process becomes the supervisor; on one it draws what
// the supervisor and its children do.
#include "cli/cli.h"
#include "cli/closing.h"
#include "cli/facts_draw.h"
#include "cli/launch.h"
#include "cli/livebars.h"
#include "cli/logtail.h"
#include "cli/progress.h"
#include "cli/target.h"
#include "common/client.h"
#include "common/exitcode.h"
#include "common/units.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 100

struct values {
        struct target_words target;
        bool plain, screen;
        int64_t for_s;
};

static const struct option_row options[] = {
    {"--config", 'c', OPTION_TEXT, offsetof(struct values, target.config), "FILE",
        "configuration; else " TARGET_PLACES},
    {"--screen", 0, OPTION_FLAG, offsetof(struct values, screen), NULL,
        "progress and live bars on one screen (the default on a terminal);\nthe log then goes to binancefeeder.log in "
        "the data directory"},
    {"--plain", 0, OPTION_FLAG, offsetof(struct values, plain), NULL, "log lines on stderr (the default elsewhere)"},
    {"--for", 0, OPTION_COUNT, offsetof(struct values, for_s), "SECONDS", "stop by itself after that time"},
    {.name = NULL},
};

struct run {
        const struct values *values;
        const struct settings *settings;
        pid_t pid;
        int exit_code, asked;
        mono_time begun;
        struct client client;
        struct screen screen;
        struct progress progress;
        struct livebars bars;
        struct logtail log;
        char log_path[PATH_SIZE];
        bool live_announced;
};

static void pause_ms(long ms)
{
        struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

        (void)nanosleep(&span, NULL); // a signal ends it early
}

// True once the supervisor has ended. Passes on signals, and ends it itself when its time is up.
static bool tend(struct run *run)
{
        if (launch_has_ended(run->pid, &run->exit_code))
                return true;
        launch_pass_on(run->pid, &run->asked);
        if (run->values->for_s > 0 && run->asked == 0 &&
            mono_since_ms(mono_now(), run->begun) >= run->values->for_s * 1000) {
                (void)kill(run->pid, SIGTERM);
                run->asked = 1;
        }
        return false;
}

// ---- drawing ----

static void say_header(struct run *run)
{
        struct screen *screen = &run->screen;
        const struct settings *settings = run->settings;
        const char *bold = screen_colour(screen->colour, COLOUR_BOLD),
                   *none = screen_colour(screen->colour, COLOUR_NONE);
        char intervals[128];

        screen_say(screen, "%sbinancefeeder " BF_VERSION "%s  Ctrl-C stops it in order; nothing that is stored is lost",
            bold, none);
        screen_say(screen, "  exchange   %s%s", settings->rest_url, settings->testnet ? " (test network)" : "");
        if (settings->all_symbols)
                screen_say(screen, "  keeps      %s bars of all symbols that trade",
                    interval_set_format(settings->timeframes, intervals));
        else
                screen_say(screen, "  keeps      %s bars of %zu symbol%s",
                    interval_set_format(settings->timeframes, intervals), settings->symbols.count,
                    settings->symbols.count == 1 ? "" : "s");
        screen_say(screen, "  data       %s", settings->root_directory);
        screen_say(screen, "  log        %s", run->log_path);
        screen_say(screen, "%s", "");
}

static void announce_complete(struct run *run)
{
        struct screen *screen = &run->screen;
        char rows[UNITS_TEXT_SIZE], span[UNITS_TEXT_SIZE], rate[UNITS_TEXT_SIZE];
        size_t already = 0;

        for (const struct progress_item *item; (item = progress_newly_complete(&run->progress)) != NULL;) {
                if (item->done == item->done_first) {
                        already++;
                        continue;
                }
                double seconds = (double)mono_since_ms(item->grown, item->begun) / 1e3;
                screen_say(screen, "%-12s %-3s  %scomplete%s: %s rows backfilled in %s (%s rows/s)", item->symbol,
                    item->name, screen_colour(screen->colour, COLOUR_GREEN), screen_colour(screen->colour, COLOUR_NONE),
                    units_count(item->done - item->done_first, rows), units_span_s(seconds, span),
                    units_count((int64_t)item->rate, rate));
        }
        if (already > 0)
                screen_say(screen, "%zu of %zu complete already", already, run->progress.count);
        bool all = run->progress.count > 0 && progress_completed(&run->progress) == run->progress.count;
        if (all && !run->live_announced && run->settings->realtime_enabled) {
                screen_say(screen, "%s", "");
                screen_say(screen, "History is complete. Live bars as they close (time is when the bar opened, UTC):");
                run->live_announced = true;
        }
}

static void draw_panel(struct run *run)
{
        struct screen *screen = &run->screen;
        struct facts facts;
        bool working = progress_completed(&run->progress) < run->progress.count;

        screen_panel_begin(screen);
        if (screen->live)
                screen_panel_line(screen, "%s", "");
        if (run->client.page == NULL) {
                screen_panel_line(screen, "starting ...");
        } else if (run->asked > 0) {
                screen_panel_line(screen, "stopping in order: what has arrived is made durable ...");
        } else {
                size_t room = screen_panel_room(screen);
                if (run->progress.count == 0)
                        screen_panel_line(screen, "asking the exchange for its symbols ...");
                if (working)
                        progress_draw(&run->progress, screen, false, room > 6 ? room - 5 : 2);
                facts_read(run->client.page, &facts);
                // Where lines are printed below each other, live bars say enough.
                if (screen->live || working || facts_is_hindered(&facts))
                        facts_draw(&facts, working, screen);
        }
        screen_draw(screen);
}

static void say_log(struct run *run)
{
        bool is_error;

        for (const char *line; (line = logtail_next(&run->log, &is_error)) != NULL;)
                screen_say(&run->screen, "%s%s%s%s",
                    screen_colour(run->screen.colour, is_error ? COLOUR_RED : COLOUR_YELLOW), is_error ? "error: " : "",
                    line, screen_colour(run->screen.colour, COLOUR_NONE));
}

static void step(struct run *run)
{
        // The page of a supervisor is there before its first child is.
        if (run->client.page == NULL && client_open(run->settings->run_directory, &run->client) == 0) {
                if (run->client.about.supervisor_pid != run->pid)
                        client_close(&run->client); // an older instance, which ours waits for
                else
                        livebars_begin(&run->bars, run->client.page);
        }
        say_log(run);
        if (run->client.page != NULL) {
                progress_follow(&run->progress, run->client.page);
                announce_complete(run);
                livebars_show(&run->bars, run->client.page, &run->screen);
        }
        draw_panel(run);
}

static void say_what_next(const struct run *run)
{
        char target[TARGET_FORMAT_SIZE], bucket[PROGRESS_BUCKET_SIZE] = "BTCUSDT/1m";

        if (run->progress.count > 0)
                progress_format_bucket(run->progress.items, bucket);
        target_format_next(&run->values->target, run->settings->data_directory, target);
        printf("\nThe same command goes on from here. To look at it:\n"
               "  binancefeeder query %s --last 5%s\n"
               "  binancefeeder status%s\n",
            bucket, target, target);
}

static int watch(struct run *run)
{
        screen_open(&run->screen, stdout, false);
        progress_begin(&run->progress, run->settings->state_directory);
        say_header(run);
        while (!tend(run)) {
                step(run);
                pause_ms(TICK_MS);
        }
        step(run);
        screen_close(&run->screen, false);
        closing_print(run->settings->state_directory, stdout);
        if (run->exit_code != EXIT_DONE)
                printf("\nIt ended with exit code %d; its log: %s\n", run->exit_code, run->log_path);
        else if (run->values->for_s == 0)
                say_what_next(run);
        client_close(&run->client);
        progress_free(&run->progress);
        return run->exit_code;
}

// ---- the command ----

static int start(const struct command *command, struct run *run, const char *path)
{
        bool screen = !run->values->plain;
        struct launch launch = {.config_path = path, .config_fd = -1, .log_fd = -1};

        if (strcmp(path, "-") == 0) { // was read already
                launch.config_path = NULL;
                launch.config_fd = launch_print_settings(run->settings);
        }
        if (screen) {
                int code = launch_open_log(command, run->settings->data_directory, run->log_path, &launch.log_fd);
                if (code >= 0)
                        return code;
        }
        logtail_begin(&run->log, launch.log_fd);
        launch_watch_signals();
        run->begun = mono_now();
        run->pid = launch_start(&launch);
        if (run->pid < 0)
                return complain(command, EXIT_FAILED, "the supervisor cannot be started: %s", strerror(errno));
        if (screen)
                return watch(run);
        while (!tend(run))
                pause_ms(TICK_MS);
        return run->exit_code;
}

static int run_run(const struct command *command, int argc, char **argv)
{
        static struct settings settings;
        static struct run run;
        struct values values = {0};
        struct words words;
        char path[PATH_SIZE];

        // From the first moment a stop is an orderly one, even before there is anything to stop.
        launch_hold_signals();
        int code = options_parse(command, argc, argv, &values, &words);
        if (code >= 0)
                return code;
        if (words.count > 0)
                return complain(command, EXIT_BAD_USAGE,
                    "takes no words, but got %s; symbols are named in the file, or use "
                    "`binancefeeder backfill %s`",
                    words.items[0], words.items[0]);
        if (values.plain && values.screen)
                return complain(command, EXIT_BAD_USAGE, "only one of --plain and --screen");
        values.plain = values.plain || (!values.screen && !isatty(STDOUT_FILENO));
        if (values.target.config == NULL) {
                values.target.config = target_find_file();
                if (values.target.config == NULL)
                        return complain(command, EXIT_BAD_USAGE,
                            "which configuration? None is in the usual places (" TARGET_PLACES
                            "); make one: binancefeeder check "
                            "--example > binancefeeder.yml");
                fprintf(stderr, "configuration: %s\n", values.target.config);
        }
        bool from_stdin = strcmp(values.target.config, "-") == 0;
        if (from_stdin)
                launch_release_signals(); // whoever types it may think better of it
        bool replace = values.plain && values.for_s == 0;
        // The supervisor reads it too and says the same; from standard input it can be read only once.
        if (replace && from_stdin)
                return launch_replace(command, values.target.config);
        values.target.warnings_told = replace;
        code = target_read(command, &values.target, CONFIG_RUN, &settings, path);
        if (code >= 0)
                return code;
        if (replace)
                return launch_replace(command, path);
        run.values = &values;
        run.settings = &settings;
        run.client.fd = -1;
        return start(command, &run, path);
}

const struct command command_run = {
    .name = "run",
    .summary = "Backfills and streams, for ever on, as a configuration file says",
    .arguments = "[--config FILE] [--screen | --plain] [--for SECONDS]",
    .details =
        "Ctrl-C or SIGTERM stops it in order; SIGHUP reads the file again without touching what has not changed (not\n"
        "with --screen). The next start goes on where this one ended and fetches what came between.\n",
    .examples = "run --config binancefeeder.yml\n"
                "run --plain 2>> feeder.log",
    .options = options,
    .run = run_run,
};
