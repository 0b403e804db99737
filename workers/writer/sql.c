// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/sql.h"

#include <errno.h>
#include <stdio.h>

#define BUSY_TIMEOUT_MS 5000

int sql_fail(sqlite3 *db)
{
        int code = sqlite3_errcode(db);
        int system = sqlite3_system_errno(db);

        switch (code & 0xff) {
        case SQLITE_FULL: errno = ENOSPC; break;
        case SQLITE_IOERR: errno = system == ENOSPC || system == EDQUOT ? ENOSPC : EIO; break;
        case SQLITE_NOMEM: errno = ENOMEM; break;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: errno = EAGAIN; break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: errno = EBADMSG; break;
        case SQLITE_READONLY:
        case SQLITE_PERM: errno = EACCES; break;
        case SQLITE_CANTOPEN: errno = system != 0 ? system : ENOENT; break;
        default: errno = EINVAL; break;
        }
        return -1;
}

static sqlite3 *open_flags(const char *path, int flags, char why[REASON_SIZE])
{
        sqlite3 *db = NULL;

        if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
                (void)snprintf(why, REASON_SIZE, "%s: %s", path, db != NULL ? sqlite3_errmsg(db) : "out of memory");
                errno = ENOMEM;
                if (db != NULL)
                        (void)sql_fail(db);
                int saved = errno;
                sqlite3_close(db);
                errno = saved;
                return NULL;
        }
        (void)sqlite3_extended_result_codes(db, 1);
        (void)sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
        return db;
}

static sqlite3 *open_run(const char *path, int flags, const char *statements, char why[REASON_SIZE])
{
        sqlite3 *db = open_flags(path, flags, why);
        int keep = 1;

        if (db == NULL)
                return NULL;
        (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
        if (sql_run(db, statements) == 0)
                return db;
        int saved = errno;
        (void)snprintf(why, REASON_SIZE, "%s: %s", path, sqlite3_errmsg(db));
        sqlite3_close(db);
        errno = saved;
        return NULL;
}

sqlite3 *sql_open_write(const char *path, char why[REASON_SIZE])
{
        // Debian's library overwrites what is deleted with zeros: each batch would be written a second time for
        // nothing.
        return open_run(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
            "PRAGMA secure_delete=OFF; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
            "PRAGMA wal_checkpoint(TRUNCATE);",
            why);
}

sqlite3 *sql_open_beside(const char *path, char why[REASON_SIZE])
{
        return open_run(path, SQLITE_OPEN_READWRITE, "PRAGMA synchronous=FULL;", why);
}

void sql_close(sqlite3 *db)
{
        sqlite3_stmt *statement;

        while ((statement = sqlite3_next_stmt(db, NULL)) != NULL)
                sqlite3_finalize(statement);
        sqlite3_close(db);
}

int sql_run(sqlite3 *db, const char *statements)
{
        return sqlite3_exec(db, statements, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_fail(db);
}

sqlite3_stmt *sql_prepare(sqlite3 *db, const char *text)
{
        sqlite3_stmt *statement = NULL;

        if (sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
                (void)sql_fail(db);
        return statement;
}

int sql_step_done(sqlite3_stmt *statement)
{
        sqlite3 *db = sqlite3_db_handle(statement);
        int result = sqlite3_step(statement) == SQLITE_DONE ? 0 : sql_fail(db);
        int saved = errno;

        (void)sqlite3_reset(statement);
        errno = saved;
        return result;
}
