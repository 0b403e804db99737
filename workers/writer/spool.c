// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/spool.h"

#include "common/log.h"
#include "common/memory.h"
#include "workers/writer/spoolage.h"
#include "workers/writer/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096           // SQLite's, where nothing else is said
#define WAL_ROOM_STEP (64 * 1024) // SQLite writes less than 128 KiB at once, and says nothing of the rest
#define CHECKPOINT_PASSES_MAX 8

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS batch(id INTEGER PRIMARY KEY AUTOINCREMENT, bytes BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS mark(slot INTEGER PRIMARY KEY, incarnation INTEGER NOT NULL,"
    " sequence INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS attempt(batch INTEGER PRIMARY KEY, count INTEGER NOT NULL);";

struct spool {
        sqlite3 *db;
        sqlite3_stmt *begin, *commit, *insert, *mark, *oldest, *trim, *trim_attempts, *attempt;
        uint64_t rows, bytes;
        int64_t newest_row, trimmed_to;
        struct spoolage age;
        int64_t wal_bytes, wal_bytes_asked; // in use, and when a checkpoint was last asked for
};

// Rows from the oldest on.
struct oldest {
        uint64_t rows, bytes;
        int64_t last; // 0: none
        bool all;     // of those asked for
};

static int on_wal_grown(void *context, sqlite3 *db, const char *name, int pages)
{
        struct spool *spool = context;

        (void)db;
        (void)name;
        spool->wal_bytes = (int64_t)pages * PAGE_BYTES;
        if (spool->wal_bytes < spool->wal_bytes_asked)
                spool->wal_bytes_asked = 0; // it began anew
        return SQLITE_OK;                   // instead of the checkpoint that SQLite would do by itself
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
            {&spool->oldest, "SELECT id, length(bytes) FROM batch WHERE id <= ?1 ORDER BY id"},
            {&spool->trim, "DELETE FROM batch WHERE id <= ?1"},
            {&spool->trim_attempts, "DELETE FROM attempt WHERE batch <= ?1"},
            {&spool->attempt, "INSERT INTO attempt(batch, count) VALUES(?1, 1)"
                              " ON CONFLICT(batch) DO UPDATE SET count = count + 1 RETURNING count"},
        };

        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
                if ((*all[i].statement = sql_prepare(spool->db, all[i].text)) == NULL)
                        return -1;
        return 0;
}

// The oldest rows up to `row`, as many as either bound allows.
static int find_oldest(struct spool *spool, int64_t row, uint64_t rows_max, uint64_t bytes_max, struct oldest *found)
{
        int step = SQLITE_ROW;

        *found = (struct oldest){0};
        (void)sqlite3_bind_int64(spool->oldest, 1, row);
        while (
            found->rows < rows_max && found->bytes < bytes_max && (step = sqlite3_step(spool->oldest)) == SQLITE_ROW) {
                found->rows++;
                found->last = sqlite3_column_int64(spool->oldest, 0);
                found->bytes += (uint64_t)sqlite3_column_int64(spool->oldest, 1);
        }
        found->all = step == SQLITE_DONE;
        int result = step == SQLITE_DONE || step == SQLITE_ROW ? 0 : sql_fail(spool->db);
        int saved = errno;
        (void)sqlite3_reset(spool->oldest);
        errno = saved;
        return result;
}

// Makes the WAL's file as long as it is kept. Not where there is no room: then it grows as it is used. SQLite takes
// what it finds behind the last frame for what an earlier, longer WAL left.
static int write_wal_room(struct spool *spool)
{
        static const char zeros[WAL_ROOM_STEP];
        sqlite3_file *wal = NULL;
        sqlite3_int64 size;
        int code = sqlite3_file_control(spool->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);

        if (code != SQLITE_OK || wal == NULL || wal->pMethods == NULL ||
            wal->pMethods->xFileSize(wal, &size) != SQLITE_OK) {
                errno = EIO;
                return -1;
        }
        for (sqlite3_int64 at = size; at < SPOOL_WAL_BYTES_KEPT && code == SQLITE_OK; at += WAL_ROOM_STEP)
                code = wal->pMethods->xWrite(wal, zeros, WAL_ROOM_STEP, at);
        if (code != SQLITE_OK)
                code = wal->pMethods->xTruncate(wal, size);
        else
                code = wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
        if (code == SQLITE_OK)
                return 0;
        errno = EIO;
        return -1;
}

struct spool *spool_open(const char *path, char why[REASON_SIZE])
{
        struct spool *spool = memory_zeroed(1, sizeof(*spool));
        struct oldest waiting;

        spool->db = sql_open_write(path, why);
        if (spool->db == NULL)
                goto fail;
        if (sql_run(spool->db, schema) == -1 || prepare_all(spool) == -1 ||
            find_oldest(spool, INT64_MAX, UINT64_MAX, UINT64_MAX, &waiting) == -1) {
                (void)snprintf(why, REASON_SIZE, "%s: %s", path, sqlite3_errmsg(spool->db));
                goto fail;
        }
        spool->rows = waiting.rows;
        spool->bytes = waiting.bytes;
        spool->newest_row = waiting.last;
        if (waiting.rows > 0)
                spoolage_add(&spool->age, waiting.last, wall_now());
        if (write_wal_room(spool) == -1) {
                (void)snprintf(why, REASON_SIZE, "%s-wal: %s", path, strerror(errno));
                goto fail;
        }
        (void)sqlite3_wal_hook(spool->db, on_wal_grown, spool);
        return spool;
fail:;
        int saved = errno;
        if (saved == EBADMSG)
                (void)snprintf(why, REASON_SIZE,
                    "%.60s is damaged: move it and its -wal, -shm away; bars and trades that waited in it are fetched "
                    "again",
                    path);
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

// Deletes applied rows: twice what was inserted and a little more, so that they get fewer, yet nobody waits for it.
static int trim(struct spool *spool, int64_t row, uint64_t rows_added, uint64_t bytes_added, struct oldest *trimmed)
{
        *trimmed = (struct oldest){.all = true};
        if (row <= spool->trimmed_to)
                return 0;
        if (find_oldest(spool, row, SPOOL_TRIM_ROWS + 2 * rows_added, SPOOL_TRIM_BYTES + 2 * bytes_added, trimmed) ==
            -1)
                return -1;
        if (trimmed->all)
                trimmed->last = row;
        (void)sqlite3_bind_int64(spool->trim, 1, trimmed->last);
        (void)sqlite3_bind_int64(spool->trim_attempts, 1, trimmed->last);
        return sql_step_done(spool->trim) == 0 ? sql_step_done(spool->trim_attempts) : -1;
}

int spool_append(struct spool *spool, struct spool_batch *batches, size_t count, int64_t trim_to)
{
        struct oldest trimmed;
        uint64_t bytes_added = 0;

        if (sql_step_done(spool->begin) == -1)
                return -1;
        for (size_t i = 0; i < count; i++) {
                if (insert_batch(spool, &batches[i]) == -1)
                        goto rollback;
                bytes_added += batches[i].length;
        }
        if (trim(spool, trim_to, count, bytes_added, &trimmed) == -1 || sql_step_done(spool->commit) == -1)
                goto rollback;
        for (size_t i = 0; i < count; i++)
                spoolage_add(&spool->age, batches[i].row, wall_now());
        spoolage_trim(&spool->age, trimmed.last);
        if (count > 0)
                spool->newest_row = batches[count - 1].row;
        spool->rows += count - trimmed.rows;
        spool->bytes += bytes_added - trimmed.bytes;
        if (trimmed.last > spool->trimmed_to)
                spool->trimmed_to = trimmed.last;
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

int64_t spool_oldest_wall_ns(const struct spool *spool)
{
        return spoolage_oldest_wall_ns(&spool->age);
}

bool spool_trim_is_due(const struct spool *spool, int64_t trim_to)
{
        return trim_to > spool->trimmed_to;
}

// ---- checkpoints ----

bool spool_checkpoint_wanted(struct spool *spool)
{
        if (spool->wal_bytes - spool->wal_bytes_asked < SPOOL_CHECKPOINT_BYTES)
                return false;
        spool->wal_bytes_asked = spool->wal_bytes;
        return true;
}

// Sets the frames of the WAL as this checkpoint saw it. Returns 0, or -1 with errno.
static int checkpoint(sqlite3 *db, int *frames)
{
        int code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, frames, NULL);

        return code == SQLITE_OK || code == SQLITE_BUSY ? 0 : sql_fail(db); // busy: the other thread is at it
}

int spool_checkpoint_rest(struct spool *spool)
{
        return spool->wal_bytes > SPOOL_WAL_BYTES_KEPT ? checkpoint(spool->db, NULL) : 0;
}

bool spool_truncation_is_due(const struct spool *spool)
{
        return spool->wal_bytes > SPOOL_WAL_BYTES_MAX;
}

int spool_truncate_wal(struct spool *spool)
{
        int code = sqlite3_wal_checkpoint_v2(spool->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

        if (code == SQLITE_BUSY)
                return 0; // a reader in the middle of a batch: the next commit asks again
        if (code != SQLITE_OK)
                return sql_fail(spool->db);
        spool->wal_bytes = spool->wal_bytes_asked = 0;
        return write_wal_room(spool);
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

        reader->db = sql_open_beside(path, why);
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

int spool_reader_checkpoint(struct spool_reader *reader)
{
        int frames = -1, before;

        // Once more for what was committed meanwhile, which is less each time: where nothing was, the next commit finds
        // all of it written, and begins the WAL anew.
        for (int i = 0; i < CHECKPOINT_PASSES_MAX; i++) {
                before = frames;
                if (checkpoint(reader->db, &frames) == -1)
                        return -1;
                if (frames == before)
                        break;
        }
        return 0;
}
