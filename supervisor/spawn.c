// SPDX-License-Identifier: Apache-2.0
#include "supervisor/spawn.h"

#include "common/log.h"
#include "supervisor/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENVIRONMENT_MAX 32

// ---- in the new process ----

static bool is_allowed(const char *variable)
{
        static const char *const allowed[] = {"PATH=", "HOME=", "LANG=", "LC_ALL=", "LC_MESSAGES=", "SSL_CERT_FILE=",
            "SSL_CERT_DIR=", "TMPDIR=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "TSAN_OPTIONS="};

        for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
                if (strncmp(variable, allowed[i], strlen(allowed[i])) == 0)
                        return true;
        }
        return false;
}

static void make_environment(char *environment[ENVIRONMENT_MAX])
{
        static char utc[] = "TZ=UTC";
        size_t count = 0;

        environment[count++] = utc;
        for (char **variable = environ; *variable != NULL && count < ENVIRONMENT_MAX - 1; variable++) {
                if (is_allowed(*variable))
                        environment[count++] = *variable;
        }
        environment[count] = NULL;
}

// The sources may themselves lie where the targets are, so everything moves out of the way first.
static int place_descriptors(const struct spawn_request *request)
{
        const int sources[] = {request->control, request->setup, request->governor, request->acks};
        const int targets[] = {CHILD_FD_CONTROL, CHILD_FD_SETUP, CHILD_FD_GOVERNOR, CHILD_FD_ACKS};
        int moved[4];

        for (size_t i = 0; i < 4; i++) {
                moved[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, CHILD_FD_END);
                if (moved[i] < 0)
                        return -1;
        }
        for (size_t i = 0; i < 4; i++) {
                if (dup2(moved[i], targets[i]) < 0)
                        return -1;
        }
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
                return -1;
        return close_range(CHILD_FD_END, ~0u, 0);
}

static void default_signals(void)
{
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigset_t none;

        for (int number = 1; number < NSIG; number++)
                (void)sigaction(number, &action, NULL); // refused for KILL, STOP and the C library's own
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become_child(const struct spawn_request *request)
{
        char *environment[ENVIRONMENT_MAX];
        char *arguments[] = {(char *)(uintptr_t)request->title, NULL};

        make_environment(environment);
        if (setpgid(0, 0) != 0 || place_descriptors(request) != 0) {
                log_error("%s could not be prepared: %m", request->title);
                _exit(POLICY_EXEC_FAILED_CODE);
        }
        default_signals();
        execve(request->program, arguments, environment);
        log_error("%s could not be started: %s: %m", request->title, request->program);
        _exit(POLICY_EXEC_FAILED_CODE);
}

// ---- in the supervisor ----

int spawn_child(const struct spawn_request *request, struct spawned *spawned)
{
        sigset_t all, before;

        // A signal between fork and exec would run our handler in the child and be written into our own event loop.
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        pid_t pid = fork();
        if (pid == 0)
                become_child(request);
        int saved = errno;
        sigprocmask(SIG_SETMASK, &before, NULL);
        if (pid < 0) {
                errno = saved;
                return -1;
        }
        spawned->pid = pid;
        spawned->pidfd = pidfd_open(pid, 0); // close-on-exec by definition
        if (spawned->pidfd >= 0)
                return 0;
        saved = errno;
        kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0); // ends at once; nobody else waits for it
        errno = saved;
        return -1;
}
