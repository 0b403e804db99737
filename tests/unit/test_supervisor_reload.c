// SPDX-License-Identifier: Apache-2.0
// A reload and a catalogue change what has changed, and nobody else.
#include "tests/unit/supervisor_rig.h"

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
        wait_note(fixture, "setup 2 level 1 symbols 2", 1); // the writer looks again at what it has refused
        assert_int_equal(count_of(notes(fixture), " start "), 5);
        assert_int_equal(count_of(notes(fixture), " drain"), 0);
        assert_int_equal(count_of(notes(fixture), " setup "), 1);
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

        config_gateway(fixture, "'127.0.0.1:9'");
        start(fixture, NULL);
        wait_all_ready(fixture);
        wait_note(fixture, "gateway gateway ", 2);
        config_gateway(fixture, "'127.0.0.1:10'");
        kill(fixture->pid, SIGHUP);
        wait_note(fixture, " ready ", 7);
        config_gateway(fixture, "off");
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

int main(void)
{
        const struct CMUnitTest tests[] = {
            SUPERVISED(a_reload_adds_and_removes_symbols_and_leaves_the_others),
            SUPERVISED(a_bad_file_keeps_the_old_configuration),
            SUPERVISED(a_reload_keeps_what_needs_a_restart),
            SUPERVISED(a_reload_changes_the_pool_alone),
            SUPERVISED(a_reload_moves_and_ends_the_gateway_alone),
            SUPERVISED(the_catalogue_starts_and_ends_streams),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
