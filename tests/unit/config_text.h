// SPDX-License-Identifier: Apache-2.0
// For the tests of config/: reads a text as if it were a file, in a clean environment and from the root directory, so
// that nothing depends on where the tests run.
#ifndef TESTS_UNIT_CONFIG_TEXT_H
#define TESTS_UNIT_CONFIG_TEXT_H

#include "config/config.h"
#include "config/keys.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h> // wants the first four above

#define NOW_US INT64_C(1710000000000000) // 2024-03-09T16:00:00Z

static struct config_errors errors;
static char repository[PATH_MAX];

static inline int from_the_root(void **state)
{
        (void)state;
        for (size_t i = 0; i < key_rows_count; i++) {
                char variable[KEY_VARIABLE_SIZE];
                unsetenv(key_variable(&key_rows[i], variable));
        }
        if (repository[0] == '\0' && getcwd(repository, sizeof repository) == NULL)
                return -1;
        memset(&errors, 0, sizeof errors);
        return chdir("/");
}

// Reads `length` bytes as a file. Messages then begin with ":line:column: ...", or with ": ..." without a line.
static inline int read_bytes(const char *text, size_t length, enum config_purpose purpose, struct settings *settings)
{
        char path[32];
        int fd = memfd_create("config", MFD_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, length), (ssize_t)length);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        memset(&errors, 0, sizeof errors);
        int result = config_read(path, purpose, NOW_US, settings, &errors);
        close(fd);
        for (size_t i = 0; i < errors.count && i < CONFIG_ERRORS_MAX; i++)
                if (strncmp(errors.text[i], path, strlen(path)) == 0)
                        memmove(errors.text[i], errors.text[i] + strlen(path), sizeof errors.text[i] - strlen(path));
        for (size_t i = 0; i < errors.warnings_count && i < CONFIG_WARNINGS_MAX; i++)
                if (strncmp(errors.warnings[i], path, strlen(path)) == 0)
                        memmove(errors.warnings[i], errors.warnings[i] + strlen(path),
                            sizeof errors.warnings[i] - strlen(path));
        return result;
}

static inline int read_text(const char *text, struct settings *settings)
{
        return read_bytes(text, strlen(text), CONFIG_RUN, settings);
}

static inline void must_read(const char *text, struct settings *settings)
{
        if (read_text(text, settings) < 0)
                fail_msg("%s\n%s", errors.text[0], text);
}

// The text is refused with exactly these messages, one a line.
static inline void must_refuse(const char *text, size_t length, const char *messages)
{
        static struct settings settings;
        char all[CONFIG_ERRORS_MAX * sizeof errors.text[0]] = "";
        if (read_bytes(text, length, CONFIG_RUN, &settings) == 0)
                fail_msg("accepted, not refused:\n%.200s", text);
        for (size_t i = 0; i < errors.count && i < CONFIG_ERRORS_MAX; i++) {
                size_t used = strlen(all);
                snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? "\n" : "", errors.text[i]);
        }
        assert_string_equal(all, messages);
}

#endif
