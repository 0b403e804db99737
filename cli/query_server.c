// SPDX-License-Identifier: Apache-2.0
#include "cli/query_server.h"

#include "cli/queryname.h"
#include "cli/serverbars.h"
#include "cli/serverticks.h"
#include "cli/tickprint.h"
#include "common/exitcode.h"
#include "common/tickbucket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// ---- what is there instead ----

struct listing {
        const char *symbol;
        size_t of_symbol, buckets;
        char text[1024]; // buckets of the symbol, as query takes them
        size_t used;
};

static void note_bucket(void *context, const char *name)
{
        struct listing *listing = context;
        struct bucket bucket;
        const char *why;
        size_t length = strlen(listing->symbol);

        listing->buckets++;
        if (strncmp(name, listing->symbol, length) != 0 || name[length] != '/')
                return;
        bool ticks = tick_bucket_is_named(name);
        if (!ticks && bucket_parse(name, &bucket, &why) != 0)
                return; // of columns that are none of ours
        int written = snprintf(listing->text + listing->used, sizeof(listing->text) - listing->used, "%s%s/%s",
            listing->of_symbol > 0 ? ", " : "", listing->symbol,
            ticks ? strrchr(name, '/') + 1 : interval_name(bucket.interval));
        if (written > 0 && (size_t)written < sizeof(listing->text) - listing->used)
                listing->used += (size_t)written;
        listing->of_symbol++;
}

static int refuse_missing(
    const struct command *command, struct storeclient *client, const char *url, const char *symbol, const char *missing)
{
        struct listing listing = {.symbol = symbol};
        char why[STORECLIENT_WHY_SIZE];

        if (storeclient_list(client, note_bucket, &listing, why) != 0)
                return complain(command, EXIT_FAILED, "%s", why);
        if (listing.of_symbol > 0)
                return complain(command, EXIT_FAILED, "there is no %s/%s at the store server %s; there is %s", symbol,
                    missing, url, listing.text);
        return complain(command, EXIT_FAILED, "there is nothing of %s at the store server %s, which has %zu buckets",
            symbol, url, listing.buckets);
}

static int report(const struct command *command, struct storeclient *client, const struct settings *settings,
    const char *symbol, const char *missing, int error, const char *why)
{
        if (error == ENOENT)
                return refuse_missing(command, client, settings->store_url, symbol, missing);
        return complain(command, error == EHOSTUNREACH ? EXIT_TRY_LATER : EXIT_FAILED, "%s", why);
}

// ---- the two kinds ----

int query_server_bars(const struct command *command, const struct settings *settings, struct barquery query,
    enum queryprint_format format)
{
        char why[STORECLIENT_WHY_SIZE], known[BUCKET_SYMBOL_SIZE];
        struct storeclient *client = storeclient_open(settings->store_url, why);

        if (client == NULL)
                return complain(command, EXIT_FAILED, "%s", why);
        struct queryprint *print = queryprint_begin(format, stdout);
        int result = serverbars_run(client, &query, queryprint_rows, print, why), error = errno;
        if (result < 0 && error == ENOENT && queryname_resolve(settings, query.symbol, known)) {
                query.symbol = known;
                result = serverbars_run(client, &query, queryprint_rows, print, why);
                error = errno;
        }
        int code;
        if (result >= 0) {
                code = queryprint_end(print) == 0 ? EXIT_DONE : EXIT_FAILED;
        } else {
                queryprint_discard(print);
                code = report(command, client, settings, query.symbol, interval_name(query.interval), error, why);
        }
        storeclient_close(client);
        return code;
}

int query_server_ticks(const struct command *command, const struct settings *settings, struct tickquery query,
    enum queryprint_format format)
{
        char why[STORECLIENT_WHY_SIZE], known[BUCKET_SYMBOL_SIZE];
        struct storeclient *client = storeclient_open(settings->store_url, why);
        struct yearfile_schema schema;

        if (client == NULL)
                return complain(command, EXIT_FAILED, "%s", why);
        struct tickprint *print = tickprint_begin(format, stdout);
        int result = serverticks_run(client, &query, &schema, tickprint_rows, print, why), error = errno;
        if (result < 0 && error == ENOENT && queryname_resolve(settings, query.symbol, known)) {
                query.symbol = known;
                result = serverticks_run(client, &query, &schema, tickprint_rows, print, why);
                error = errno;
        }
        int code;
        if (result >= 0) {
                code = tickprint_end(print, &schema) == 0 ? EXIT_DONE : EXIT_FAILED;
        } else {
                tickprint_discard(print);
                code = report(command, client, settings, query.symbol, tick_group(query.kind), error, why);
        }
        storeclient_close(client);
        return code;
}
