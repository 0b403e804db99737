// SPDX-License-Identifier: Apache-2.0
// Bars at a running MarketStore server: what `store.type: server` does behind barsink.h. Rows are gathered by sink.c
// and proved durable before a sync is said to be done. A slot that is covered already is read first, so that a bar that
// does not change is not sent, and what REST corrects is counted, as with files.
#include "common/barlayout.h"
#include "common/log.h"
#include "common/memory.h"
#include "workers/writer/adopt.h"
#include "workers/writer/apply.h"
#include "workers/writer/barsink.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/serverstore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADOPT_ROWS 50000    // asked for at once
#define ADOPT_YEAR_END 2200 // no bar is younger
#define ROW_BYTES_MAX (8 + 8 * BAR_VALUES_COUNT)
#define DAY_NS (US_PER_DAY * 1000)

// ---- losses ----

// Neither stored nor, in a job under way, had.
static void withdraw(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us)
{
        bucket_uncover(store, bucket, start_us, end_us);
        for (size_t i = 0; i < LEASES_MAX; i++) {
                struct lease *lease = &store->leases[i];

                if (!lease->used || lease->bucket == BUCKET_NONE || store->buckets[lease->bucket] != bucket)
                        continue;
                store_require_memory(ranges_remove(&lease->got, start_us, end_us));
                store_require_memory(ranges_set(&lease->refused, start_us, end_us, 0));
        }
}

static void on_lost(void *context, void *owner, enum sink_loss loss, const struct sink_shape *shape,
    const uint8_t *rows, size_t count, const char *why)
{
        struct store *store = context;
        struct bucket_state *bucket = owner;
        char time[TIME_TEXT_SIZE], reason[REASON_SIZE];

        (void)time_format_us(storerpc_row_epoch_s(rows) * US_PER_S, time);
        if (loss == SINK_CHANGED) {
                log_warn(
                    "%s %s: another program writes to this bucket of %s: %zu bars from %s on have other values there "
                    "than were sent",
                    bucket->symbol, interval_name(bucket->interval), store->root, count, time);
                bucket->prepared = false; // perhaps it is another bucket by now
                return;
        }
        for (size_t i = 0; i < count; i++) {
                int64_t slot_us = interval_floor_us(
                    bucket->interval, storerpc_row_epoch_s(rows + i * shape->layout.row_bytes) * US_PER_S);
                int64_t end_us = interval_next_us(bucket->interval, slot_us);

                withdraw(store, bucket, slot_us, end_us);
                if (loss == SINK_NOT_KEPT)
                        bucket_explain(store, bucket, slot_us, end_us, GAP_UNSTORABLE, store->exchange_us,
                            "the store server acknowledged it and does not have it");
        }
        if (loss == SINK_NOT_KEPT) {
                log_error("%s %s: %zu bars from %s on are acknowledged by %s, but not kept", bucket->symbol,
                    interval_name(bucket->interval), count, time, store->root);
                return;
        }
        (void)snprintf(reason, sizeof(reason), "the server says: %.120s", why);
        if (!bucket->refused)
                bucket_refuse(store, bucket, reason);
}

// ---- looking ----

static void key_of(const struct bucket_state *bucket, char key[BUCKET_NAME_SIZE])
{
        bucket_format(bucket->directory, bucket->interval, key);
}

static int schema_of(
    struct store *store, struct bucket_state *bucket, struct yearfile_schema *schema, char why[REASON_SIZE])
{
        char key[BUCKET_NAME_SIZE];

        key_of(bucket, key);
        int result = sink_info(store->server->sink, key, schema, why);
        if (result > 0)
                errno = result == 1 ? ENOENT : EINVAL;
        return result == 0 ? 0 : -1;
}

static bool is_empty(struct store *store, struct bucket_state *bucket)
{
        struct yearfile_schema schema;
        char why[REASON_SIZE];

        return schema_of(store, bucket, &schema, why) < 0 && errno == ENOENT;
}

static void adopt_rows(
    struct store *store, struct bucket_state *bucket, const uint8_t *rows, size_t row_bytes, size_t count)
{
        struct ranges found = {0};

        for (size_t i = 0; i < count; i++) {
                int64_t slot_us =
                    interval_floor_us(bucket->interval, storerpc_row_epoch_s(rows + i * row_bytes) * US_PER_S);

                store_require_memory(
                    ranges_set(&found, slot_us, interval_next_us(bucket->interval, slot_us), BAR_ADOPTED));
        }
        for (size_t i = 0; i < found.count; i++)
                bucket_cover(store, bucket, found.items[i].start_us, found.items[i].end_us, BAR_ADOPTED);
        ranges_free(&found);
}

// Returns 0; 1, refused; -1.
static int adopt(struct store *store, struct bucket_state *bucket, const char *key)
{
        struct storerpc_range range = {.end_s = year_start_us(ADOPT_YEAR_END) / US_PER_S, .limit = ADOPT_ROWS};
        struct storerpc_layout layout;
        char why[REASON_SIZE];
        size_t count, total = 0;
        uint8_t *rows;

        storerpc_layout_make(&bucket->schema, &layout);
        size_t row_bytes = 8 + (size_t)column_type_bytes(layout.columns[1].type);
        do {
                int result = sink_read(store->server->sink, key, &layout, 2, &range, &rows, &count, why);

                if (result < 0)
                        return -1;
                if (result == 2) {
                        bucket_refuse(store, bucket, why);
                        return 1;
                }
                adopt_rows(store, bucket, rows, row_bytes, count);
                if (count > 0) // a start within a slot would bring that slot again
                        range.start_s = storerpc_row_epoch_s(rows + (count - 1) * row_bytes) +
                                        (bucket->timeframe_ns + 999999999) / 1000000000;
                free(rows);
                total += count;
        } while (count == ADOPT_ROWS);
        if (total > 0)
                log_info(
                    "%s: the store server has %zu bars that the ledger did not know; they count as stored, and REST is "
                    "asked to confirm them when there is nothing more urgent",
                    key, total);
        return 0;
}

static void withdraw_all(struct store *store, struct bucket_state *bucket, const char *key)
{
        int64_t bars = ranges_bars(&bucket->covered, bucket->interval);

        if (bars == 0)
                return;
        log_warn("%s: the ledger counts %lld bars as stored, but %s has no such bucket; they are fetched again", key,
            (long long)bars, store->root);
        bucket_uncover(store, bucket, INT64_MIN, INT64_MAX);
}

// Someone else has made the bucket just now, or in the place of ours: what lies there is looked at anew, in its
// columns.
static void leave_columns(struct store *store, struct bucket_state *bucket, const char *key)
{
        if (bucket->target != NULL)
                log_warn("%s: the bucket of %s has other columns than before; what it has is looked at anew, and what "
                         "it lacks is fetched again",
                    key, store->root);
        bucket_uncover(store, bucket, INT64_MIN, INT64_MAX);
        bucket->target = NULL;
        bucket->schema_known = bucket->looked_at = false;
}

static int look(struct store *store, struct bucket_state *bucket)
{
        struct yearfile_schema schema;
        char key[BUCKET_NAME_SIZE], why[REASON_SIZE];

        key_of(bucket, key);
        if (schema_of(store, bucket, &schema, why) == 0) {
                if (!yearfile_schema_equal(&schema, &bucket->schema)) {
                        leave_columns(store, bucket, key);
                        errno = EAGAIN;
                        return -1;
                }
                return bucket->looked_at ? 0 : adopt(store, bucket, key);
        }
        if (errno == ENOENT) {
                withdraw_all(store, bucket, key);
                return 0;
        }
        if (errno != EINVAL)
                return -1;
        bucket_refuse(store, bucket, why);
        return 1;
}

// ---- writing ----

// The server keeps 1 January of daily buckets in a place of the file that nobody reads.
static const char *unstorable(const struct bucket_state *bucket, int64_t slot_us)
{
        if (bucket->timeframe_ns != DAY_NS || year_start_us(year_of_us(slot_us)) != slot_us)
                return NULL;
        return "a MarketStore server cannot keep a bar of 1 January in a 1D bucket";
}

static struct sink_target *target_of(struct store *store, struct bucket_state *bucket)
{
        char key[BUCKET_NAME_SIZE];
        struct sink_shape shape;

        if (bucket->target == NULL) {
                key_of(bucket, key);
                sinkmatch_shape_make(&bucket->schema, NULL, &shape);
                bucket->target = sink_target_new(store->server->sink, key, &shape, on_lost, bucket);
        }
        return bucket->target;
}

// What the server has in the slots of the run that are covered; nothing is asked where none is.
static int read_covered(
    struct store *store, const struct row_run *run, struct sink_target *target, uint8_t **found, size_t *found_count)
{
        const struct storerpc_layout *layout = sink_target_layout(target);
        struct storerpc_range range = {.start_s = INT64_MAX, .end_s = INT64_MIN};
        char key[BUCKET_NAME_SIZE], why[REASON_SIZE];

        *found = NULL;
        *found_count = 0;
        for (size_t i = 0; i < run->count; i++) {
                if (!ranges_contain(&run->bucket->covered, run->slots_us[i]))
                        continue;
                if (range.start_s == INT64_MAX)
                        range.start_s = run->slots_us[i] / US_PER_S;
                range.end_s = run->slots_us[i] / US_PER_S;
        }
        if (range.start_s == INT64_MAX)
                return 0;
        if (sink_send(target) < 0)
                return -1;
        key_of(run->bucket, key);
        // Where it refuses to tell, the rows are sent.
        return sink_read(store->server->sink, key, layout, layout->count, &range, found, found_count, why) < 0 ? -1 : 0;
}

// Encodes the run's rows; leaves out those that the server has just so. Returns how many are to be sent.
static size_t encode_run(struct server_store *server, struct row_run *run, const struct storerpc_layout *layout,
    const uint8_t *found, size_t found_count)
{
        struct bar_layout bar;
        size_t count = 0, at = 0;

        bar_layout_make(&run->bucket->schema, &bar);
        for (size_t i = 0; i < run->count; i++) {
                uint8_t *row = server->bar_rows + count * layout->row_bytes;
                int64_t epoch_s = run->slots_us[i] / US_PER_S;

                bar_layout_encode(&bar, epoch_s, &run->values[i], row);
                while (at < found_count && storerpc_row_epoch_s(found + at * layout->row_bytes) < epoch_s)
                        at++;
                bool there = at < found_count && storerpc_row_epoch_s(found + at * layout->row_bytes) == epoch_s;
                run->changes[i] = there ? YEARFILE_REWRITTEN : YEARFILE_NEW;
                if (there && memcmp(found + at * layout->row_bytes, row, layout->row_bytes) == 0)
                        run->changes[i] = YEARFILE_UNCHANGED;
                else
                        count++;
        }
        return count;
}

static int write_run(struct store *store, struct row_run *run, bool live)
{
        struct sink_target *target = target_of(store, run->bucket);
        const struct storerpc_layout *layout = sink_target_layout(target);
        uint8_t *found;
        size_t found_count;

        if (store->server->bar_rows == NULL)
                store->server->bar_rows = memory_zeroed(ROW_RUN_MAX, ROW_BYTES_MAX);
        if (read_covered(store, run, target, &found, &found_count) < 0)
                return -1;
        size_t count = encode_run(store->server, run, layout, found, found_count);
        free(found);
        // Old bars may have been lost or refused meanwhile.
        if (count > 0 && sink_put(target, store->server->bar_rows, count) < 0)
                return -1;
        if (run->bucket->refused)
                return 1;
        store->rows_dirty = true;
        store_mark_dirty(store, (int64_t)(count * layout->row_bytes), live);
        atomic_fetch_add_explicit(&store->governor->rows_stored, count, memory_order_relaxed);
        return 0;
}

// ---- reading ----

static ssize_t read_bars(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t *end_us,
    size_t count_max, int64_t *open_us, struct bar_values *bars)
{
        struct sink_target *target = target_of(store, bucket);
        const struct storerpc_layout *layout = sink_target_layout(target);
        struct storerpc_range range = {
            .start_s = start_us / US_PER_S, .end_s = (*end_us - 1) / US_PER_S, .limit = (int64_t)count_max};
        struct bar_layout bar;
        char key[BUCKET_NAME_SIZE], why[REASON_SIZE];
        uint8_t *rows;
        size_t count;

        key_of(bucket, key);
        if (sink_send(target) < 0)
                return -1;
        int result = sink_read(store->server->sink, key, layout, layout->count, &range, &rows, &count, why);
        if (result < 0)
                return -1;
        if (result == 2 && !bucket->refused)
                bucket_refuse(store, bucket, why);
        bar_layout_make(&bucket->schema, &bar);
        count = count < count_max ? count : count_max;
        for (size_t i = 0; i < count; i++) {
                open_us[i] = storerpc_row_epoch_s(rows + i * layout->row_bytes) * US_PER_S;
                bar_layout_decode(&bar, rows + i * layout->row_bytes, &bars[i]);
        }
        free(rows);
        return (ssize_t)count;
}

const struct bar_sink barserver = {
    .schema = schema_of,
    .takes = bar_layout_is_acceptable,
    .look = look,
    .is_empty = is_empty,
    .write = write_run,
    .read = read_bars,
    .sync = serverstore_sync,
    .close = serverstore_close,
    .unstorable = unstorable,
    .is_away = serverstore_is_away,
};
