// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"
#include "common/exitcode.h"

#include <cjson/cJSON.h>
#include <sqlite3.h>
#include <stdio.h>
#include <yaml.h>

struct values {
        bool json;
};

static const struct option_row options[] = {
    {"--json", 0, OPTION_FLAG, offsetof(struct values, json), NULL, "for programs"},
    {.name = NULL},
};

static int run_version(const struct command *command, int argc, char **argv)
{
        struct values values = {0};
        struct words words;
        int code = options_parse(command, argc, argv, &values, &words);

        if (code >= 0)
                return code;
        if (words.count > 0)
                return complain(command, EXIT_BAD_USAGE, "takes no words, but got %s", words.items[0]);
        if (values.json)
                printf("{\"version\":\"%s\",\"sqlite\":\"%s\",\"libyaml\":\"%s\",\"cjson\":\"%s\"}\n", BF_VERSION,
                    sqlite3_libversion(), yaml_get_version_string(), cJSON_Version());
        else
                printf(
                    "binancefeeder %s\n"
                    "with SQLite %s, libyaml %s, cJSON %s; its workers use libevent, libcurl, libwebsockets, nanomsg\n"
                    "License: Apache-2.0. Not affiliated with Binance.\n",
                    BF_VERSION, sqlite3_libversion(), yaml_get_version_string(), cJSON_Version());
        return EXIT_DONE;
}

const struct command command_version = {
    .name = "version",
    .summary = "Prints the version, libraries and license",
    .arguments = "[--json]",
    .examples = "version",
    .options = options,
    .run = run_version,
};
