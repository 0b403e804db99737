// SPDX-License-Identifier: Apache-2.0
// binancefeeder: the command line. The work is done by the supervisor and its children (run, backfill start it); the
// other commands read ledger and store themselves.
#include "cli/cli.h"
#include "cli/help.h"
#include "common/exitcode.h"
#include "common/log.h"

#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct command *const commands[] = {&command_run, &command_backfill, &command_status, &command_query,
    &command_symbols, &command_check, &command_version, &command_help, NULL};

const struct command *command_find(const char *name)
{
        for (const struct command *const *command = commands; *command != NULL; command++) {
                if (strcmp((*command)->name, name) == 0)
                        return *command;
        }
        return NULL;
}

int complain(const struct command *command, int code, const char *format, ...)
{
        va_list arguments;

        fflush(stdout);
        fprintf(stderr, "binancefeeder%s%s: ", command != NULL ? " " : "", command != NULL ? command->name : "");
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
        return code;
}

static int refuse_command(const char *word)
{
        char near[32] = "";
        unsigned distance = 0;

        for (const struct command *const *command = commands; *command != NULL; command++)
                help_consider(word, (*command)->name, near, sizeof(near), &distance);
        if (near[0] != '\0')
                return complain(
                    NULL, EXIT_BAD_USAGE, "there is no command %s; did you mean `binancefeeder %s`?", word, near);
        return complain(NULL, EXIT_BAD_USAGE, "there is no command %s; `binancefeeder --help` lists them", word);
}

// An answer that could not be written whole (a full disk behind a redirection) must not look like success.
static int finish(int code)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return code;
        return complain(NULL, EXIT_FAILED, "the answer could not be written");
}

int main(int argc, char **argv)
{
        // Only the terminal's character set: numbers keep their point.
        (void)setlocale(LC_CTYPE, "");
        log_init("binancefeeder", LOG_LEVEL_INFO);
        if (argc < 2) {
                help_print_program(stderr);
                return EXIT_BAD_USAGE;
        }
        if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
                help_print_program(stdout);
                return finish(EXIT_DONE);
        }
        if (strcmp(argv[1], "--version") == 0)
                return finish(command_version.run(&command_version, 0, argv + 2));
        const struct command *command = command_find(argv[1]);
        if (command == NULL)
                return refuse_command(argv[1]);
        return finish(command->run(command, argc - 2, argv + 2));
}
