// SPDX-License-Identifier: Apache-2.0
// Starts the supervisor: in our place, or as a child whose log lines go to a file while we draw the screen. Also the
// signals that end us, which are passed on to it once.
#ifndef CLI_LAUNCH_H
#define CLI_LAUNCH_H

#include "cli/cli.h"
#include "common/limits.h"
#include "config/settings.h"

#include <stdbool.h>
#include <sys/types.h>

// SIGINT, SIGTERM and SIGHUP wait until the supervisor, or launch_start() after launch_watch_signals(), can act on them
// in order; a command that starts one calls this first.
void launch_hold_signals(void);
void launch_release_signals(void);

// Replaces this process. Returns only on failure: the exit code, said why.
int launch_replace(const struct command *command, const char *config_path);

struct launch {
        const char *config_path; // NULL: `config_fd`
        int config_fd;           // a memory file with the configuration, environment overrides already applied
        bool one_shot;
        int log_fd; // its stderr; -1: ours
};

// Starts it, and takes held signals from then on; in a process group of its own, so that a Ctrl-C reaches only us; it
// ends in order if we are killed. Returns its pid, or -1 with errno.
pid_t launch_start(const struct launch *launch);
// Prints settings into a memory file. Returns its descriptor, or -1 with errno.
int launch_print_settings(const struct settings *settings);
// Opens `directory`/binancefeeder.log to append to, making the directory. Returns -1 to go on, or the exit code, said
// why.
int launch_open_log(const struct command *command, const char *directory, char path[PATH_SIZE], int *log_fd);

// From here on SIGINT, SIGTERM and SIGHUP are counted instead of ending us.
void launch_watch_signals(void);
int launch_signals_seen(void);

// True once it has ended, with its exit code (a signal: EXIT_FAILED).
bool launch_has_ended(pid_t pid, int *exit_code);
// SIGTERM for the first and for the second signal that we were sent (the second hurries it); `asked` counts.
void launch_pass_on(pid_t pid, int *asked);

#endif
