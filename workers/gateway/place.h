// SPDX-License-Identifier: Apache-2.0
// What a client names: `SYMBOL[,SYMBOL...]/TIMEFRAME/GROUP[,GROUP...]`, as MarketStore's Query takes it, and which
// directory of the tree each part means. Timeframes are taken in MarketStore's spelling and in Binance's (1m, 4h, 1M);
// those that a stock server cannot address lie elsewhere (common/bucket.h) and are answered under the name asked for.
// Pure functions on text.
#ifndef GATEWAY_PLACE_H
#define GATEWAY_PLACE_H

#include "common/bucket.h"
#include "common/interval.h"
#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>

#define PLACE_PART_SIZE 40 // bytes for a timeframe or group

struct destination {
        char **symbols; // owned; "*" alone stands for all
        size_t symbols_count;
        char timeframe[PLACE_PART_SIZE]; // as asked
        char **groups;                   // owned
        size_t groups_count;
};

// Parses a destination of `length` bytes. `category`: MarketStore's key_category, an order of the three parts other
// than Symbol/Timeframe/AttributeGroup; NULL: that one. The same may follow the destination after ':'.
// Returns 0, or -1 and what is wrong and accepted in `why`.
int destination_parse(
    const char *text, size_t length, const char *category, struct destination *destination, char why[REASON_SIZE]);
void destination_release(struct destination *destination);

// Where a timeframe and a group lie.
struct place {
        char timeframe[PLACE_PART_SIZE], group[PLACE_PART_SIZE]; // directories
        bool floors;            // a start is floored to `interval`; else to the slot of the bucket's timeframe
        enum interval interval; // of bars named by their true interval
};

// Returns 0, or -1 and `why`: a timeframe that is none.
int place_resolve(const char *timeframe, const char *group, struct place *place, char why[REASON_SIZE]);

#endif
