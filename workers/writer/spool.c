// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/spool.h"

#include "common/log.h"
#include "common/memory.h"
#include "workers/writer/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS batch(id INTEGER PRIMARY KEY AUTOINCREMENT, bytes BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS mark(slot INTEGER PRIMARY KEY, incarnation INTEGER NOT NULL,"
    " sequence INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS attempt(batch INTEGER PRIMARY KEY, count INTEGER NOT NULL);";

struct spool {
        sqlite3 *db;
        sqlite3_stmt *begin, *commit, *insert, *mark, *trim, *trim_attempts, *size_of_trim, *attempt;
        uint64_t rows, bytes;
        int64_t newest_row, trimmed_to;
        int64_t wal_bytes;
};

static int on_wal_grown(void *context, sqlite3 *db, const char *name, int pages)
{
        struct spool *spool = context;

        (void)name;
        spool->wal_bytes = (int64_t)pages * 4096;
        // What SQLite would do by itself had we no hook; the truncating checkpoint is spool_checkpoint()'s.
        if (pages >= 1000)
                (void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        return SQLITE_OK;
}

static int prepare_all(struct spool *spool)
{
        const struct {
                sqlite3_stmt **statement;
                const char *text;
        } all[] = {
            {&spool->begin, "BEGIN IMMEDIATE"},
            {&spool->commit, "COMMIT"},
            {&spool->insert, "INSERT INTO batch(bytes) VALUES(?1)"},
            {&spool->mark, "INSERT INTO mark(slot, incarnation, sequence) VALUES(?1, ?2, ?3)"
                           " ON CONFLICT(slot) DO UPDATE SET incarnation=?2, sequence=?3"},
            {&spool->trim, "DELETE FROM batch WHERE id <= ?1"},
            {&spool->trim_attempts, "DELETE FROM attempt WHERE batch <= ?1"},
            {&spool->size_of_trim,
                "SELECT count(*), coalesce(sum(length(bytes)), 0), max(id) FROM batch WHERE id <= ?1"},
            {&spool->attempt, "INSERT INTO attempt(batch, count) VALUES(?1, 1)"
                              " ON CONFLICT(batch) DO UPDATE SET count = count + 1 RETURNING count"},
        };

        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
                if ((*all[i].statement = sql_prepare(spool->db, all[i].text)) == NULL)
                        return -1;
        return 0;
}

// Rows and bytes up to `row`, by the statement that measures a trim, and the newest of these rows (0: none).
static int measure(struct spool *spool, int64_t row, uint64_t *rows, uint64_t *bytes, int64_t *newest)
{
        int result = -1;

        (void)sqlite3_bind_int64(spool->size_of_trim, 1, row);
        if (sqlite3_step(spool->size_of_trim) == SQLITE_ROW) {
                *rows = (uint64_t)sqlite3_column_int64(spool->size_of_trim, 0);
                *bytes = (uint64_t)sqlite3_column_int64(spool->size_of_trim, 1);
                *newest = sqlite3_column_int64(spool->size_of_trim, 2);
                result = 0;
        } else {
                (void)sql_fail(spool->db);
        }
        (void)sqlite3_reset(spool->size_of_trim);
        return result;
}

struct spool *spool_open(const char *path, char why[REASON_SIZE])
{
        struct spool *spool = memory_zeroed(1, sizeof(*spool));

        spool->db = sql_open_write(path, why);
        if (spool->db == NULL)
                goto fail;
        if (sql_run(spool->db, schema) == -1 || prepare_all(spool) == -1 ||
            measure(spool, INT64_MAX, &spool->rows, &spool->bytes, &spool->newest_row) == -1) {
                (void)snprintf(why, REASON_SIZE, "%s: %s", path, sqlite3_errmsg(spool->db));
                goto fail;
        }
        (void)sqlite3_wal_hook(spool->db, on_wal_grown, spool);
        return spool;
fail:;
        int saved = errno;
        spool_close(spool);
        errno = saved;
        return NULL;
}

void spool_close(struct spool *spool)
{
        if (spool == NULL)
                return;
        if (spool->db != NULL)
                sql_close(spool->db);
        free(spool);
}

int spool_load_marks(struct spool *spool, struct mark marks[SLOTS_MAX])
{
        sqlite3_stmt *query = sql_prepare(spool->db, "SELECT slot, incarnation, sequence FROM mark");
        int step;

        if (query == NULL)
                return -1;
        while ((step = sqlite3_step(query)) == SQLITE_ROW) {
                int64_t slot = sqlite3_column_int64(query, 0);

                if (slot < 0 || slot >= SLOTS_MAX)
                        continue;
                marks[slot].incarnation = (uint64_t)sqlite3_column_int64(query, 1);
                marks[slot].sequence = (uint64_t)sqlite3_column_int64(query, 2);
        }
        sqlite3_finalize(query);
        return step == SQLITE_DONE ? 0 : sql_fail(spool->db);
}

int spool_reserve_rows(struct spool *spool, int64_t row)
{
        // AUTOINCREMENT never reuses an id; taking one and giving it back raises the counter.
        sqlite3_stmt *raise = sql_prepare(spool->db, "INSERT OR IGNORE INTO batch(id, bytes) VALUES(?1, x'')");
        sqlite3_stmt *lower = sql_prepare(spool->db, "DELETE FROM batch WHERE id = ?1 AND length(bytes) = 0");
        int result = -1;

        if (raise != NULL && lower != NULL && row > 0) {
                (void)sqlite3_bind_int64(raise, 1, row);
                (void)sqlite3_bind_int64(lower, 1, row);
                result = sql_step_done(raise) == 0 && sql_step_done(lower) == 0 ? 0 : -1;
        } else if (row <= 0) {
                result = 0;
        }
        sqlite3_finalize(raise);
        sqlite3_finalize(lower);
        return result;
}

static int insert_batch(struct spool *spool, struct spool_batch *batch)
{
        (void)sqlite3_bind_blob64(spool->insert, 1, batch->bytes, batch->length, SQLITE_STATIC);
        if (sql_step_done(spool->insert) == -1)
                return -1;
        batch->row = sqlite3_last_insert_rowid(spool->db);
        (void)sqlite3_bind_int64(spool->mark, 1, batch->slot);
        (void)sqlite3_bind_int64(spool->mark, 2, (sqlite3_int64)batch->mark.incarnation);
        (void)sqlite3_bind_int64(spool->mark, 3, (sqlite3_int64)batch->mark.sequence);
        return sql_step_done(spool->mark);
}

static int trim(struct spool *spool, int64_t row, uint64_t *rows, uint64_t *bytes)
{
        int64_t newest;

        *rows = *bytes = 0;
        if (row <= spool->trimmed_to)
                return 0;
        if (measure(spool, row, rows, bytes, &newest) == -1)
                return -1;
        (void)sqlite3_bind_int64(spool->trim, 1, row);
        (void)sqlite3_bind_int64(spool->trim_attempts, 1, row);
        return sql_step_done(spool->trim) == 0 ? sql_step_done(spool->trim_attempts) : -1;
}

int spool_append(struct spool *spool, struct spool_batch *batches, size_t count, int64_t trim_to)
{
        uint64_t rows_trimmed, bytes_trimmed, bytes_added = 0;

        if (sql_step_done(spool->begin) == -1)
                return -1;
        for (size_t i = 0; i < count; i++) {
                if (insert_batch(spool, &batches[i]) == -1)
                        goto rollback;
                bytes_added += batches[i].length;
        }
        if (trim(spool, trim_to, &rows_trimmed, &bytes_trimmed) == -1 || sql_step_done(spool->commit) == -1)
                goto rollback;
        if (count > 0)
                spool->newest_row = batches[count - 1].row;
        spool->rows += count - rows_trimmed;
        spool->bytes += bytes_added - bytes_trimmed;
        if (trim_to > spool->trimmed_to)
                spool->trimmed_to = trim_to;
        return 0;
rollback:;
        int saved = errno;
        (void)sql_run(spool->db, "ROLLBACK"); // fails where SQLite has rolled back by itself
        errno = saved;
        return -1;
}

int64_t spool_newest_row(const struct spool *spool)
{
        return spool->newest_row;
}

void spool_size(const struct spool *spool, uint64_t *rows, uint64_t *bytes)
{
        *rows = spool->rows;
        *bytes = spool->bytes;
}

bool spool_checkpoint_due(const struct spool *spool)
{
        return spool->wal_bytes > SPOOL_WAL_BYTES_MAX;
}

int spool_checkpoint(struct spool *spool)
{
        int code = sqlite3_wal_checkpoint_v2(spool->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

        if (code == SQLITE_OK)
                spool->wal_bytes = 0;
        // A reader in the middle of a batch makes it busy: the next commit asks again.
        return code == SQLITE_OK || code == SQLITE_BUSY ? 0 : sql_fail(spool->db);
}

int spool_count_attempt(struct spool *spool, int64_t row)
{
        int count = -1;

        (void)sqlite3_bind_int64(spool->attempt, 1, row);
        if (sqlite3_step(spool->attempt) == SQLITE_ROW)
                count = sqlite3_column_int(spool->attempt, 0);
        if (sqlite3_step(spool->attempt) != SQLITE_DONE) {
                (void)sql_fail(spool->db);
                count = -1;
        }
        (void)sqlite3_reset(spool->attempt);
        return count;
}

// ---- the store thread's side ----

struct spool_reader {
        sqlite3 *db;
        sqlite3_stmt *query;
};

struct spool_reader *spool_reader_open(const char *path, char why[REASON_SIZE])
{
        struct spool_reader *reader = memory_zeroed(1, sizeof(*reader));

        reader->db = sql_open_read(path, why);
        if (reader->db != NULL)
                reader->query =
                    sql_prepare(reader->db, "SELECT id, bytes FROM batch WHERE id > ?1 ORDER BY id LIMIT ?2");
        if (reader->query != NULL)
                return reader;
        int saved = errno;
        if (reader->db != NULL)
                (void)snprintf(why, REASON_SIZE, "%s: %s", path, sqlite3_errmsg(reader->db));
        spool_reader_close(reader);
        errno = saved;
        return NULL;
}

void spool_reader_close(struct spool_reader *reader)
{
        if (reader == NULL)
                return;
        if (reader->db != NULL)
                sql_close(reader->db);
        free(reader);
}

int spool_reader_each(struct spool_reader *reader, int64_t after, int rows_max, spool_row *each, void *context)
{
        int step, result = 0;

        (void)sqlite3_bind_int64(reader->query, 1, after);
        (void)sqlite3_bind_int(reader->query, 2, rows_max);
        while (result == 0 && (step = sqlite3_step(reader->query)) != SQLITE_DONE) {
                if (step != SQLITE_ROW) {
                        result = sql_fail(reader->db);
                        break;
                }
                result = each(context, sqlite3_column_int64(reader->query, 0), sqlite3_column_blob(reader->query, 1),
                    (size_t)sqlite3_column_bytes(reader->query, 1));
        }
        int saved = errno;
        (void)sqlite3_reset(reader->query); // ends the read transaction: a held one would grow the WAL
        errno = saved;
        return result;
}
