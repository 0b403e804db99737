// SPDX-License-Identifier: Apache-2.0
#include "common/child.h"

#include "common/exitcode.h"
#include "common/memfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOT 12
#define INCARNATION UINT64_C(0x700003)

static struct control_message message;

// What a supervisor prepares; ends[1] is the child's.
static struct {
        int ends[2], setup, governor, acks;
        struct child_setup value;
        struct governor_page *page;
} parent;

static void seal_setup(void)
{
        if (parent.setup >= 0)
                close(parent.setup);
        parent.setup = memfile_create_sealed("setup", &parent.value, sizeof(parent.value));
}

static int set_up(void **state)
{
        (void)state;
        memset(&parent, 0, sizeof(parent));
        parent.setup = -1;
        parent.value.magic = CHILD_SETUP_MAGIC;
        parent.value.bytes = sizeof(parent.value);
        parent.value.class = CHILD_BACKFILL;
        parent.value.slot = SLOT;
        parent.value.incarnation = INCARNATION;
        parent.value.settings.log_level = LOG_LEVEL_INFO;
        seal_setup();
        parent.governor = governor_create();
        parent.page = governor_map(parent.governor, true);
        parent.acks = ack_page_create();
        if (parent.page == NULL || control_pair(parent.ends) != 0)
                return -1;
        snprintf(parent.page->vitals[SLOT].name, SYMBOL_SIZE, "2");
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        munmap(parent.page, sizeof(*parent.page));
        close(parent.ends[0]);
        close(parent.ends[1]);
        close(parent.setup);
        close(parent.governor);
        close(parent.acks);
        return 0;
}

// In a forked process: as the supervisor's exec leaves it. High numbers first, so that none is overwritten.
static void inherit(int control, int setup, int governor, int acks)
{
        int from[4] = {control, setup, governor, acks};

        for (int i = 0; i < 4; i++)
                from[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD, 100);
        for (int fd = CHILD_FD_CONTROL; fd < CHILD_FD_END; fd++) {
                close(fd);
                if (from[fd - CHILD_FD_CONTROL] >= 0)
                        dup2(from[fd - CHILD_FD_CONTROL], fd);
        }
        for (int fd = CHILD_FD_END; fd < 120; fd++)
                close(fd);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
}

// Exit code of a process that begins as `class` with these descriptors; 0 where it has begun.
static int begin_code(enum child_class class, int control, int setup, int governor, int acks)
{
        int status = -1;
        pid_t pid = fork();

        if (pid == 0) {
                struct child child;
                inherit(control, setup, governor, acks);
                child_begin(class, &child);
                _exit(child_send_ready(&child) == 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void a_child_with_all_it_needs_begins_and_says_so(void **state)
{
        (void)state;
        assert_int_equal(begin_code(CHILD_BACKFILL, parent.ends[1], parent.setup, parent.governor, parent.acks), 0);
        assert_int_equal(control_receive(parent.ends[0], &message), 1);
        assert_int_equal(message.header.type, CONTROL_READY);
        assert_int_equal(message.header.slot, SLOT);
        assert_int_equal(message.header.incarnation, INCARNATION);
}

static void workers_begin_with_an_acknowledgement_page_they_cannot_write(void **state)
{
        int readonly = ack_page_reopen_readonly(parent.acks);

        (void)state;
        assert_int_equal(begin_code(CHILD_BACKFILL, parent.ends[1], parent.setup, parent.governor, readonly), 0);
        parent.value.class = CHILD_WRITER;
        seal_setup();
        assert_int_equal(begin_code(CHILD_WRITER, parent.ends[1], parent.setup, parent.governor, parent.acks), 0);
        assert_int_equal(
            begin_code(CHILD_WRITER, parent.ends[1], parent.setup, parent.governor, readonly), EXIT_CHILD_USAGE);
        close(readonly);
}

static void whoever_starts_it_by_hand_is_told_how(void **state)
{
        int unsealed = memfile_create("setup", sizeof(parent.value)), null = open("/dev/null", O_RDWR);
        const int good[4] = {parent.ends[1], parent.setup, parent.governor, parent.acks};
        const int bad[] = {-1, unsealed, null, parent.acks};

        (void)state;
        for (int place = 0; place < 4; place++) {
                for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                        int fds[4];
                        memcpy(fds, good, sizeof(fds));
                        fds[place] = bad[i];
                        if (fds[place] == good[place])
                                continue;
                        assert_int_equal(begin_code(CHILD_BACKFILL, fds[0], fds[1], fds[2], fds[3]), EXIT_CHILD_USAGE);
                }
        }
        close(unsealed);
        close(null);
}

static void a_setup_for_somebody_else_is_refused(void **state)
{
        static const struct {
                uint32_t magic, bytes, class;
                uint16_t slot;
                uint64_t incarnation;
        } cases[] = {
            {1, sizeof(struct child_setup), CHILD_BACKFILL, SLOT, INCARNATION},
            {CHILD_SETUP_MAGIC, sizeof(struct child_setup) - 8, CHILD_BACKFILL, SLOT, INCARNATION},
            {CHILD_SETUP_MAGIC, sizeof(struct child_setup), CHILD_STREAM, SLOT, INCARNATION},
            {CHILD_SETUP_MAGIC, sizeof(struct child_setup), CHILD_BACKFILL, SLOTS_MAX, INCARNATION},
            {CHILD_SETUP_MAGIC, sizeof(struct child_setup), CHILD_BACKFILL, SLOT, 0},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                parent.value.magic = cases[i].magic;
                parent.value.bytes = cases[i].bytes;
                parent.value.class = cases[i].class;
                parent.value.slot = cases[i].slot;
                parent.value.incarnation = cases[i].incarnation;
                seal_setup();
                assert_int_equal(begin_code(CHILD_BACKFILL, parent.ends[1], parent.setup, parent.governor, parent.acks),
                    EXIT_CHILD_USAGE);
        }
}

static void a_child_whose_supervisor_is_gone_already_ends(void **state)
{
        int status = -1;
        pid_t pid = fork();

        (void)state;
        if (pid == 0) // not the maker of the control pair: as if the child had been adopted
                _exit(begin_code(CHILD_BACKFILL, parent.ends[1], parent.setup, parent.governor, parent.acks));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WEXITSTATUS(status), EXIT_TRY_LATER);
}

static void children_die_with_their_supervisor(void **state)
{
        int pair[2], alive[2];

        (void)state;
        assert_int_equal(pipe(alive), 0);
        pid_t supervisor = fork();
        if (supervisor == 0) {
                struct child child;
                if (control_pair(pair) != 0)
                        _exit(1);
                if (fork() == 0) {
                        int report = fcntl(alive[1], F_DUPFD, 200);
                        inherit(pair[1], parent.setup, parent.governor, parent.acks);
                        child_begin(CHILD_BACKFILL, &child);
                        (void)!write(report, "x", 1);
                        for (;;)
                                pause();
                }
                close(pair[1]);
                pause();
        }
        close(alive[1]);
        char byte;
        assert_int_equal(read(alive[0], &byte, 1), 1);
        assert_int_equal(kill(supervisor, SIGKILL), 0);
        assert_int_equal(waitpid(supervisor, NULL, 0), supervisor);
        // The pipe ends when the child, too, is gone.
        struct pollfd end = {.fd = alive[0], .events = POLLIN};
        assert_int_equal(poll(&end, 1, 120000), 1);
        assert_int_equal(read(alive[0], &byte, 1), 0);
        close(alive[0]);
}

static void heartbeats_count_and_limits_are_announced(void **state)
{
        struct child child = {.vitals = &parent.page->vitals[SLOT]};

        (void)state;
        child_heartbeat(&child);
        child_announce_ms(&child, CHILD_HANG_SYNC_MS);
        assert_int_equal(child.vitals->heartbeat, 2);
        assert_int_equal(child.vitals->hang_limit_ms, CHILD_HANG_SYNC_MS);
        child_heartbeat(&child);
        assert_int_equal(child.vitals->heartbeat, 3);
        assert_int_equal(child.vitals->hang_limit_ms, 0);
}

static void a_new_setup_takes_the_old_one_s_place(void **state)
{
        struct child child = {.setup = child_map_setup(parent.setup)};
        const char *url = child.setup->settings.rest_url;
        enum log_level before = log_get_level();

        (void)state;
        snprintf(parent.value.settings.rest_url, URL_SIZE, "https://example.invalid");
        parent.value.settings.log_level = LOG_LEVEL_ERROR;
        assert_int_equal(child_adopt_setup(&child, memfile_create_sealed("s", &parent.value, sizeof(parent.value))), 0);
        assert_string_equal(url, "https://example.invalid");
        assert_int_equal(log_get_level(), LOG_LEVEL_ERROR);
        log_set_level(before);
        parent.value.incarnation++;
        assert_int_equal(
            child_adopt_setup(&child, memfile_create_sealed("s", &parent.value, sizeof(parent.value))), -1);
        assert_int_equal(errno, EBADMSG);
        assert_int_equal(child.setup->incarnation, INCARNATION);
        child_unmap_setup(child.setup);
}

#define WITH_PARENT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
            WITH_PARENT(a_child_with_all_it_needs_begins_and_says_so),
            WITH_PARENT(workers_begin_with_an_acknowledgement_page_they_cannot_write),
            WITH_PARENT(whoever_starts_it_by_hand_is_told_how),
            WITH_PARENT(a_setup_for_somebody_else_is_refused),
            WITH_PARENT(a_child_whose_supervisor_is_gone_already_ends),
            WITH_PARENT(children_die_with_their_supervisor),
            WITH_PARENT(heartbeats_count_and_limits_are_announced),
            WITH_PARENT(a_new_setup_takes_the_old_one_s_place),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
