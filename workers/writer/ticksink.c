// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/ticksink.h"

#include "common/log.h"
#include "workers/writer/catalogue.h"
#include "workers/writer/tickset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int ticksink_refuse(struct store *store, struct tick_bucket *bucket, const char *what)
{
        char why[REASON_SIZE];

        (void)snprintf(why, sizeof(why), "not written: %.140s", what);
        log_error("%s %s is %s; its rows are fetched again where that can be done once that is mended, others go on",
            bucket->symbol, tick_group(bucket->kind), why);
        (void)snprintf(bucket->why, sizeof(bucket->why), "%s", why);
        bucket->refused = true;
        tick_row_changed(store, bucket);
        return 1;
}

static const char *shared_with(const struct store *store, const struct tick_bucket *bucket)
{
        for (size_t i = 0; i < store->ticks.count; i++) {
                const struct tick_bucket *other = store->ticks.buckets[i];

                if (other != bucket && other->kind == bucket->kind && strcmp(other->directory, bucket->directory) == 0)
                        return other->symbol;
        }
        return NULL;
}

void ticksink_forget(struct store *store, struct tick_bucket *bucket)
{
        for (int32_t epoch = 0; epoch < bucket->epochs; epoch++)
                tick_uncover(store, bucket, epoch, 0, INT64_MAX);
        bucket->rows = 0;
        bucket->first_us = -1;
}

// Another `store.symbol` than before: what the ledger counts lies in another directory.
static void move_account(struct store *store, struct tick_bucket *bucket)
{
        if (bucket->directory_before[0] != '\0' && strcmp(bucket->directory_before, bucket->directory) != 0) {
                log_warn("%s %s is kept as %s from now on; what lies in %s stays there and no longer counts",
                    bucket->symbol, tick_group(bucket->kind), bucket->directory, bucket->directory_before);
                ticksink_forget(store, bucket);
        }
        bucket->adopting = bucket->directory_before[0] == '\0';
        (void)snprintf(bucket->directory_before, sizeof(bucket->directory_before), "%s", bucket->directory);
        tick_row_changed(store, bucket);
}

static int resolve_directory(struct store *store, struct tick_bucket *bucket)
{
        const struct catalogue_entry *entry = catalogue_find(&store->catalogue, bucket->symbol);
        const char *pattern = store->setup.settings.store_symbol, *other;
        char text[REASON_SIZE];

        if (bucket_symbol_expand(pattern, bucket->symbol, entry != NULL ? entry->base : NULL,
                entry != NULL ? entry->quote : NULL, bucket->directory, sizeof(bucket->directory)) == 0) {
                move_account(store, bucket);
                other = strstr(pattern, "{symbol}") != NULL ? NULL : shared_with(store, bucket);
                if (other == NULL)
                        return 0;
                (void)snprintf(text, sizeof(text), "store.symbol %s gives it the same name as %s", pattern, other);
                return ticksink_refuse(store, bucket, text);
        }
        bucket->directory[0] = '\0';
        if (entry == NULL && store->catalogue.generation == 0) {
                errno = EAGAIN;
                return -1;
        }
        (void)snprintf(text, sizeof(text), "store.symbol %s gives it no usable name (%s)", pattern,
            entry == NULL ? "the catalogue does not know it" : strerror(errno));
        return ticksink_refuse(store, bucket, text);
}

int ticksink_prepare(struct store *store, struct tick_bucket *bucket)
{
        int result;

        if (bucket->refused)
                return 1;
        if (bucket->prepared)
                return 0;
        if (bucket->directory[0] == '\0' && (result = resolve_directory(store, bucket)) != 0)
                return result;
        if ((result = store->tick_sink->look(store, bucket)) != 0)
                return result;
        bucket->adopting = false;
        bucket->prepared = true;
        return 0;
}

struct tick_rows *ticksink_rows(struct store *store, const struct tick_bucket *bucket)
{
        struct tick_rows **rows = &store->ticks.rows[bucket->kind];

        if (*rows != NULL && tick_rows_levels(*rows) != bucket->levels) {
                tick_rows_free(*rows);
                *rows = NULL;
        }
        if (*rows == NULL)
                *rows = tick_rows_new(bucket->kind, bucket->levels);
        tick_rows_clear(*rows);
        return *rows;
}

int ticksink_stage(struct store *store, struct tick_bucket *bucket, const struct tick_rows *rows)
{
        return store->tick_sink->stage(store, bucket, rows);
}
