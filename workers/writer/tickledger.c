// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/tickledger.h"

#include "common/memory.h"
#include "common/symbol.h"
#include "workers/writer/sql.h"
#include "workers/writer/tickfiles.h"
#include "workers/writer/ticklive.h"
#include "workers/writer/tickplan.h"
#include "workers/writer/tickset.h"
#include "workers/writer/troubles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- writing ----

static sqlite3_stmt *for_bucket(struct ledger *ledger, enum statement which, const struct tick_bucket *bucket)
{
        sqlite3_stmt *statement = ledger->statements[which];

        sqlite3_bind_int64(statement, 1, bucket->id);
        return statement;
}

static void bind_numbers(sqlite3_stmt *statement, int from, const int64_t *numbers, size_t count)
{
        for (size_t i = 0; i < count; i++)
                sqlite3_bind_int64(statement, from + (int)i, numbers[i]);
}

static int put_row(struct ledger *ledger, const struct store *store, const struct tick_bucket *bucket)
{
        sqlite3_stmt *put = for_bucket(ledger, PUT_TICK_BUCKET, bucket);
        struct tick_stretch wanted[TICK_STRETCHES] = {{0, -1}, {0, -1}};
        struct tick_place seen;
        int64_t last_id, rows;

        ticklive_durable(bucket, &seen, &last_id, &rows);
        (void)tickplan_wanted(store, bucket, wanted);
        const int64_t numbers[] = {bucket->followed, bucket->live, bucket->backfill, last_id, bucket->last_us,
            bucket->live_from_id, bucket->first_us, rows, bucket->tombstones, bucket->defective};
        const int64_t later[] = {bucket->boundary_us, seen.row, seen.index, bucket->history_from_us,
            bucket->history_until_us, bucket->history_first_id, bucket->history_last_id, bucket->history_empty,
            bucket->end_open, bucket->newest_id, bucket->ended_us, wanted[0].first_id, wanted[0].last_id,
            wanted[1].first_id, wanted[1].last_id};
        sqlite3_bind_text(put, 2, bucket->symbol, -1, SQLITE_STATIC);
        sqlite3_bind_text(put, 3, tick_group(bucket->kind), -1, SQLITE_STATIC);
        // Interrupted, it is looked at from the beginning.
        sqlite3_bind_text(put, 4, bucket->adopting ? "" : bucket->directory_before, -1, SQLITE_STATIC);
        bind_numbers(put, 5, numbers, sizeof(numbers) / sizeof(numbers[0]));
        if (bucket->boundary_open)
                sqlite3_bind_text(put, 15, bucket->boundary_reason, -1, SQLITE_STATIC);
        else
                sqlite3_bind_null(put, 15);
        bind_numbers(put, 16, later, sizeof(later) / sizeof(later[0]));
        sqlite3_bind_text(put, 31, bucket->why, -1, SQLITE_STATIC);
        return sql_step_done(put);
}

static int put_epochs(struct ledger *ledger, const struct tick_bucket *bucket)
{
        if (sql_step_done(for_bucket(ledger, DROP_TICK_EPOCHS, bucket)) < 0)
                return -1;
        for (int32_t i = 0; i < bucket->epochs; i++) {
                sqlite3_stmt *put = for_bucket(ledger, PUT_TICK_EPOCH, bucket);
                const int64_t numbers[] = {i, bucket->epoch_starts_us[i]};

                bind_numbers(put, 2, numbers, 2);
                if (sql_step_done(put) < 0)
                        return -1;
        }
        return 0;
}

static int put_range(struct ledger *ledger, const struct tick_bucket *bucket, const struct id_range *range)
{
        sqlite3_stmt *put = for_bucket(ledger, PUT_TICK_IDS, bucket);
        const int64_t numbers[] = {range->epoch, range->first_id, range->last_id, range->first_us, range->last_us};

        bind_numbers(put, 2, numbers, 5);
        sqlite3_bind_text(put, 7, id_source_name(range->source), -1, SQLITE_STATIC);
        return sql_step_done(put);
}

// Only the stretch that changed is replaced, with the ranges that it touches; all of them where an older numbering did.
static int put_ids(struct ledger *ledger, const struct tick_bucket *bucket)
{
        int64_t first = bucket->ids_dirty_first > 0 && !bucket->ids_rewritten ? bucket->ids_dirty_first - 1 : INT64_MIN;
        int64_t last =
            bucket->ids_dirty_last < INT64_MAX && !bucket->ids_rewritten ? bucket->ids_dirty_last + 1 : INT64_MAX;
        int32_t epoch = bucket->ids_rewritten ? 0 : tick_epoch_newest(bucket);
        sqlite3_stmt *drop = for_bucket(ledger, DROP_TICK_IDS, bucket);
        const int64_t numbers[] = {epoch, first, last};

        bind_numbers(drop, 2, numbers, 3);
        if (sql_step_done(drop) < 0)
                return -1;
        for (size_t i = idset_find(&bucket->covered, epoch, first); i < bucket->covered.count; i++) {
                const struct id_range *range = &bucket->covered.items[i];

                if (!bucket->ids_rewritten && range->first_id > last)
                        break;
                if (put_range(ledger, bucket, range) < 0)
                        return -1;
        }
        return 0;
}

static int put_gap(struct ledger *ledger, const struct tick_bucket *bucket, const struct tick_gap *gap)
{
        sqlite3_stmt *put = for_bucket(ledger, gap->dropped ? DROP_TICK_GAP : PUT_TICK_GAP, bucket);
        const int64_t numbers[] = {gap->number, gap->epoch, gap->first_id, gap->last_id, gap->start_us, gap->end_us};

        bind_numbers(put, 2, numbers, gap->dropped ? 1 : sizeof(numbers) / sizeof(numbers[0]));
        if (!gap->dropped) {
                sqlite3_bind_text(put, 8, gap_state_name(gap->state), -1, SQLITE_STATIC);
                sqlite3_bind_int64(put, 9, gap->found_us);
                sqlite3_bind_text(put, 10, gap->evidence, -1, SQLITE_STATIC);
        }
        return sql_step_done(put);
}

static int put_gaps(struct ledger *ledger, const struct tick_bucket *bucket)
{
        for (size_t i = 0; i < bucket->gaps_count; i++) {
                if (bucket->gaps[i].dirty && put_gap(ledger, bucket, &bucket->gaps[i]) < 0)
                        return -1;
        }
        return 0;
}

static int put_troubles(struct ledger *ledger, const struct tick_bucket *bucket)
{
        if (sql_step_done(for_bucket(ledger, DROP_TICK_TROUBLES, bucket)) < 0)
                return -1;
        for (size_t i = 0; i < bucket->troubles_count; i++) {
                const struct tick_trouble *trouble = &bucket->troubles[i];
                sqlite3_stmt *put = for_bucket(ledger, PUT_TICK_TROUBLE, bucket);

                sqlite3_bind_int64(put, 2, trouble->first_id);
                sqlite3_bind_int64(put, 3, trouble->last_id);
                sqlite3_bind_text(
                    put, 4, trouble_kind_name((enum trouble_kind)trouble->kind, trouble->attempts), -1, SQLITE_STATIC);
                sqlite3_bind_int64(put, 5, trouble->attempts);
                sqlite3_bind_int64(put, 6, trouble->retry_wall_ns);
                sqlite3_bind_text(put, 7, trouble->text, -1, SQLITE_STATIC);
                if (sql_step_done(put) < 0)
                        return -1;
        }
        return 0;
}

static bool ids_are_dirty(const struct tick_bucket *bucket)
{
        return bucket->ids_rewritten || bucket->ids_dirty_first <= bucket->ids_dirty_last;
}

static int put_bucket(struct ledger *ledger, const struct store *store, const struct tick_bucket *bucket)
{
        if (bucket->row_dirty && put_row(ledger, store, bucket) < 0)
                return -1;
        if (bucket->epochs_dirty && put_epochs(ledger, bucket) < 0)
                return -1;
        if (ids_are_dirty(bucket) && put_ids(ledger, bucket) < 0)
                return -1;
        if (bucket->gaps_dirty && put_gaps(ledger, bucket) < 0)
                return -1;
        return bucket->troubles_dirty ? put_troubles(ledger, bucket) : 0;
}

static int put_triple(void *context, const struct tick_bucket *bucket, int year, const struct tick_triple *triple)
{
        sqlite3_stmt *put = for_bucket(context, PUT_TICK_TRIPLE, bucket);
        const int64_t numbers[] = {year, triple->second, triple->offset, triple->length};

        bind_numbers(put, 2, numbers, 4);
        return sql_step_done(put);
}

int tickledger_put(struct ledger *ledger, const struct store *store)
{
        for (size_t i = 0; i < store->ticks.count; i++) {
                if (put_bucket(ledger, store, store->ticks.buckets[i]) < 0)
                        return -1;
        }
        if (store->ticks.triples_kept && sql_run(ledger->db, "DELETE FROM tick_triples") < 0)
                return -1;
        return tickfiles_each_pending(store, put_triple, ledger);
}

static void forget_dropped(struct tick_bucket *bucket)
{
        size_t kept = 0;

        for (size_t i = 0; i < bucket->gaps_count; i++) {
                bucket->gaps[i].dirty = false;
                if (!bucket->gaps[i].dropped)
                        bucket->gaps[kept++] = bucket->gaps[i];
        }
        bucket->gaps_count = kept;
        bucket->gaps_dirty = false;
}

void tickledger_is_clean(struct store *store)
{
        for (size_t i = 0; i < store->ticks.count; i++) {
                struct tick_bucket *bucket = store->ticks.buckets[i];

                if (bucket->gaps_dirty)
                        forget_dropped(bucket);
                // What waits moves the bucket's place in the spool when it is stored.
                bucket->row_dirty = bucket->epochs_dirty = bucket->troubles_dirty = bucket->ids_rewritten = false;
                bucket->ids_dirty_first = INT64_MAX;
                bucket->ids_dirty_last = INT64_MIN;
        }
        store->ticks.triples_kept = tickfiles_any_pending(store);
        store->ticks.pointed = false;
}

// ---- reading ----

static const char *text_of(sqlite3_stmt *row, int column)
{
        const unsigned char *text = sqlite3_column_text(row, column);

        return text != NULL ? (const char *)text : "";
}

static int wrong(void)
{
        errno = EBADMSG;
        return -1;
}

// Ids are given in the order of the buckets, without holes.
static struct tick_bucket *bucket_by_id(const struct store *store, int64_t id)
{
        return id >= 1 && (uint64_t)id <= store->ticks.count ? store->ticks.buckets[id - 1] : NULL;
}

static int load_bucket(struct store *store, sqlite3_stmt *row)
{
        enum tick_kind kind;
        int column = 4;

        if (!symbol_is_valid(text_of(row, 1)) || tick_kind_parse(text_of(row, 2), &kind) < 0 ||
            tickset_find(store, text_of(row, 1), kind) != NULL)
                return wrong();
        struct tick_bucket *bucket = tickset_get(store, text_of(row, 1), kind);
        if (bucket->id != sqlite3_column_int64(row, 0))
                return wrong();
        (void)snprintf(bucket->directory_before, sizeof(bucket->directory_before), "%s", text_of(row, 3));
        int64_t *const numbers[] = {&bucket->last_id, &bucket->last_us, &bucket->live_from_id, &bucket->first_us,
            &bucket->rows, &bucket->tombstones, &bucket->defective, &bucket->boundary_us, &bucket->seen.row,
            &bucket->history_from_us, &bucket->history_until_us, &bucket->history_first_id, &bucket->history_last_id,
            &bucket->newest_id, &bucket->ended_us};
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
                *numbers[i] = sqlite3_column_int64(row, column++);
        bucket->seen.index = (uint32_t)sqlite3_column_int64(row, column++);
        bucket->history_empty = sqlite3_column_int(row, column++) != 0;
        bucket->end_open = sqlite3_column_int(row, column++) != 0;
        bucket->boundary_open = sqlite3_column_type(row, column) != SQLITE_NULL;
        (void)snprintf(bucket->boundary_reason, sizeof(bucket->boundary_reason), "%s", text_of(row, column));
        bucket->row_dirty = bucket->epochs_dirty = false;
        return 0;
}

static int load_epoch(struct store *store, sqlite3_stmt *row)
{
        struct tick_bucket *bucket = bucket_by_id(store, sqlite3_column_int64(row, 0));
        int64_t epoch = sqlite3_column_int64(row, 1);

        if (bucket == NULL || epoch < 0 || epoch > bucket->epochs)
                return wrong();
        if (epoch == bucket->epochs)
                bucket->epoch_starts_us =
                    memory_resized(bucket->epoch_starts_us, (size_t)++bucket->epochs, sizeof(*bucket->epoch_starts_us));
        bucket->epoch_starts_us[epoch] = sqlite3_column_int64(row, 2);
        return 0;
}

static int load_ids(struct store *store, sqlite3_stmt *row)
{
        struct tick_bucket *bucket = bucket_by_id(store, sqlite3_column_int64(row, 0));
        struct id_range range = {.first_id = sqlite3_column_int64(row, 2),
            .last_id = sqlite3_column_int64(row, 3),
            .first_us = sqlite3_column_int64(row, 4),
            .last_us = sqlite3_column_int64(row, 5)};
        int64_t epoch = sqlite3_column_int64(row, 1);
        int source = id_source_parse(text_of(row, 6));

        if (bucket == NULL || epoch < 0 || epoch >= bucket->epochs || source < 0 || range.first_id < 0 ||
            range.first_id > range.last_id || range.last_id == INT64_MAX)
                return wrong();
        range.epoch = (int32_t)epoch;
        range.source = source;
        idset_add(&bucket->covered, &range);
        return 0;
}

static int load_gap(struct store *store, sqlite3_stmt *row)
{
        struct tick_bucket *bucket = bucket_by_id(store, sqlite3_column_int64(row, 0));
        struct tick_gap gap = {.epoch = sqlite3_column_int(row, 2),
            .state = gap_state_parse(text_of(row, 7)),
            .first_id = sqlite3_column_int64(row, 3),
            .last_id = sqlite3_column_int64(row, 4),
            .start_us = sqlite3_column_int64(row, 5),
            .end_us = sqlite3_column_int64(row, 6),
            .found_us = sqlite3_column_int64(row, 8)};

        if (bucket == NULL || gap.state < 0 || gap.epoch < 0 || gap.epoch >= bucket->epochs)
                return wrong();
        (void)snprintf(gap.evidence, sizeof(gap.evidence), "%s", text_of(row, 9));
        tick_note_gap(store, bucket, &gap);
        struct tick_gap *added = &bucket->gaps[bucket->gaps_count - 1];
        added->number = sqlite3_column_int64(row, 1);
        added->dirty = false;
        bucket->gap_last = added->number; // in order of it
        bucket->gaps_dirty = bucket->row_dirty = false;
        return 0;
}

static int load_trouble(struct store *store, sqlite3_stmt *row)
{
        struct tick_bucket *bucket = bucket_by_id(store, sqlite3_column_int64(row, 0));
        int kind = trouble_kind_parse(text_of(row, 3));

        if (bucket == NULL || kind < 0 || bucket->troubles_count == TICK_TROUBLES_MAX)
                return wrong();
        if (bucket->troubles == NULL)
                bucket->troubles = memory_zeroed(TICK_TROUBLES_MAX, sizeof(*bucket->troubles));
        struct tick_trouble *trouble = &bucket->troubles[bucket->troubles_count++];
        *trouble = (struct tick_trouble){.first_id = sqlite3_column_int64(row, 1),
            .last_id = sqlite3_column_int64(row, 2),
            .kind = kind,
            .attempts = (uint32_t)sqlite3_column_int64(row, 4),
            .retry_wall_ns = sqlite3_column_int64(row, 5)};
        (void)snprintf(trouble->text, sizeof(trouble->text), "%s", text_of(row, 6));
        // This host's clock may have been set meanwhile: never longer than the wait began with.
        int64_t wait_us = (trouble->retry_wall_ns - wall_now().ns) / 1000;
        int64_t wait_max_us = trouble_delay_s((enum trouble_kind)kind, trouble->attempts) * US_PER_S;
        wait_us = wait_us < 0 ? 0 : wait_us > wait_max_us ? wait_max_us : wait_us;
        trouble->retry_at = (mono_time){mono_now().us + wait_us};
        return 0;
}

static int load_table(
    struct ledger *ledger, struct store *store, const char *text, int (*load)(struct store *store, sqlite3_stmt *row))
{
        sqlite3_stmt *query = sql_prepare(ledger->db, text);
        int code = SQLITE_ERROR, result = query == NULL ? -1 : 0;

        while (result == 0 && (code = sqlite3_step(query)) == SQLITE_ROW)
                result = load(store, query);
        if (result == 0 && code != SQLITE_DONE)
                result = sql_fail(ledger->db);
        int saved = errno;
        sqlite3_finalize(query);
        errno = saved;
        return result;
}

int tickledger_load(struct ledger *ledger, struct store *store, const char **table)
{
        static const struct {
                const char *table, *query;
                int (*load)(struct store *store, sqlite3_stmt *row);
        } tables[] = {
            {"tick_buckets",
                "SELECT id, symbol, kind, directory, last_id, last_us, live_from_id, first_us, rows, tombstones,"
                " defective, boundary_us, seen_row, history_from_us, history_until_us, history_first_id,"
                " history_last_id, newest_id, ended_us, seen_index, history_empty, end_open, boundary"
                " FROM tick_buckets ORDER BY id",
                load_bucket},
            {"tick_epochs", "SELECT bucket, epoch, start_us FROM tick_epochs ORDER BY bucket, epoch", load_epoch},
            {"tick_ids",
                "SELECT bucket, epoch, first_id, last_id, first_us, last_us, source FROM tick_ids"
                " ORDER BY bucket, epoch, first_id",
                load_ids},
            {"tick_gaps",
                "SELECT bucket, number, epoch, first_id, last_id, start_us, end_us, state, found_us, evidence"
                " FROM tick_gaps ORDER BY bucket, number",
                load_gap},
            {"tick_troubles",
                "SELECT bucket, first_id, last_id, kind, attempts, retry_wall_ns, text FROM tick_troubles",
                load_trouble},
        };
        int result = 0;

        for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && result == 0; i++) {
                *table = tables[i].table;
                result = load_table(ledger, store, tables[i].query, tables[i].load);
        }
        return result;
}

// ---- at start ----

struct redoing {
        struct tick_bucket *bucket;
        int year;
        struct tick_triple *triples;
        size_t count, capacity;
};

static int redo(struct store *store, struct redoing *redoing, char why[REASON_SIZE])
{
        int result = redoing->count == 0
                         ? 0
                         : tickfiles_redo(store, redoing->bucket, redoing->year, redoing->triples, redoing->count, why);

        redoing->count = 0;
        return result;
}

static void add_triple(struct redoing *redoing, sqlite3_stmt *row)
{
        if (redoing->count == redoing->capacity) {
                redoing->capacity = redoing->capacity > 0 ? 2 * redoing->capacity : 256;
                redoing->triples = memory_resized(redoing->triples, redoing->capacity, sizeof(*redoing->triples));
        }
        redoing->triples[redoing->count++] = (struct tick_triple){
            sqlite3_column_int64(row, 2), sqlite3_column_int64(row, 3), sqlite3_column_int64(row, 4)};
}

int tickledger_redo(struct ledger *ledger, struct store *store, char why[REASON_SIZE])
{
        sqlite3_stmt *query =
            sql_prepare(ledger->db, "SELECT bucket, year, second, offset, length FROM tick_triples ORDER BY 1, 2, 3");
        struct redoing redoing = {0};
        int code = SQLITE_ERROR, result = query == NULL ? -1 : 0;

        (void)snprintf(why, REASON_SIZE, "the ledger's table tick_triples cannot be read");
        while (result == 0 && (code = sqlite3_step(query)) == SQLITE_ROW) {
                struct tick_bucket *bucket = bucket_by_id(store, sqlite3_column_int64(query, 0));
                int year = sqlite3_column_int(query, 1);

                if (bucket == NULL) {
                        result = wrong();
                        break;
                }
                if (bucket != redoing.bucket || year != redoing.year)
                        result = redo(store, &redoing, why);
                redoing.bucket = bucket;
                redoing.year = year;
                add_triple(&redoing, query);
                store->ticks.triples_kept = true;
        }
        if (result == 0)
                result = code == SQLITE_DONE ? redo(store, &redoing, why) : sql_fail(ledger->db);
        int saved = errno;
        sqlite3_finalize(query);
        free(redoing.triples);
        errno = saved;
        return result;
}
