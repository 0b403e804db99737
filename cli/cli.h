// SPDX-License-Identifier: Apache-2.0
// The command line: one table of commands (cli/main.c), one file per command. A command reads its words by its own
// table of options (cli/options.h) and returns an exit code (common/exitcode.h). Answers go to stdout, everything else
// to stderr. Times are UTC.
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/options.h"

struct command {
        const char *name;
        const char *summary;   // one line for the list of commands
        const char *arguments; // what follows the name in "usage:"
        const char *details;   // paragraphs below it; may be NULL
        const char *examples;  // one per line, without the program's name, then two blanks and what it does
        const struct option_row *options;
        int (*run)(const struct command *command, int argc, char **argv);
};

extern const struct command command_run, command_backfill, command_status, command_query, command_symbols,
    command_check, command_version, command_help;
extern const struct command *const commands[]; // NULL ends the list

const struct command *command_find(const char *name);

// "binancefeeder status: <text>" on stderr. Returns `code`, so that a command can end with it.
int complain(const struct command *command, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
