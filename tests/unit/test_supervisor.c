// SPDX-License-Identifier: Apache-2.0
// Start and end of the supervisor and of its children, one-shot runs included.
#include "tests/unit/supervisor_rig.h"

#include <sys/socket.h>
#include <sys/un.h>

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
        fixture->scale = FAST;
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
                for (int waited = 0; waited < WAIT_MS && kill(pid, 0) == 0; waited += 10)
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
        fixture->scale = FASTEST;
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
        static const char *const classes[] = {"writer", "backfill"};
        for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
                script(fixture, "writer", "ready");
                script(fixture, classes[i], "exit:127"); // as where the program is not there
                start(fixture, "--one-shot");
                assert_int_equal(ended(fixture), 1);
                wait_log(fixture, "cannot be started: is the installation complete?");
        }
        assert_int_equal(count_of(notes(fixture), "stream "), 0);
}

// ---- surroundings ----

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

int main(void)
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
            SUPERVISED(one_shot_ends_when_complete),
            SUPERVISED(complete_history_is_said_once_per_configuration),
            SUPERVISED(one_shot_fails_when_exhausted_or_stopped),
            SUPERVISED(a_start_that_cannot_succeed_ends),
            SUPERVISED(a_service_manager_is_told),
            SUPERVISED(the_supervisor_links_no_library_that_starts_threads),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
