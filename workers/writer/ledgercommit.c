// SPDX-License-Identifier: Apache-2.0
// Writing the ledger. Of coverage and explained gaps only the stretch that changed is replaced: rows that meet or touch
// it go, the ranges that meet or touch it now come; ranges join only with neighbours they touch, so nothing outside can
// have changed.
#include "common/ledger.h"
#include "workers/writer/ledger.h"
#include "workers/writer/ledgerdb.h"
#include "workers/writer/sql.h"
#include "workers/writer/tickledger.h"
#include "workers/writer/troubles.h"

#include <errno.h>
#include <stdbool.h>

static sqlite3_stmt *for_bucket(struct ledger *ledger, enum statement which, const struct bucket_state *bucket)
{
        sqlite3_stmt *statement = ledger->statements[which];

        sqlite3_bind_int64(statement, 1, bucket->id);
        return statement;
}

static int drop_all(struct ledger *ledger, enum statement which, const struct bucket_state *bucket)
{
        return sql_step_done(for_bucket(ledger, which, bucket));
}

static int drop_between(
    struct ledger *ledger, enum statement which, const struct bucket_state *bucket, int64_t start_us, int64_t end_us)
{
        sqlite3_stmt *drop = for_bucket(ledger, which, bucket);

        sqlite3_bind_int64(drop, 2, start_us);
        sqlite3_bind_int64(drop, 3, end_us);
        return sql_step_done(drop);
}

static int put_row(struct ledger *ledger, const struct bucket_state *bucket)
{
        sqlite3_stmt *put = for_bucket(ledger, PUT_BUCKET, bucket);

        sqlite3_bind_text(put, 2, bucket->symbol, -1, SQLITE_STATIC);
        sqlite3_bind_text(put, 3, interval_name(bucket->interval), -1, SQLITE_STATIC);
        sqlite3_bind_text(
            put, 4, bucket->directory[0] != '\0' ? bucket->directory : bucket->directory_before, -1, SQLITE_STATIC);
        sqlite3_bind_int(put, 5, bucket->followed);
        sqlite3_bind_int(put, 6, bucket->live);
        sqlite3_bind_int(put, 7, bucket->looked_at);
        sqlite3_bind_int64(put, 8, bucket->first_bar_us);
        sqlite3_bind_int64(put, 9, bucket->live_from_us);
        sqlite3_bind_int64(put, 10, bucket->live_last_us);
        if (bucket->boundary_open)
                sqlite3_bind_text(put, 11, bucket->boundary_reason, -1, SQLITE_STATIC);
        else
                sqlite3_bind_null(put, 11);
        sqlite3_bind_int64(put, 12, bucket->corrected);
        sqlite3_bind_int64(put, 13, bucket->defective);
        sqlite3_bind_text(put, 14, bucket->why, -1, SQLITE_STATIC);
        return sql_step_done(put);
}

static int put_coverage(struct ledger *ledger, const struct bucket_state *bucket)
{
        int64_t start_us = bucket->covered_dirty_start_us, end_us = bucket->covered_dirty_end_us;
        const struct ranges *covered = &bucket->covered;

        if (drop_between(ledger, DROP_COVERAGE, bucket, start_us, end_us) < 0)
                return -1;
        // From the first range that ends at or after the start: one that only touches it was dropped too.
        for (size_t i = ranges_find(covered, start_us > INT64_MIN ? start_us - 1 : start_us);
             i < covered->count && covered->items[i].start_us <= end_us; i++) {
                sqlite3_stmt *put = for_bucket(ledger, PUT_COVERAGE, bucket);

                sqlite3_bind_int64(put, 2, covered->items[i].start_us);
                sqlite3_bind_int64(put, 3, covered->items[i].end_us);
                sqlite3_bind_int(put, 4, bar_source_rank(covered->items[i].tag));
                sqlite3_bind_text(put, 5, bar_source_name(covered->items[i].tag), -1, SQLITE_STATIC);
                if (sql_step_done(put) < 0)
                        return -1;
        }
        return 0;
}

static int put_gap(struct ledger *ledger, const struct bucket_state *bucket, const struct gap *gap, bool note)
{
        sqlite3_stmt *put = for_bucket(ledger, PUT_GAP, bucket);

        sqlite3_bind_int64(put, 2, gap->start_us);
        sqlite3_bind_int64(put, 3, gap->end_us);
        sqlite3_bind_text(put, 4, gap_state_name(gap->state), -1, SQLITE_STATIC);
        sqlite3_bind_int(put, 5, note);
        sqlite3_bind_int64(put, 6, gap->found_us);
        sqlite3_bind_text(put, 7, gap->evidence, -1, SQLITE_STATIC);
        return sql_step_done(put);
}

static int put_explained(struct ledger *ledger, const struct bucket_state *bucket)
{
        int64_t start_us = bucket->explained_dirty_start_us, end_us = bucket->explained_dirty_end_us;

        if (drop_between(ledger, DROP_EXPLAINED, bucket, start_us, end_us) < 0)
                return -1;
        for (size_t i = 0; i < bucket->explained.count; i++) {
                const struct gap *gap = &bucket->explained.items[i];

                if (gap->start_us <= end_us && gap->end_us >= start_us && put_gap(ledger, bucket, gap, false) < 0)
                        return -1;
        }
        return 0;
}

static int put_notes(struct ledger *ledger, const struct bucket_state *bucket)
{
        if (drop_all(ledger, DROP_NOTES, bucket) < 0)
                return -1;
        for (size_t i = 0; i < bucket->notes.count; i++) {
                if (put_gap(ledger, bucket, &bucket->notes.items[i], true) < 0)
                        return -1;
        }
        return 0;
}

static int put_troubles(struct ledger *ledger, const struct bucket_state *bucket)
{
        if (drop_all(ledger, DROP_TROUBLES, bucket) < 0)
                return -1;
        for (size_t i = 0; i < bucket->troubles_count; i++) {
                const struct trouble *trouble = &bucket->troubles[i];
                sqlite3_stmt *put = for_bucket(ledger, PUT_TROUBLE, bucket);

                sqlite3_bind_int64(put, 2, trouble->start_us);
                sqlite3_bind_int64(put, 3, trouble->end_us);
                sqlite3_bind_text(put, 4, trouble_kind_name(trouble->kind, trouble->attempts), -1, SQLITE_STATIC);
                sqlite3_bind_int64(put, 5, trouble->attempts);
                sqlite3_bind_int64(put, 6, trouble->retry_wall_ns);
                sqlite3_bind_text(put, 7, trouble->text, -1, SQLITE_STATIC);
                if (sql_step_done(put) < 0)
                        return -1;
        }
        return 0;
}

static int put_ranges(struct ledger *ledger, const struct bucket_state *bucket, enum statement drop,
    enum statement which, const struct ranges *ranges)
{
        if (drop_all(ledger, drop, bucket) < 0)
                return -1;
        for (size_t i = 0; i < ranges->count; i++) {
                sqlite3_stmt *put = for_bucket(ledger, which, bucket);

                sqlite3_bind_int64(put, 2, ranges->items[i].start_us);
                sqlite3_bind_int64(put, 3, ranges->items[i].end_us);
                if (sql_step_done(put) < 0)
                        return -1;
        }
        return 0;
}

static int put_made(struct ledger *ledger, const struct bucket_state *bucket)
{
        sqlite3_stmt *put = for_bucket(ledger, PUT_MADE, bucket);

        sqlite3_bind_text(put, 2, bucket->made_before, -1, SQLITE_STATIC);
        if (sql_step_done(put) < 0)
                return -1;
        return put_ranges(ledger, bucket, DROP_MADE_WANTED, PUT_MADE_WANTED, &bucket->made_wanted);
}

static bool covered_is_dirty(const struct bucket_state *bucket)
{
        return bucket->covered_dirty_start_us <= bucket->covered_dirty_end_us;
}

static bool explained_is_dirty(const struct bucket_state *bucket)
{
        return bucket->explained_dirty_start_us <= bucket->explained_dirty_end_us;
}

static int put_bucket(struct ledger *ledger, const struct bucket_state *bucket)
{
        if (bucket->row_dirty && put_row(ledger, bucket) < 0)
                return -1;
        if (covered_is_dirty(bucket) && put_coverage(ledger, bucket) < 0)
                return -1;
        if (explained_is_dirty(bucket) && put_explained(ledger, bucket) < 0)
                return -1;
        if (bucket->notes_dirty && put_notes(ledger, bucket) < 0)
                return -1;
        if (bucket->wanted_dirty && put_ranges(ledger, bucket, DROP_WANTED, PUT_WANTED, &bucket->wanted) < 0)
                return -1;
        if (bucket->made_dirty && put_made(ledger, bucket) < 0)
                return -1;
        if (bucket->touched_dirty && put_ranges(ledger, bucket, DROP_TOUCHED, PUT_TOUCHED, &bucket->touched) < 0)
                return -1;
        return bucket->troubles_dirty ? put_troubles(ledger, bucket) : 0;
}

static int put_catalogue(struct ledger *ledger, const struct catalogue *catalogue)
{
        if (sql_run(ledger->db, "DELETE FROM catalogue") < 0)
                return -1;
        for (size_t i = 0; i < catalogue->count; i++) {
                const struct catalogue_entry *entry = &catalogue->entries[i];
                sqlite3_stmt *put = ledger->statements[PUT_SYMBOL];

                sqlite3_bind_text(put, 1, entry->symbol, -1, SQLITE_STATIC);
                sqlite3_bind_text(put, 2, entry->base, -1, SQLITE_STATIC);
                sqlite3_bind_text(put, 3, entry->quote, -1, SQLITE_STATIC);
                sqlite3_bind_int(put, 4, entry->status);
                sqlite3_bind_int(put, 5, entry->ended);
                sqlite3_bind_int64(put, 6, catalogue->away_since_us[i]);
                if (sql_step_done(put) < 0)
                        return -1;
        }
        return 0;
}

static int put_wants(struct ledger *ledger, const struct store *store)
{
        if (sql_run(ledger->db, "DELETE FROM wants") < 0)
                return -1;
        for (size_t i = 0; i < store->wants_count; i++) {
                const struct want *want = &store->wants[i];
                sqlite3_stmt *put = ledger->statements[PUT_WANT];

                sqlite3_bind_text(put, 1, want->symbol, -1, SQLITE_STATIC);
                sqlite3_bind_text(put, 2, interval_name(want->interval), -1, SQLITE_STATIC);
                sqlite3_bind_int64(put, 3, want->start_us);
                sqlite3_bind_int64(put, 4, want->end_us);
                if (sql_step_done(put) < 0)
                        return -1;
        }
        return 0;
}

static int put_offgrid(struct ledger *ledger, const struct store *store)
{
        for (size_t i = 0; i < store->offgrid_count; i++) {
                const struct offgrid *offgrid = &store->offgrid[i];
                sqlite3_stmt *put = ledger->statements[PUT_OFFGRID];

                sqlite3_bind_int64(put, 1, offgrid->bucket_id);
                sqlite3_bind_int64(put, 2, offgrid->slot_us);
                sqlite3_bind_int64(put, 3, offgrid->true_us);
                sqlite3_bind_int(put, 4, offgrid->displaced);
                if (sql_step_done(put) < 0)
                        return -1;
        }
        return 0;
}

static int put_differences(struct ledger *ledger, const struct store *store)
{
        for (size_t i = 0; i < store->differences_count; i++) {
                const struct difference *difference = &store->differences[i];
                bool drop = difference->found_us < 0;
                sqlite3_stmt *put = ledger->statements[drop ? DROP_DIFFERENCE : PUT_DIFFERENCE];

                sqlite3_bind_int64(put, 1, difference->bucket_id);
                sqlite3_bind_int64(put, 2, difference->slot_us);
                if (!drop) {
                        sqlite3_bind_int64(put, 3, difference->found_us);
                        sqlite3_bind_text(put, 4, difference->text, -1, SQLITE_STATIC);
                }
                if (sql_step_done(put) < 0)
                        return -1;
        }
        return 0;
}

static int put_all(struct ledger *ledger, const struct store *store, int64_t cursor)
{
        for (size_t i = 0; i < store->buckets_count; i++) {
                if (put_bucket(ledger, store->buckets[i]) < 0)
                        return -1;
        }
        if (store->catalogue.dirty && put_catalogue(ledger, &store->catalogue) < 0)
                return -1;
        if (store->wants_dirty && put_wants(ledger, store) < 0)
                return -1;
        if (tickledger_put(ledger, store) < 0 || put_offgrid(ledger, store) < 0 || put_differences(ledger, store) < 0)
                return -1;
        const struct {
                const char *key;
                int64_t value;
        } meta[] = {
            {"cursor", cursor},
            {"exchange_us", store->exchange_us},
            {"committed_wall_ns", wall_now().ns},
            {"horizon_us", store->fixed_horizon_us},
            {"catalogue_generation", (int64_t)store->catalogue.generation},
            {"catalogue_us", store->catalogue.taken_us},
        };
        for (size_t i = 0; i < sizeof(meta) / sizeof(meta[0]); i++) {
                if (ledger_put_meta(ledger, meta[i].key, NULL, meta[i].value) < 0)
                        return -1;
        }
        return 0;
}

static void all_is_clean(struct store *store)
{
        for (size_t i = 0; i < store->buckets_count; i++) {
                struct bucket_state *bucket = store->buckets[i];

                bucket->row_dirty = bucket->notes_dirty = bucket->wanted_dirty = bucket->troubles_dirty = false;
                bucket->made_dirty = bucket->touched_dirty = false;
                bucket->covered_dirty_start_us = bucket->explained_dirty_start_us = INT64_MAX;
                bucket->covered_dirty_end_us = bucket->explained_dirty_end_us = INT64_MIN;
        }
        store->catalogue.dirty = false;
        store->wants_dirty = false;
        store->offgrid_count = 0;
        tickledger_is_clean(store);
        store->differences_count = 0;
}

int ledger_commit(struct ledger *ledger, struct store *store, int64_t cursor)
{
        if (sql_run(ledger->db, "BEGIN IMMEDIATE") < 0)
                return -1;
        if (put_all(ledger, store, cursor) == 0 && sql_run(ledger->db, "COMMIT") == 0) {
                all_is_clean(store);
                return 0;
        }
        int saved = errno;
        // A statement that failed for lack of space may have rolled back already.
        if (sqlite3_get_autocommit(ledger->db) == 0)
                (void)sql_run(ledger->db, "ROLLBACK");
        errno = saved;
        return -1;
}
