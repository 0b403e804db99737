// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/gaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void gaps_free(struct gaps *gaps)
{
        for (size_t i = 0; i < gaps->count; i++)
                free(gaps->items[i].evidence);
        free(gaps->items);
        *gaps = (struct gaps){0};
}

static int gaps_reserve(struct gaps *gaps, size_t count)
{
        if (count <= gaps->capacity)
                return 0;
        size_t capacity = gaps->capacity * 2 > count ? gaps->capacity * 2 : count + 4;
        struct gap *items = realloc(gaps->items, capacity * sizeof(*items));
        if (items == NULL) {
                errno = ENOMEM;
                return -1;
        }
        gaps->items = items;
        gaps->capacity = capacity;
        return 0;
}

static void gaps_drop(struct gaps *gaps, size_t index)
{
        free(gaps->items[index].evidence);
        gaps->count--;
        memmove(gaps->items + index, gaps->items + index + 1, (gaps->count - index) * sizeof(*gaps->items));
}

// Index of the first gap that starts at or after `us`; lists are short and grow at their end.
static size_t gaps_position(const struct gaps *gaps, int64_t us)
{
        size_t index = gaps->count;

        while (index > 0 && gaps->items[index - 1].start_us >= us)
                index--;
        return index;
}

static void gaps_insert(struct gaps *gaps, struct gap gap)
{
        size_t index = gaps_position(gaps, gap.start_us);

        memmove(gaps->items + index + 1, gaps->items + index, (gaps->count - index) * sizeof(*gaps->items));
        gaps->items[index] = gap;
        gaps->count++;
}

int gaps_note(
    struct gaps *gaps, int64_t start_us, int64_t end_us, enum gap_state state, int64_t found_us, const char *evidence)
{
        if (start_us >= end_us)
                return 0;
        char *copy = strdup(evidence);
        if (copy == NULL || gaps_reserve(gaps, gaps->count + 1) < 0) {
                free(copy);
                errno = ENOMEM;
                return -1;
        }
        gaps_insert(gaps, (struct gap){start_us, end_us, found_us, (int32_t)state, copy});
        return 0;
}

// Index of the first explained gap that ends after `us`. They never overlap, so their ends are sorted too.
static size_t gaps_find(const struct gaps *gaps, int64_t us)
{
        size_t low = 0, high = gaps->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (gaps->items[middle].end_us <= us)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

// Cuts [start_us, end_us) out of the middle of the gap at `index`.
static int gaps_split(struct gaps *gaps, size_t index, int64_t start_us, int64_t end_us)
{
        if (gaps_reserve(gaps, gaps->count + 1) < 0)
                return -1;
        struct gap tail = gaps->items[index];
        tail.start_us = end_us;
        tail.evidence = strdup(tail.evidence);
        if (tail.evidence == NULL)
                return -1;
        gaps->items[index].end_us = start_us;
        gaps_insert(gaps, tail);
        return 0;
}

int gaps_trim(struct gaps *gaps, int64_t start_us, int64_t end_us)
{
        size_t i = gaps_find(gaps, start_us);

        while (start_us < end_us && i < gaps->count && gaps->items[i].start_us < end_us) {
                struct gap *gap = &gaps->items[i];

                if (gap->start_us < start_us && gap->end_us > end_us)
                        return gaps_split(gaps, i, start_us, end_us);
                if (gap->start_us >= start_us && gap->end_us <= end_us) {
                        gaps_drop(gaps, i);
                        continue;
                }
                if (gap->start_us < start_us)
                        gap->end_us = start_us;
                else
                        gap->start_us = end_us;
                i++;
        }
        return 0;
}

// Takes the gap at `index` into [*start_us, *end_us) if it touches and says the same.
static void gaps_join(struct gaps *gaps, size_t index, enum gap_state state, int64_t *start_us, int64_t *end_us)
{
        const struct gap *gap = &gaps->items[index];

        if (gap->state != (int32_t)state || (gap->end_us != *start_us && gap->start_us != *end_us))
                return;
        *start_us = gap->start_us < *start_us ? gap->start_us : *start_us;
        *end_us = gap->end_us > *end_us ? gap->end_us : *end_us;
        gaps_drop(gaps, index);
}

int gaps_explain(
    struct gaps *gaps, int64_t start_us, int64_t end_us, enum gap_state state, int64_t found_us, const char *evidence)
{
        if (start_us >= end_us)
                return 0;
        if (gaps_trim(gaps, start_us, end_us) < 0)
                return -1;
        size_t next = gaps_find(gaps, start_us);
        if (next < gaps->count)
                gaps_join(gaps, next, state, &start_us, &end_us);
        if (next > 0)
                gaps_join(gaps, next - 1, state, &start_us, &end_us);
        return gaps_note(gaps, start_us, end_us, state, found_us, evidence);
}

int gaps_to_ranges(const struct gaps *gaps, struct ranges *ranges)
{
        ranges_clear(ranges);
        for (size_t i = 0; i < gaps->count; i++) {
                if (ranges_set(ranges, gaps->items[i].start_us, gaps->items[i].end_us, gaps->items[i].state) < 0)
                        return -1;
        }
        return 0;
}

static bool nothing_missing(const struct gap *gap, const struct ranges *covered, const struct ranges *explained)
{
        int64_t at = gap->start_us;

        while (at < gap->end_us) {
                size_t i = ranges_find(covered, at), j = ranges_find(explained, at);

                if (i < covered->count && covered->items[i].start_us <= at)
                        at = covered->items[i].end_us;
                else if (j < explained->count && explained->items[j].start_us <= at)
                        at = explained->items[j].end_us;
                else
                        return false;
        }
        return true;
}

static enum gap_state state_of(
    const struct gap *gap, const struct ranges *covered, const struct ranges *explained, const struct ranges *leased)
{
        size_t index = ranges_find(leased, gap->start_us);

        if (nothing_missing(gap, covered, explained))
                return GAP_FILLED;
        return index < leased->count && leased->items[index].start_us < gap->end_us ? GAP_REPAIRING : GAP_OPEN;
}

size_t gaps_settle_notes(struct gaps *gaps, const struct ranges *covered, const struct ranges *explained,
    const struct ranges *leased, size_t filled_max)
{
        size_t filled = 0, changed = 0;

        for (size_t i = 0; i < gaps->count; i++) {
                struct gap *gap = &gaps->items[i];

                if (gap->state != GAP_FILLED) {
                        int32_t state = (int32_t)state_of(gap, covered, explained, leased);

                        changed += state != gap->state;
                        gap->state = state;
                }
                filled += gap->state == GAP_FILLED;
        }
        for (size_t i = 0; i < gaps->count && filled > filled_max;) {
                if (gaps->items[i].state == GAP_FILLED) {
                        gaps_drop(gaps, i);
                        filled--;
                        changed++;
                } else {
                        i++;
                }
        }
        return changed;
}
