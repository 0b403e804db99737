// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/sinkparcel.h"

#include "common/clock.h"
#include "common/memory.h"

#include <stdlib.h>
#include <string.h>

#define SPAN_GAP_S_MIN 4096 // rows this close are read at once, whatever lies between
#define SPAN_ROWS_MAX 65536

struct parcel *parcel_new(struct sink_target *target, int64_t year)
{
        struct parcel *parcel = memory_zeroed(1, sizeof(*parcel));

        parcel->target = target;
        parcel->year = year;
        parcel->is_sorted = true;
        return parcel;
}

void parcel_free(struct parcel *parcel)
{
        free(parcel->rows);
        free(parcel->present);
        free(parcel);
}

int64_t parcel_year_of(const uint8_t *row)
{
        return year_of_us(storerpc_row_epoch_s(row) * US_PER_S);
}

// ---- order ----

static int compare_times(const struct storerpc_layout *layout, const uint8_t *a, const uint8_t *b)
{
        int64_t a_s = storerpc_row_epoch_s(a), b_s = storerpc_row_epoch_s(b);
        int32_t a_ns = storerpc_row_nanos(layout, a), b_ns = storerpc_row_nanos(layout, b);

        if (a_s != b_s)
                return a_s < b_s ? -1 : 1;
        return a_ns < b_ns ? -1 : a_ns > b_ns;
}

void parcel_add(struct parcel *parcel, const struct storerpc_layout *layout, const uint8_t *row)
{
        if (parcel->count == parcel->capacity) {
                parcel->capacity = parcel->capacity > 0 ? parcel->capacity * 2 : 16;
                parcel->rows = memory_resized(parcel->rows, parcel->capacity, layout->row_bytes);
                parcel->present = memory_resized(parcel->present, parcel->capacity, sizeof(*parcel->present));
        }
        if (parcel->count > 0) {
                int order = compare_times(layout, parcel->rows + (parcel->count - 1) * layout->row_bytes, row);

                if (order > 0 || (order == 0 && !layout->variable))
                        parcel->is_sorted = false;
        }
        memcpy(parcel->rows + parcel->count * layout->row_bytes, row, layout->row_bytes);
        parcel->present[parcel->count++] = false;
}

struct sort_key {
        int64_t epoch_s;
        int32_t nanos;
        uint32_t position;
};

static int compare_keys(const void *a, const void *b)
{
        const struct sort_key *one = a, *other = b;

        if (one->epoch_s != other->epoch_s)
                return one->epoch_s < other->epoch_s ? -1 : 1;
        if (one->nanos != other->nanos)
                return one->nanos < other->nanos ? -1 : 1;
        return one->position < other->position ? -1 : one->position > other->position;
}

void parcel_sort(struct parcel *parcel, const struct storerpc_layout *layout)
{
        size_t count = 0;

        if (parcel->is_sorted)
                return;
        struct sort_key *keys = memory_zeroed(parcel->count, sizeof(*keys));
        for (size_t i = 0; i < parcel->count; i++) {
                const uint8_t *row = parcel->rows + i * layout->row_bytes;

                keys[i] = (struct sort_key){storerpc_row_epoch_s(row), storerpc_row_nanos(layout, row), (uint32_t)i};
        }
        qsort(keys, parcel->count, sizeof(*keys), compare_keys);
        uint8_t *sorted = memory_zeroed(parcel->capacity, layout->row_bytes);
        for (size_t i = 0; i < parcel->count; i++) {
                if (!layout->variable && i + 1 < parcel->count && keys[i + 1].epoch_s == keys[i].epoch_s)
                        continue;
                memcpy(sorted + count++ * layout->row_bytes, parcel->rows + keys[i].position * layout->row_bytes,
                    layout->row_bytes);
        }
        free(keys);
        free(parcel->rows);
        parcel->rows = sorted;
        parcel->count = count;
        parcel->is_sorted = true;
}

// ---- leaving rows out ----

// Keeps the rows that are not marked.
void parcel_keep_missing(struct parcel *parcel, const struct storerpc_layout *layout)
{
        size_t kept = 0;

        for (size_t i = 0; i < parcel->count; i++) {
                if (parcel->present[i])
                        continue;
                if (kept != i)
                        memcpy(parcel->rows + kept * layout->row_bytes, parcel->rows + i * layout->row_bytes,
                            layout->row_bytes);
                kept++;
        }
        parcel->count = kept;
        memset(parcel->present, 0, kept * sizeof(*parcel->present));
}

void parcel_forget(struct parcel *parcel, const struct storerpc_layout *layout, const uint8_t *rows, size_t count)
{
        bool any = false;

        parcel_sort(parcel, layout);
        if (parcel->count == 0 || count == 0 ||
            compare_times(layout, parcel->rows + (parcel->count - 1) * layout->row_bytes, rows) < 0 ||
            compare_times(layout, parcel->rows, rows + (count - 1) * layout->row_bytes) > 0)
                return;
        for (size_t i = 0, j = 0; i < parcel->count && j < count;) {
                int order = compare_times(layout, parcel->rows + i * layout->row_bytes, rows + j * layout->row_bytes);

                if (order == 0)
                        any = parcel->present[i] = true;
                if (order <= 0)
                        i++;
                else
                        j++;
        }
        if (any)
                parcel_keep_missing(parcel, layout);
}

// ---- read back ----

size_t parcel_span(
    const struct parcel *parcel, const struct storerpc_layout *layout, size_t first, struct storerpc_range *range)
{
        size_t end = first + 1;

        *range = (struct storerpc_range){.start_s = storerpc_row_epoch_s(parcel->rows + first * layout->row_bytes)};
        range->end_s = range->start_s;
        for (; end < parcel->count && end - first < SPAN_ROWS_MAX; end++) {
                int64_t epoch_s = storerpc_row_epoch_s(parcel->rows + end * layout->row_bytes);
                // What lies between is read too; never much more than what is looked for.
                int64_t step_s = (range->end_s - range->start_s) / (int64_t)(end - first) * 16;

                if (epoch_s - range->end_s > (step_s > SPAN_GAP_S_MIN ? step_s : SPAN_GAP_S_MIN))
                        break;
                range->end_s = epoch_s;
        }
        return end;
}

// True where the found row at this row's time is this row. *from: the first found row that is not before it.
static bool is_found(const struct storerpc_layout *layout, const uint8_t *row, const uint8_t *found, size_t found_count,
    size_t *from, bool *differs)
{
        while (*from < found_count && compare_times(layout, found + *from * layout->row_bytes, row) < 0)
                (*from)++;
        for (size_t i = *from; i < found_count && compare_times(layout, found + i * layout->row_bytes, row) == 0; i++) {
                if (memcmp(found + i * layout->row_bytes, row, layout->row_bytes) == 0)
                        return true;
                *differs = true;
        }
        return false;
}

static size_t mark_fixed(struct parcel *parcel, const struct storerpc_layout *layout, size_t first, size_t end,
    const uint8_t *found, size_t found_count)
{
        size_t from = 0, changed = 0;

        for (size_t i = first; i < end; i++) {
                bool differs = false;

                parcel->present[i] =
                    is_found(layout, parcel->rows + i * layout->row_bytes, found, found_count, &from, &differs);
                changed += !parcel->present[i] && differs;
        }
        return changed;
}

size_t parcel_mark(struct parcel *parcel, const struct sink_shape *shape, size_t first, size_t end,
    const uint8_t *found, size_t found_count)
{
        if (!shape->layout.variable)
                return mark_fixed(parcel, &shape->layout, first, end, found, found_count);
        const struct sink_rows rows = {
            &shape->layout, &shape->key, parcel->rows + first * shape->layout.row_bytes, end - first};
        const struct sink_rows others = {&shape->look, &shape->look_key, found, found_count};
        sinkmatch_mark(&rows, parcel->present + first, &others);
        return 0;
}
