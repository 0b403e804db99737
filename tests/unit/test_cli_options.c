// SPDX-License-Identifier: Apache-2.0
// LINK: cli/options.c cli/help.c
// Options by table, words, and what is said of a slip.
#include "cli/cli.h"
#include "common/exitcode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct values {
        const char *config;
        int64_t last;
        struct option_time start;
        bool json;
};

static const struct option_row rows[] = {
    {"--config", 'c', OPTION_TEXT, offsetof(struct values, config), "FILE", "a file"},
    {"--last", 'n', OPTION_COUNT, offsetof(struct values, last), "N", "a number"},
    {"--start", 0, OPTION_TIME, offsetof(struct values, start), "TIME", "a time"},
    {"--json", 0, OPTION_FLAG, offsetof(struct values, json), NULL, "for programs"},
    {.name = NULL},
};

static const struct command command = {.name = "query", .arguments = "", .options = rows};
const struct command *const commands[] = {&command, NULL};

static char said[512];

int complain(const struct command *about, int code, const char *format, ...)
{
        va_list arguments;

        (void)about;
        va_start(arguments, format);
        vsnprintf(said, sizeof(said), format, arguments);
        va_end(arguments);
        return code;
}

const struct command *command_find(const char *name)
{
        return strcmp(name, command.name) == 0 ? &command : NULL;
}

// Splits `line` at blanks and parses it.
static int parse(const char *line, struct values *values, struct words *words)
{
        static char copy[256];
        static char *argv[16];
        int argc = 0;

        said[0] = '\0';
        snprintf(copy, sizeof(copy), "%s", line);
        for (char *word = strtok(copy, " "); word != NULL && argc < 16; word = strtok(NULL, " "))
                argv[argc++] = word;
        *values = (struct values){0};
        return options_parse(&command, argc, argv, values, words);
}

static void test_options_and_words_mix(void **state)
{
        struct values values;
        struct words words;

        (void)state;
        assert_int_equal(parse("BTCUSDT/1m --last 5 more --config=a.yml --json", &values, &words), -1);
        assert_int_equal(words.count, 2);
        assert_string_equal(words.items[0], "BTCUSDT/1m");
        assert_string_equal(words.items[1], "more");
        assert_int_equal(values.last, 5);
        assert_string_equal(values.config, "a.yml");
        assert_true(values.json);
}

static void test_letters_and_the_end_of_options(void **state)
{
        struct values values;
        struct words words;

        (void)state;
        assert_int_equal(parse("-n7 -c b.yml -- --json -", &values, &words), -1);
        assert_int_equal(values.last, 7);
        assert_string_equal(values.config, "b.yml");
        assert_false(values.json);
        assert_int_equal(words.count, 2);
        assert_string_equal(words.items[0], "--json");
        assert_string_equal(words.items[1], "-");
}

static void test_times_are_utc(void **state)
{
        struct values values;
        struct words words;

        (void)state;
        assert_int_equal(parse("--start 2024-03-05T12:11", &values, &words), -1);
        assert_int_equal(values.start.us, INT64_C(1709640660000000));
        assert_string_equal(values.start.text, "2024-03-05T12:11");
}

static void test_slips_are_refused_with_what_was_meant(void **state)
{
        static const struct {
                const char *line, *expected;
        } slips[] = {
            {"--lsat 5", "did you mean --last?"},
            {"--conf a.yml", "did you mean --config?"},
            {"--zzzzzz", "query --help"},
            {"-x", "unknown option -x"},
            {"--last", "needs a value: --last N"},
            {"--last 0", "from 1 on"},
            {"--last 5x", "from 1 on"},
            {"--last 99999999999999999999", "from 1 on"},
            {"--start yesterday", "yesterday is no time"},
            {"--json=yes", "takes no value"},
        };
        struct values values;
        struct words words;

        (void)state;
        for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++) {
                assert_int_equal(parse(slips[i].line, &values, &words), EXIT_BAD_USAGE);
                if (strstr(said, slips[i].expected) == NULL)
                        fail_msg("%s: %s", slips[i].line, said);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_options_and_words_mix),
            cmocka_unit_test(test_letters_and_the_end_of_options),
            cmocka_unit_test(test_times_are_utc),
            cmocka_unit_test(test_slips_are_refused_with_what_was_meant),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
