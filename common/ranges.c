// SPDX-License-Identifier: Apache-2.0
// Every change is one splice: a window of old items [first, last) is replaced by at most three new ones. Appending at
// the end, what live bars do, therefore costs nothing but a comparison.
#include "common/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ranges_free(struct ranges *set)
{
        free(set->items);
        *set = (struct ranges){0};
}

void ranges_clear(struct ranges *set)
{
        set->count = 0;
}

static int ranges_reserve(struct ranges *set, size_t count)
{
        if (count <= set->capacity)
                return 0;
        size_t capacity = set->capacity * 2 > count ? set->capacity * 2 : count + 4;
        struct range *items = realloc(set->items, capacity * sizeof(*items));
        if (items == NULL) {
                errno = ENOMEM;
                return -1;
        }
        set->items = items;
        set->capacity = capacity;
        return 0;
}

int ranges_copy(struct ranges *to, const struct ranges *from)
{
        if (ranges_reserve(to, from->count) < 0)
                return -1;
        if (from->count > 0)
                memcpy(to->items, from->items, from->count * sizeof(*from->items));
        to->count = from->count;
        return 0;
}

size_t ranges_find(const struct ranges *set, int64_t us)
{
        size_t low = 0, high = set->count;

        if (high > 0 && set->items[high - 1].end_us <= us)
                return high;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (set->items[middle].end_us <= us)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

// Replaces items [first, last) by `count` others.
static int ranges_splice(struct ranges *set, size_t first, size_t last, const struct range *with, size_t count)
{
        size_t tail = set->count - last;

        if (ranges_reserve(set, first + count + tail) < 0)
                return -1;
        if (tail > 0 && last != first + count)
                memmove(set->items + first + count, set->items + last, tail * sizeof(*set->items));
        for (size_t i = 0; i < count; i++)
                set->items[first + i] = with[i];
        set->count = first + count + tail;
        return 0;
}

// The items [*first, *last) that meet or touch [start_us, end_us), and what of them lies outside.
static size_t ranges_window(const struct ranges *set, int64_t start_us, int64_t end_us, size_t *first, size_t *last)
{
        size_t index = ranges_find(set, start_us);

        *first = index;
        while (index < set->count && set->items[index].start_us < end_us)
                index++;
        *last = index;
        return index - *first;
}

int ranges_set(struct ranges *set, int64_t start_us, int64_t end_us, int32_t tag)
{
        struct range with[3];
        size_t first, last, count = 0;

        if (start_us >= end_us)
                return 0;
        struct range middle = {start_us, end_us, tag};
        ranges_window(set, start_us, end_us, &first, &last);
        if (first > 0 && set->items[first - 1].end_us == start_us && set->items[first - 1].tag == tag)
                first--;
        if (last < set->count && set->items[last].start_us == end_us && set->items[last].tag == tag)
                last++;
        if (first < last && set->items[first].start_us < start_us) {
                if (set->items[first].tag == tag)
                        middle.start_us = set->items[first].start_us;
                else
                        with[count++] = (struct range){set->items[first].start_us, start_us, set->items[first].tag};
        }
        const struct range *tail = first < last ? &set->items[last - 1] : NULL;
        bool split = tail != NULL && tail->end_us > end_us && tail->tag != tag;
        if (tail != NULL && tail->end_us > end_us && tail->tag == tag)
                middle.end_us = tail->end_us;
        with[count++] = middle;
        if (split)
                with[count++] = (struct range){end_us, tail->end_us, tail->tag};
        return ranges_splice(set, first, last, with, count);
}

int ranges_remove(struct ranges *set, int64_t start_us, int64_t end_us)
{
        struct range with[2];
        size_t first, last, count = 0;

        if (start_us >= end_us || ranges_window(set, start_us, end_us, &first, &last) == 0)
                return 0;
        struct range head = set->items[first], tail = set->items[last - 1];
        if (head.start_us < start_us)
                with[count++] = (struct range){head.start_us, start_us, head.tag};
        if (tail.end_us > end_us)
                with[count++] = (struct range){end_us, tail.end_us, tail.tag};
        return ranges_splice(set, first, last, with, count);
}

// One pass over both sets; ranges_remove() in a loop would be quadratic for a history with many holes.
int ranges_subtract(struct ranges *set, const struct ranges *what)
{
        struct ranges rest = {0};

        for (size_t i = 0; i < set->count; i++) {
                int64_t start = set->items[i].start_us, end = set->items[i].end_us;
                int32_t tag = set->items[i].tag;

                for (size_t j = ranges_find(what, start); j < what->count && what->items[j].start_us < end; j++) {
                        if (ranges_set(&rest, start, what->items[j].start_us, tag) < 0)
                                goto failed;
                        start = what->items[j].end_us;
                }
                if (ranges_set(&rest, start, end, tag) < 0)
                        goto failed;
        }
        free(set->items);
        *set = rest;
        return 0;
failed:
        ranges_free(&rest);
        return -1;
}

int ranges_clip(struct ranges *set, int64_t start_us, int64_t end_us)
{
        if (ranges_remove(set, INT64_MIN, start_us) < 0)
                return -1;
        return ranges_remove(set, end_us, INT64_MAX);
}

bool ranges_contain(const struct ranges *set, int64_t us)
{
        size_t index = ranges_find(set, us);

        return index < set->count && set->items[index].start_us <= us;
}

bool ranges_cover(const struct ranges *set, int64_t start_us, int64_t end_us)
{
        for (size_t i = ranges_find(set, start_us); start_us < end_us; i++) {
                if (i == set->count || set->items[i].start_us > start_us)
                        return false;
                start_us = set->items[i].end_us;
        }
        return true;
}

int64_t ranges_bars(const struct ranges *set, enum interval interval)
{
        int64_t bars = 0;

        for (size_t i = 0; i < set->count; i++)
                bars += interval_count(interval, set->items[i].start_us, set->items[i].end_us);
        return bars;
}

int64_t ranges_bars_within(const struct ranges *set, const struct ranges *within, enum interval interval)
{
        int64_t bars = 0;

        for (size_t i = 0; i < set->count; i++) {
                int64_t start = set->items[i].start_us, end = set->items[i].end_us;

                for (size_t j = ranges_find(within, start); j < within->count && within->items[j].start_us < end; j++) {
                        int64_t from = within->items[j].start_us, to = within->items[j].end_us;

                        bars += interval_count(interval, from > start ? from : start, to < end ? to : end);
                }
        }
        return bars;
}

int ranges_missing(const struct ranges *wanted, int64_t horizon_us, const struct ranges *covered,
    const struct ranges *explained, struct ranges *missing)
{
        if (ranges_copy(missing, wanted) < 0 || ranges_clip(missing, INT64_MIN, horizon_us) < 0)
                return -1;
        if (ranges_subtract(missing, covered) < 0 || ranges_subtract(missing, explained) < 0)
                return -1;
        // What is missing carries no tag of its own, so neighbours join.
        struct ranges plain = {0};
        for (size_t i = 0; i < missing->count; i++) {
                if (ranges_set(&plain, missing->items[i].start_us, missing->items[i].end_us, 0) < 0) {
                        ranges_free(&plain);
                        return -1;
                }
        }
        ranges_free(missing);
        *missing = plain;
        return 0;
}
