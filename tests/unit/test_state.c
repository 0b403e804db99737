// SPDX-License-Identifier: Apache-2.0
// LINK: supervisor/state.c supervisor/obituary.c supervisor/policy.c
#include "supervisor/obituary.h"
#include "supervisor/state.h"

#include "common/log.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];

static int make_directory(void **state)
{
        (void)state;
        snprintf(directory, sizeof(directory), "/tmp/test_state.XXXXXX");
        log_set_level(LOG_LEVEL_ERROR + 1); // what is refused here is refused on purpose
        return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
        char command[96];

        (void)state;
        snprintf(command, sizeof(command), "rm -rf %s", directory);
        return system(command);
}

static void put(const char *name, const char *text)
{
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

// ---- run counter ----

static void the_run_counter_goes_up_and_never_back(void **state)
{
        uint64_t first, run;

        (void)state;
        assert_int_equal(state_next_run(directory, &first), 0);
        assert_int_equal(state_next_run(directory, &run), 0);
        assert_int_equal(run, first + 1);
        put("run-counter", "41\n");
        assert_int_equal(state_next_run(directory, &run), 0);
        assert_int_equal(run, 42);
}

static void a_damaged_run_counter_starts_above_all_others(void **state)
{
        static const char *const damaged[] = {"", "x\n", "-1\n", "12", "99999999999999999999999\n", "0\n"};
        uint64_t run;

        (void)state;
        for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
                put("run-counter", damaged[i]);
                assert_int_equal(state_next_run(directory, &run), 0);
                assert_true(run > 1600000000 && run < UINT64_MAX >> SPAWN_BITS);
        }
}

// ---- lock, directories, descriptors ----

static void a_lock_is_held_once(void **state)
{
        (void)state;
        int fd = state_lock(directory, 0);
        assert_true(fd >= 0);
        assert_int_equal(state_lock(directory, 250), -1);
        close(fd);
        fd = state_lock(directory, 0);
        assert_true(fd >= 0);
        close(fd);
}

static void directories_are_made_with_their_modes(void **state)
{
        static struct settings settings;
        struct stat status;

        (void)state;
        snprintf(settings.data_directory, PATH_SIZE, "%s/a/b", directory);
        snprintf(settings.root_directory, PATH_SIZE, "%s/a/b/store", directory);
        snprintf(settings.state_directory, PATH_SIZE, "%s/a/b/state", directory);
        snprintf(settings.run_directory, PATH_SIZE, "%s/a/b/run", directory);
        assert_int_equal(state_make_directories(&settings), 0);
        assert_int_equal(state_make_directories(&settings), 0);
        assert_int_equal(stat(settings.run_directory, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0700);
        assert_int_equal(stat(settings.root_directory, &status), 0);
        put("file", "");
        snprintf(settings.state_directory, PATH_SIZE, "%s/file/state", directory);
        assert_int_equal(state_make_directories(&settings), -1);
}

static void an_impossible_number_of_descriptors_is_refused(void **state)
{
        (void)state;
        assert_int_equal(state_check_descriptors(16), 0);
        assert_int_equal(state_check_descriptors(SIZE_MAX), -1);
}

// ---- ban ----

static struct governor_page *new_page(void)
{
        int fd = governor_create();
        struct governor_page *page = governor_map(fd, true);

        assert_non_null(page);
        close(fd);
        return page;
}

static void a_ban_is_kept_as_wall_time(void **state)
{
        struct governor_page *page = new_page();
        int64_t saved_us = 0;

        (void)state;
        governor_ban(page, 418, 500);
        state_save_ban(directory, page, &saved_us);
        assert_true(saved_us != 0);
        munmap(page, sizeof(*page));
        page = new_page();
        state_load_ban(directory, page, &saved_us);
        assert_in_range(governor_ban_remaining_ms(page), 498000, 502000);
        assert_int_equal(page->ban_status, 418);
        munmap(page, sizeof(*page));
}

static void a_ban_that_is_over_damaged_or_absurd_harms_nobody(void **state)
{
        static const char *const texts[] = {"1600000000 418\n", "nonsense\n", ""};
        int64_t saved_us;

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                struct governor_page *page = new_page();
                put("ban", texts[i]);
                state_load_ban(directory, page, &saved_us);
                assert_int_equal(governor_ban_remaining_ms(page), 0);
                munmap(page, sizeof(*page));
        }
        struct governor_page *page = new_page();
        put("ban", "9999999999 418\n");
        state_load_ban(directory, page, &saved_us);
        assert_in_range(governor_ban_remaining_ms(page), 1000, BAN_SECONDS_MAX * 1000);
        munmap(page, sizeof(*page));
}

// ---- obituaries ----

static struct death death_of(enum policy_state after, int64_t deadline_ms)
{
        struct death death = {.class = CHILD_STREAM,
            .name = "BTCUSDT",
            .pid = 42,
            .code = -1,
            .term_signal = SIGSEGV,
            .core = true,
            .lived_ms = 182000,
            .heartbeat_age_ms = 400,
            .state = POLICY_READY,
            .now = {1000000}};

        policy_child_init(&death.after, CHILD_STREAM);
        death.after.state = after;
        death.after.failures = 3;
        if (deadline_ms >= 0)
                death.after.deadline.us = death.now.us + deadline_ms * US_PER_MS;
        return death;
}

static void an_obituary_says_who_how_long_how_and_what_next(void **state)
{
        char line[LOG_LINE_BYTES_MAX];
        struct death death = death_of(POLICY_BACKOFF, 4100);

        (void)state;
        assert_int_equal(obituary_write(&death, line), LOG_LEVEL_WARN);
        assert_string_equal(line, "stream BTCUSDT (pid 42) ended after 3 min 2 s: SIGSEGV, core kept; last heartbeat "
                                  "0.4 s before; it is started again in 4.1 s (3rd failure in a row)");
        death = death_of(POLICY_FAILED, -1);
        death.term_signal = 0;
        death.code = 78;
        death.heartbeat_age_ms = -1;
        assert_int_equal(obituary_write(&death, line), LOG_LEVEL_ERROR);
        assert_string_equal(line, "stream BTCUSDT (pid 42) ended after 3 min 2 s: exit 78 (bad configuration); no "
                                  "heartbeat; it is not started again until a reload changes its configuration");
        death = death_of(POLICY_DOWN, -1);
        death.term_signal = 0;
        death.code = 0;
        death.state = POLICY_STOPPING;
        assert_int_equal(obituary_write(&death, line), LOG_LEVEL_INFO);
        assert_non_null(strstr(line, "exit 0 (done)"));
        assert_non_null(strstr(line, "; as asked"));
        death = death_of(POLICY_FAILED, 300000);
        assert_int_equal(obituary_write(&death, line), LOG_LEVEL_ERROR);
        assert_non_null(strstr(line, "too many crashes: one more trial in 5 min 0 s"));
        death = death_of(POLICY_BACKOFF, 0);
        death.class = CHILD_WRITER;
        death.name = "writer";
        obituary_write(&death, line);
        assert_non_null(strstr(line, "writer (pid 42) ended"));
        assert_null(strstr(line, "writer writer"));
        assert_non_null(strstr(line, "it is started again at once"));
}

static void spans_read_well(void **state)
{
        char text[SPAN_TEXT_SIZE];

        (void)state;
        assert_string_equal(obituary_span(0, text), "0.0 s");
        assert_string_equal(obituary_span(59999, text), "59.9 s");
        assert_string_equal(obituary_span(60000, text), "1 min 0 s");
        assert_string_equal(obituary_span(3600000, text), "1 h 0 min");
        assert_string_equal(obituary_span(49 * 3600000LL, text), "2 days");
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
        const struct CMUnitTest tests[] = {
            IN_DIRECTORY(the_run_counter_goes_up_and_never_back),
            IN_DIRECTORY(a_damaged_run_counter_starts_above_all_others),
            IN_DIRECTORY(a_lock_is_held_once),
            IN_DIRECTORY(directories_are_made_with_their_modes),
            IN_DIRECTORY(an_impossible_number_of_descriptors_is_refused),
            IN_DIRECTORY(a_ban_is_kept_as_wall_time),
            IN_DIRECTORY(a_ban_that_is_over_damaged_or_absurd_harms_nobody),
            cmocka_unit_test(an_obituary_says_who_how_long_how_and_what_next),
            cmocka_unit_test(spans_read_well),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
