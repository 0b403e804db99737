// SPDX-License-Identifier: Apache-2.0
// Symbols, kinds of data and intervals named on the command line, and what they make of the settings of a private
// instance.
#ifndef CLI_ASKED_H
#define CLI_ASKED_H

#include "cli/cli.h"
#include "config/settings.h"

struct asked {
        struct symbol_list symbols;
        uint32_t data;          // enum data_kind
        interval_set intervals; // 0: as configured
};

// Reads words ("BTCUSDT", "BTC/USDT", "BTCUSDT,ETHUSDT"), a list of kinds of data and one of intervals (NULL: none
// given). Returns -1 to go on, or the exit code, said why.
int asked_read(const struct command *command, const struct words *words, const char *data, const char *intervals,
    struct asked *asked);
// Settings for exactly that, with realtime off; `parallelism` 0: as it is. Fills in what of `asked` was left open.
// Returns as above.
int asked_apply(
    struct asked *asked, int64_t since_us, int64_t until_us, int64_t parallelism, struct settings *settings);

#endif
