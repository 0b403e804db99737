// SPDX-License-Identifier: Apache-2.0
// Which instance a command is about: the configuration by --config, by --data, or by the usual places. Says on stderr
// what is wrong with it.
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include "cli/cli.h"
#include "config/config.h"

// The usual places, in this order.
#define TARGET_PLACES "./binancefeeder.yml, ./config/binancefeeder.yml, /etc/binancefeeder.yml"

struct target_words { // as given; NULL: not
        const char *config, *data;
        bool testnet;
        bool only_named;    // do not look in the usual places
        bool warnings_told; // by somebody else who reads the same file
};

// Common rows of the tables of options.
#define TARGET_OPTIONS(type, member)                                                                                   \
        {"--config", 'c', OPTION_TEXT, offsetof(type, member.config), "FILE",                                          \
            "configuration of the instance; else " TARGET_PLACES},                                                     \
        {                                                                                                              \
                "--data", 'd', OPTION_TEXT, offsetof(type, member.data), "DIR", "its data directory (./binance-data)"  \
        }

// The settings it has or would have; `path` (may be NULL) gets the file they came from, or "". Without a file the
// defaults and the environment count. Returns -1 to go on, or the exit code.
int target_read(const struct command *command, const struct target_words *words, enum config_purpose purpose,
    struct settings *settings, char path[PATH_SIZE]);

// Words, a blank before each, that make another command mean the same instance: " --config FILE --data DIR", quoted as
// a shell needs it; what is NULL or "" is left out. Of paths that target_read() has taken.
#define TARGET_FORMAT_SIZE (8 * PATH_SIZE + 32)
const char *target_format(const char *config, const char *data, char text[TARGET_FORMAT_SIZE]);

// The same for what is typed after a command with these words, which has found that data directory.
const char *target_format_next(
    const struct target_words *words, const char *data_directory, char text[TARGET_FORMAT_SIZE]);

// Finds a file in the usual places. NULL: none.
const char *target_find_file(void);

// Prints mistakes and warnings. Returns EXIT_BAD_CONFIG.
int target_print_mistakes(const struct config_errors *errors);
void target_print_warnings(const struct config_errors *errors);

#endif
