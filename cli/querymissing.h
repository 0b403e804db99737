// SPDX-License-Identifier: Apache-2.0
// What `query` says where the tree has not what was asked for: what it has instead, what may have been meant, or the
// line that fetches it. Reads directories only.
#ifndef CLI_QUERYMISSING_H
#define CLI_QUERYMISSING_H

#include "cli/target.h"
#include "common/interval.h"
#include "common/tickbucket.h"

struct querymissing {
        const char *root, *symbol;
        const char *name;   // what of the symbol: "1m", "TRADE"
        const char *target; // target_format(): words for the instance at hand
        bool is_ticks;
        enum interval interval; // of bars
        enum tick_kind kind;    // of ticks
};

// Whether there are such bars, or ticks, of the symbol.
bool querymissing_has_bars(const char *root, const char *symbol, enum interval interval);
bool querymissing_has_ticks(const char *root, const char *symbol, enum tick_kind kind);

// Says it, and returns EXIT_FAILED.
int querymissing_refuse(const struct command *command, const struct querymissing *missing);

// A name that is no bucket's: says why, and which bucket may have been meant. Returns EXIT_BAD_USAGE.
int querymissing_refuse_name(const struct command *command, const char *bucket, const char *why);

#endif
