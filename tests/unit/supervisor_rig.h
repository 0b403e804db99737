// SPDX-License-Identifier: Apache-2.0
// The real supervisor over fake children (tests/support/fakechild.c), in a directory of its own. Children write what
// they do into notes, a file beside their scripts. Every wait has a deadline, none relies on luck. The policy's times
// are as usual unless a test makes them shorter because it waits for one of them: on a machine that stands still for a
// second a policy ten times as fast would end children that do no wrong.
#ifndef TESTS_UNIT_SUPERVISOR_RIG_H
#define TESTS_UNIT_SUPERVISOR_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 120000 // of sleeps: longer on a busy machine; what passes never waits so long
#define TEXT_SIZE (256 * 1024)
#define USUAL "1000" // scale of the policy's times in permille
#define FAST "300"
#define FASTEST "100"

// A supervisor, running or not, and where it lies; with the set-ups below in `state` of every test.
struct fixture {
        char directory[64], libexec[160], config[160], run[200], log[160];
        char programs[PATH_MAX]; // where supervisor and fakechild were built
        pid_t pid;
        const char *gateway; // where it listens; NULL: off
        const char *scale;   // of the policy's times, from the next start on
};

static inline void __attribute__((format(printf, 2, 3))) write_file(const char *path, const char *format, ...)
{
        va_list arguments;
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        va_start(arguments, format);
        vfprintf(file, format, arguments);
        va_end(arguments);
        assert_int_equal(fclose(file), 0);
}

static inline const char *read_whole(const char *path)
{
        static char text[TEXT_SIZE];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

        if (fd >= 0)
                close(fd);
        text[length > 0 ? length : 0] = '\0';
        return text;
}

static inline const char *notes(const struct fixture *fixture)
{
        char path[256];

        snprintf(path, sizeof(path), "%s/notes", fixture->run);
        return read_whole(path);
}

// What the children whose notes or scripts are named so shall do from their next start on.
static inline void script(const struct fixture *fixture, const char *child, const char *word)
{
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", fixture->run, child);
        write_file(path, "%s\n", word);
}

// Children that hang when they miss their beats for PUNCTUAL_HANG_MS; others are forgiven for longer (fakechild.c).
#define PUNCTUAL_HANG_MS 3000 // the policy's 10 s, FAST

static inline void punctual(struct fixture *fixture)
{
        script(fixture, "writer", "punctual");
        script(fixture, "stream", "punctual");
        script(fixture, "backfill", "punctual");
        fixture->scale = FAST;
}

static inline void config(const struct fixture *fixture, const char *symbols, const char *more)
{
        write_file(fixture->config,
            "symbols: %s\ntimeframe: 1m\ndata_directory: %s/data\nbackfill: {start_time: 2024-01-01, parallelism: 2}\n"
            "gateway: {listen: %s}\n"
            "endpoints: {rest: 'http://127.0.0.1:9', stream: 'ws://127.0.0.1:9', archive: 'http://127.0.0.1:9'}\n%s",
            symbols, fixture->directory, fixture->gateway != NULL ? fixture->gateway : "off", more);
}

// With the two symbols that every test has, and a gateway there.
static inline void config_gateway(struct fixture *fixture, const char *listen)
{
        fixture->gateway = listen;
        config(fixture, "[BTCUSDT, ETHUSDT]", "");
}

static inline void sleep_ms(long ms)
{
        struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

        nanosleep(&span, NULL);
}

static inline size_t count_of(const char *text, const char *what)
{
        size_t count = 0;

        for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
                count++;
        return count;
}

// Waits until `what` stands in the notes (or the log) at least `times` times.
static inline void wait_for(const struct fixture *fixture, bool in_log, const char *what, size_t times)
{
        for (int waited = 0; waited < WAIT_MS; waited += 10) {
                if (count_of(in_log ? read_whole(fixture->log) : notes(fixture), what) >= times)
                        return;
                sleep_ms(10);
        }
        print_message("notes:\n%s\n", notes(fixture));
        print_message("log:\n%s\n", read_whole(fixture->log));
        fail_msg("\"%s\" did not come %zu times", what, times);
}

static inline void wait_note(const struct fixture *fixture, const char *what, size_t times)
{
        wait_for(fixture, false, what, times);
}

static inline void wait_log(const struct fixture *fixture, const char *what)
{
        wait_for(fixture, true, what, 1);
}

// The number before, or the pid in, the n-th note line (from 1) that contains `who` and `what`.
static inline long note_field(const struct fixture *fixture, const char *who, const char *what, size_t nth, bool pid)
{
        for (const char *line = notes(fixture); *line != '\0';) {
                const char *end = strchr(line, '\n');
                char copy[512], class[32], name[32];
                long ms, number;
                assert_non_null(end);
                snprintf(copy, sizeof(copy), "%.*s", (int)(end - line), line);
                line = end + 1;
                if (strstr(copy, who) == NULL || strstr(copy, what) == NULL || --nth > 0)
                        continue;
                assert_int_equal(sscanf(copy, "%ld %31s %31s %ld", &ms, class, name, &number), 4);
                return pid ? number : ms;
        }
        fail_msg("no note \"%s\" of %s", what, who);
        return 0;
}

static inline long pid_of(const struct fixture *fixture, const char *who, size_t nth)
{
        return note_field(fixture, who, " start ", nth, true);
}

static inline void become_supervisor(const struct fixture *fixture, const char *extra, rlim_t files)
{
        char program[PATH_MAX + 64];
        int log = open(fixture->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        struct rlimit limit = {files, files};

        if (log < 0 || dup2(log, STDERR_FILENO) < 0)
                _exit(99);
        if (files > 0 && setrlimit(RLIMIT_NOFILE, &limit) != 0)
                _exit(99);
        setenv("BINANCE_SECRET_KEY", "secret", 1);
        setenv("https_proxy", "http://127.0.0.1:1", 1);
        snprintf(program, sizeof(program), "%s/supervisor", fixture->programs);
        execl(program, program, "--config", fixture->config, "--libexec", fixture->libexec, "--policy-scale-permille",
            fixture->scale, extra, (char *)NULL);
        _exit(99);
}

static inline pid_t launch(const struct fixture *fixture, const char *extra, rlim_t files)
{
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                become_supervisor(fixture, extra, files);
        return pid;
}

static inline void start(struct fixture *fixture, const char *extra)
{
        fixture->pid = launch(fixture, extra, 0);
}

// The exit code, or minus the signal.
static inline int reap(const struct fixture *fixture, pid_t pid)
{
        int status;

        for (int waited = 0; waited < WAIT_MS; waited += 10) {
                if (waitpid(pid, &status, WNOHANG) == pid)
                        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
                sleep_ms(10);
        }
        print_message("log:\n%s\n", read_whole(fixture->log));
        fail_msg("the supervisor did not end");
        return -1;
}

static inline int ended(struct fixture *fixture)
{
        pid_t pid = fixture->pid;

        fixture->pid = 0;
        return reap(fixture, pid);
}

static inline int stop(struct fixture *fixture)
{
        kill(fixture->pid, SIGTERM);
        return ended(fixture);
}

static inline void link_child(const struct fixture *fixture, const char *class)
{
        char from[PATH_MAX + 64], to[256];

        snprintf(from, sizeof(from), "%s/../../tests/support/fakechild", fixture->programs);
        snprintf(to, sizeof(to), "%s/%s", fixture->libexec, class);
        assert_int_equal(symlink(from, to), 0);
}

static inline int set_up(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        char own[PATH_MAX], path[256];
        ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);

        assert_true(length > 0);
        own[length] = '\0';
        snprintf(fixture->programs, sizeof(fixture->programs), "%s/../libexec/binancefeeder", dirname(own));
        assert_int_equal(tempdir_make(fixture->directory), 0);
        snprintf(fixture->libexec, sizeof(fixture->libexec), "%s/libexec", fixture->directory);
        snprintf(fixture->config, sizeof(fixture->config), "%s/config.yml", fixture->directory);
        snprintf(fixture->log, sizeof(fixture->log), "%s/log", fixture->directory);
        snprintf(path, sizeof(path), "%s/data", fixture->directory);
        snprintf(fixture->run, sizeof(fixture->run), "%s/data/run", fixture->directory);
        assert_int_equal(mkdir(fixture->libexec, 0700) | mkdir(path, 0700) | mkdir(fixture->run, 0700), 0);
        link_child(fixture, "writer");
        link_child(fixture, "stream");
        link_child(fixture, "backfill");
        link_child(fixture, "gateway");
        config(fixture, "[BTCUSDT, ETHUSDT]", "");
        fixture->scale = USUAL;
        *state = fixture;
        return 0;
}

static inline int tear_down(void **state)
{
        struct fixture *fixture = *state;

        if (fixture->pid != 0) {
                kill(fixture->pid, SIGKILL); // its children follow
                (void)waitpid(fixture->pid, NULL, 0);
        }
        tempdir_remove(fixture->directory);
        free(fixture);
        return 0;
}

static inline void wait_all_ready(const struct fixture *fixture)
{
        wait_note(fixture, " ready ", 5); // writer, two streams, two of the pool
}

#define SUPERVISED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
