// SPDX-License-Identifier: Apache-2.0
#include "common/log.h"

#include "common/clock.h"
#include "common/limits.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static char process_name[64] = "binancefeeder";
static enum log_level level_least = LOG_LEVEL_INFO;

void log_init(const char *process, enum log_level level)
{
        snprintf(process_name, sizeof(process_name), "%s", process);
        level_least = level;
}

void log_set_level(enum log_level level)
{
        level_least = level;
}

enum log_level log_get_level(void)
{
        return level_least;
}

// Text from outside may carry control characters; a log line stays one line and cannot steer a terminal.
static void blank_controls(char *text, size_t length)
{
        for (size_t i = 0; i < length; i++) {
                if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
                        text[i] = ' ';
        }
}

static void __attribute__((format(printf, 2, 0)))
write_line(enum log_level level, const char *format, va_list arguments)
{
        static const char cut[] = "...";
        int saved_errno = errno;
        char line[LOG_LINE_BYTES_MAX], stamp[TIME_TEXT_SIZE];
        // Milliseconds always, so that lines align: time_format_us() drops a fraction of zero.
        int64_t now_ms = wall_now().ns / 1000000;

        time_format_us(now_ms / 1000 * US_PER_S, stamp);
        stamp[strlen(stamp) - 1] = '\0';
        int head = snprintf(
            line, sizeof(line), "%s.%03dZ %-5s %s: ", stamp, (int)(now_ms % 1000), level_names[level], process_name);
        errno = saved_errno; // %m
        int body = vsnprintf(line + head, sizeof(line) - (size_t)head, format, arguments);
        size_t length = (size_t)head + (body > 0 ? (size_t)body : 0);
        if (length > sizeof(line) - 1) {
                length = sizeof(line) - 1;
                memcpy(line + length - (sizeof(cut) - 1), cut, sizeof(cut) - 1);
        }
        blank_controls(line + head, length - (size_t)head);
        line[length++] = '\n';
        // Nobody is left to tell when stderr itself fails.
        ssize_t written = write(STDERR_FILENO, line, length);
        (void)written;
        errno = saved_errno;
}

#define WRITE_AT(level)                                                                                                \
        do {                                                                                                           \
                if ((level) >= level_least) {                                                                          \
                        va_list arguments;                                                                             \
                        va_start(arguments, format);                                                                   \
                        write_line(level, format, arguments);                                                          \
                        va_end(arguments);                                                                             \
                }                                                                                                      \
        } while (0)

void log_debug(const char *format, ...)
{
        WRITE_AT(LOG_LEVEL_DEBUG);
}

void log_info(const char *format, ...)
{
        WRITE_AT(LOG_LEVEL_INFO);
}

void log_warn(const char *format, ...)
{
        WRITE_AT(LOG_LEVEL_WARN);
}

void log_error(const char *format, ...)
{
        WRITE_AT(LOG_LEVEL_ERROR);
}

void log_bug(const char *condition, const char *file, int line)
{
        log_error("bug: %s:%d: \"%s\" does not hold; this process ends", file, line, condition);
        abort();
}
