// SPDX-License-Identifier: Apache-2.0
#include "cli/launch.h"

#include "common/exitcode.h"
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONFIG_FD 3
#define VARIABLE_PREFIX "BINANCEFEEDER_"

extern char **environ;

// ---- the program ----

static int find_supervisor(char path[PATH_SIZE])
{
        char own[PATH_SIZE];
        ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);

        if (length <= 0)
                return -1;
        own[length] = '\0';
        if (snprintf(path, PATH_SIZE, "%s/../libexec/binancefeeder/supervisor", dirname(own)) >= PATH_SIZE) {
                errno = ENAMETOOLONG;
                return -1;
        }
        return access(path, X_OK);
}

// ---- signals until somebody can take them ----

static void set_signals(int how)
{
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        (void)sigprocmask(how, &signals, NULL);
}

void launch_hold_signals(void)
{
        set_signals(SIG_BLOCK);
}

void launch_release_signals(void)
{
        set_signals(SIG_UNBLOCK);
}

int launch_replace(const struct command *command, const char *config_path)
{
        char path[PATH_SIZE];

        // Held across exec: the supervisor takes a signal that comes meanwhile once it can stop in order.
        launch_hold_signals();
        if (find_supervisor(path) == 0)
                execl(path, "supervisor", "--config", config_path, (char *)NULL);
        return complain(command, EXIT_FAILED,
            "the supervisor cannot be started: %s; it belongs in ../libexec/binancefeeder beside this program's "
            "directory",
            strerror(errno));
}

// ---- as a child ----

// The configuration is complete; the environment must not change it a second time (--since would lose to it).
static void clear_overrides(void)
{
        for (char **variable = environ; *variable != NULL;) {
                char name[128];
                if (strncmp(*variable, VARIABLE_PREFIX, strlen(VARIABLE_PREFIX)) == 0 &&
                    snprintf(name, sizeof(name), "%.*s", (int)strcspn(*variable, "="), *variable) < (int)sizeof(name) &&
                    unsetenv(name) == 0)
                        variable = environ;
                else
                        variable++;
        }
}

static void move_fd(int from, int to)
{
        if (from == to)
                (void)fcntl(to, F_SETFD, 0);
        else if (dup2(from, to) < 0)
                _exit(EXIT_TRY_LATER);
}

static _Noreturn void become_supervisor(const struct launch *launch, const char *path, pid_t parent)
{
        char config[64];
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        (void)setpgid(0, 0);
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) // gone before that took effect
                _exit(EXIT_TRY_LATER);
        if (null >= 0)
                move_fd(null, STDIN_FILENO);
        if (launch->log_fd >= 0) {
                move_fd(launch->log_fd, STDERR_FILENO);
                move_fd(launch->log_fd, STDOUT_FILENO);
        }
        if (launch->config_path == NULL) {
                move_fd(launch->config_fd, CONFIG_FD);
                snprintf(config, sizeof(config), "/proc/self/fd/%d", CONFIG_FD);
                clear_overrides();
        }
        execl(path, "supervisor", "--config", launch->config_path != NULL ? launch->config_path : config,
            launch->one_shot ? "--one-shot" : (char *)NULL, (char *)NULL);
        _exit(EXIT_FAILED);
}

pid_t launch_start(const struct launch *launch)
{
        char path[PATH_SIZE];
        pid_t parent = getpid();

        if (find_supervisor(path) != 0)
                return -1;
        // The supervisor begins with its signals held; ours are taken by the handlers of launch_watch_signals().
        launch_hold_signals();
        pid_t pid = fork();
        if (pid == 0)
                become_supervisor(launch, path, parent);
        launch_release_signals();
        return pid;
}

int launch_print_settings(const struct settings *settings)
{
        int fd = memfd_create("binancefeeder.yml", MFD_CLOEXEC);
        int copy = fd < 0 ? -1 : dup(fd);
        FILE *out = copy < 0 ? NULL : fdopen(copy, "w");

        if (out != NULL) {
                config_print(settings, out);
                if (fclose(out) == 0)
                        return fd;
        }
        int saved_errno = errno;
        if (out == NULL && copy >= 0)
                close(copy);
        if (fd >= 0)
                close(fd);
        errno = saved_errno;
        return -1;
}

// ---- its log ----

static int make_directories(const char *directory)
{
        char path[PATH_SIZE];

        snprintf(path, sizeof(path), "%s", directory);
        for (char *slash = path + 1; *slash != '\0'; slash++) {
                if (*slash != '/')
                        continue;
                *slash = '\0';
                if (mkdir(path, 0777) != 0 && errno != EEXIST)
                        return -1;
                *slash = '/';
        }
        return mkdir(path, 0777) == 0 || errno == EEXIST ? 0 : -1;
}

int launch_open_log(const struct command *command, const char *directory, char path[PATH_SIZE], int *log_fd)
{
        *log_fd = -1;
        errno = ENAMETOOLONG;
        if (snprintf(path, PATH_SIZE, "%s/binancefeeder.log", directory) < PATH_SIZE &&
            make_directories(directory) == 0)
                *log_fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (*log_fd >= 0)
                return -1;
        int code = errno == ENOSPC || errno == EDQUOT ? EXIT_TRY_LATER : EXIT_FAILED;
        return complain(command, code, "%s cannot be written: %s", path, strerror(errno));
}

// ---- signals and the end ----

static volatile sig_atomic_t signals_seen;

static void count_signal(int number)
{
        (void)number;
        signals_seen = signals_seen + 1;
}

void launch_watch_signals(void)
{
        struct sigaction action = {.sa_handler = count_signal};

        sigemptyset(&action.sa_mask);
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGHUP, &action, NULL);
        // A reader of our output that has gone must not end us before the supervisor has stopped in order.
        action.sa_handler = SIG_IGN;
        sigaction(SIGPIPE, &action, NULL);
}

int launch_signals_seen(void)
{
        return signals_seen;
}

bool launch_has_ended(pid_t pid, int *exit_code)
{
        int status;

        if (waitpid(pid, &status, WNOHANG) != pid)
                return false;
        *exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
        return true;
}

void launch_pass_on(pid_t pid, int *asked)
{
        int seen = launch_signals_seen();

        if (seen > 2)
                seen = 2;
        for (; *asked < seen; (*asked)++)
                (void)kill(pid, SIGTERM); // it may have ended: we shall see
}
