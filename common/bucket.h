// SPDX-License-Identifier: Apache-2.0
// Names of buckets: `Symbol/Timeframe/AttributeGroup`, and where a bar of an interval lies on a stock MarketStore
// server. A stock server addresses only 1Sec 10Sec 30Sec 1Min 5Min 15Min 30Min 1H 2H 1D; an interval outside that list
// is kept in the largest of these that divides it, under a group of its own: 4h is `2H/OHLCV_4H`, 1w is `1D/OHLCV_1W`.
// Pure functions.
#ifndef COMMON_BUCKET_H
#define COMMON_BUCKET_H

#include "common/interval.h"
#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUCKET_NAME_SIZE 96
#define BUCKET_SYMBOL_SIZE 64

// Where bars of an interval are kept.
struct bar_home {
        const char *timeframe; // directory name, "2H"
        const char *group;     // attribute group, "OHLCV_4H"
        int64_t timeframe_ns;  // the header's timeframe
};

struct bar_home bar_home_of(enum interval interval);

// A bucket as users name it, resolved.
struct bucket {
        char symbol[BUCKET_SYMBOL_SIZE]; // as in the tree (after the `store.symbol` template)
        enum interval interval;
};

// "BTCUSDT/1m", "BTCUSDT/1m/OHLCV", "BTCUSDT/1Min/OHLCV", "BTCUSDT/4h/OHLCV", "BTCUSDT/2H/OHLCV_4H" -> symbol,
// interval. Returns 0, or -1 and *why (static text: what is wrong and what is accepted).
int bucket_parse(const char *text, struct bucket *bucket, const char **why);
// Writes `symbol/timeframe/group`.
void bucket_format(const char *symbol, enum interval interval, char name[BUCKET_NAME_SIZE]);

// True for a symbol that may be a directory of the tree: 1 to 63 of A-Z a-z 0-9 . _ - and no '.' first. MarketStore
// uses names as path parts unescaped, and gives ':' and ',' meanings of their own.
bool bucket_symbol_is_safe(const char *symbol);

// Expands the `store.symbol` template ("{symbol}", "binance_{base}-{quote}"). `base` and `quote` may be NULL where not
// known. Returns 0, or -1 with EINVAL (unknown placeholder, base or quote not known, not a safe name) or ENAMETOOLONG.
int bucket_symbol_expand(
    const char *pattern, const char *symbol, const char *base, const char *quote, char *out, size_t out_size);

#endif
