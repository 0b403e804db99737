// SPDX-License-Identifier: Apache-2.0
// The spool: live batches between their acknowledgement and the store, verbatim, one row each, in spool.db. The commit
// of a row *is* the acknowledgement's meaning: it survives kill and power loss. The intake thread writes (append,
// trim), the store thread reads through a connection of its own. Row ids only grow, over restarts and an emptied table
// too.
//
// What keeps a commit short, whatever else the disk has to do: it syncs the WAL alone, whose room was written before;
// it deletes only a little of what is applied; and the store thread does the checkpoints.
#ifndef WRITER_SPOOL_H
#define WRITER_SPOOL_H

#include "common/limits.h"
#include "workers/writer/marks.h"

#include <stddef.h>
#include <stdint.h>

struct spool;

struct spool_batch {
        const void *bytes;
        size_t length;
        uint16_t slot;
        struct mark mark; // of the slot once this batch is durable
        int64_t row;      // set by spool_append()
};

// Recovers, and writes the room of the WAL: overwriting it changes nothing but bytes, so that its fdatasync waits
// neither for a commit of the file system's journal nor for the data that ext4 would write before that [measured beside
// a syncfs of 8 MiB/s: p99 0.26 ms, against 5.6 ms where the file grows]. NULL with errno and a message in `why`.
struct spool *spool_open(const char *path, char why[REASON_SIZE]);
void spool_close(struct spool *spool);
// The highest mark of every slot that ever sent a batch.
int spool_load_marks(struct spool *spool, struct mark marks[SLOTS_MAX]);
// No row will be given an id up to `row`: the ledger's cursor may be ahead of a spool that was lost.
int spool_reserve_rows(struct spool *spool, int64_t row);
// Commits batches and their marks in one transaction; deletes some rows up to `trim_to` in the same, more than it
// inserts. Returns 0, or -1 with errno: ENOSPC (nothing was committed, try again later), EIO (end the process: a second
// fsync would lie).
int spool_append(struct spool *spool, struct spool_batch *batches, size_t count, int64_t trim_to);
// True while rows up to `trim_to` are left to be deleted.
bool spool_trim_is_due(const struct spool *spool, int64_t trim_to);
// The newest row that waits, 0: none.
int64_t spool_newest_row(const struct spool *spool);
// Rows and bytes that wait.
void spool_size(const struct spool *spool, uint64_t *rows, uint64_t *bytes);
// When the oldest of them came, nearly (spoolage.h); 0: none waits.
int64_t spool_oldest_wall_ns(const struct spool *spool);
// True once per SPOOL_CHECKPOINT_BYTES of new WAL: the store thread's spool_reader_checkpoint() has work.
bool spool_checkpoint_wanted(struct spool *spool);
// After that, where commits came so fast that the WAL has outgrown its room all the same: the little that is left of
// it, so that the next commit begins it anew. Returns 0, or -1 with errno.
int spool_checkpoint_rest(struct spool *spool);
// Where that did not keep up: the checkpoint that empties a WAL above SPOOL_WAL_BYTES_MAX. Takes long: announce it.
// Returns 0, or -1 with errno.
int spool_truncate_wal(struct spool *spool);
bool spool_truncation_is_due(const struct spool *spool);
// How often a row ended its reader, kept over restarts. Returns the new count, or -1 with errno.
int spool_count_attempt(struct spool *spool, int64_t row);

// ---- the store thread's side ----

struct spool_reader;
struct spool_reader *spool_reader_open(const char *path, char why[REASON_SIZE]);
void spool_reader_close(struct spool_reader *reader);
// Calls back with the rows above `after`, in order, at most `rows_max`, until the callback returns non-zero, which is
// returned. Returns 0 at the end, or -1 with errno.
typedef int spool_row(void *context, int64_t row, const void *bytes, size_t length);
int spool_reader_each(struct spool_reader *reader, int64_t after, int rows_max, spool_row *each, void *context);
// Writes what the WAL holds into the data base and syncs it, while the other side commits. Returns 0, or -1 with errno:
// ENOSPC (the WAL goes on growing), EIO (end the process).
int spool_reader_checkpoint(struct spool_reader *reader);

#endif
