// SPDX-License-Identifier: Apache-2.0
// Reads configuration files into settings, and prints settings as a file that reads back to the same.
// Used by the supervisor (start, SIGHUP) and the command line; does no other I/O than reading the named file.
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "config/settings.h"

#include <stdio.h>

// Mistakes, each as one line: "config/x.yml:12:5: realtime.buffer_size: 10 is too small; accepted: 1000 to 1000000".
// Warnings are what was understood but has no effect. Start with {0}; functions only add.
struct config_errors {
        size_t count;
        char text[CONFIG_ERRORS_MAX][REASON_SIZE * 3]; // further ones are only counted
        size_t warnings_count;
        char warnings[CONFIG_WARNINGS_MAX][REASON_SIZE * 3];
};

enum config_purpose { CONFIG_RUN, CONFIG_ONE_SHOT }; // picks the defaults that differ (rate_limit.utilization)

// Default settings, complete: market and directories already applied as for an empty file. No symbols are named.
void config_defaults(enum config_purpose purpose, struct settings *settings);

// Reads `path` ("-": standard input; also /proc/self/fd/N) in our own form or as a mkts.yml with a BinanceFeederV2
// block, applies environment overrides (BINANCEFEEDER_ENDPOINTS_REST for endpoints.rest; an empty variable counts as
// unset), fills in what defaults to other keys, and checks everything. For CONFIG_RUN symbols must be named. `now_us`
// resolves relative times ("5y"). Returns 0, or -1 with errors filled in and *settings undefined; warnings may be there
// in both cases.
int config_read(const char *path, enum config_purpose purpose, int64_t now_us, struct settings *settings,
    struct config_errors *errors);

// The environment overrides alone, for a program that runs without a file. Call before config_complete().
int config_set_from_environment(struct settings *settings, int64_t now_us, struct config_errors *errors);

// Sets one key ("backfill.parallelism") from a command line flag, as if written in the file. Call before
// config_complete().
int config_set(
    struct settings *settings, const char *key, const char *value, int64_t now_us, struct config_errors *errors);
// Fills in what defaults to other keys, and checks what needs more than one key. config_read() has done it already;
// call it again after config_set().
int config_complete(struct settings *settings, struct config_errors *errors);

// On reload: keys that only take effect at the start keep the running value in `wanted`, with a warning for each.
void config_keep_fixed(const struct settings *running, struct settings *wanted, struct config_errors *errors);

// The effective configuration as YAML; secrets are never printed. Reads back to the same settings.
void config_print(const struct settings *settings, FILE *out);
// The documentation table (Markdown) and the commented example, from the same table of keys.
void config_print_markdown(FILE *out);
void config_print_example(FILE *out);

#endif
