// SPDX-License-Identifier: Apache-2.0
// What follows when children crash, hang, lie or do not start.
#include "tests/unit/supervisor_rig.h"

static void a_crashing_child_is_delayed_ever_longer_then_failed(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "stream-BTCUSDT", "abort");
        fixture->scale = FASTEST;
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
        fixture->scale = FASTEST;
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
        fixture->scale = FASTEST;
        start(fixture, NULL);
        wait_log(fixture, "(6th failure in a row)");
        assert_int_equal(count_of(read_whole(fixture->log), "too many crashes"), 0);
        assert_int_equal(stop(fixture), 0);
}

static void a_hung_child_is_aborted_then_killed_and_started_again(void **state)
{
        struct fixture *fixture = *state;

        script(fixture, "stream-BTCUSDT", "silent");
        fixture->scale = FASTEST;
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
        fixture->scale = FASTEST;
        start(fixture, NULL);
        wait_log(fixture, "while starting; it gets SIGABRT");
        wait_log(fixture, ": SIGABRT");
        assert_int_equal(stop(fixture), 0);
}

static void a_stopped_process_is_found_and_ended(void **state)
{
        struct fixture *fixture = *state;

        fixture->scale = FASTEST;
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

        punctual(fixture);
        start(fixture, NULL);
        wait_all_ready(fixture);
        for (size_t i = 0; i < 5; i++)
                pids[i] = (pid_t)pid_of(fixture, "", i + 1);
        kill(fixture->pid, SIGSTOP);
        for (size_t i = 0; i < 5; i++)
                kill(pids[i], SIGSTOP);
        sleep_ms(PUNCTUAL_HANG_MS + 1000);
        kill(fixture->pid, SIGCONT); // it looks before they can beat
        wait_log(fixture, "stood still for ");
        for (size_t i = 0; i < 5; i++)
                kill(pids[i], SIGCONT);
        sleep_ms(PUNCTUAL_HANG_MS + 500);
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
        fixture->scale = FASTEST;
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
        fixture->scale = FAST;
        start(fixture, NULL);
        wait_log(fixture, "none of them is started again but one probe in 9.0 s");
        size_t starts, before;
        do { // what was on its way ends
                before = count_of(notes(fixture), " start ");
                sleep_ms(1500);
                starts = count_of(notes(fixture), " start ");
        } while (starts != before);
        wait_log(fixture, "is started as a probe of its class");
        wait_note(fixture, " start ", starts + 1);
        script(fixture, "stream", "ready");
        wait_log(fixture, "stream workers are started again as usual");
        wait_note(fixture, " ready 1", 11);
        assert_int_equal(count_of(notes(fixture), "stream A8 "), 3); // never touched
        assert_int_equal(stop(fixture), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
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
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
