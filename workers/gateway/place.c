// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/place.h"

#include "common/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum part { PART_SYMBOL, PART_TIMEFRAME, PART_GROUP, PARTS };

static const char *const part_names[PARTS] = {"Symbol", "Timeframe", "AttributeGroup"};

// What a stock server can address, besides bars of ours: directories that other feeders may have made.
static const char *const stock_timeframes[] = {
    "1Sec", "10Sec", "30Sec", "1Min", "5Min", "15Min", "30Min", "1H", "2H", "1D"};

struct text {
        const char *start;
        size_t length;
};

static int refuse(char why[REASON_SIZE], const char *what)
{
        snprintf(why, REASON_SIZE, "%s; accepted: SYMBOL[,SYMBOL...]/TIMEFRAME/GROUP, as in BTCUSDT/1Min/OHLCV", what);
        return -1;
}

// ---- parts ----

// Splits at '/'. Returns how many parts there are; those above PARTS are counted only.
static size_t split(struct text text, struct text parts[PARTS])
{
        size_t count = 0;

        for (;;) {
                const char *slash = memchr(text.start, '/', text.length);
                size_t length = slash != NULL ? (size_t)(slash - text.start) : text.length;

                if (count < PARTS)
                        parts[count] = (struct text){text.start, length};
                count++;
                if (slash == NULL)
                        return count;
                text.start += length + 1;
                text.length -= length + 1;
        }
}

static int part_of_name(struct text name)
{
        for (int part = 0; part < PARTS; part++) {
                if (strlen(part_names[part]) == name.length && memcmp(part_names[part], name.start, name.length) == 0)
                        return part;
        }
        return -1;
}

// Which part of a destination stands first, second, third.
static int read_order(struct text category, enum part order[PARTS])
{
        struct text names[PARTS];
        unsigned seen = 0;

        if (split(category, names) != PARTS)
                return -1;
        for (size_t i = 0; i < PARTS; i++) {
                int part = part_of_name(names[i]);

                if (part < 0 || (seen & 1u << part) != 0)
                        return -1;
                seen |= 1u << part;
                order[i] = (enum part)part;
        }
        return 0;
}

// ---- lists ----

static bool list_has(char *const *list, size_t count, struct text item)
{
        for (size_t i = 0; i < count; i++) {
                if (strlen(list[i]) == item.length && memcmp(list[i], item.start, item.length) == 0)
                        return true;
        }
        return false;
}

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *copy_text(struct text text)
{
        char *copy = memory_zeroed(text.length + 1, 1);

        memcpy(copy, text.start, text.length);
        return copy;
}

// Takes equal neighbours off a sorted list.
static size_t keep_first_of_equals(char **list, size_t count)
{
        size_t kept = 0;

        for (size_t i = 0; i < count; i++) {
                if (kept > 0 && strcmp(list[kept - 1], list[i]) == 0)
                        free(list[i]);
                else
                        list[kept++] = list[i];
        }
        return kept;
}

// A list in the order given, each name once. Long lists come out sorted: looking each name up would take for ever.
static int read_list(struct text text, size_t count_max, char ***list, size_t *count)
{
        size_t commas = 0;

        for (size_t i = 0; i < text.length; i++)
                commas += text.start[i] == ',';
        if (commas >= count_max)
                return -1;
        *list = memory_zeroed(commas + 1, sizeof(**list));
        for (size_t i = 0; i <= commas; i++) {
                const char *comma = memchr(text.start, ',', text.length);
                size_t length = comma != NULL ? (size_t)(comma - text.start) : text.length;
                struct text item = {text.start, length};

                if (length > 0 && (commas > 64 || !list_has(*list, *count, item)))
                        (*list)[(*count)++] = copy_text(item);
                text.start += length + (comma != NULL);
                text.length -= length + (comma != NULL);
        }
        if (commas > 64) {
                qsort(*list, *count, sizeof(**list), compare_texts);
                *count = keep_first_of_equals(*list, *count);
        }
        return 0;
}

// ---- destinations ----

static int read_parts(const struct text parts[PARTS], struct destination *destination, char why[REASON_SIZE])
{
        struct text timeframe = parts[PART_TIMEFRAME];

        if (timeframe.length == 0 || parts[PART_SYMBOL].length == 0 || parts[PART_GROUP].length == 0)
                return refuse(why, "a part of the destination is empty");
        if (memchr(timeframe.start, ',', timeframe.length) != NULL)
                return refuse(why, "a query has one timeframe");
        if (timeframe.length >= sizeof(destination->timeframe))
                return refuse(why, "the timeframe is too long");
        memcpy(destination->timeframe, timeframe.start, timeframe.length);
        if (read_list(parts[PART_SYMBOL], GATEWAY_BUCKETS_MAX, &destination->symbols, &destination->symbols_count) !=
                0 ||
            read_list(parts[PART_GROUP], GATEWAY_BUCKETS_MAX, &destination->groups, &destination->groups_count) != 0) {
                snprintf(why, REASON_SIZE, "too many names in a destination; accepted: up to %d", GATEWAY_BUCKETS_MAX);
                return -1;
        }
        if (destination->symbols_count == 0 || destination->groups_count == 0)
                return refuse(why, "a part of the destination is empty");
        return 0;
}

int destination_parse(
    const char *text, size_t length, const char *category, struct destination *destination, char why[REASON_SIZE])
{
        struct text whole = {text, length}, parts[PARTS], ordered[PARTS], suffix = {0};
        enum part order[PARTS] = {PART_SYMBOL, PART_TIMEFRAME, PART_GROUP};

        memset(destination, 0, sizeof(*destination));
        if (memchr(text, '\0', length) != NULL)
                return refuse(why, "a destination holds a zero byte");
        const char *colon = memchr(text, ':', length);
        if (colon != NULL) {
                whole.length = (size_t)(colon - text);
                suffix = (struct text){colon + 1, length - whole.length - 1};
        }
        if (category != NULL && category[0] != '\0')
                suffix = (struct text){category, strlen(category)};
        if (suffix.length > 0 && read_order(suffix, order) != 0) {
                snprintf(why, REASON_SIZE, "the key category is not Symbol/Timeframe/AttributeGroup in some order");
                return -1;
        }
        size_t count = split(whole, parts);
        if (count != PARTS) {
                char what[64];

                snprintf(what, sizeof(what), "the destination has %zu part%s", count, count == 1 ? "" : "s");
                return refuse(why, what);
        }
        for (size_t i = 0; i < PARTS; i++)
                ordered[order[i]] = parts[i];
        if (read_parts(ordered, destination, why) == 0)
                return 0;
        destination_release(destination);
        return -1;
}

static void release_list(char **list, size_t count)
{
        for (size_t i = 0; i < count; i++)
                free(list[i]);
        free(list);
}

void destination_release(struct destination *destination)
{
        release_list(destination->symbols, destination->symbols_count);
        release_list(destination->groups, destination->groups_count);
        memset(destination, 0, sizeof(*destination));
}

// ---- places ----

static void put(struct place *place, const char *timeframe, const char *group)
{
        snprintf(place->timeframe, sizeof(place->timeframe), "%s", timeframe);
        snprintf(place->group, sizeof(place->group), "%s", group);
}

static bool is_stock_timeframe(const char *timeframe)
{
        for (size_t i = 0; i < sizeof(stock_timeframes) / sizeof(stock_timeframes[0]); i++) {
                if (strcmp(stock_timeframes[i], timeframe) == 0)
                        return true;
        }
        return false;
}

int place_resolve(const char *timeframe, const char *group, struct place *place, char why[REASON_SIZE])
{
        enum interval interval = INTERVAL_1M;
        bool known = interval_parse(timeframe, &interval) == 0;

        memset(place, 0, sizeof(*place));
        if (known && strcmp(group, "OHLCV") == 0) {
                struct bar_home home = bar_home_of(interval);

                put(place, home.timeframe, home.group);
                place->floors = true;
                place->interval = interval;
                return 0;
        }
        const char *directory = known ? interval_marketstore_name(interval) : timeframe;
        if (!is_stock_timeframe(directory)) {
                snprintf(why, REASON_SIZE,
                    "timeframe not found in TimeBucketKey: %.20s/%.20s; accepted: of bars %s, of other groups 1Sec "
                    "to 2H and 1D",
                    timeframe, group, interval_names());
                return -1;
        }
        // A name that is no directory's is the name of no bucket, which is for the reader to say.
        put(place, directory, group);
        return 0;
}
