// SPDX-License-Identifier: Apache-2.0
#include "common/tickpending.h"

#include "common/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TRIPLES_MIN 16

// Number of triples before `second`.
static size_t lower_bound(const struct tick_pending *pending, int64_t second)
{
        size_t low = 0, high = pending->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (pending->triples[middle].second < second)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void make_room(struct tick_pending *pending, size_t count)
{
        if (count <= pending->capacity)
                return;
        pending->capacity = count > 2 * pending->capacity ? count : 2 * pending->capacity;
        if (pending->capacity < TRIPLES_MIN)
                pending->capacity = TRIPLES_MIN;
        pending->triples = memory_resized(pending->triples, pending->capacity, sizeof(pending->triples[0]));
}

void tick_pending_put(struct tick_pending *pending, const struct tick_triple *triple)
{
        size_t at = lower_bound(pending, triple->second);

        if (at < pending->count && pending->triples[at].second == triple->second) {
                pending->triples[at] = *triple;
                return;
        }
        make_room(pending, pending->count + 1);
        memmove(pending->triples + at + 1, pending->triples + at, (pending->count - at) * sizeof(*triple));
        pending->triples[at] = *triple;
        pending->count++;
}

void tick_pending_merge(struct tick_pending *pending, struct tick_pending *from)
{
        struct tick_pending merged = {0};
        size_t a = 0, b = 0;

        make_room(&merged, pending->count + from->count);
        while (a < pending->count || b < from->count) {
                bool both = a < pending->count && b < from->count;

                if (both && pending->triples[a].second == from->triples[b].second)
                        a++;
                else if (b == from->count || (both && pending->triples[a].second < from->triples[b].second))
                        merged.triples[merged.count++] = pending->triples[a++];
                else
                        merged.triples[merged.count++] = from->triples[b++];
        }
        tick_pending_clear(pending);
        tick_pending_clear(from);
        *pending = merged;
}

const struct tick_triple *tick_pending_find(const struct tick_pending *pending, int64_t second)
{
        size_t at = lower_bound(pending, second);

        return at < pending->count && pending->triples[at].second == second ? &pending->triples[at] : NULL;
}

void tick_pending_clear(struct tick_pending *pending)
{
        free(pending->triples);
        *pending = (struct tick_pending){0};
}
