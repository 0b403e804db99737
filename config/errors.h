// SPDX-License-Identifier: Apache-2.0
// How mistakes in a configuration are worded and collected. Used inside config/ only.
#ifndef CONFIG_ERRORS_H
#define CONFIG_ERRORS_H

#include "config/config.h"

// Where something was written: a file with line and column, an environment variable (line 0), or nothing (source NULL:
// a default, or a command line flag).
struct config_place {
        const char *source;
        size_t line, column;
};

// Adds "source:line:column: key: text"; `key` may be NULL. Beyond the bounds mistakes are only counted.
void config_error_add(struct config_errors *errors, struct config_place place, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void config_warning_add(struct config_errors *errors, struct config_place place, const char *key, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

// What the user wrote, safe and short enough for a message: control characters become '?', long text ends in "...",
// and text with blanks, or none, stands in quotes. Returns `out`.
#define CONFIG_QUOTE_SIZE 72
const char *config_quote(const char *text, char out[CONFIG_QUOTE_SIZE]);

#endif
