// SPDX-License-Identifier: Apache-2.0
// Reading the ledger at start. What we never write is refused: a ledger that is wrong is worse than none.
#include "common/ledger.h"
#include "common/symbol.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/catalogue.h"
#include "workers/writer/coverage.h"
#include "workers/writer/ledger.h"
#include "workers/writer/ledgerdb.h"
#include "workers/writer/sql.h"
#include "workers/writer/tickledger.h"
#include "workers/writer/troubles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loading {
        struct store *store;
        struct bucket_state **by_id; // id - 1
        size_t by_id_count;
        const char *table; // for the message
};

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

static struct bucket_state *bucket_by_id(const struct loading *loading, int64_t id)
{
        return id < 1 || (uint64_t)id > loading->by_id_count ? NULL : loading->by_id[id - 1];
}

static int load_bucket(struct loading *loading, sqlite3_stmt *row)
{
        struct store *store = loading->store;
        int64_t id = sqlite3_column_int64(row, 0);
        enum interval interval;

        if (id < 1 || id > INT32_MAX || !symbol_is_valid(text_of(row, 1)) ||
            interval_parse(text_of(row, 2), &interval) < 0)
                return wrong();
        store->bucket_id_last = id - 1; // rows come in order of id
        struct bucket_state *bucket = bucketset_get(store, text_of(row, 1), interval);
        if (bucket->id != id)
                return wrong();
        (void)snprintf(bucket->directory_before, sizeof(bucket->directory_before), "%s", text_of(row, 3));
        bucket->looked_at = sqlite3_column_int(row, 4) != 0;
        bucket->first_bar_us = sqlite3_column_int64(row, 5);
        bucket->live_from_us = sqlite3_column_int64(row, 6);
        bucket->live_last_us = sqlite3_column_int64(row, 7);
        bucket->boundary_open = sqlite3_column_type(row, 8) != SQLITE_NULL;
        (void)snprintf(bucket->boundary_reason, sizeof(bucket->boundary_reason), "%s", text_of(row, 8));
        bucket->corrected = sqlite3_column_int64(row, 9);
        bucket->defective = sqlite3_column_int64(row, 10);
        bucket->row_dirty = false;
        if ((size_t)id > loading->by_id_count) {
                struct bucket_state **by_id = realloc(loading->by_id, (size_t)id * 2 * sizeof(struct bucket_state *));

                store_require_memory(by_id != NULL ? 0 : -1);
                memset(by_id + loading->by_id_count, 0,
                    ((size_t)id * 2 - loading->by_id_count) * sizeof(struct bucket_state *));
                loading->by_id = by_id;
                loading->by_id_count = (size_t)id * 2;
        }
        loading->by_id[id - 1] = bucket;
        return 0;
}

static int load_coverage(struct loading *loading, sqlite3_stmt *row)
{
        struct bucket_state *bucket = bucket_by_id(loading, sqlite3_column_int64(row, 0));
        int64_t start_us = sqlite3_column_int64(row, 1), end_us = sqlite3_column_int64(row, 2);
        int source = bar_source_parse(text_of(row, 3));

        if (bucket == NULL || source < 0 || start_us >= end_us ||
            interval_floor_us(bucket->interval, start_us) != start_us ||
            interval_floor_us(bucket->interval, end_us) != end_us)
                return wrong();
        store_require_memory(ranges_set(&bucket->covered, start_us, end_us, source));
        return 0;
}

static int load_gap(struct loading *loading, sqlite3_stmt *row)
{
        struct bucket_state *bucket = bucket_by_id(loading, sqlite3_column_int64(row, 0));
        int64_t start_us = sqlite3_column_int64(row, 1), end_us = sqlite3_column_int64(row, 2);
        int state = gap_state_parse(text_of(row, 3));
        bool note = sqlite3_column_int(row, 4) != 0;

        if (bucket == NULL || state < 0 || start_us >= end_us || note == gap_state_is_explained(state))
                return wrong();
        store_require_memory(gaps_note(note ? &bucket->notes : &bucket->explained, start_us, end_us,
            (enum gap_state)state, sqlite3_column_int64(row, 5), text_of(row, 6)));
        return 0;
}

static int load_trouble(struct loading *loading, sqlite3_stmt *row)
{
        struct bucket_state *bucket = bucket_by_id(loading, sqlite3_column_int64(row, 0));
        int kind = trouble_kind_parse(text_of(row, 3));

        if (bucket == NULL || kind < 0)
                return wrong();
        struct trouble trouble = {
            .start_us = sqlite3_column_int64(row, 1),
            .end_us = sqlite3_column_int64(row, 2),
            .kind = (enum trouble_kind)kind,
            .attempts = (uint32_t)sqlite3_column_int64(row, 4),
            .retry_wall_ns = sqlite3_column_int64(row, 5),
        };
        // This host's clock may have been set meanwhile: never longer than the wait began with.
        int64_t wait_us = (trouble.retry_wall_ns - wall_now().ns) / 1000;
        int64_t wait_max_us = trouble_delay_s(trouble.kind, trouble.attempts) * US_PER_S;
        wait_us = wait_us < 0 ? 0 : wait_us > wait_max_us ? wait_max_us : wait_us;
        trouble.retry_at = (mono_time){mono_now().us + wait_us};
        (void)snprintf(trouble.text, sizeof(trouble.text), "%s", text_of(row, 6));
        trouble_restore(bucket, &trouble);
        if (trouble.kind == TROUBLE_REFUSED || trouble.kind == TROUBLE_SYMBOL)
                (void)snprintf(bucket->why, sizeof(bucket->why), "the exchange refuses it: %.120s", trouble.text);
        return 0;
}

static int load_wanted(struct loading *loading, sqlite3_stmt *row)
{
        struct bucket_state *bucket = bucket_by_id(loading, sqlite3_column_int64(row, 0));

        if (bucket == NULL)
                return wrong();
        store_require_memory(
            ranges_set(&bucket->wanted, sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2), 0));
        return 0;
}

static int load_made(struct loading *loading, sqlite3_stmt *row)
{
        struct bucket_state *bucket = bucket_by_id(loading, sqlite3_column_int64(row, 0));

        if (bucket == NULL)
                return wrong();
        (void)snprintf(bucket->made_before, sizeof(bucket->made_before), "%s", text_of(row, 1));
        return 0;
}

static int load_made_wanted(struct loading *loading, sqlite3_stmt *row)
{
        struct bucket_state *bucket = bucket_by_id(loading, sqlite3_column_int64(row, 0));

        if (bucket == NULL)
                return wrong();
        store_require_memory(
            ranges_set(&bucket->made_wanted, sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2), 0));
        return 0;
}

static int load_touched(struct loading *loading, sqlite3_stmt *row)
{
        struct bucket_state *bucket = bucket_by_id(loading, sqlite3_column_int64(row, 0));

        if (bucket == NULL)
                return wrong();
        store_require_memory(
            ranges_set(&bucket->touched, sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2), 0));
        loading->store->derive_pending = true;
        return 0;
}

static int load_symbol(struct loading *loading, sqlite3_stmt *row)
{
        struct catalogue_entry entry = {0};

        if (!symbol_is_valid(text_of(row, 0)))
                return wrong();
        (void)snprintf(entry.symbol, sizeof(entry.symbol), "%s", text_of(row, 0));
        (void)snprintf(entry.base, sizeof(entry.base), "%s", text_of(row, 1));
        (void)snprintf(entry.quote, sizeof(entry.quote), "%s", text_of(row, 2));
        entry.status = (uint8_t)sqlite3_column_int(row, 3);
        entry.ended = (uint8_t)sqlite3_column_int(row, 4);
        catalogue_restore(&loading->store->catalogue, &entry, sqlite3_column_int64(row, 5));
        return 0;
}

static int load_want(struct loading *loading, sqlite3_stmt *row)
{
        struct store *store = loading->store;
        struct want want = {.start_us = sqlite3_column_int64(row, 2), .end_us = sqlite3_column_int64(row, 3)};

        if (!symbol_is_valid(text_of(row, 0)) || interval_parse(text_of(row, 1), &want.interval) < 0 ||
            store->wants_count == WANTS_MAX)
                return wrong();
        (void)snprintf(want.symbol, sizeof(want.symbol), "%s", text_of(row, 0));
        if (store->wants == NULL) {
                store->wants = calloc(WANTS_MAX, sizeof(*store->wants));
                store_require_memory(store->wants != NULL ? 0 : -1);
                store->wants_capacity = WANTS_MAX;
        }
        store->wants[store->wants_count++] = want;
        (void)bucketset_get(store, want.symbol, want.interval);
        return 0;
}

static int load_meta(struct loading *loading, sqlite3_stmt *row)
{
        struct store *store = loading->store;
        const char *key = text_of(row, 0);
        int64_t value = sqlite3_column_int64(row, 1);

        if (strcmp(key, "cursor") == 0)
                store->row_applied = store->row_durable = value;
        else if (strcmp(key, "catalogue_generation") == 0)
                store->catalogue.generation = (uint64_t)value;
        else if (strcmp(key, "catalogue_us") == 0)
                store->catalogue.taken_us = value;
        return 0;
}

static int load_table(struct ledger *ledger, struct loading *loading, const char *table, const char *text,
    int (*load)(struct loading *loading, sqlite3_stmt *row))
{
        sqlite3_stmt *query = sql_prepare(ledger->db, text);
        int code = SQLITE_ERROR, result = query == NULL ? -1 : 0;

        loading->table = table;
        while (result == 0 && (code = sqlite3_step(query)) == SQLITE_ROW)
                result = load(loading, query);
        if (result == 0 && code != SQLITE_DONE)
                result = sql_fail(ledger->db);
        int saved = errno;
        sqlite3_finalize(query);
        errno = saved;
        return result;
}

int ledger_load(struct ledger *ledger, struct store *store, char why[REASON_SIZE])
{
        static const struct {
                const char *table, *query;
                int (*load)(struct loading *loading, sqlite3_stmt *row);
        } tables[] = {
            {"meta", "SELECT key, value FROM meta", load_meta},
            {"buckets",
                "SELECT id, symbol, interval, directory, looked_at, first_bar_us, live_from_us, live_last_us, boundary,"
                " corrected, defective FROM buckets ORDER BY id",
                load_bucket},
            {"coverage", "SELECT bucket, start_us, end_us, source FROM coverage ORDER BY bucket, start_us",
                load_coverage},
            {"gaps",
                "SELECT bucket, start_us, end_us, state, note, found_us, evidence FROM gaps ORDER BY bucket, start_us",
                load_gap},
            {"troubles", "SELECT bucket, start_us, end_us, kind, attempts, retry_wall_ns, text FROM troubles",
                load_trouble},
            {"wanted", "SELECT bucket, start_us, end_us FROM wanted ORDER BY bucket, start_us", load_wanted},
            {"derived", "SELECT bucket, source FROM derived", load_made},
            {"derived_wanted", "SELECT bucket, start_us, end_us FROM derived_wanted ORDER BY bucket, start_us",
                load_made_wanted},
            {"touched", "SELECT bucket, start_us, end_us FROM touched ORDER BY bucket, start_us", load_touched},
            {"catalogue", "SELECT symbol, base, quote, status, ended, away_since_us FROM catalogue ORDER BY symbol",
                load_symbol},
            {"wants", "SELECT symbol, interval, start_us, end_us FROM wants", load_want},
        };
        struct loading loading = {.store = store};
        int result = 0;

        for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && result == 0; i++)
                result = load_table(ledger, &loading, tables[i].table, tables[i].query, tables[i].load);
        if (result == 0)
                result = tickledger_load(ledger, store, &loading.table);
        for (size_t i = 0; i < store->buckets_count && result == 0; i++)
                store_require_memory(
                    gaps_to_ranges(&store->buckets[i]->explained, &store->buckets[i]->explained_ranges));
        if (result < 0)
                (void)snprintf(why, REASON_SIZE, "table %s of " LEDGER_FILE " %s", loading.table,
                    errno == EBADMSG ? "holds what was never written there: move " LEDGER_FILE
                                       " away; it is rebuilt from the store"
                                     : strerror(errno));
        free(loading.by_id);
        return result;
}
