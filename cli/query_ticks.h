// SPDX-License-Identifier: Apache-2.0
// query, for buckets of ticks: BTCUSDT/TRADE.
#ifndef CLI_QUERY_TICKS_H
#define CLI_QUERY_TICKS_H

#include "cli/cli.h"
#include "cli/queryprint.h"
#include "common/tickquery.h"
#include "config/config.h"

// `query`: symbol as the user named it, kind, range and limit; root and the symbol's name in the tree are found by
// `settings`; `target` is target_format()'s. Returns the exit code.
int query_ticks_run(const struct command *command, const struct settings *settings, struct tickquery query,
    enum queryprint_format format, const char *target);

#endif
