// SPDX-License-Identifier: Apache-2.0
#include "cli/target.h"

#include "common/clock.h"
#include "common/exitcode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *target_find_file(void)
{
        static const char *const places[] = {
            "./binancefeeder.yml", "./config/binancefeeder.yml", "/etc/binancefeeder.yml"};

        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
                if (access(places[i], F_OK) == 0)
                        return places[i];
        }
        return NULL;
}

void target_print_warnings(const struct config_errors *errors)
{
        for (size_t i = 0; i < errors->warnings_count && i < CONFIG_WARNINGS_MAX; i++)
                fprintf(stderr, "note: %s\n", errors->warnings[i]);
}

int target_print_mistakes(const struct config_errors *errors)
{
        for (size_t i = 0; i < errors->count && i < CONFIG_ERRORS_MAX; i++)
                fprintf(stderr, "%s\n", errors->text[i]);
        if (errors->count > CONFIG_ERRORS_MAX)
                fprintf(stderr, "and %zu more mistakes\n", errors->count - CONFIG_ERRORS_MAX);
        return EXIT_BAD_CONFIG;
}

static int read_settings(const char *file, const struct target_words *words, enum config_purpose purpose,
    struct settings *settings, struct config_errors *errors)
{
        int64_t now_us = wall_now().ns / 1000;
        int result = 0;

        if (file != NULL) {
                if (config_read(file, purpose, now_us, settings, errors) != 0)
                        return -1;
        } else {
                config_defaults(purpose, settings);
                result = config_set_from_environment(settings, now_us, errors);
        }
        if (words->data != NULL && config_set(settings, "data_directory", words->data, now_us, errors) != 0)
                result = -1;
        if (words->testnet && config_set(settings, "testnet", "true", now_us, errors) != 0)
                result = -1;
        return result == 0 ? config_complete(settings, errors) : -1;
}

int target_read(const struct command *command, const struct target_words *words, enum config_purpose purpose,
    struct settings *settings, char path[PATH_SIZE])
{
        static struct config_errors errors; // too large for the stack
        const char *file = words->config;

        if (file == NULL && words->data == NULL && !words->only_named)
                file = target_find_file();
        if (path != NULL && snprintf(path, PATH_SIZE, "%s", file != NULL ? file : "") >= PATH_SIZE)
                return complain(command, EXIT_BAD_USAGE, "--config: the name is too long");
        memset(&errors, 0, sizeof(errors));
        int result = read_settings(file, words, purpose, settings, &errors);
        if (!words->warnings_told && (purpose == CONFIG_RUN || result != 0))
                target_print_warnings(&errors);
        return result == 0 ? -1 : target_print_mistakes(&errors);
}

// A word that a shell takes as it stands, or within single quotes. Returns its end.
static char *format_word(const char *word, char *text)
{
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:@%+=,";

        REQUIRE(strlen(word) < PATH_SIZE);
        if (word[strspn(word, plain)] == '\0')
                return stpcpy(text, word);
        *text++ = '\'';
        for (; *word != '\0'; word++) {
                if (*word == '\'')
                        text = stpcpy(text, "'\\'");
                *text++ = *word;
        }
        return stpcpy(text, "'");
}

const char *target_format(const char *config, const char *data, char text[TARGET_FORMAT_SIZE])
{
        char *end = text;

        text[0] = '\0';
        if (config != NULL && config[0] != '\0')
                end = format_word(config, stpcpy(end, " --config "));
        if (data != NULL && data[0] != '\0')
                format_word(data, stpcpy(end, " --data "));
        return text;
}

const char *target_format_next(
    const struct target_words *words, const char *data_directory, char text[TARGET_FORMAT_SIZE])
{
        bool by_file = words->config != NULL && strcmp(words->config, "-") != 0;
        // What the environment says, the next command may not hear.
        bool is_told = by_file && getenv("BINANCEFEEDER_DATA_DIRECTORY") == NULL;

        return target_format(by_file ? words->config : NULL, is_told ? words->data : data_directory, text);
}
