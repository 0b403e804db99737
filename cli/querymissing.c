// SPDX-License-Identifier: Apache-2.0
#include "cli/querymissing.h"

#include "cli/help.h"
#include "common/exitcode.h"
#include "common/yeartree.h"

#include <ctype.h>
#include <dirent.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LIST_SIZE 1024
#define SYMBOLS_SHOWN_MAX 8

static bool was_opened(int fd)
{
        if (fd >= 0)
                close(fd);
        return fd >= 0;
}

bool querymissing_has_bars(const char *root, const char *symbol, enum interval interval)
{
        char why[REASON_SIZE];

        return was_opened(yeartree_open_bucket(root, symbol, interval, why));
}

bool querymissing_has_ticks(const char *root, const char *symbol, enum tick_kind kind)
{
        char why[REASON_SIZE];

        return was_opened(yeartree_open_group(root, symbol, TICK_TIMEFRAME, tick_group(kind), why));
}

// ---- what is there ----

struct list {
        size_t count, used;
        char text[LIST_SIZE];
};

static void add(struct list *list, const char *symbol, const char *name)
{
        int length = snprintf(list->text + list->used, sizeof(list->text) - list->used, "%s%s%s%s",
            list->count > 0 ? ", " : "", symbol, name[0] != '\0' ? "/" : "", name);

        list->count++;
        if (length > 0 && (size_t)length < sizeof(list->text) - list->used)
                list->used += (size_t)length;
        else
                list->text[list->used] = '\0';
}

static void list_buckets(const char *root, const char *symbol, struct list *list)
{
        for (int i = 0; i < INTERVAL_COUNT; i++) {
                if (querymissing_has_bars(root, symbol, (enum interval)i))
                        add(list, symbol, interval_name((enum interval)i));
        }
        for (unsigned i = 0; i < TICK_KINDS; i++) {
                if (querymissing_has_ticks(root, symbol, (enum tick_kind)i))
                        add(list, symbol, tick_group((enum tick_kind)i));
        }
}

// Of many symbols the first few are listed; `near` becomes the one that may have been meant.
static void list_symbols(const char *root, const char *symbol, struct list *list, char near[BUCKET_SYMBOL_SIZE])
{
        DIR *directory = opendir(root);
        unsigned distance = 0;

        near[0] = '\0';
        if (directory == NULL)
                return;
        for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
                if (!bucket_symbol_is_safe(entry->d_name) || strcmp(entry->d_name, "category_name") == 0)
                        continue;
                help_consider(symbol, entry->d_name, near, BUCKET_SYMBOL_SIZE, &distance);
                if (list->count < SYMBOLS_SHOWN_MAX)
                        add(list, entry->d_name, "");
                else
                        list->count++;
        }
        closedir(directory);
        if (list->count > SYMBOLS_SHOWN_MAX)
                snprintf(list->text + list->used, sizeof(list->text) - list->used, " and %zu more",
                    list->count - SYMBOLS_SHOWN_MAX);
}

// ---- what to type ----

// Words of `backfill` that fetch it; NULL where there is no history to fetch.
static const char *words_to_fetch(const struct querymissing *missing, char text[64])
{
        if (!missing->is_ticks)
                snprintf(text, 64, "--interval %s --since 7d", interval_name(missing->interval));
        else if (missing->kind == TICK_TRADE || missing->kind == TICK_AGG_TRADE)
                snprintf(text, 64, "--what %s --since 1h", missing->kind == TICK_TRADE ? "trade" : "agg_trade");
        else
                return NULL;
        return text;
}

static int refuse_empty(const struct command *command, const struct querymissing *missing)
{
        char fetch[64];

        if (words_to_fetch(missing, fetch) == NULL)
                return complain(command, EXIT_FAILED,
                    "there is no data in %s; %s is kept while it is streamed, see realtime.stream_type", missing->root,
                    missing->name);
        return complain(command, EXIT_FAILED, "there is no data in %s; fetch some: binancefeeder backfill %s %s%s",
            missing->root, missing->symbol, fetch, missing->target);
}

int querymissing_refuse(const struct command *command, const struct querymissing *missing)
{
        struct list buckets = {.count = 0}, symbols = {.count = 0};
        char near[BUCKET_SYMBOL_SIZE];

        list_buckets(missing->root, missing->symbol, &buckets);
        if (buckets.count > 0)
                return complain(command, EXIT_FAILED, "there is no %s/%s in %s; there is %s", missing->symbol,
                    missing->name, missing->root, buckets.text);
        list_symbols(missing->root, missing->symbol, &symbols, near);
        if (symbols.count == 0)
                return refuse_empty(command, missing);
        return complain(command, EXIT_FAILED, "there is nothing of %s in %s; there is %s%s%s%s", missing->symbol,
            missing->root, symbols.text, near[0] != '\0' ? "; did you mean " : "", near, near[0] != '\0' ? "?" : "");
}

// In any case of letters: agg_trade is AGGTRADE's name in the configuration, 1min is 1Min's elsewhere.
static void find_near(const char *name, char near[64])
{
        char upper[64];
        unsigned distance = 0;
        size_t length = 0;

        for (int i = 0; i < INTERVAL_COUNT; i++) {
                if (strcasecmp(name, interval_marketstore_name((enum interval)i)) == 0)
                        snprintf(near, 64, "%s", interval_marketstore_name((enum interval)i));
        }
        if (near[0] != '\0')
                return;
        for (; name[length] != '\0' && length < sizeof(upper) - 1; length++)
                upper[length] = (char)toupper((unsigned char)name[length]);
        upper[length] = '\0';
        for (unsigned i = 0; i < TICK_KINDS; i++)
                help_consider(upper, tick_group((enum tick_kind)i), near, 64, &distance);
}

int querymissing_refuse_name(const struct command *command, const char *bucket, const char *why)
{
        const char *slash = strrchr(bucket, '/');
        char near[64] = "";

        if (slash != NULL)
                find_near(slash + 1, near);
        if (near[0] == '\0')
                return complain(command, EXIT_BAD_USAGE, "%s: %s", bucket, why);
        return complain(command, EXIT_BAD_USAGE, "%s: %s; did you mean %.*s%s?", bucket, why, (int)(slash + 1 - bucket),
            bucket, near);
}
