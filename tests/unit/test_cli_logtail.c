// SPDX-License-Identifier: Apache-2.0
// LINK: cli/logtail.c
// Warnings and errors are picked out of a log that is being written; nothing from before, nothing half.
#include "cli/logtail.h"
#include "common/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void write_text(int fd, const char *text)
{
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void test_what_an_operator_must_see(void **state)
{
        FILE *file = tmpfile();
        struct logtail tail;
        bool is_error = true;

        (void)state;
        assert_non_null(file);
        int fd = fileno(file);
        write_text(fd, "2024-03-05T12:00:00.000Z error writer: of an earlier run\n");
        logtail_begin(&tail, fd);
        assert_null(logtail_next(&tail, &is_error));

        // As common/log.c writes them.
        int saved = dup(STDERR_FILENO);
        assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
        log_info("nothing to see");
        log_warn("a warning");
        log_error("an error");
        assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
        close(saved);
        const char *line = logtail_next(&tail, &is_error);
        assert_non_null(line);
        assert_non_null(strstr(line, ": a warning"));
        assert_false(is_error);
        line = logtail_next(&tail, &is_error);
        assert_non_null(line);
        assert_non_null(strstr(line, ": an error"));
        assert_true(is_error);

        write_text(fd, "short\n2024-03-05T12:00:00.000Z warn  half");
        assert_null(logtail_next(&tail, &is_error));
        write_text(fd, " and whole\n");
        assert_string_equal(logtail_next(&tail, &is_error), "half and whole");
        assert_null(logtail_next(&tail, &is_error));
        fclose(file);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_an_operator_must_see)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
