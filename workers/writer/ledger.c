// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/ledger.h"

#include "common/exitcode.h"
#include "common/ledger.h"
#include "common/log.h"
#include "workers/writer/ledgerdb.h"
#include "workers/writer/schema.h"
#include "workers/writer/sql.h"
#include "workers/writer/troubles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_NS INT64_C(86400000000000)

static const char *const statements[STATEMENTS] = {
    [PUT_META] = "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)",
    [PUT_BUCKET] = "INSERT OR REPLACE INTO buckets(id, symbol, interval, directory, followed, live, looked_at,"
                   " first_bar_us, live_from_us, live_last_us, boundary, corrected, defective, why)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    [DROP_COVERAGE] = "DELETE FROM coverage WHERE bucket = ?1 AND start_us <= ?3 AND end_us >= ?2",
    [PUT_COVERAGE] = "INSERT INTO coverage(bucket, start_us, end_us, rank, source) VALUES(?1, ?2, ?3, ?4, ?5)",
    [DROP_EXPLAINED] = "DELETE FROM gaps WHERE bucket = ?1 AND note = 0 AND start_us <= ?3 AND end_us >= ?2",
    [DROP_NOTES] = "DELETE FROM gaps WHERE bucket = ?1 AND note = 1",
    [PUT_GAP] = "INSERT INTO gaps(bucket, start_us, end_us, state, note, found_us, evidence)"
                " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [DROP_WANTED] = "DELETE FROM wanted WHERE bucket = ?1",
    [PUT_WANTED] = "INSERT INTO wanted(bucket, start_us, end_us) VALUES(?1, ?2, ?3)",
    [DROP_TROUBLES] = "DELETE FROM troubles WHERE bucket = ?1",
    [PUT_TROUBLE] = "INSERT INTO troubles(bucket, start_us, end_us, kind, attempts, retry_wall_ns, text)"
                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    // true_us < 0: an entry that is there keeps its own.
    [PUT_OFFGRID] = "INSERT INTO offgrid(bucket, slot_us, true_us, displaced) VALUES(?1, ?2, ?3, ?4)"
                    " ON CONFLICT DO UPDATE SET displaced = excluded.displaced, true_us ="
                    " CASE WHEN excluded.true_us < 0 THEN true_us ELSE excluded.true_us END",
    [PUT_SYMBOL] = "INSERT INTO catalogue(symbol, base, quote, status, ended, away_since_us)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [PUT_MADE] = "INSERT OR REPLACE INTO derived(bucket, source) VALUES(?1, ?2)",
    [DROP_MADE_WANTED] = "DELETE FROM derived_wanted WHERE bucket = ?1",
    [PUT_MADE_WANTED] = "INSERT INTO derived_wanted(bucket, start_us, end_us) VALUES(?1, ?2, ?3)",
    [DROP_TOUCHED] = "DELETE FROM touched WHERE bucket = ?1",
    [PUT_TOUCHED] = "INSERT INTO touched(bucket, start_us, end_us) VALUES(?1, ?2, ?3)",
    [PUT_DIFFERENCE] = "INSERT OR REPLACE INTO differences(bucket, slot_us, found_us, text) VALUES(?1, ?2, ?3, ?4)",
    [DROP_DIFFERENCE] = "DELETE FROM differences WHERE bucket = ?1 AND slot_us = ?2",
    [PUT_WANT] = "INSERT INTO wants(symbol, interval, start_us, end_us) VALUES(?1, ?2, ?3, ?4)",
    [PUT_TICK_BUCKET] =
        "INSERT OR REPLACE INTO tick_buckets(id, symbol, kind, directory, followed, live, backfill, last_id, last_us,"
        " live_from_id, first_us, rows, tombstones, defective, boundary, boundary_us, seen_row, seen_index,"
        " history_from_us, history_until_us, history_first_id, history_last_id, history_empty, end_open, newest_id,"
        " ended_us, wanted_first_id, wanted_last_id, wanted2_first_id, wanted2_last_id, why) VALUES(?1, ?2, ?3, ?4, ?5,"
        " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27,"
        " ?28, ?29, ?30, ?31)",
    [DROP_TICK_EPOCHS] = "DELETE FROM tick_epochs WHERE bucket = ?1",
    [PUT_TICK_EPOCH] = "INSERT INTO tick_epochs(bucket, epoch, start_us) VALUES(?1, ?2, ?3)",
    [DROP_TICK_IDS] = "DELETE FROM tick_ids WHERE bucket = ?1 AND epoch >= ?2 AND first_id <= ?4 AND last_id >= ?3",
    [PUT_TICK_IDS] = "INSERT INTO tick_ids(bucket, epoch, first_id, last_id, first_us, last_us, source)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [DROP_TICK_GAP] = "DELETE FROM tick_gaps WHERE bucket = ?1 AND number = ?2",
    [PUT_TICK_GAP] = "INSERT OR REPLACE INTO tick_gaps(bucket, number, epoch, first_id, last_id, start_us, end_us,"
                     " state, found_us, evidence) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [DROP_TICK_TROUBLES] = "DELETE FROM tick_troubles WHERE bucket = ?1",
    [PUT_TICK_TROUBLE] = "INSERT INTO tick_troubles(bucket, first_id, last_id, kind, attempts, retry_wall_ns, text)"
                         " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [PUT_TICK_TRIPLE] = "INSERT INTO tick_triples(bucket, year, second, offset, length) VALUES(?1, ?2, ?3, ?4, ?5)",
};

const char *ledger_endpoint_class(const char *rest_url)
{
        static const char *const mainnet[] = {"api.binance.com", "api1.binance.com", "api2.binance.com",
            "api3.binance.com", "api4.binance.com", "api-gcp.binance.com", "data-api.binance.vision"};
        const char *host = strstr(rest_url, "://");
        size_t length;

        host = host == NULL ? rest_url : host + 3;
        length = strcspn(host, ":/");
        if (length == strlen("testnet.binance.vision") && strncmp(host, "testnet.binance.vision", length) == 0)
                return "testnet";
        for (size_t i = 0; i < sizeof(mainnet) / sizeof(mainnet[0]); i++) {
                if (length == strlen(mainnet[i]) && strncmp(host, mainnet[i], length) == 0)
                        return "mainnet";
        }
        return "custom";
}

// ---- opening ----

static const char *meta_text(struct ledger *ledger, const char *key, char *text, size_t size)
{
        sqlite3_stmt *query = sql_prepare(ledger->db, "SELECT value FROM meta WHERE key = ?1");

        text[0] = '\0';
        if (query == NULL)
                return text;
        if (sqlite3_bind_text(query, 1, key, -1, SQLITE_STATIC) == SQLITE_OK && sqlite3_step(query) == SQLITE_ROW)
                (void)snprintf(text, size, "%s", (const char *)sqlite3_column_text(query, 0));
        sqlite3_finalize(query);
        return text;
}

int ledger_put_meta(struct ledger *ledger, const char *key, const char *text, int64_t number)
{
        sqlite3_stmt *put = ledger->statements[PUT_META];

        sqlite3_bind_text(put, 1, key, -1, SQLITE_STATIC);
        if (text != NULL)
                sqlite3_bind_text(put, 2, text, -1, SQLITE_STATIC);
        else
                sqlite3_bind_int64(put, 2, number);
        return sql_step_done(put);
}

static int put_identity(struct ledger *ledger, const char *class, bool testnet)
{
        if (sql_run(ledger->db, "BEGIN IMMEDIATE") < 0)
                return -1;
        if (ledger_put_meta(ledger, "version", NULL, LEDGER_VERSION) == 0 &&
            ledger_put_meta(ledger, "market", "spot", 0) == 0 &&
            ledger_put_meta(ledger, "testnet", NULL, testnet) == 0 &&
            ledger_put_meta(ledger, "endpoint_class", class, 0) == 0 && sql_run(ledger->db, "COMMIT") == 0)
                return 0;
        int saved = errno;
        (void)sql_run(ledger->db, "ROLLBACK");
        errno = saved;
        return -1;
}

// Returns 0, or -1 with a message; errno EPERM: it is another's.
static int check_identity(
    struct ledger *ledger, const char *path, const struct settings *settings, char why[REASON_SIZE])
{
        const char *class = ledger_endpoint_class(settings->rest_url);
        char version[16], market[16], testnet[16], endpoint[16];

        (void)meta_text(ledger, "version", version, sizeof(version));
        if (version[0] == '\0')
                return put_identity(ledger, class, settings->testnet);
        (void)meta_text(ledger, "market", market, sizeof(market));
        (void)meta_text(ledger, "testnet", testnet, sizeof(testnet));
        (void)meta_text(ledger, "endpoint_class", endpoint, sizeof(endpoint));
        errno = EPERM;
        // The tables that an older one lacks were made by LEDGER_SCHEMA.
        bool older = atoi(version) >= LEDGER_VERSION_OLDEST && atoi(version) < LEDGER_VERSION;
        if (!older && atoi(version) != LEDGER_VERSION) {
                (void)snprintf(why, REASON_SIZE,
                    "%.70s has version %s, this program reads %d: use the program that wrote it", path, version,
                    LEDGER_VERSION);
                return -1;
        }
        if (strcmp(market, "spot") == 0 && atoi(testnet) == settings->testnet && strcmp(endpoint, class) == 0)
                return older ? ledger_put_meta(ledger, "version", NULL, LEDGER_VERSION) : 0;
        (void)snprintf(why, REASON_SIZE,
            "%.50s belongs to %s (%s), the configuration says %s: choose another data_directory", path, endpoint,
            atoi(testnet) != 0 ? "testnet" : market, class);
        return -1;
}

static int check_sound(struct ledger *ledger)
{
        sqlite3_stmt *check = sql_prepare(ledger->db, "PRAGMA quick_check(1)");
        int result = -1;

        if (check == NULL)
                return -1;
        if (sqlite3_step(check) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(check, 0), "ok") == 0)
                result = 0;
        else
                errno = EBADMSG;
        int saved = errno;
        sqlite3_finalize(check);
        errno = saved;
        return result;
}

static int prepare_all(struct ledger *ledger)
{
        for (size_t i = 0; i < STATEMENTS; i++) {
                ledger->statements[i] = sql_prepare(ledger->db, statements[i]);
                if (ledger->statements[i] == NULL)
                        return -1;
        }
        return 0;
}

static int open_failed(const char *path, int *exit_code, char why[REASON_SIZE])
{
        int error = errno;

        *exit_code = EXIT_TRY_LATER;
        if (error == EPERM)
                *exit_code = EXIT_BAD_CONFIG; // check_identity() has said why
        else if (error == EBADMSG)
                (void)snprintf(why, REASON_SIZE,
                    "%.70s is damaged: move it and its -wal, -shm away; it is rebuilt from the store", path);
        else
                (void)snprintf(why, REASON_SIZE, "%.90s: %s", path, strerror(error));
        return error;
}

struct ledger *ledger_open(const struct settings *settings, int *exit_code, char why[REASON_SIZE])
{
        char path[PATH_SIZE + 16];
        struct ledger *ledger = calloc(1, sizeof(*ledger));

        store_require_memory(ledger != NULL ? 0 : -1);
        (void)snprintf(path, sizeof(path), "%s/" LEDGER_FILE, settings->state_directory);
        ledger->db = sql_open_write(path, why);
        if (ledger->db != NULL && check_sound(ledger) == 0 && sql_run(ledger->db, LEDGER_SCHEMA) == 0 &&
            prepare_all(ledger) == 0 && check_identity(ledger, path, settings, why) == 0)
                return ledger;
        int error = open_failed(path, exit_code, why);
        if (ledger->db != NULL)
                sql_close(ledger->db);
        free(ledger);
        errno = error;
        return NULL;
}

void ledger_close(struct ledger *ledger)
{
        if (ledger == NULL)
                return;
        sql_close(ledger->db);
        free(ledger);
}

// ---- batches kept aside ----

int ledger_quarantine(struct ledger *ledger, const void *bytes, size_t length, int64_t spool_row, const char *reason)
{
        sqlite3_stmt *put = sql_prepare(ledger->db, "INSERT INTO quarantine(spool_row, bytes, reason, since_wall_ns, "
                                                    "tried_wall_ns) VALUES(?1, ?2, ?3, ?4, ?4)");

        if (put == NULL)
                return -1;
        sqlite3_bind_int64(put, 1, spool_row);
        sqlite3_bind_blob64(put, 2, bytes, length, SQLITE_STATIC);
        sqlite3_bind_text(put, 3, reason, -1, SQLITE_STATIC);
        sqlite3_bind_int64(put, 4, wall_now().ns);
        int result = sql_step_done(put);
        int saved = errno;
        sqlite3_finalize(put);
        errno = saved;
        return result;
}

static int run_for_id(struct ledger *ledger, const char *text, int64_t id, int64_t number)
{
        sqlite3_stmt *statement = sql_prepare(ledger->db, text);

        if (statement == NULL)
                return -1;
        sqlite3_bind_int64(statement, 1, id);
        if (sqlite3_bind_parameter_count(statement) > 1)
                sqlite3_bind_int64(statement, 2, number);
        int result = sql_step_done(statement);
        int saved = errno;
        sqlite3_finalize(statement);
        errno = saved;
        return result;
}

int64_t ledger_quarantine_next(struct ledger *ledger, void **bytes, size_t *length)
{
        sqlite3_stmt *query =
            sql_prepare(ledger->db, "SELECT id, bytes FROM quarantine WHERE tried_wall_ns < ?1 ORDER BY id LIMIT 1");
        int64_t id = 0, now_ns = wall_now().ns;

        if (query == NULL)
                return -1;
        sqlite3_bind_int64(query, 1, now_ns - DAY_NS);
        if (sqlite3_step(query) == SQLITE_ROW) {
                id = sqlite3_column_int64(query, 0);
                *length = (size_t)sqlite3_column_bytes(query, 1);
                *bytes = malloc(*length + 1);
                store_require_memory(*bytes != NULL ? 0 : -1);
                memcpy(*bytes, sqlite3_column_blob(query, 1), *length);
        }
        sqlite3_finalize(query);
        if (id == 0 || run_for_id(ledger, "UPDATE quarantine SET tried_wall_ns = ?2 WHERE id = ?1", id, now_ns) == 0)
                return id;
        free(*bytes);
        return -1;
}

int ledger_quarantine_drop(struct ledger *ledger, int64_t id)
{
        return run_for_id(ledger, "DELETE FROM quarantine WHERE id = ?1", id, 0);
}
