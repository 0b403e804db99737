// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/adopt.h"

#include "common/log.h"
#include "workers/writer/barsink.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void bucket_refuse(struct store *store, struct bucket_state *bucket, const char *why)
{
        (void)snprintf(bucket->why, sizeof(bucket->why), "not written: %.140s", why);
        log_error("%s %s is %s; its bars are fetched again once that is mended, others go on", bucket->symbol,
            interval_name(bucket->interval), bucket->why);
        bucket->refused = true;
        bucket_row_changed(store, bucket);
}

// ---- the directory's name ----

// `{base}` alone would put BTCUSDT and BTCEUR into one bucket.
static const char *shared_with(const struct store *store, const struct bucket_state *bucket)
{
        if (strstr(store->setup.settings.store_symbol, "{symbol}") != NULL)
                return NULL;
        for (size_t i = 0; i < store->buckets_count; i++) {
                const struct bucket_state *other = store->buckets[i];

                if (other != bucket && other->interval == bucket->interval &&
                    strcmp(other->directory, bucket->directory) == 0)
                        return other->symbol;
        }
        return NULL;
}

// Another `store.symbol` than before: what the ledger counts lies in another directory.
static void move_account(struct store *store, struct bucket_state *bucket)
{
        if (bucket->directory_before[0] == '\0' || strcmp(bucket->directory_before, bucket->directory) == 0)
                return;
        log_warn("%s %s is kept as %s from now on; what lies in %s stays there and no longer counts", bucket->symbol,
            interval_name(bucket->interval), bucket->directory, bucket->directory_before);
        bucket_uncover(store, bucket, INT64_MIN, INT64_MAX);
        bucket->looked_at = false;
        (void)snprintf(bucket->directory_before, sizeof(bucket->directory_before), "%s", bucket->directory);
}

// `wanted_now`: say so where the catalogue is awaited. Returns 0; 1: refused; -1 with EAGAIN.
static int resolve_directory(struct store *store, struct bucket_state *bucket, bool wanted_now)
{
        const struct catalogue_entry *entry = catalogue_find(&store->catalogue, bucket->symbol);
        const char *pattern = store->setup.settings.store_symbol;
        char text[REASON_SIZE];

        if (bucket_symbol_expand(pattern, bucket->symbol, entry != NULL ? entry->base : NULL,
                entry != NULL ? entry->quote : NULL, bucket->directory, sizeof(bucket->directory)) == 0) {
                const char *other = shared_with(store, bucket);

                move_account(store, bucket);
                bucket_row_changed(store, bucket);
                if (other == NULL)
                        return 0;
                (void)snprintf(text, sizeof(text), "store.symbol %s gives it the same name as %s", pattern, other);
        } else if (entry == NULL && store->catalogue.generation == 0) {
                bucket->directory[0] = '\0';
                if (wanted_now && !store->catalogue_awaited)
                        log_warn("bars of %s wait for the exchange's catalogue: store.symbol is %s", bucket->symbol,
                            pattern);
                store->catalogue_awaited = store->catalogue_awaited || wanted_now;
                errno = EAGAIN;
                return -1;
        } else {
                bucket->directory[0] = '\0';
                (void)snprintf(text, sizeof(text), "store.symbol %s gives it no usable name (%s)", pattern,
                    entry == NULL ? "the catalogue does not know it" : strerror(errno));
        }
        bucket_refuse(store, bucket, text);
        return 1;
}

// ---- columns ----

void adopt_schema_text(const struct yearfile_schema *schema, char *text, size_t size)
{
        size_t used = 0;

        text[0] = '\0';
        for (size_t i = 0; i < schema->columns_count && used + 1 < size; i++) {
                int length = snprintf(text + used, size - used, "%s%s %s", i > 0 ? ", " : "", schema->columns[i].name,
                    column_type_name(schema->columns[i].type));

                if (length < 0)
                        break;
                used += (size_t)length;
        }
}

// Returns 0; 1: refused; -1 with errno.
static int resolve_schema(struct store *store, struct bucket_state *bucket)
{
        struct yearfile_schema ours, *theirs = &bucket->schema;
        char why[REASON_SIZE], text[1024], reason[REASON_SIZE];

        yearfile_bar_schema(bucket->interval, store->setup.settings.store_columns == COLUMNS_FULL, &ours);
        if (store->sink->schema(store, bucket, theirs, why) < 0) {
                if (errno == ENOENT) {
                        bucket->schema = ours;
                        bucket->schema_known = true;
                        return 0;
                }
                if (errno != EINVAL && errno != ELOOP && errno != ENOTDIR && errno != EACCES)
                        return -1;
                bucket_refuse(store, bucket, why);
                return 1;
        }
        if (theirs->timeframe_ns != ours.timeframe_ns || theirs->record_type != 0 ||
            !store->sink->takes(theirs, reason)) {
                adopt_schema_text(theirs, text, sizeof(text));
                log_error("%s %s: the store has columns %s; timeframe %lld s, record type %lld, %lld bytes a record",
                    bucket->symbol, interval_name(bucket->interval), text,
                    (long long)(theirs->timeframe_ns / 1000000000), (long long)theirs->record_type,
                    (long long)theirs->record_length);
                adopt_schema_text(&ours, text, sizeof(text));
                log_error("%s %s: accepted are %s (or the first five of them); timeframe %lld s, record type 0",
                    bucket->symbol, interval_name(bucket->interval), text, (long long)(ours.timeframe_ns / 1000000000));
                (void)snprintf(why, sizeof(why), "its columns are (%.80s), not ours",
                    theirs->record_type != 0 ? "of variable length" : reason);
                bucket_refuse(store, bucket, why);
                return 1;
        }
        bucket->schema_known = true;
        return 0;
}

// ---- what the store holds ----

static void mark_looked_at(struct store *store, struct bucket_state *bucket, bool looked_at)
{
        bucket->looked_at = looked_at;
        bucket_row_changed(store, bucket);
}

// So that a bucket was looked at is in the ledger before it is written: what lies there later without an account may be
// torn by a power loss, and is fetched again. The others that hold nothing are marked with it, so that a new store
// needs one commit and not one for each bucket.
static int commit_look(struct store *store, struct bucket_state *bucket)
{
        mark_looked_at(store, bucket, true);
        for (size_t i = 0; i < store->buckets_count; i++) {
                struct bucket_state *other = store->buckets[i];

                if (!other->looked_at && other->followed && !other->refused && other->directory[0] == '\0')
                        (void)resolve_directory(store, other, false);
                if (!other->looked_at && other->followed && !other->refused && other->directory[0] != '\0' &&
                    store->sink->is_empty(store, other))
                        mark_looked_at(store, other, true);
        }
        if (store_sync(store) == 0)
                return 0;
        mark_looked_at(store, bucket, false);
        return -1;
}

int bucket_prepare(struct store *store, struct bucket_state *bucket)
{
        int result;

        if (bucket->refused)
                return 1;
        if (bucket->prepared)
                return 0;
        if (bucket->directory[0] == '\0' && (result = resolve_directory(store, bucket, true)) != 0)
                return result;
        if (!bucket->schema_known && (result = resolve_schema(store, bucket)) != 0)
                return result;
        bool known = bucket->looked_at;
        if ((result = store->sink->look(store, bucket)) != 0)
                return result;
        if (!known && commit_look(store, bucket) < 0)
                return -1;
        bucket->prepared = true;
        return 0;
}
