// SPDX-License-Identifier: Apache-2.0
#include "cli/query_ticks.h"

#include "cli/queryname.h"
#include "cli/tickprint.h"
#include "common/exitcode.h"
#include "common/yearopen.h"
#include "common/yeartree.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool bucket_exists(const char *root, const char *symbol, enum tick_kind kind)
{
        char why[REASON_SIZE];
        int fd = yeartree_open_group(root, symbol, TICK_TIMEFRAME, tick_group(kind), why);

        if (fd >= 0)
                close(fd);
        return fd >= 0;
}

static int refuse_missing(const struct command *command, const struct tickquery *query)
{
        char there[256] = "";
        size_t used = 0;

        for (unsigned i = 0; i < TICK_KINDS; i++) {
                if (bucket_exists(query->root, query->symbol, (enum tick_kind)i) && used < sizeof(there))
                        used += (size_t)snprintf(there + used, sizeof(there) - used, "%s%s/%s", used > 0 ? ", " : "",
                            query->symbol, tick_group((enum tick_kind)i));
        }
        if (used > 0)
                return complain(command, EXIT_FAILED, "there is no %s/%s in %s; there is %s", query->symbol,
                    tick_group(query->kind), query->root, there);
        return complain(command, EXIT_FAILED,
            "there are no ticks of %s in %s; they are kept where realtime.stream_type names them", query->symbol,
            query->root);
}

// A range without rows still has the header of its bucket.
static int end_print(struct tickprint *print, const struct tickquery *query)
{
        char bucket[BUCKET_NAME_SIZE], why[REASON_SIZE];
        struct yearfile_schema schema;
        int fd = yeartree_open_group(query->root, query->symbol, TICK_TIMEFRAME, tick_group(query->kind), why);
        bool known = false;

        tick_bucket_format(query->symbol, query->kind, bucket);
        if (fd >= 0) {
                known = yearopen_newest_schema(fd, bucket, &schema, why) == 0;
                close(fd);
        }
        return tickprint_end(print, known ? &schema : NULL) == 0 ? EXIT_DONE : EXIT_FAILED;
}

int query_ticks_run(const struct command *command, const struct settings *settings, struct tickquery query,
    enum queryprint_format format)
{
        char known[BUCKET_SYMBOL_SIZE], why[REASON_SIZE];

        query.root = settings->root_directory;
        if (!bucket_exists(query.root, query.symbol, query.kind) && queryname_resolve(settings, query.symbol, known))
                query.symbol = known;
        struct tickprint *print = tickprint_begin(format, stdout);
        int result = tickquery_run(&query, tickprint_rows, print, why), error = errno;
        if (result >= 0)
                return end_print(print, &query);
        // Rows before a damaged block are good; they are printed, and the exit code says that they are not all.
        if (error == EBADMSG)
                (void)tickprint_end(print, NULL);
        else
                tickprint_discard(print);
        if (error == ENOENT)
                return refuse_missing(command, &query);
        return complain(command, EXIT_FAILED, "%s", why);
}
