// SPDX-License-Identifier: Apache-2.0
// SQLite as spool and ledger use it: how a data base is opened so that a commit survives power loss, and how its errors
// become errno values that the writer acts on (ENOSPC: wait for room; EIO: end; EBADMSG: corrupt).
#ifndef WRITER_SQL_H
#define WRITER_SQL_H

#include "common/limits.h"

#include <sqlite3.h>

// Opens or creates `path` for writing: WAL, synchronous=FULL, -wal and -shm kept after close (readers without write
// permission need them). Completes wal_checkpoint(TRUNCATE) first: after a failed fsync what the cache shows is not
// believed. Returns NULL with errno and a message in `why` that names the file.
sqlite3 *sql_open_write(const char *path, char why[REASON_SIZE]);
// Opens an existing data base beside the connection that writes it: for short read transactions, and for checkpoints.
sqlite3 *sql_open_beside(const char *path, char why[REASON_SIZE]);
void sql_close(sqlite3 *db);

// Runs statements without results. Returns 0, or -1 with errno (sql_errno()).
int sql_run(sqlite3 *db, const char *statements);
// NULL with errno; persistent statements are kept by their owner until sql_close().
sqlite3_stmt *sql_prepare(sqlite3 *db, const char *text);
// Steps a statement that returns no rows, then resets it. Returns 0, or -1 with errno.
int sql_step_done(sqlite3_stmt *statement);
// Sets errno from the data base's last error and returns -1.
int sql_fail(sqlite3 *db);

#endif
