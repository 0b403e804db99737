// SPDX-License-Identifier: Apache-2.0
#include "cli/query_ticks.h"

#include "cli/querymissing.h"
#include "cli/queryname.h"
#include "cli/tickprint.h"
#include "common/exitcode.h"
#include "common/yearopen.h"
#include "common/yeartree.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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
    enum queryprint_format format, const char *target)
{
        char known[BUCKET_SYMBOL_SIZE], why[REASON_SIZE];

        query.root = settings->root_directory;
        if (!querymissing_has_ticks(query.root, query.symbol, query.kind) &&
            queryname_resolve(settings, query.symbol, known))
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
                return querymissing_refuse(command, &(struct querymissing){.root = query.root,
                                                        .symbol = query.symbol,
                                                        .name = tick_group(query.kind),
                                                        .target = target,
                                                        .is_ticks = true,
                                                        .kind = query.kind});
        return complain(command, EXIT_FAILED, "%s", why);
}
