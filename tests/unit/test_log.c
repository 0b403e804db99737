// SPDX-License-Identifier: Apache-2.0
#include "common/log.h"

#include "common/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <regex.h>
#include <string.h>
#include <unistd.h>

static int pipe_fds[2], saved_stderr;

static int catch_stderr(void **state)
{
        (void)state;
        if (pipe(pipe_fds) != 0)
                return -1;
        saved_stderr = dup(STDERR_FILENO);
        log_init("writer", LOG_LEVEL_INFO);
        return dup2(pipe_fds[1], STDERR_FILENO) < 0;
}

static int release_stderr(void **state)
{
        (void)state;
        dup2(saved_stderr, STDERR_FILENO);
        close(saved_stderr);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        return 0;
}

// What was written since; one write(2) is one read of the pipe here.
static const char *caught(void)
{
        static char text[2 * LOG_LINE_BYTES_MAX];
        ssize_t length;

        assert_int_equal(write(pipe_fds[1], "!", 1), 1);
        length = read(pipe_fds[0], text, sizeof(text) - 1);
        assert_true(length > 0);
        text[length - 1] = '\0';
        return text;
}

static void a_line_has_time_level_process_and_text(void **state)
{
        regex_t pattern;

        (void)state;
        assert_int_equal(
            regcomp(&pattern,
                "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z info  writer: 3 rows\n$",
                REG_EXTENDED | REG_NOSUB),
            0);
        log_info("%d rows", 3);
        assert_int_equal(regexec(&pattern, caught(), 0, NULL, 0), 0);
        regfree(&pattern);
        log_error("x");
        assert_non_null(strstr(caught(), "Z error writer: x\n"));
}

static void lines_below_the_level_are_not_written(void **state)
{
        (void)state;
        log_debug("no");
        assert_string_equal(caught(), "");
        log_set_level(LOG_LEVEL_ERROR);
        log_warn("no");
        log_info("no");
        assert_string_equal(caught(), "");
        log_set_level(LOG_LEVEL_DEBUG);
        log_debug("yes");
        assert_non_null(strstr(caught(), "debug writer: yes"));
        assert_int_equal(log_get_level(), LOG_LEVEL_DEBUG);
}

static void text_from_outside_stays_in_one_line_of_bounded_length(void **state)
{
        char long_text[3 * LOG_LINE_BYTES_MAX];

        (void)state;
        log_info("a%sb", "\n\x1b[2J\r\x7f");
        assert_non_null(strstr(caught(), "writer: a  [2J  b\n"));
        memset(long_text, 'x', sizeof(long_text));
        long_text[sizeof(long_text) - 1] = '\0';
        log_info("%s", long_text);
        const char *line = caught();
        assert_int_equal(strlen(line), LOG_LINE_BYTES_MAX);
        assert_string_equal(line + LOG_LINE_BYTES_MAX - 5, "x...\n");
}

static void errno_is_preserved(void **state)
{
        (void)state;
        errno = EXDEV;
        log_info("%m");
        assert_int_equal(errno, EXDEV);
        assert_non_null(strstr(caught(), strerror(EXDEV)));
        close(STDERR_FILENO); // also where the line cannot be written
        errno = EXDEV;
        log_info("nobody reads this");
        assert_int_equal(errno, EXDEV);
}

int main(void)
{
#define CAUGHT(test) cmocka_unit_test_setup_teardown(test, catch_stderr, release_stderr)
        const struct CMUnitTest tests[] = {
            CAUGHT(a_line_has_time_level_process_and_text),
            CAUGHT(lines_below_the_level_are_not_written),
            CAUGHT(text_from_outside_stays_in_one_line_of_bounded_length),
            CAUGHT(errno_is_preserved),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
