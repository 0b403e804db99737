// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/derivemake.h"

#include "common/aggregate.h"
#include "workers/writer/adopt.h"
#include "workers/writer/apply.h"
#include "workers/writer/barsink.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/derivekeep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_ROWS 1024 // at once

// Rows of the source, read in order.
struct reading {
        struct store *store;
        struct bucket_state *source;
        int64_t until_us; // nothing is read behind it
        int64_t next_us;  // from here on nothing has been read yet
        size_t count, at; // rows at hand
        int64_t open_us[READ_ROWS];
        struct bar_values bars[READ_ROWS];
};

struct making {
        struct store *store;
        struct bucket_state *bucket;
        struct reading reading;
        size_t *left;
        bool broken; // a row of the slot at hand holds what is no number
};

int64_t derive_first_bar_us(const struct store *store, const struct bucket_state *bucket)
{
        while (bucket != NULL && bucket->first_bar_us < 0 && bucket->made.from == AGGREGATE_BARS)
                bucket = bucketset_find(store, bucket->symbol, bucket->made.interval);
        return bucket != NULL && bucket->first_bar_us >= 0 ? bucket->first_bar_us : -1;
}

// ---- the source ----

// True where every slot of [from_us, until_us) has its bar, or has none for a reason that will not change.
static bool is_ready(const struct store *store, const struct bucket_state *source, int64_t from_us, int64_t until_us)
{
        int64_t first_us = derive_first_bar_us(store, source);

        if (first_us >= 0 && from_us < interval_floor_us(source->interval, first_us))
                from_us = interval_floor_us(source->interval, first_us);
        while (from_us < until_us) {
                size_t i = ranges_find(&source->covered, from_us), j = ranges_find(&source->explained_ranges, from_us);

                if (i < source->covered.count && source->covered.items[i].start_us <= from_us)
                        from_us = source->covered.items[i].end_us;
                else if (j < source->explained_ranges.count && source->explained_ranges.items[j].start_us <= from_us)
                        from_us = source->explained_ranges.items[j].end_us;
                else
                        return false;
        }
        return true;
}

// Reads on from reading->next_us: of covered slots alone, for only those have files. Returns 0, 1 (nothing is left) or
// -1 with errno.
static int fill(struct reading *reading)
{
        struct bucket_state *source = reading->source;

        reading->count = reading->at = 0;
        while (reading->count == 0) {
                size_t i = ranges_find(&source->covered, reading->next_us);
                if (i == source->covered.count || source->covered.items[i].start_us >= reading->until_us)
                        return 1;
                const struct range *covered = &source->covered.items[i];
                int64_t from_us = covered->start_us > reading->next_us ? covered->start_us : reading->next_us;
                int64_t end_us = covered->end_us < reading->until_us ? covered->end_us : reading->until_us;
                ssize_t count = reading->store->sink->read(
                    reading->store, source, from_us, &end_us, READ_ROWS, reading->open_us, reading->bars);
                if (count < 0)
                        return -1;
                if (source->refused)
                        return 1;
                reading->count = (size_t)count;
                reading->next_us = count == READ_ROWS ? reading->open_us[count - 1] + 1 : end_us;
        }
        return 0;
}

// Of slots that were left out.
static void skip_rows(struct reading *reading, int64_t until_us)
{
        while (reading->at < reading->count && reading->open_us[reading->at] < until_us)
                reading->at++;
        if (reading->at == reading->count && reading->next_us < until_us)
                reading->next_us = until_us;
}

// Adds the rows before `until_us`. Returns 0, or -1 with errno.
static int add_rows(struct making *making, struct aggregate *aggregate, int64_t until_us)
{
        struct reading *reading = &making->reading;

        for (;;) {
                if (reading->at == reading->count) {
                        int result = reading->next_us < until_us ? fill(reading) : 1;

                        if (result != 0)
                                return result < 0 ? -1 : 0;
                }
                if (reading->open_us[reading->at] >= until_us)
                        return 0;
                if (aggregate_add_bar(aggregate, &reading->bars[reading->at++]) < 0)
                        making->broken = true;
                *making->left -= *making->left > 0;
        }
}

// ---- slots ----

// The source has no bar in it: then there is none to be made, for the source's reason.
static void explain(struct making *making, int64_t slot_us, int64_t end_us)
{
        const struct bucket_state *source = making->reading.source;
        struct bucket_state *bucket = making->bucket;
        size_t i = ranges_find(&source->explained_ranges, slot_us);
        char evidence[REASON_SIZE];

        // Before the listing; or the exchange is to be asked, and has the last word.
        if (i == source->explained_ranges.count || source->explained_ranges.items[i].start_us >= end_us ||
            ranges_contain(&bucket->wanted, slot_us))
                return;
        (void)snprintf(
            evidence, sizeof(evidence), "made of %s bars, of which there are none", interval_name(source->interval));
        bucket_explain(making->store, bucket, slot_us, end_us, (enum gap_state)source->explained_ranges.items[i].tag,
            making->store->exchange_us, evidence);
}

// A bar of the source exists and could not be kept: what is made without it would be wrong.
static bool lacks_unstorable(struct making *making, int64_t slot_us, int64_t end_us)
{
        const struct ranges *explained = &making->reading.source->explained_ranges;

        for (size_t i = ranges_find(explained, slot_us); i < explained->count && explained->items[i].start_us < end_us;
             i++) {
                if (explained->items[i].tag != GAP_UNSTORABLE)
                        continue;
                bucket_explain(making->store, making->bucket, slot_us, end_us, GAP_UNSTORABLE,
                    making->store->exchange_us, "one of the bars that it is made of is unstorable");
                return true;
        }
        return false;
}

static int make_slot(struct making *making, int64_t slot_us, int64_t end_us)
{
        struct bucket_state *bucket = making->bucket;
        const struct bucket_state *source = making->reading.source;
        struct aggregate aggregate = {0};
        struct bar_values values;
        char of[16];
        bool own = derive_has_own(bucket, slot_us);

        *making->left -= *making->left > 0;
        if ((own && !bucket->made.check) || !is_ready(making->store, source, slot_us, end_us))
                return 0;
        if (!own &&
            (apply_is_unstorable(making->store, bucket, slot_us, end_us) || lacks_unstorable(making, slot_us, end_us)))
                return 0;
        skip_rows(&making->reading, slot_us);
        making->broken = false;
        if (add_rows(making, &aggregate, end_us) < 0)
                return -1;
        if (making->broken)
                return 0; // a tree of other people's: nothing can be said about it
        if (!aggregate_to_values(&aggregate, &values)) {
                explain(making, slot_us, end_us);
                return 0;
        }
        if (!own)
                return derive_keep(making->store, bucket, slot_us, end_us, &values);
        (void)snprintf(of, sizeof(of), "%s bars", interval_name(source->interval));
        return derive_compare_own(making->store, bucket, slot_us, &values, source->schema.columns_count, of);
}

// Returns 0 where both can be read and written; 1: not; -1 with errno.
static int prepare(struct store *store, struct bucket_state *bucket, struct bucket_state *source)
{
        int result = bucket->symbol_known ? bucket_prepare(store, source) : 1;

        return result != 0 ? result : bucket_prepare(store, bucket);
}

int derive_make(struct store *store, struct bucket_state *bucket, struct bucket_state *source,
    const struct range *range, size_t *left, int64_t *done_us)
{
        struct making *making;
        int64_t slot_us = range->start_us;
        int result = source->covered.count == 0 && source->explained.count == 0 ? 1 : prepare(store, bucket, source);

        if (result != 0) {
                *done_us = result < 0 ? range->start_us : range->end_us;
                return result < 0 ? -1 : 0;
        }
        making = calloc(1, sizeof(*making));
        store_require_memory(making != NULL ? 0 : -1);
        *making = (struct making){.store = store, .bucket = bucket, .left = left};
        making->reading.store = store;
        making->reading.source = source;
        making->reading.next_us = slot_us;
        making->reading.until_us = range->end_us;
        store->run->count = 0;
        while (slot_us<range->end_us && * left> 0 && result == 0) {
                int64_t end_us = interval_next_us(bucket->interval, slot_us);

                result = make_slot(making, slot_us, end_us);
                slot_us = end_us;
        }
        if (result == 0)
                result = derive_flush(store);
        // What was made before a failure is made again: nothing says which of it has reached the file.
        *done_us = result < 0 ? range->start_us : slot_us;
        free(making);
        return result;
}
