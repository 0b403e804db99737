// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include "common/exitcode.h"
#include "config/suggest.h"

#include <string.h>

void help_consider(const char *name, const char *candidate, char *near, size_t near_size, unsigned *distance)
{
        unsigned found = suggest_distance(name, candidate);
        unsigned near_enough = strlen(name) >= 6 ? 3 : 2; // a short word is near to anything
        // What is only begun is meant as well: "stat", "--sym".
        size_t typed = strlen(name);

        if (typed >= 3 && strncmp(name, candidate, typed) == 0)
                found = 1;
        if (found > near_enough || (near[0] != '\0' && found >= *distance))
                return;
        *distance = found;
        snprintf(near, near_size, "%s", candidate);
}

void help_print_program(FILE *out)
{
        fputs(
            "binancefeeder keeps Binance market data, complete, in a MarketStore data base: history is backfilled, "
            "live\n"
            "bars are streamed, and what the network lost is found and fetched again. No account or key is needed.\n"
            "\n"
            "To start with:\n"
            "  binancefeeder backfill BTCUSDT --interval 1h --since 1y   fetch a year of hourly bars, no file needed\n"
            "  binancefeeder query BTCUSDT/1h --last 5                   look at them\n"
            "  binancefeeder run --config binancefeeder.yml              history and live bars, for ever on\n"
            "\n"
            "Commands:\n",
            out);
        for (const struct command *const *command = commands; *command != NULL; command++)
                fprintf(out, "  %-10s %s\n", (*command)->name, (*command)->summary);
        fputs("\n"
              "`binancefeeder COMMAND --help` explains each, with examples. All times are UTC.\n"
              "`binancefeeder check --example` prints a configuration file with every key explained.\n",
            out);
}

static void print_options(const struct command *command)
{
        size_t widest = 0;
        char left[64];

        for (const struct option_row *row = command->options; row->name != NULL; row++) {
                size_t width = strlen(row->name) + (row->argument != NULL ? strlen(row->argument) + 1 : 0);
                widest = width > widest ? width : widest;
        }
        puts("\nOptions:");
        for (const struct option_row *row = command->options; row->name != NULL; row++) {
                snprintf(left, sizeof(left), "%s%s%s", row->name, row->argument != NULL ? " " : "",
                    row->argument != NULL ? row->argument : "");
                printf("  %s%c%c %-*s  ", row->letter != '\0' ? "-" : " ", row->letter != '\0' ? row->letter : ' ',
                    row->letter != '\0' ? ',' : ' ', (int)widest, left);
                // A line break in a help text goes on below its beginning.
                for (const char *text = row->help; *text != '\0'; text++) {
                        if (*text == '\n')
                                printf("\n%*s", (int)widest + 8, "");
                        else
                                putchar(*text);
                }
                putchar('\n');
        }
}

static void print_examples(const char *examples)
{
        puts("\nExamples:");
        while (*examples != '\0') {
                size_t length = strcspn(examples, "\n");
                printf("  binancefeeder %.*s\n", (int)length, examples);
                examples += length + (examples[length] == '\n');
        }
}

void help_print_command(const struct command *command)
{
        printf("%s.\n\nusage: binancefeeder %s%s%s\n", command->summary, command->name,
            command->arguments[0] != '\0' ? " " : "", command->arguments);
        if (command->details != NULL)
                printf("\n%s", command->details);
        if (command->options != NULL && command->options->name != NULL)
                print_options(command);
        if (command->examples != NULL)
                print_examples(command->examples);
}

static int run_help(const struct command *command, int argc, char **argv)
{
        struct words words;
        int code = options_parse(command, argc, argv, NULL, &words);

        if (code >= 0)
                return code;
        if (words.count == 0) {
                help_print_program(stdout);
                return EXIT_DONE;
        }
        const struct command *about = command_find(words.items[0]);
        if (about == NULL)
                return complain(command, EXIT_BAD_USAGE, "there is no command %s; `binancefeeder --help` lists them",
                    words.items[0]);
        help_print_command(about);
        return EXIT_DONE;
}

static const struct option_row no_options[] = {{.name = NULL}};

const struct command command_help = {
    .name = "help",
    .summary = "Explains a command",
    .arguments = "[COMMAND]",
    .examples = "help query",
    .options = no_options,
    .run = run_help,
};
