// SPDX-License-Identifier: Apache-2.0
// LINK:
// The real supervisor over fake children (tests/support/fakechild.c), its policy ten times as fast as usual. Every wait
// has a deadline, none relies on luck.
#include "common/child.h"
#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 10000
#define TEXT_SIZE (256 * 1024)
#define SCALE "100"

struct fixture {
        char directory[128], libexec[160], config[160], run[200], log[160];
        char programs[PATH_MAX]; // where supervisor and fakechild were built
        pid_t pid;
        const char *gateway; // where it listens; NULL: off
};

// ---- files ----

static void __attribute__((format(printf, 2, 3))) write_file(const char *path, const char *format, ...)
{
        va_list arguments;
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        va_start(arguments, format);
        vfprintf(file, format, arguments);
        va_end(arguments);
        assert_int_equal(fclose(file), 0);
}

static const char *read_whole(const char *path)
{
        static char text[TEXT_SIZE];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

        if (fd >= 0)
                close(fd);
        text[length > 0 ? length : 0] = '\0';
        return text;
}

static const char *notes(const struct fixture *fixture)
{
        char path[256];

        snprintf(path, sizeof(path), "%s/notes", fixture->run);
        return read_whole(path);
}

// What the children whose notes or scripts are named so shall do from their next start on.
static void script(const struct fixture *fixture, const char *child, const char *word)
{
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", fixture->run, child);
        write_file(path, "%s\n", word);
}

static void config(const struct fixture *fixture, const char *symbols, const char *more)
{
        write_file(fixture->config,
            "symbols: %s\ntimeframe: 1m\ndata_directory: %s/data\nbackfill: {start_time: 2024-01-01, parallelism: 2}\n"
            "gateway: {listen: %s}\n"
            "endpoints: {rest: 'http://127.0.0.1:9', stream: 'ws://127.0.0.1:9', archive: 'http://127.0.0.1:9'}\n%s",
            symbols, fixture->directory, fixture->gateway != NULL ? fixture->gateway : "off", more);
}

// ---- waiting ----

static void sleep_ms(long ms)
{
        struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

        nanosleep(&span, NULL);
}

static size_t count_of(const char *text, const char *what)
{
        size_t count = 0;

        for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
                count++;
        return count;
}

// Waits until `what` stands in the notes (or the log) at least `times` times.
static void wait_for(const struct fixture *fixture, bool in_log, const char *what, size_t times)
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

static void wait_note(const struct fixture *fixture, const char *what, size_t times)
{
        wait_for(fixture, false, what, times);
}

static void wait_log(const struct fixture *fixture, const char *what)
{
        wait_for(fixture, true, what, 1);
}

// The number before, or the pid in, the n-th note line (from 1) that contains `who` and `what`.
static long note_field(const struct fixture *fixture, const char *who, const char *what, size_t nth, bool pid)
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

static long pid_of(const struct fixture *fixture, const char *who, size_t nth)
{
        return note_field(fixture, who, " start ", nth, true);
}

// ---- the supervisor ----

static void become_supervisor(const struct fixture *fixture, const char *extra, rlim_t files)
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
            SCALE, extra, (char *)NULL);
        _exit(99);
}

static pid_t launch(const struct fixture *fixture, const char *extra, rlim_t files)
{
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                become_supervisor(fixture, extra, files);
        return pid;
}

static void start(struct fixture *fixture, const char *extra)
{
        fixture->pid = launch(fixture, extra, 0);
}

// The exit code, or minus the signal.
static int reap(const struct fixture *fixture, pid_t pid)
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

static int ended(struct fixture *fixture)
{
        pid_t pid = fixture->pid;

        fixture->pid = 0;
        return reap(fixture, pid);
}

static int stop(struct fixture *fixture)
{
        kill(fixture->pid, SIGTERM);
        return ended(fixture);
}

static void link_child(const struct fixture *fixture, const char *class)
{
        char from[PATH_MAX + 64], to[256];

        snprintf(from, sizeof(from), "%s/../../tests/support/fakechild", fixture->programs);
        snprintf(to, sizeof(to), "%s/%s", fixture->libexec, class);
        assert_int_equal(symlink(from, to), 0);
}

static int set_up(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        char own[PATH_MAX], path[256];
        ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);

        assert_true(length > 0);
        own[length] = '\0';
        snprintf(fixture->programs, sizeof(fixture->programs), "%s/../libexec/binancefeeder", dirname(own));
        snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/test_supervisor.XXXXXX");
        assert_non_null(mkdtemp(fixture->directory));
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
        *state = fixture;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;
        char command[256];

        if (fixture->pid != 0) {
                kill(fixture->pid, SIGKILL); // its children follow
                (void)waitpid(fixture->pid, NULL, 0);
        }
        snprintf(command, sizeof(command), "rm -rf %s", fixture->directory);
        assert_int_equal(system(command), 0);
        free(fixture);
        return 0;
}

static void wait_all_ready(const struct fixture *fixture)
{
        wait_note(fixture, " ready ", 5); // writer, two streams, two of the pool
}

// ---- life ----

static void the_writer_is_ready_before_any_worker_starts(void **state)
{
        struct fixture *fixture = *state;

        start(fixture, NULL);
        wait_all_ready(fixture);
        const char *text = notes(fixture);
        assert_true(strstr(text, " ready ") < strstr(text, "stream "));
        assert_true(strstr(text, " ready ") < strstr(text, "backfill "));
        assert_int_equal(stop(fixture), 0);
}

static void children_inherit_what_is_promised_and_nothing_else(void **state)
{
        struct fixture *fixture = *state;

        start(fixture, NULL);
        wait_all_ready(fixture);
        wait_note(fixture, "inherits secret=no proxy=no fds= tz=UTC", 5);
        // A stream worker gets its own symbol, the writer all, the pool none.
        assert_int_equal(count_of(notes(fixture), "start 1 symbols 1 ready"), 2);
        assert_int_equal(count_of(notes(fixture), "start 1 symbols 2 ready"), 1);
        assert_int_equal(count_of(notes(fixture), "start 1 symbols 0 ready"), 2);
        assert_int_equal(stop(fixture), 0);
}

static void shutdown_goes_backfill_then_streams_then_writer(void **state)
{
        struct fixture *fixture = *state;

        start(fixture, NULL);
        wait_all_ready(fixture);
        assert_int_equal(stop(fixture), 0);
        long pool = note_field(fixture, "backfill", " ends", 2, false);
        long streams_begin = note_field(fixture, "stream", " drain", 1, false);
        long streams = note_field(fixture, "stream", " ends", 2, false);
        long writer = note_field(fixture, "writer", " drain", 1, false);
        assert_true(pool <= streams_begin && streams <= writer);
        assert_int_equal(count_of(notes(fixture), " ends"), 5);
}

static void a_child_that_does_not_end_when_asked_is_terminated(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "stream-BTCUSDT", "stubborn");
        start(fixture, NULL);
        wait_all_ready(fixture);
        assert_int_equal(stop(fixture), 0);
        wait_log(fixture, "stream BTCUSDT (pid ");
        wait_log(fixture, "did not end when asked; it gets SIGTERM");
        assert_int_equal(count_of(notes(fixture), " ends"), 4);
}

static void a_second_signal_terminates_everybody_at_once(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "stream-BTCUSDT", "stubborn");
        script(fixture, "backfill", "stubborn");
        start(fixture, NULL);
        wait_all_ready(fixture);
        kill(fixture->pid, SIGINT);
        wait_note(fixture, " drain", 2);
        kill(fixture->pid, SIGINT);
        assert_int_equal(ended(fixture), 0);
        wait_log(fixture, "asked again");
        assert_int_equal(count_of(notes(fixture), "writer 1 drain"), 0);
}

static void children_die_with_the_supervisor(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "stream-ETHUSDT", "stubborn");
        start(fixture, NULL);
        wait_all_ready(fixture);
        kill(fixture->pid, SIGKILL);
        assert_int_equal(ended(fixture), -SIGKILL);
        for (size_t i = 1; i <= 5; i++) {
                pid_t pid = (pid_t)pid_of(fixture, "", i);
                for (int waited = 0; waited < 6000 && kill(pid, 0) == 0; waited += 10)
                        sleep_ms(10);
                assert_int_equal(kill(pid, 0), -1);
        }
}

static void a_second_instance_waits_then_names_the_first(void **state)
{
        struct fixture *fixture = *state;
        char expected[64];

        start(fixture, NULL);
        wait_all_ready(fixture);
        assert_int_equal(reap(fixture, launch(fixture, NULL, 0)), 75);
        snprintf(expected, sizeof(expected), "another instance (pid %d) holds ", fixture->pid);
        wait_log(fixture, expected);
        assert_int_equal(count_of(notes(fixture), " start "), 5);
        assert_int_equal(stop(fixture), 0);
}

static void too_few_descriptors_are_refused_at_the_start(void **state)
{
        struct fixture *fixture = *state;

        assert_int_equal(reap(fixture, launch(fixture, NULL, 32)), 75);
        wait_log(fixture, "only 32 files may be open at once");
}

static void mistakes_in_the_file_end_the_start(void **state)
{
        struct fixture *fixture = *state;

        config(fixture, "[BTCUSDT]", "no_such_key: 1\n");
        assert_int_equal(reap(fixture, launch(fixture, NULL, 0)), 78);
        wait_log(fixture, "no_such_key");
        assert_int_equal(count_of(notes(fixture), " start "), 0);
}

// ---- deaths ----

static void a_crashing_child_is_delayed_ever_longer_then_failed(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "stream-BTCUSDT", "abort");
        start(fixture, NULL);
        wait_log(fixture, "too many crashes: one more trial in 30.0 s");
        assert_int_equal(count_of(notes(fixture), "stream BTCUSDT"), 2 * 5);
        for (size_t i = 1; i < 5; i++) { // 0.1, 0.2, 0.4, 0.8 s, less a fifth at most
                long pause = note_field(fixture, "stream BTCUSDT", " start ", i + 1, false) -
                             note_field(fixture, "stream BTCUSDT", " start ", i, false);
                assert_true(pause >= 80L << (i - 1));
        }
        wait_log(fixture, ") ended after 0.");
        assert_int_equal(count_of(notes(fixture), "stream ETHUSDT"), 3);
        assert_int_equal(stop(fixture), 0);
}

static void a_killed_child_comes_back_and_the_writer_is_told(void **state)
{
        struct fixture *fixture = *state;

        start(fixture, NULL);
        wait_all_ready(fixture);
        kill((pid_t)pid_of(fixture, "stream BTCUSDT", 1), SIGKILL);
        wait_note(fixture, " ready ", 6);
        wait_note(fixture, "code -1 signal 9 crash 0", 1);
        wait_log(fixture, ": SIGKILL; ");
        assert_int_equal(stop(fixture), 0);
}

static void the_writer_comes_back_at_once_and_gets_new_channels(void **state)
{
        struct fixture *fixture = *state;

        start(fixture, NULL);
        wait_note(fixture, " channel ", 4); // two for the writer, one for each of the pool
        kill((pid_t)pid_of(fixture, "writer", 1), SIGABRT);
        wait_log(fixture, "it is started again at once");
        wait_note(fixture, " channel ", 8);
        wait_note(fixture, "code -1 signal 6 crash 1", 1); // its successor learns of it
        assert_int_equal(count_of(notes(fixture), " start "), 6);
        kill((pid_t)pid_of(fixture, "backfill 1", 1), SIGKILL);
        wait_note(fixture, " channel ", 10);
        assert_int_equal(stop(fixture), 0);
}

static void a_child_that_refuses_its_configuration_waits_for_a_reload(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "stream-BTCUSDT", "exit:78");
        start(fixture, NULL);
        wait_log(fixture, "exit 78 (bad configuration)");
        wait_note(fixture, " ready ", 4);
        script(fixture, "stream-BTCUSDT", "ready");
        kill(fixture->pid, SIGHUP); // nothing of its configuration has changed
        wait_log(fixture, "configuration read again");
        sleep_ms(300);
        assert_int_equal(count_of(notes(fixture), "stream BTCUSDT"), 2);
        config(fixture, "[BTCUSDT, ETHUSDT]", "realtime: {retry_delay: 2s}\n");
        kill(fixture->pid, SIGHUP);
        wait_note(fixture, " ready 3", 2);
        assert_int_equal(stop(fixture), 0);
}

static void try_later_is_never_counted_as_a_crash(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "backfill-1", "exit:75");
        start(fixture, NULL);
        wait_log(fixture, "(6th failure in a row)");
        assert_int_equal(count_of(read_whole(fixture->log), "too many crashes"), 0);
        assert_int_equal(stop(fixture), 0);
}

static void a_hung_child_is_aborted_then_killed_and_started_again(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "stream-BTCUSDT", "silent");
        start(fixture, NULL);
        wait_all_ready(fixture);
        script(fixture, "stream-BTCUSDT", "ready");
        wait_log(fixture, "hangs: no heartbeat for ");
        wait_log(fixture, "SIGKILL, sent by the supervisor");
        wait_note(fixture, " ready ", 6);
        assert_int_equal(stop(fixture), 0);
}

static void a_child_that_never_starts_up_is_aborted(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "backfill-2", "mute");
        start(fixture, NULL);
        wait_log(fixture, "while starting; it gets SIGABRT");
        wait_log(fixture, ": SIGABRT");
        assert_int_equal(stop(fixture), 0);
}

static void a_stopped_process_is_found_and_ended(void **state)
{
        struct fixture *fixture = *state;

        start(fixture, NULL);
        wait_all_ready(fixture);
        kill((pid_t)pid_of(fixture, "stream ETHUSDT", 1), SIGSTOP);
        wait_log(fixture, "stream ETHUSDT (pid ");
        wait_note(fixture, " ready ", 6);
        assert_int_equal(stop(fixture), 0);
}

static void a_suspended_machine_kills_nobody(void **state)
{
        struct fixture *fixture = *state;
        pid_t pids[5];

        start(fixture, NULL);
        wait_all_ready(fixture);
        for (size_t i = 0; i < 5; i++)
                pids[i] = (pid_t)pid_of(fixture, "", i + 1);
        kill(fixture->pid, SIGSTOP);
        for (size_t i = 0; i < 5; i++)
                kill(pids[i], SIGSTOP);
        sleep_ms(2500);
        kill(fixture->pid, SIGCONT); // it looks before they can beat
        wait_log(fixture, "stood still for 2.");
        for (size_t i = 0; i < 5; i++)
                kill(pids[i], SIGCONT);
        sleep_ms(1500);
        assert_int_equal(count_of(read_whole(fixture->log), "hangs"), 0);
        assert_int_equal(count_of(notes(fixture), " start "), 5);
        assert_int_equal(stop(fixture), 0);
}

static void a_child_that_lies_is_killed(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "stream-BTCUSDT", "liar");
        start(fixture, NULL);
        wait_log(fixture, "sent a malformed control message; it is killed");
        script(fixture, "stream-BTCUSDT", "ready");
        wait_note(fixture, " ready ", 5);
        assert_int_equal(stop(fixture), 0);
}

static void the_writers_suspect_is_killed(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "writer", "suspect");
        start(fixture, NULL);
        wait_log(fixture, "sent the writer what no worker of ours sends");
        wait_note(fixture, "signal 9", 1);
        assert_int_equal(stop(fixture), 0);
}

static void the_writers_successor_learns_what_ended_it(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "writer", "at-work");
        start(fixture, NULL);
        wait_note(fixture, "predecessor at 42", 1);
        assert_int_equal(stop(fixture), 0);
}

static void a_missing_program_is_tried_again_and_harms_nobody(void **state)
{
        struct fixture *fixture = *state;
        char path[256];

        snprintf(path, sizeof(path), "%s/stream", fixture->libexec);
        assert_int_equal(unlink(path), 0);
        start(fixture, NULL);
        wait_log(fixture, "exit 127 (could not be started)");
        wait_note(fixture, " ready ", 3);
        link_child(fixture, "stream");
        wait_note(fixture, " ready ", 5); // after 6 s
        assert_int_equal(stop(fixture), 0);
}

static void when_a_class_crashes_only_a_probe_runs(void **state)
{
        struct fixture *fixture = *state;

        config(fixture, "[A1, A2, A3, A4, A5, A6, A7, A8]", "");
        script(fixture, "stream", "abort");
        script(fixture, "stream-A8", "ready");
        start(fixture, NULL);
        wait_log(fixture, "none of them is started again but one probe in 3.0 s");
        sleep_ms(800); // what was on its way has ended
        size_t starts = count_of(notes(fixture), " start ");
        sleep_ms(1000);
        assert_int_equal(count_of(notes(fixture), " start "), starts);
        wait_log(fixture, "is started as a probe of its class");
        wait_note(fixture, " start ", starts + 1);
        script(fixture, "stream", "ready");
        wait_log(fixture, "stream workers are started again as usual");
        wait_note(fixture, " ready 1", 11);
        assert_int_equal(count_of(notes(fixture), "stream A8 "), 3); // never touched
        assert_int_equal(stop(fixture), 0);
}

// ---- reload and catalogue ----

static void a_reload_adds_and_removes_symbols_and_leaves_the_others(void **state)
{
        struct fixture *fixture = *state;

        start(fixture, NULL);
        wait_all_ready(fixture);
        config(fixture, "[ETHUSDT, BNBUSDT, SOLUSDT]", "log_level: debug\n");
        kill(fixture->pid, SIGHUP);
        wait_note(fixture, " ready 2", 2);
        wait_note(fixture, " ends", 1);
        wait_note(fixture, "setup 2 level 0 symbols 3", 1); // the writer
        wait_note(fixture, "setup 2 level 0 symbols 1", 1); // the level is for everybody
        wait_note(fixture, "setup 2 level 0 symbols 0", 2);
        assert_int_equal(note_field(fixture, "stream BTCUSDT", " ends", 1, true), pid_of(fixture, "stream BTCUSDT", 1));
        assert_int_equal(count_of(notes(fixture), " start "), 7);
        assert_int_equal(stop(fixture), 0);
}

static void a_bad_file_keeps_the_old_configuration(void **state)
{
        struct fixture *fixture = *state;

        start(fixture, NULL);
        wait_all_ready(fixture);
        config(fixture, "[ETHUSDT]", "realtime: {retry_delay: never}\nno_such_key: 1\n");
        kill(fixture->pid, SIGHUP);
        wait_log(fixture, "reload refused: the file has 2 mistakes");
        wait_log(fixture, "no_such_key");
        wait_log(fixture, "realtime.retry_delay");
        assert_int_equal(count_of(notes(fixture), " start "), 5);
        assert_int_equal(count_of(notes(fixture), " drain"), 0);
        assert_int_equal(stop(fixture), 0);
}

static void a_reload_keeps_what_needs_a_restart(void **state)
{
        struct fixture *fixture = *state;
        char more[256];

        start(fixture, NULL);
        wait_all_ready(fixture);
        snprintf(more, sizeof(more), "state_directory: %.100s/elsewhere\n", fixture->directory);
        config(fixture, "[BTCUSDT, ETHUSDT]", more);
        kill(fixture->pid, SIGHUP);
        wait_log(fixture, "state_directory: takes effect at the next start");
        wait_log(fixture, "configuration read again");
        assert_int_equal(count_of(notes(fixture), " start "), 5);
        assert_int_equal(count_of(notes(fixture), " drain"), 0);
        assert_int_equal(count_of(notes(fixture), " setup "), 0);
        assert_int_equal(stop(fixture), 0);
}

static void a_reload_changes_the_pool_alone(void **state)
{
        struct fixture *fixture = *state;

        start(fixture, NULL);
        wait_all_ready(fixture);
        write_file(fixture->config,
            "symbols: [BTCUSDT, ETHUSDT]\ntimeframe: 1m\ndata_directory: %s/data\n"
            "backfill: {start_time: 2024-01-01, parallelism: 1}\ngateway: {listen: off}\n"
            "endpoints: {rest: 'http://127.0.0.1:9', stream: 'ws://127.0.0.1:9', archive: 'http://127.0.0.1:9'}\n",
            fixture->directory);
        kill(fixture->pid, SIGHUP);
        wait_note(fixture, " ends", 1);
        assert_int_equal(note_field(fixture, "backfill", " ends", 1, true), pid_of(fixture, "backfill 2", 1));
        assert_int_equal(count_of(notes(fixture), " start "), 5);
        assert_int_equal(stop(fixture), 0);
}

static void a_reload_moves_and_ends_the_gateway_alone(void **state)
{
        struct fixture *fixture = *state;

        fixture->gateway = "'127.0.0.1:9'";
        config(fixture, "[BTCUSDT, ETHUSDT]", "");
        start(fixture, NULL);
        wait_all_ready(fixture);
        wait_note(fixture, "gateway gateway ", 2);
        fixture->gateway = "'127.0.0.1:10'";
        config(fixture, "[BTCUSDT, ETHUSDT]", "");
        kill(fixture->pid, SIGHUP);
        wait_note(fixture, " ready ", 7);
        fixture->gateway = "off";
        config(fixture, "[BTCUSDT, ETHUSDT]", "");
        kill(fixture->pid, SIGHUP);
        wait_note(fixture, " ends", 2);
        assert_int_equal(count_of(notes(fixture), " start "), 7);
        assert_int_equal(note_field(fixture, "gateway", " ends", 2, true), pid_of(fixture, "gateway", 2));
        assert_int_equal(stop(fixture), 0);
}

static void the_catalogue_starts_and_ends_streams(void **state)
{
        struct fixture *fixture = *state;
        char path[256];

        config(fixture, "all", "quote_assets: [USDT]\nexclude_symbols: [XRPUSDT]\n");
        snprintf(path, sizeof(path), "%s/catalogue", fixture->run);
        write_file(path, "BTCUSDT BTC USDT 1 0\nETHBTC ETH BTC 1 0\nXRPUSDT XRP USDT 1 0\nOLDUSDT OLD USDT 2 0\n"
                         "ETHUSDT ETH USDT 1 0\n");
        script(fixture, "writer", "symbols");
        start(fixture, NULL);
        wait_all_ready(fixture);
        wait_note(fixture, "writer writer ", 4);
        assert_int_equal(count_of(notes(fixture), " start "), 5);
        assert_int_equal(count_of(notes(fixture), "stream BTCUSDT") + count_of(notes(fixture), "stream ETHUSDT"), 6);
        // Maintenance says BREAK of all and stops nobody; what has ended stops.
        write_file(path, "BTCUSDT BTC USDT 2 0\nETHUSDT ETH USDT 2 1\nNEWUSDT NEW USDT 1 0\n");
        kill((pid_t)pid_of(fixture, "writer", 1), SIGKILL);
        wait_note(fixture, " ends", 1);
        wait_note(fixture, "stream NEWUSDT", 3);
        assert_int_equal(note_field(fixture, "stream ETHUSDT", " ends", 1, true), pid_of(fixture, "stream ETHUSDT", 1));
        wait_log(fixture, "ETHUSDT has not traded for 24 hours: its stream ends");
        assert_int_equal(count_of(notes(fixture), "stream BTCUSDT"), 3);
        assert_int_equal(stop(fixture), 0);
}

// ---- one-shot ----

static void one_shot_ends_when_complete(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "writer", "complete");
        start(fixture, "--one-shot");
        assert_int_equal(ended(fixture), 0);
        assert_int_equal(count_of(notes(fixture), "stream "), 0);
}

static void complete_history_is_said_once_per_configuration(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "writer", "complete-twice");
        start(fixture, NULL);
        wait_log(fixture, "history is complete");
        wait_note(fixture, "complete again", 1);
        config(fixture, "[BTCUSDT]", "");
        kill(fixture->pid, SIGHUP);
        wait_note(fixture, "complete after setup", 1);
        wait_for(fixture, true, "history is complete", 2);
        assert_int_equal(stop(fixture), 0);
        assert_int_equal(count_of(read_whole(fixture->log), "history is complete"), 2);
}

static void one_shot_fails_when_exhausted_or_stopped(void **state)
{
        struct fixture *fixture = *state;
        char path[256];

        script(fixture, "writer", "exhausted");
        start(fixture, "--one-shot");
        assert_int_equal(ended(fixture), 1);
        wait_log(fixture, "nothing can be had");
        script(fixture, "writer", "ready");
        snprintf(path, sizeof(path), "%s/notes", fixture->run);
        assert_int_equal(unlink(path), 0);
        start(fixture, "--one-shot");
        wait_note(fixture, " ready ", 3);
        assert_int_equal(stop(fixture), 1);
}

static void a_start_that_cannot_succeed_ends(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "writer", "exit:78");
        start(fixture, NULL);
        assert_int_equal(ended(fixture), 78);
        script(fixture, "writer", "exit:75");
        start(fixture, "--one-shot");
        assert_int_equal(ended(fixture), 75);
        assert_int_equal(count_of(notes(fixture), "stream "), 0);
}

// ---- control socket ----

static int connect_to(const struct fixture *fixture)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/control.sock", fixture->run);
        for (int waited = 0; waited < WAIT_MS; waited += 10) {
                if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
                        return fd;
                sleep_ms(10);
        }
        fail_msg("nobody listens");
        return -1;
}

static int receive(int fd, struct control_message *message)
{
        for (int waited = 0; waited < WAIT_MS; waited += 10) {
                int result = control_receive(fd, message);
                if (result >= 0 || errno != EAGAIN)
                        return result;
                sleep_ms(10);
        }
        fail_msg("no answer");
        return -1;
}

static int ask(int fd, uint16_t type, const void *payload, size_t length, char text[REASON_SIZE])
{
        static struct control_message message;
        struct control_result result;

        assert_int_equal(control_send(fd, type, 0, 0, payload, length, -1), 0);
        assert_int_equal(receive(fd, &message), 1);
        assert_int_equal(message.header.type, CONTROL_RESULT);
        memcpy(&result, message.payload, sizeof(result));
        memcpy(text, result.text, REASON_SIZE);
        return result.error;
}

// The page as a command line sees it.
static struct governor_page *get_page(const struct fixture *fixture)
{
        static struct control_message message;
        struct control_page answer;
        int fd = connect_to(fixture);

        assert_int_equal(control_send(fd, CONTROL_HELLO, 0, 0, NULL, 0, -1), 0);
        assert_int_equal(receive(fd, &message), 1);
        assert_int_equal(message.header.type, CONTROL_PAGE);
        memcpy(&answer, message.payload, sizeof(answer));
        assert_int_equal(answer.supervisor_pid, fixture->pid);
        assert_null(governor_map(message.fd, true));
        struct governor_page *page = governor_map(message.fd, false);
        assert_non_null(page);
        close(message.fd);
        close(fd);
        return page;
}

static void the_control_socket_shows_the_child_table(void **state)
{
        struct fixture *fixture = *state;
        struct stat status;
        char path[256];

        start(fixture, NULL);
        wait_all_ready(fixture);
        snprintf(path, sizeof(path), "%s/control.sock", fixture->run);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        struct governor_page *page = get_page(fixture);
        for (int waited = 0; waited < WAIT_MS && page->vitals[4].state != CHILD_READY; waited += 10)
                sleep_ms(10);
        assert_int_equal(page->vitals[0].class, CHILD_WRITER);
        assert_int_equal(page->vitals[0].pid, pid_of(fixture, "writer", 1));
        assert_string_equal(page->vitals[1].name, "BTCUSDT");
        assert_int_equal(page->vitals[4].class, CHILD_BACKFILL);
        kill((pid_t)pid_of(fixture, "stream BTCUSDT", 1), SIGKILL);
        wait_note(fixture, " ready ", 6);
        assert_int_equal(page->vitals[1].restarts, 1);
        assert_non_null(strstr(page->vitals[1].last_death, "SIGKILL after "));
        munmap(page, sizeof(*page));
        assert_int_equal(stop(fixture), 0);
}

static void the_control_socket_takes_requests(void **state)
{
        struct fixture *fixture = *state;
        struct control_backfill want = {.symbol = "BTCUSDT", .interval = INTERVAL_1H, .start_us = 1, .end_us = 2};
        char text[REASON_SIZE];

        start(fixture, NULL);
        wait_all_ready(fixture);
        get_page(fixture);
        int fd = connect_to(fixture);
        assert_int_equal(ask(fd, CONTROL_BACKFILL, &want, sizeof(want), text), 0);
        assert_string_equal(text, "taken");
        want.interval = 99;
        assert_int_equal(ask(fd, CONTROL_BACKFILL, &want, sizeof(want), text), EINVAL);
        want.interval = INTERVAL_1H;
        snprintf(want.symbol, sizeof(want.symbol), "../x");
        assert_int_equal(ask(fd, CONTROL_BACKFILL, &want, sizeof(want), text), EINVAL);
        assert_int_equal(ask(fd, CONTROL_RELOAD, NULL, 0, text), 0);
        config(fixture, "[BTCUSDT]", "no_such_key: 1\n");
        assert_int_equal(ask(fd, CONTROL_RELOAD, NULL, 0, text), EINVAL);
        assert_int_equal(control_send(fd, CONTROL_STOP, 0, 0, NULL, 0, -1), 0);
        static struct control_message message;
        assert_int_equal(receive(fd, &message), 0);
        close(fd);
        assert_int_equal(ended(fixture), 0);
}

static void malformed_requests_lose_their_connection_only(void **state)
{
        static struct control_message message;
        struct fixture *fixture = *state;

        start(fixture, NULL);
        wait_all_ready(fixture);
        int fd = connect_to(fixture);
        assert_int_equal(send(fd, "nonsense", 8, 0), 8);
        assert_int_equal(receive(fd, &message), 0);
        close(fd);
        int clients[CONTROL_CLIENTS_MAX + 1];
        for (size_t i = 0; i <= CONTROL_CLIENTS_MAX; i++)
                clients[i] = connect_to(fixture);
        assert_int_equal(receive(clients[CONTROL_CLIENTS_MAX], &message), 0); // one too many
        for (size_t i = 0; i <= CONTROL_CLIENTS_MAX; i++)
                close(clients[i]);
        get_page(fixture);
        assert_int_equal(stop(fixture), 0);
}

static void a_ban_outlives_a_restart(void **state)
{
        struct fixture *fixture = *state;
        char path[256];

        script(fixture, "writer", "ban");
        start(fixture, NULL);
        wait_log(fixture, "the exchange refuses this address (HTTP 429)");
        snprintf(path, sizeof(path), "%s/data/state/ban", fixture->directory);
        assert_true(strlen(read_whole(path)) > 0);
        kill(fixture->pid, SIGKILL);
        ended(fixture);
        script(fixture, "writer", "ready");
        start(fixture, NULL);
        wait_log(fixture, "as noted before this start");
        struct governor_page *page = get_page(fixture);
        assert_true(governor_ban_remaining_ms(page) > 900000);
        munmap(page, sizeof(*page));
        assert_int_equal(stop(fixture), 0);
}

static void incarnations_never_repeat(void **state)
{
        struct fixture *fixture = *state;

        start(fixture, NULL);
        struct governor_page *page = get_page(fixture);
        uint64_t first = page->vitals[0].incarnation >> SPAWN_BITS;
        munmap(page, sizeof(*page));
        assert_int_equal(stop(fixture), 0);
        start(fixture, NULL);
        page = get_page(fixture);
        assert_int_equal(page->vitals[0].incarnation >> SPAWN_BITS, first + 1);
        munmap(page, sizeof(*page));
        assert_int_equal(stop(fixture), 0);
}

static void a_service_manager_is_told(void **state)
{
        struct fixture *fixture = *state;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        char text[512];
        bool ready = false, status = false;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/notify", fixture->directory);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        setenv("NOTIFY_SOCKET", address.sun_path, 1);
        start(fixture, NULL);
        unsetenv("NOTIFY_SOCKET");
        for (int waited = 0; waited < WAIT_MS && !(ready && status); waited += 10) {
                ssize_t length = recv(fd, text, sizeof(text) - 1, 0);
                text[length > 0 ? length : 0] = '\0';
                ready |= strcmp(text, "READY=1") == 0;
                status |= strcmp(text, "STATUS=writer ready, 2 of 2 streams and 2 of 2 backfill workers ready") == 0;
                sleep_ms(10);
        }
        assert_true(ready && status);
        close(fd);
        assert_int_equal(stop(fixture), 0);
}

// A library that starts a thread would make fork unsafe; the supervisor stays free of all but these.
static void the_supervisor_links_no_library_that_starts_threads(void **state)
{
        static const char *const refused[] = {
            "nanomsg", "websockets", "curl", "ssl", "crypto", "sqlite", "cjson", "event_extra", "pthread"};
        struct fixture *fixture = *state;
        char command[PATH_MAX + 64], line[512];

        snprintf(command, sizeof(command), "ldd %s/supervisor", fixture->programs);
        FILE *listing = popen(command, "re");
        assert_non_null(listing);
        size_t lines = 0;
        for (; fgets(line, sizeof(line), listing) != NULL; lines++) {
                for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
                        if (strstr(line, refused[i]) != NULL)
                                fail_msg("linked: %s", line);
                }
        }
        assert_int_equal(pclose(listing), 0);
        assert_true(lines > 2);
}

#define SUPERVISED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

// An argument names the tests to run ("*reload*"), for all together take a while.
int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            SUPERVISED(the_writer_is_ready_before_any_worker_starts),
            SUPERVISED(children_inherit_what_is_promised_and_nothing_else),
            SUPERVISED(shutdown_goes_backfill_then_streams_then_writer),
            SUPERVISED(a_child_that_does_not_end_when_asked_is_terminated),
            SUPERVISED(a_second_signal_terminates_everybody_at_once),
            SUPERVISED(children_die_with_the_supervisor),
            SUPERVISED(a_second_instance_waits_then_names_the_first),
            SUPERVISED(too_few_descriptors_are_refused_at_the_start),
            SUPERVISED(mistakes_in_the_file_end_the_start),
            SUPERVISED(a_crashing_child_is_delayed_ever_longer_then_failed),
            SUPERVISED(a_killed_child_comes_back_and_the_writer_is_told),
            SUPERVISED(the_writer_comes_back_at_once_and_gets_new_channels),
            SUPERVISED(a_child_that_refuses_its_configuration_waits_for_a_reload),
            SUPERVISED(try_later_is_never_counted_as_a_crash),
            SUPERVISED(a_hung_child_is_aborted_then_killed_and_started_again),
            SUPERVISED(a_child_that_never_starts_up_is_aborted),
            SUPERVISED(a_stopped_process_is_found_and_ended),
            SUPERVISED(a_suspended_machine_kills_nobody),
            SUPERVISED(a_child_that_lies_is_killed),
            SUPERVISED(the_writers_suspect_is_killed),
            SUPERVISED(the_writers_successor_learns_what_ended_it),
            SUPERVISED(a_missing_program_is_tried_again_and_harms_nobody),
            SUPERVISED(when_a_class_crashes_only_a_probe_runs),
            SUPERVISED(a_reload_adds_and_removes_symbols_and_leaves_the_others),
            SUPERVISED(a_bad_file_keeps_the_old_configuration),
            SUPERVISED(a_reload_keeps_what_needs_a_restart),
            SUPERVISED(a_reload_changes_the_pool_alone),
            SUPERVISED(a_reload_moves_and_ends_the_gateway_alone),
            SUPERVISED(the_catalogue_starts_and_ends_streams),
            SUPERVISED(one_shot_ends_when_complete),
            SUPERVISED(complete_history_is_said_once_per_configuration),
            SUPERVISED(one_shot_fails_when_exhausted_or_stopped),
            SUPERVISED(a_start_that_cannot_succeed_ends),
            SUPERVISED(the_control_socket_shows_the_child_table),
            SUPERVISED(the_control_socket_takes_requests),
            SUPERVISED(malformed_requests_lose_their_connection_only),
            SUPERVISED(a_ban_outlives_a_restart),
            SUPERVISED(incarnations_never_repeat),
            SUPERVISED(a_service_manager_is_told),
            SUPERVISED(the_supervisor_links_no_library_that_starts_threads),
        };

        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
