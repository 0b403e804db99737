// SPDX-License-Identifier: Apache-2.0
// status: one screen for whoever looks in once a week. Works beside a running instance and when nothing runs.
#include "cli/status.h"

#include "cli/cli.h"
#include "cli/target.h"
#include "common/exitcode.h"
#include "common/statusjson.h"

#include <stdio.h>
#include <stdlib.h>

struct values {
        struct target_words target;
        bool all, json;
};

static const struct option_row options[] = {
    {"--all", 'a', OPTION_FLAG, offsetof(struct values, all), NULL,
        "every symbol and process, the healthy ones too, and what is explained"},
    {"--json", 0, OPTION_FLAG, offsetof(struct values, json), NULL, "everything, for programs; exit code 0"},
    TARGET_OPTIONS(struct values, target),
    {.name = NULL},
};

static int run_status(const struct command *command, int argc, char **argv)
{
        static struct settings settings;
        static struct findings findings;
        struct values values = {0};
        struct snapshot snapshot;
        struct words words;
        int code = options_parse(command, argc, argv, &values, &words);

        if (code >= 0)
                return code;
        if (words.count > 0)
                return complain(command, EXIT_BAD_USAGE, "takes no words, but got %s", words.items[0]);
        code = target_read(command, &values.target, CONFIG_ONE_SHOT, &settings, NULL);
        if (code >= 0)
                return code;
        snapshot_take(&settings, NULL, &snapshot);
        findings_collect(&snapshot, &findings);
        char *json = values.json ? status_to_json(&snapshot, &findings) : NULL;
        if (json != NULL)
                puts(json);
        else
                status_print_text(&snapshot, &findings, values.all);
        free(json);
        snapshot_free(&snapshot);
        return values.json || findings.count == 0 ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_status = {
    .name = "status",
    .summary = "Shows how it is: streams, backfill, limits, disk, gaps, and what to do",
    .arguments = "[--all] [--json]",
    .details = "Exit code 1 means that something needs attention (not with --json).\n",
    .examples = "status\n"
                "status --all --data /srv/binance\n"
                "status --json",
    .options = options,
    .run = run_status,
};
