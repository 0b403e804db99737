// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include "cli/cli.h"
#include "cli/help.h"
#include "common/clock.h"
#include "common/exitcode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct parse {
        const struct command *command;
        void *values;
        int argc, next;
        char **argv;
};

static const struct option_row *find_long(const struct option_row *rows, const char *name, size_t length)
{
        for (const struct option_row *row = rows; row != NULL && row->name != NULL; row++) {
                if (strlen(row->name) == length && strncmp(row->name, name, length) == 0)
                        return row;
        }
        return NULL;
}

static const struct option_row *find_letter(const struct option_row *rows, char letter)
{
        for (const struct option_row *row = rows; row != NULL && row->name != NULL; row++) {
                if (row->letter != '\0' && row->letter == letter)
                        return row;
        }
        return NULL;
}

static int refuse_unknown(const struct parse *parse, const char *word, size_t length)
{
        char name[64], near[64] = "";
        unsigned distance = 0;

        snprintf(name, sizeof(name), "%.*s", (int)length, word);
        for (const struct option_row *row = parse->command->options; row != NULL && row->name != NULL; row++)
                help_consider(name, row->name, near, sizeof(near), &distance);
        if (near[0] != '\0')
                return complain(parse->command, EXIT_BAD_USAGE, "unknown option %s; did you mean %s?", name, near);
        return complain(parse->command, EXIT_BAD_USAGE, "unknown option %s; `binancefeeder %s --help` lists them", name,
            parse->command->name);
}

static int set_count(const struct parse *parse, const struct option_row *row, const char *text, void *value)
{
        char *end;

        errno = 0;
        long long number = strtoll(text, &end, 10);
        if (text[0] == '\0' || *end != '\0' || errno != 0 || number < 1)
                return complain(
                    parse->command, EXIT_BAD_USAGE, "%s %s: accepted is a number from 1 on", row->name, text);
        int64_t count = number;
        memcpy(value, &count, sizeof(count));
        return -1;
}

static int set_time(const struct parse *parse, const struct option_row *row, const char *text, void *value)
{
        const char *accepted = "";
        int64_t now_us = wall_now().ns / 1000, time;
        bool in_ns = row->type == OPTION_TIME_NS;

        if ((in_ns ? time_parse_ns : time_parse_us)(text, now_us, &time, &accepted) != 0)
                return complain(
                    parse->command, EXIT_BAD_USAGE, "%s %s is no time; accepted: %s", row->name, text, accepted);
        if (in_ns)
                memcpy(value, &time, sizeof(time));
        else
                memcpy(value, &(struct option_time){time, text}, sizeof(struct option_time));
        return -1;
}

// `text` is NULL for a flag.
static int set_value(const struct parse *parse, const struct option_row *row, const char *text)
{
        void *value = (char *)parse->values + row->offset;
        bool yes = true;

        switch (row->type) {
        case OPTION_FLAG: memcpy(value, &yes, sizeof(yes)); return -1;
        case OPTION_TEXT: memcpy(value, &text, sizeof(text)); return -1;
        case OPTION_COUNT: return set_count(parse, row, text, value);
        case OPTION_TIME:
        case OPTION_TIME_NS: return set_time(parse, row, text, value);
        }
        return -1;
}

// `joined`: what followed "=" in the same word, or NULL.
static int take_option(struct parse *parse, const struct option_row *row, const char *joined)
{
        if (row->type == OPTION_FLAG) {
                if (joined != NULL)
                        return complain(parse->command, EXIT_BAD_USAGE, "%s takes no value", row->name);
                return set_value(parse, row, NULL);
        }
        if (joined == NULL) {
                if (parse->next >= parse->argc)
                        return complain(parse->command, EXIT_BAD_USAGE, "%s needs a value: %s %s", row->name, row->name,
                            row->argument);
                joined = parse->argv[parse->next++];
        }
        return set_value(parse, row, joined);
}

static int take_word(struct parse *parse, const char *word)
{
        size_t length = strcspn(word, "=");
        const struct option_row *row;

        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
                help_print_command(parse->command);
                return EXIT_DONE;
        }
        if (word[1] == '-') {
                row = find_long(parse->command->options, word, length);
                if (row != NULL)
                        return take_option(parse, row, word[length] == '=' ? word + length + 1 : NULL);
        } else {
                row = find_letter(parse->command->options, word[1]);
                if (row != NULL)
                        return take_option(parse, row, word[2] != '\0' ? word + 2 : NULL);
        }
        return refuse_unknown(parse, word, length);
}

int options_parse(const struct command *command, int argc, char **argv, void *values, struct words *words)
{
        struct parse parse = {.command = command, .values = values, .argc = argc, .argv = argv};
        bool options_ended = false;

        *words = (struct words){.items = (const char **)argv};
        while (parse.next < argc) {
                char *word = argv[parse.next++];
                if (!options_ended && strcmp(word, "--") == 0) {
                        options_ended = true;
                } else if (options_ended || word[0] != '-' || word[1] == '\0') {
                        argv[words->count++] = word; // never ahead of what is read next
                } else {
                        int code = take_word(&parse, word);
                        if (code >= 0)
                                return code;
                }
        }
        return -1;
}
