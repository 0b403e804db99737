// SPDX-License-Identifier: Apache-2.0
// query, where a MarketStore server keeps the rows (`store.type: server`): the same rows in the same print.
#ifndef CLI_QUERY_SERVER_H
#define CLI_QUERY_SERVER_H

#include "cli/cli.h"
#include "cli/queryprint.h"
#include "common/barquery.h"
#include "common/tickquery.h"
#include "config/config.h"

// `query`: symbol as the user named it, range and limit; the server and its name of the symbol are found by `settings`.
// Return the exit code: EXIT_TRY_LATER where the server does not answer.
int query_server_bars(const struct command *command, const struct settings *settings, struct barquery query,
    enum queryprint_format format);
int query_server_ticks(const struct command *command, const struct settings *settings, struct tickquery query,
    enum queryprint_format format);

#endif
