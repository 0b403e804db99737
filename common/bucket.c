// SPDX-License-Identifier: Apache-2.0
#include "common/bucket.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MIN (60 * NS_PER_S)
#define NS_PER_HOUR (60 * NS_PER_MIN)
#define NS_PER_DAY (24 * NS_PER_HOUR)

#define PLAIN_GROUP "OHLCV"

static const struct bar_home homes[INTERVAL_COUNT] = {
    [INTERVAL_1S] = {"1Sec", PLAIN_GROUP, NS_PER_S},
    [INTERVAL_1M] = {"1Min", PLAIN_GROUP, NS_PER_MIN},
    [INTERVAL_3M] = {"1Min", "OHLCV_3Min", NS_PER_MIN},
    [INTERVAL_5M] = {"5Min", PLAIN_GROUP, 5 * NS_PER_MIN},
    [INTERVAL_15M] = {"15Min", PLAIN_GROUP, 15 * NS_PER_MIN},
    [INTERVAL_30M] = {"30Min", PLAIN_GROUP, 30 * NS_PER_MIN},
    [INTERVAL_1H] = {"1H", PLAIN_GROUP, NS_PER_HOUR},
    [INTERVAL_2H] = {"2H", PLAIN_GROUP, 2 * NS_PER_HOUR},
    [INTERVAL_4H] = {"2H", "OHLCV_4H", 2 * NS_PER_HOUR},
    [INTERVAL_6H] = {"2H", "OHLCV_6H", 2 * NS_PER_HOUR},
    [INTERVAL_8H] = {"2H", "OHLCV_8H", 2 * NS_PER_HOUR},
    [INTERVAL_12H] = {"2H", "OHLCV_12H", 2 * NS_PER_HOUR},
    [INTERVAL_1D] = {"1D", PLAIN_GROUP, NS_PER_DAY},
    [INTERVAL_3D] = {"1D", "OHLCV_3D", NS_PER_DAY},
    [INTERVAL_1W] = {"1D", "OHLCV_1W", NS_PER_DAY},
    [INTERVAL_1MO] = {"1D", "OHLCV_1M", NS_PER_DAY},
};

struct bar_home bar_home_of(enum interval interval)
{
        REQUIRE(interval >= 0 && interval < INTERVAL_COUNT);
        return homes[interval];
}

bool bucket_symbol_is_safe(const char *symbol)
{
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
        size_t length = strlen(symbol);

        return length > 0 && length < BUCKET_SYMBOL_SIZE && symbol[0] != '.' && strspn(symbol, allowed) == length;
}

// Copies the text up to the next '/' and steps over it; false where `out` cannot hold it.
static bool take_part(const char **text, char *out, size_t out_size)
{
        size_t length = strcspn(*text, "/");

        if (length >= out_size)
                return false;
        memcpy(out, *text, length);
        out[length] = '\0';
        *text += length;
        *text += **text == '/';
        return true;
}

// The interval kept in `timeframe` under `group`, as the tree spells both.
static int find_home(const char *timeframe, const char *group, enum interval *interval)
{
        for (int i = 0; i < INTERVAL_COUNT; i++) {
                if (strcmp(homes[i].timeframe, timeframe) == 0 && strcmp(homes[i].group, group) == 0) {
                        *interval = (enum interval)i;
                        return 0;
                }
        }
        return -1;
}

static const char no_bucket[] =
    "a bucket is a symbol and what of it: BTCUSDT/1m (or BTCUSDT/1Min/OHLCV, as MarketStore has it), BTCUSDT/TRADE";

int bucket_parse(const char *text, struct bucket *bucket, const char **why)
{
        char timeframe[16] = "", group[16] = "";
        const char *rest = text;

        if (strchr(text, '/') == NULL) {
                *why = no_bucket;
                return -1;
        }
        if (!take_part(&rest, bucket->symbol, sizeof(bucket->symbol)) || !bucket_symbol_is_safe(bucket->symbol)) {
                *why = "the symbol of a bucket has 1 to 63 of A-Z a-z 0-9 . _ - and does not begin with '.'";
                return -1;
        }
        if (!take_part(&rest, timeframe, sizeof(timeframe)) || timeframe[0] == '\0') {
                *why =
                    "a bucket is a symbol and what of it: BTCUSDT/1m (or BTCUSDT/1Min/OHLCV, as MarketStore has it), "
                    "BTCUSDT/TRADE";
                return -1;
        }
        bool grouped = rest[-1] == '/';
        if (!take_part(&rest, group, sizeof(group)) || *rest != '\0' || (group[0] != '\0' && rest[-1] == '/') ||
            (grouped && group[0] == '\0')) {
                *why = "bars are kept in the groups OHLCV and OHLCV_<timeframe>, as in BTCUSDT/1Min/OHLCV";
                return -1;
        }
        if (grouped && find_home(timeframe, group, &bucket->interval) == 0)
                return 0;
        if (interval_parse(timeframe, &bucket->interval) != 0) {
                *why =
                    "what follows the symbol is neither bars, 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M (or "
                    "1Sec 1Min 1H 1D ..., as MarketStore has them), nor ticks, TRADE AGGTRADE QUOTE DEPTH DEPTHDIFF";
                return -1;
        }
        if (grouped && strcmp(group, PLAIN_GROUP) != 0) {
                *why = "this timeframe has no such group; bars are kept in OHLCV, and those of 3Min in "
                       "1Min/OHLCV_3Min, of 4H 6H 8H 12H in 2H/OHLCV_<timeframe>, of 3D 1W 1M in 1D/OHLCV_<timeframe>; "
                       "ticks in 1Sec/TRADE AGGTRADE QUOTE DEPTH DEPTHDIFF";
                return -1;
        }
        return 0;
}

void bucket_format(const char *symbol, enum interval interval, char name[BUCKET_NAME_SIZE])
{
        struct bar_home home = bar_home_of(interval);

        snprintf(name, BUCKET_NAME_SIZE, "%s/%s/%s", symbol, home.timeframe, home.group);
}

// The value of the placeholder that `text` begins with; NULL where there is none or it is not known.
static const char *placeholder_value(const char **text, const char *symbol, const char *base, const char *quote)
{
        const struct {
                const char *name, *value;
        } known[] = {{"{symbol}", symbol}, {"{base}", base}, {"{quote}", quote}};

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
                size_t length = strlen(known[i].name);

                if (strncmp(*text, known[i].name, length) == 0) {
                        *text += length;
                        return known[i].value != NULL && known[i].value[0] != '\0' ? known[i].value : NULL;
                }
        }
        return NULL;
}

int bucket_symbol_expand(
    const char *pattern, const char *symbol, const char *base, const char *quote, char *out, size_t out_size)
{
        size_t used = 0;

        for (const char *p = pattern; *p != '\0';) {
                const char *piece = p;
                size_t length = 1;

                if (*p == '{') {
                        piece = placeholder_value(&p, symbol, base, quote);
                        if (piece == NULL) {
                                errno = EINVAL;
                                return -1;
                        }
                        length = strlen(piece);
                } else {
                        p++;
                }
                if (length >= out_size - used || used + length >= BUCKET_SYMBOL_SIZE) {
                        errno = ENAMETOOLONG;
                        return -1;
                }
                memcpy(out + used, piece, length);
                used += length;
        }
        out[used] = '\0';
        if (!bucket_symbol_is_safe(out)) {
                errno = EINVAL;
                return -1;
        }
        return 0;
}
