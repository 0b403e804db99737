// SPDX-License-Identifier: Apache-2.0
// Reads a command's options by its table: "--name VALUE", "--name=VALUE", "-x VALUE", "--" ends them, everything else
// is a word of the command. What is not in the table is refused with the name that was probably meant.
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
        OPTION_FLAG,    // bool
        OPTION_TEXT,    // const char *, points into argv
        OPTION_COUNT,   // int64_t, 1 and more
        OPTION_TIME,    // struct option_time; spans count back from this host's clock
        OPTION_TIME_NS, // int64_t nanoseconds, as time_parse_ns()
};

struct option_time {
        int64_t us;       // as time_parse_us()
        const char *text; // in argv; NULL: not given
};

struct option_row {
        const char *name; // "--last"; NULL ends the table
        char letter;      // 'c' for -c; 0: none
        enum option_type type;
        size_t offset; // in the command's own struct of values
        const char *argument;
        const char *help;
};

struct command;

struct words {
        const char **items; // into argv
        size_t count;
};

// Fills `values` (as it was where an option is not given) and `words`, whose items replace the beginning of `argv`.
// Returns -1 to go on, or the exit code: 0, the help was asked for and printed; EXIT_BAD_USAGE, said why.
int options_parse(const struct command *command, int argc, char **argv, void *values, struct words *words);

#endif
