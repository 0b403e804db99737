// SPDX-License-Identifier: Apache-2.0
// The control socket, and what it shows: the child table, the ban, incarnations.
#include "tests/unit/supervisor_rig.h"

#include "common/child.h"
#include "common/clock.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

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

static void an_end_that_a_reload_asked_for_is_no_restart(void **state)
{
        struct fixture *fixture = *state;

        config_gateway(fixture, "'127.0.0.1:9'");
        start(fixture, NULL);
        wait_all_ready(fixture);
        wait_note(fixture, "gateway gateway ", 2);
        struct governor_page *page = get_page(fixture);
        config_gateway(fixture, "'127.0.0.1:10'");
        kill(fixture->pid, SIGHUP);
        wait_note(fixture, "gateway gateway ", 4);
        for (size_t slot = 0; slot < SLOTS_MAX; slot++)
                assert_int_equal(page->vitals[slot].restarts, 0);
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

// What arrives meanwhile is handled before the timer: it must not hide that the supervisor stood still.
static void a_request_that_waited_for_a_suspended_machine_kills_nobody(void **state)
{
        static struct control_message message;
        struct fixture *fixture = *state;
        pid_t pids[5];

        punctual(fixture);
        start(fixture, NULL);
        wait_all_ready(fixture);
        int fd = connect_to(fixture);
        for (size_t i = 0; i < 5; i++)
                pids[i] = (pid_t)pid_of(fixture, "", i + 1);
        kill(fixture->pid, SIGSTOP);
        for (size_t i = 0; i < 5; i++)
                kill(pids[i], SIGSTOP);
        assert_int_equal(control_send(fd, CONTROL_HELLO, 0, 0, NULL, 0, -1), 0);
        sleep_ms(PUNCTUAL_HANG_MS + 1000);
        kill(fixture->pid, SIGCONT); // it looks before they can beat
        wait_log(fixture, "stood still for ");
        for (size_t i = 0; i < 5; i++)
                kill(pids[i], SIGCONT);
        assert_int_equal(receive(fd, &message), 1);
        close(message.fd);
        close(fd);
        assert_int_equal(count_of(read_whole(fixture->log), "hangs"), 0);
        assert_int_equal(count_of(notes(fixture), " start "), 5);
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

int main(void)
{
        const struct CMUnitTest tests[] = {
            SUPERVISED(the_control_socket_shows_the_child_table),
            SUPERVISED(an_end_that_a_reload_asked_for_is_no_restart),
            SUPERVISED(the_control_socket_takes_requests),
            SUPERVISED(malformed_requests_lose_their_connection_only),
            SUPERVISED(a_request_that_waited_for_a_suspended_machine_kills_nobody),
            SUPERVISED(a_ban_outlives_a_restart),
            SUPERVISED(incarnations_never_repeat),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
