// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/idset.h"

#include "common/ledger.h"
#include "common/memory.h"

#include <stdlib.h>
#include <string.h>

static int64_t least(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static int64_t greatest(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

void idset_free(struct idset *set)
{
        free(set->items);
        *set = (struct idset){0};
}

size_t idset_find(const struct idset *set, int32_t epoch, int64_t id)
{
        size_t low = 0, high = set->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const struct id_range *range = &set->items[middle];

                if (range->epoch < epoch || (range->epoch == epoch && range->last_id < id))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

// The range at `index`, where it is of this epoch and begins at `to` or before; NULL otherwise.
static struct id_range *range_at(const struct idset *set, size_t index, int32_t epoch, int64_t to)
{
        if (index >= set->count || set->items[index].epoch != epoch || set->items[index].first_id > to)
                return NULL;
        return &set->items[index];
}

bool idset_contains(const struct idset *set, int32_t epoch, int64_t id)
{
        return range_at(set, idset_find(set, epoch, id), epoch, id) != NULL;
}

bool idset_has_row(const struct idset *set, int32_t epoch, int64_t id)
{
        const struct id_range *range = range_at(set, idset_find(set, epoch, id), epoch, id);

        return range != NULL && range->source != ID_ABSENT;
}

const struct id_range *idset_last(const struct idset *set, int32_t epoch)
{
        size_t end = idset_find(set, epoch, INT64_MAX);

        if (end > 0 && set->items[end - 1].epoch == epoch)
                return &set->items[end - 1];
        return range_at(set, end, epoch, INT64_MAX);
}

// ---- changing ----

static void insert_at(struct idset *set, size_t index, const struct id_range *range)
{
        if (set->count == set->capacity) {
                set->capacity = set->capacity > 0 ? 2 * set->capacity : 4;
                set->items = memory_resized(set->items, set->capacity, sizeof(set->items[0]));
        }
        memmove(set->items + index + 1, set->items + index, (set->count - index) * sizeof(set->items[0]));
        set->items[index] = *range;
        set->count++;
}

static void drop_at(struct idset *set, size_t index)
{
        set->count--;
        memmove(set->items + index, set->items + index + 1, (set->count - index) * sizeof(set->items[0]));
}

static bool joins(const struct id_range *left, const struct id_range *right)
{
        return left->epoch == right->epoch && left->source == right->source && left->last_id + 1 == right->first_id;
}

// Joins the range at `index` with the one before it, where they belong together. Returns where it is then.
static size_t join_left(struct idset *set, size_t index)
{
        if (index == 0 || index >= set->count || !joins(&set->items[index - 1], &set->items[index]))
                return index;
        struct id_range *left = &set->items[index - 1], *right = &set->items[index];
        left->last_id = right->last_id;
        left->first_us = least(left->first_us, right->first_us);
        left->last_us = greatest(left->last_us, right->last_us);
        drop_at(set, index);
        return index - 1;
}

void idset_remove(struct idset *set, int32_t epoch, int64_t first_id, int64_t last_id)
{
        size_t i = idset_find(set, epoch, first_id);
        struct id_range *range;

        while ((range = range_at(set, i, epoch, last_id)) != NULL) {
                struct id_range tail = *range;

                if (range->first_id < first_id && tail.last_id > last_id) {
                        range->last_id = first_id - 1;
                        tail.first_id = last_id + 1;
                        insert_at(set, i + 1, &tail);
                        return;
                }
                if (range->first_id < first_id) {
                        range->last_id = first_id - 1;
                        i++;
                } else if (tail.last_id > last_id) {
                        range->first_id = last_id + 1;
                        return;
                } else {
                        drop_at(set, i);
                }
        }
}

static void remove_absent(struct idset *set, int32_t epoch, int64_t first_id, int64_t last_id)
{
        const struct id_range *range;

        for (int64_t id = first_id; (range = range_at(set, idset_find(set, epoch, id), epoch, last_id)) != NULL;) {
                int64_t from = greatest(range->first_id, first_id), to = least(range->last_id, last_id);

                if (range->source == ID_ABSENT)
                        idset_remove(set, epoch, from, to);
                if (to == last_id)
                        return;
                id = to + 1;
        }
}

// The end of the newest range moves on, as it does with every streamed row.
static bool extend_last(struct idset *set, const struct id_range *range)
{
        if (set->count == 0 || !joins(&set->items[set->count - 1], range))
                return false;
        struct id_range *last = &set->items[set->count - 1];
        last->last_id = range->last_id;
        last->first_us = least(last->first_us, range->first_us);
        last->last_us = greatest(last->last_us, range->last_us);
        return true;
}

void idset_add(struct idset *set, const struct id_range *range)
{
        int64_t first_id, last_id, from = range->first_id;

        if (range->first_id > range->last_id || extend_last(set, range))
                return;
        if (range->source != ID_ABSENT)
                remove_absent(set, range->epoch, range->first_id, range->last_id);
        while (idset_hole(set, range->epoch, from, range->last_id, &first_id, &last_id)) {
                struct id_range part = *range;
                size_t index = idset_find(set, range->epoch, first_id);

                part.first_id = first_id;
                part.last_id = last_id;
                insert_at(set, index, &part);
                index = join_left(set, index);
                (void)join_left(set, index + 1);
                if (last_id == range->last_id)
                        return;
                from = last_id + 1;
        }
}

// ---- asking ----

bool idset_hole(const struct idset *set, int32_t epoch, int64_t from, int64_t to, int64_t *first_id, int64_t *last_id)
{
        const struct id_range *range;
        size_t i = idset_find(set, epoch, from);

        while (from <= to && (range = range_at(set, i, epoch, from)) != NULL) {
                if (range->last_id == INT64_MAX)
                        return false;
                from = range->last_id + 1;
                i++;
        }
        if (from > to)
                return false;
        range = range_at(set, i, epoch, to);
        *first_id = from;
        *last_id = range != NULL ? range->first_id - 1 : to;
        return true;
}

int64_t idset_missing(const struct idset *set, int32_t epoch, int64_t from, int64_t to)
{
        int64_t first_id, last_id, missing = 0;

        while (from <= to && idset_hole(set, epoch, from, to, &first_id, &last_id)) {
                missing += last_id - first_id + 1;
                if (last_id == to)
                        break;
                from = last_id + 1;
        }
        return missing;
}

int64_t idset_count_source(const struct idset *set, int32_t epoch, int64_t from, int64_t to, int32_t source)
{
        const struct id_range *range;
        int64_t count = 0;

        for (size_t i = idset_find(set, epoch, from); (range = range_at(set, i, epoch, to)) != NULL; i++) {
                if (range->source == source)
                        count += least(range->last_id, to) - greatest(range->first_id, from) + 1;
        }
        return count;
}
