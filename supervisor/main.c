// SPDX-License-Identifier: Apache-2.0
// The supervisor: starts the writer, then stream and backfill workers, and keeps them running. It parses nothing but
// its own configuration and links only libc, libevent and libyaml, so it stays single-threaded and can fork at any
// time.
//
//   supervisor --config FILE [--one-shot] [--libexec DIR] [--policy-scale-permille N]
//
// --one-shot ends when everything wanted is stored or explained: 0 complete, 1 not. --policy-scale-permille shortens
// every time of the restart policy together (1000: the real ones); for tests only.
#include "common/ackpage.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "config/config.h"
#include "supervisor/channels.h"
#include "supervisor/children.h"
#include "supervisor/clockwork.h"
#include "supervisor/listener.h"
#include "supervisor/notify.h"
#include "supervisor/roster.h"
#include "supervisor/shutdown.h"
#include "supervisor/state.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTORS_OWN 64      // ours, and for what comes and goes
#define DESCRIPTORS_PER_CHILD 3 // its pidfd, its socket, and one on its way
#define SCALE_PERMILLE_MAX 1000

static struct supervisor supervisor;

void supervisor_settle(struct supervisor *of)
{
        children_collect(of);
        channels_renew(of);
        shutdown_advance(of);
        if (of->phase != PHASE_OVER)
                clockwork_arm(of);
}

// ---- options ----

static _Noreturn void usage(const char *why)
{
        log_error(
            "%s; usage: supervisor --config FILE [--one-shot] [--libexec DIR]; it is started by `binancefeeder run`",
            why);
        exit(EXIT_BAD_USAGE);
}

// The directory this program lies in: its children lie beside it.
static void find_libexec(char libexec[PATH_SIZE])
{
        ssize_t length = readlink("/proc/self/exe", libexec, PATH_SIZE - 1);
        char *slash = NULL;

        if (length > 0) {
                libexec[length] = '\0';
                slash = strrchr(libexec, '/');
        }
        if (slash == NULL)
                usage("the supervisor's own directory cannot be found: give --libexec");
        *slash = '\0';
}

static int64_t parse_scale(const char *text)
{
        char *end;
        long scale = strtol(text, &end, 10);

        if (*text == '\0' || *end != '\0' || scale < 1 || scale > SCALE_PERMILLE_MAX)
                usage("--policy-scale-permille takes 1 to 1000");
        return scale;
}

static void parse_options(int argc, char **argv)
{
        static const struct option options[] = {{"config", required_argument, NULL, 'c'},
            {"one-shot", no_argument, NULL, 'o'}, {"libexec", required_argument, NULL, 'l'},
            {"policy-scale-permille", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
        int64_t scale_permille = 1000;
        int option;

        opterr = 0;
        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                switch (option) {
                case 'c': supervisor.config_path = optarg; break;
                case 'o': supervisor.one_shot = true; break;
                case 'l':
                        if (snprintf(supervisor.libexec, PATH_SIZE, "%s", optarg) >= PATH_SIZE)
                                usage("--libexec is too long");
                        break;
                case 's': scale_permille = parse_scale(optarg); break;
                default: usage("an option is not known");
                }
        }
        if (supervisor.config_path == NULL || optind != argc)
                usage("--config FILE is needed, and nothing else");
        if (supervisor.libexec[0] == '\0')
                find_libexec(supervisor.libexec);
        policy_limits_set(&supervisor.limits, scale_permille);
}

// ---- start ----

static void read_config(struct settings *settings)
{
        static struct config_errors errors;
        int result = config_read(supervisor.config_path, supervisor.one_shot ? CONFIG_ONE_SHOT : CONFIG_RUN,
            wall_now().ns / 1000, settings, &errors);

        for (size_t i = 0; i < errors.warnings_count && i < CONFIG_WARNINGS_MAX; i++)
                log_warn("%s", errors.warnings[i]);
        for (size_t i = 0; i < errors.count && i < CONFIG_ERRORS_MAX; i++)
                log_error("%s", errors.text[i]);
        if (errors.count > CONFIG_ERRORS_MAX)
                log_error("and %zu more mistakes", errors.count - CONFIG_ERRORS_MAX);
        if (result != 0)
                exit(EXIT_BAD_CONFIG);
}

// With `symbols: all` the number of symbols is not known yet; each worker then counts as one of the automatic spread.
static size_t descriptors_needed(const struct settings *settings)
{
        size_t streams = settings->symbols_per_worker > 0 ? settings->symbols.count / settings->symbols_per_worker + 1
                                                          : settings->symbols.count;

        if (settings->all_symbols || (settings->symbols_per_worker == 0 && streams > STREAM_WORKERS_MAX))
                streams = STREAM_WORKERS_MAX;
        if (!settings->realtime_enabled || supervisor.one_shot)
                streams = 0;
        return DESCRIPTORS_OWN + DESCRIPTORS_PER_CHILD * (2 + streams + assign_backfill_workers(settings));
}

static void make_pages(void)
{
        supervisor.governor_fd = governor_create();
        supervisor.acks_fd = ack_page_create();
        if (supervisor.governor_fd >= 0)
                supervisor.page = governor_map(supervisor.governor_fd, true);
        if (supervisor.page != NULL)
                supervisor.governor_readonly_fd = governor_reopen_readonly(supervisor.governor_fd);
        if (supervisor.acks_fd >= 0)
                supervisor.acks_readonly_fd = ack_page_reopen_readonly(supervisor.acks_fd);
        if (supervisor.page == NULL || supervisor.acks_fd < 0 || supervisor.governor_readonly_fd < 0 ||
            supervisor.acks_readonly_fd < 0) {
                log_error("the pages shared with children cannot be made: %m");
                exit(EXIT_TRY_LATER);
        }
}

static void on_stop(evutil_socket_t number, short events, void *context)
{
        (void)events;
        (void)context;
        if (supervisor.phase == PHASE_RUN)
                shutdown_begin(&supervisor, supervisor.one_shot ? 1 : 0, number == SIGINT ? "SIGINT" : "SIGTERM");
        else
                shutdown_hurry(&supervisor);
        supervisor_settle(&supervisor);
}

static void on_hangup(evutil_socket_t number, short events, void *context)
{
        char why[REASON_SIZE];

        (void)number;
        (void)events;
        (void)context;
        (void)roster_reload(&supervisor, why); // logged there
        supervisor_settle(&supervisor);
}

// From the first instruction on (the command line that becomes us by exec has blocked them already) until the event
// loop takes them: a SIGTERM meanwhile stops us in order, too.
static void hold_signals(int how)
{
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        sigprocmask(how, &signals, NULL);
}

static int watch_signal(int number, event_callback_fn callback)
{
        struct event *event = evsignal_new(supervisor.base, number, callback, NULL);

        return event != NULL ? event_add(event, NULL) : -1;
}

static void open_events(void)
{
        supervisor.base = event_base_new();
        if (supervisor.base == NULL || signal(SIGPIPE, SIG_IGN) == SIG_ERR || watch_signal(SIGTERM, on_stop) != 0 ||
            watch_signal(SIGINT, on_stop) != 0 || watch_signal(SIGHUP, on_hangup) != 0 ||
            clockwork_start(&supervisor) != 0) {
                log_error("the event loop cannot be made: %m");
                exit(EXIT_TRY_LATER);
        }
        hold_signals(SIG_UNBLOCK);
}

static void say_what_runs(void)
{
        const struct settings *settings = &supervisor.settings;
        char names[REASON_SIZE] = "all symbols that trade";
        size_t length = 0;

        for (size_t i = 0; i < supervisor.followed.count && i < 3; i++)
                length += (size_t)snprintf(
                    names + length, sizeof(names) - length, "%s%s", i > 0 ? ", " : "", supervisor.followed.names[i]);
        if (supervisor.followed.count > 3)
                snprintf(names + length, sizeof(names) - length, " and %zu more", supervisor.followed.count - 3);
        log_info("binancefeeder " BF_VERSION " starts: %s; %s, %u backfill workers; data in %s, state in %s, "
                 "control socket in %s",
            names, settings->realtime_enabled && !supervisor.one_shot ? "streams on" : "streams off",
            assign_backfill_workers(settings),
            settings->store_type == STORE_FILES ? settings->root_directory : settings->store_url,
            settings->state_directory, settings->run_directory);
}

// Order matters: nothing is touched before the configuration is good, and no counter before the lock is ours.
static void start(const struct settings *settings)
{
        if (state_check_descriptors(descriptors_needed(settings)) != 0 || state_make_directories(settings) != 0 ||
            state_lock(settings->state_directory, STATE_LOCK_WAIT_MS * supervisor.limits.scale_permille / 1000) < 0 ||
            state_next_run(settings->state_directory, &supervisor.run) != 0)
                exit(EXIT_TRY_LATER);
        make_pages();
        roster_adopt_settings(&supervisor, settings);
        state_load_ban(settings->state_directory, supervisor.page, &supervisor.ban_saved_us);
        open_events();
        if (listener_open(&supervisor) != 0)
                exit(EXIT_TRY_LATER);
        if (roster_start_writer(&supervisor) != 0)
                exit(EXIT_TRY_LATER);
        say_what_runs();
        supervisor_settle(&supervisor);
}

int main(int argc, char **argv)
{
        static struct settings settings; // too large for the stack

        hold_signals(SIG_BLOCK);
        log_init("supervisor", LOG_LEVEL_INFO);
        notify_init();
        parse_options(argc, argv);
        read_config(&settings);
        log_set_level(settings.log_level);
        start(&settings);
        (void)event_base_dispatch(supervisor.base);
        listener_close();
        return supervisor.exit_code;
}
