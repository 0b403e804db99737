// SPDX-License-Identifier: Apache-2.0
// Which intervals are made here, and of what: the blocks of `aggregate`, and bars of `timeframe` where trades are
// streamed without klines. Pure; used by the checks of the configuration and by the writer, which makes the bars.
#ifndef CONFIG_DERIVATION_H
#define CONFIG_DERIVATION_H

#include "config/settings.h"

struct derivation {
        enum aggregate_from from; // AGGREGATE_UNSAID: not made here
        enum interval interval;   // AGGREGATE_BARS: made of bars of this interval
        bool check;
};

// Each interval from the next smaller one of its block that fits into it, the smallest from the block's source (a week
// and a month from days). Where two blocks name an interval, the first one makes it.
void derivation_resolve(const struct settings *settings, struct derivation of[INTERVAL_COUNT]);

// Intervals whose bars the exchange sends: streamed, fetched as history, or both.
interval_set derivation_native(const struct settings *settings);
// What a block is made from where it does not say so: enum aggregate_from, AGGREGATE_BARS + enum interval;
// AGGREGATE_UNSAID where nothing is kept.
uint32_t derivation_source(const struct settings *settings);

#endif
