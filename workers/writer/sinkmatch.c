// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/sinkmatch.h"

#include "common/clock.h"
#include "common/memory.h"

#include <stdlib.h>
#include <string.h>

#define EPOCH_BYTES 8
#define NANOSECONDS_BYTES 4

struct entry {
        const struct sink_rows *set;
        size_t position;
};

// Finds the columns of these names. False, and no key, where one is not there.
static bool make_key(const struct storerpc_layout *layout, const char *const names[3], struct sink_key *key)
{
        memset(key, 0, sizeof(*key));
        for (size_t part = 0; part < 3 && names[part] != NULL; part++) {
                size_t offset = 0, i = 0;

                while (i < layout->count && strcmp(layout->columns[i].name, names[part]) != 0)
                        offset += (size_t)column_type_bytes(layout->columns[i++].type);
                if (i == layout->count) {
                        memset(key, 0, sizeof(*key));
                        return false;
                }
                key->part[part].offset = offset;
                key->part[part].bytes = (size_t)column_type_bytes(layout->columns[i].type);
                key->parts = part + 1;
        }
        return key->parts > 0;
}

static const struct column *column_named(const struct storerpc_layout *layout, const char *name)
{
        size_t i = 0;

        while (strcmp(layout->columns[i].name, name) != 0)
                i++;
        return &layout->columns[i];
}

void sinkmatch_shape_make(const struct yearfile_schema *schema, const char *const names[3], struct sink_shape *shape)
{
        struct yearfile_schema look = *schema;

        memset(shape, 0, sizeof(*shape));
        storerpc_layout_make(schema, &shape->layout);
        if (names == NULL || !make_key(&shape->layout, names, &shape->key)) {
                shape->look = shape->layout;
                return;
        }
        look.columns_count = 0;
        while (look.columns_count < shape->key.parts) {
                look.columns[look.columns_count] = *column_named(&shape->layout, names[look.columns_count]);
                look.columns_count++;
        }
        storerpc_layout_make(&look, &shape->look);
        shape->look.partial = true;
        (void)make_key(&shape->look, names, &shape->look_key);
}

static const uint8_t *row_of(const struct entry *entry)
{
        return entry->set->rows + entry->position * entry->set->layout->row_bytes;
}

static int compare_without_key(const struct storerpc_layout *layout, const uint8_t *a, const uint8_t *b)
{
        int32_t a_ms = storerpc_row_nanos(layout, a) / NS_PER_MS, b_ms = storerpc_row_nanos(layout, b) / NS_PER_MS;

        if (a_ms != b_ms)
                return a_ms < b_ms ? -1 : 1;
        return memcmp(a + EPOCH_BYTES, b + EPOCH_BYTES, layout->row_bytes - EPOCH_BYTES - NANOSECONDS_BYTES);
}

static int compare_rows(const struct entry *one, const struct entry *other)
{
        const struct sink_key *key = one->set->key, *other_key = other->set->key;
        const uint8_t *a = row_of(one), *b = row_of(other);
        int64_t a_s = storerpc_row_epoch_s(a), b_s = storerpc_row_epoch_s(b);
        int order = 0;

        if (a_s != b_s)
                return a_s < b_s ? -1 : 1;
        if (key->parts == 0)
                return compare_without_key(one->set->layout, a, b);
        for (size_t i = 0; i < key->parts && order == 0; i++)
                order = memcmp(a + key->part[i].offset, b + other_key->part[i].offset, key->part[i].bytes);
        return order;
}

static int compare_entries(const void *a, const void *b)
{
        const struct entry *one = a, *other = b;
        int order = compare_rows(one, other);

        if (order != 0)
                return order;
        return one->position < other->position ? -1 : one->position > other->position;
}

// Sorted; NULL where there is none. To be freed.
static struct entry *sorted_entries(const struct sink_rows *set, const bool *left_out, size_t *count)
{
        struct entry *entries = set->count > 0 ? memory_zeroed(set->count, sizeof(*entries)) : NULL;

        *count = 0;
        for (size_t i = 0; i < set->count; i++) {
                if (left_out == NULL || !left_out[i])
                        entries[(*count)++] = (struct entry){set, i};
        }
        if (*count > 1)
                qsort(entries, *count, sizeof(*entries), compare_entries);
        return entries;
}

void sinkmatch_mark(const struct sink_rows *rows, bool *present, const struct sink_rows *others)
{
        size_t count, others_count;

        if (rows->count == 0 || others->count == 0)
                return;
        struct entry *mine = sorted_entries(rows, present, &count);
        struct entry *theirs = sorted_entries(others, NULL, &others_count);
        for (size_t i = 0, j = 0; i < count && j < others_count;) {
                int order = compare_rows(&mine[i], &theirs[j]);

                if (order == 0)
                        present[mine[i].position] = true;
                if (order > 0 || (order == 0 && rows->key->parts == 0))
                        j++; // without a key each of them is one row only
                if (order <= 0)
                        i++;
        }
        free(mine);
        free(theirs);
}

size_t sinkmatch_mark_repeated(const struct sink_rows *rows, bool *present)
{
        size_t count, repeated = 0;

        if (rows->count < 2 || rows->key->parts == 0)
                return 0;
        struct entry *entries = sorted_entries(rows, present, &count);
        for (size_t i = 1; i < count; i++) {
                if (compare_rows(&entries[i - 1], &entries[i]) != 0)
                        continue;
                present[entries[i].position] = true;
                repeated++;
        }
        free(entries);
        return repeated;
}
