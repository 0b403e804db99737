// SPDX-License-Identifier: Apache-2.0
// A year of ticks: MarketStore's variable-length year file (1Sec). Written by the writer's store thread alone; read by
// the command line and the gateway through common/tickquery.h. Header: common/yearheader.h; index area:
// common/tickindex.h; blocks: common/tickblock.h.
//
// Nothing points to what is not on disk, and no block is ever changed. Writing takes three steps:
//   1. tickfile_stage()   unites rows with what the file holds and appends the new blocks behind its end
//   2. the caller syncs (syncfs() or fsync()), then commits tickfile_pending() in the ledger
//   3. tickfile_commit()  points the index to the new blocks
// A crash before 2 leaves the old blocks in force, and rows staged again are appended again; one after 2 is completed
// at start by tickfile_redo() from the ledger, which keeps the triples until the next sync. Rows are united by key, so
// every step may be repeated.
#ifndef COMMON_TICKFILE_H
#define COMMON_TICKFILE_H

#include "common/tickblock.h"
#include "common/tickindex.h"
#include "common/tickrow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tickfile; // an open file; owns its descriptor and what is pending

// Creates the bucket's directories and, where absent, the year's file: header and sparse index area, complete before it
// gets its name. Opens it for writing. NULL with errno and `why`: EINVAL for a file that is short, has a foreign header
// or other columns (a bucket of other people's, or of another depth: tickfile_bucket_levels()); else the system's.
struct tickfile *tickfile_open_write(
    const char *root, const char *symbol, enum tick_kind kind, unsigned levels, int year, char why[REASON_SIZE]);

// Opens an existing file for reading, whatever its columns. NULL with errno and `why`: ENOENT, no such file; EINVAL, no
// year file of records of variable length in seconds.
struct tickfile *tickfile_open_read(
    const char *root, const char *symbol, enum tick_kind kind, int year, char why[REASON_SIZE]);

// What is pending is given up: its blocks stay unused in the file.
void tickfile_close(struct tickfile *file);

// Levels of the DEPTH bucket that is there: a bucket is continued in its own columns or not at all. Returns 0, or -1
// with errno and `why`: ENOENT, no bucket, or no year in it; EINVAL, its columns are not of this program's making.
int tickfile_bucket_levels(const char *root, const char *symbol, unsigned *levels, char why[REASON_SIZE]);

int tickfile_fd(const struct tickfile *file);
int tickfile_year(const struct tickfile *file);
const char *tickfile_name(const struct tickfile *file); // "BTCUSDT/1Sec/TRADE/2024.bin"
const struct yearfile_schema *tickfile_schema(const struct tickfile *file);
const struct tick_layout *tickfile_layout(const struct tickfile *file);
const struct tick_index *tickfile_index(const struct tickfile *file);

// Told of a second whose triple points outside the file or to bytes that are no block: its rows are lost. `what` says
// what was found.
typedef void tickfile_damage(void *context, const struct tickfile *file, int64_t second, const char *what);

// Step 1, for the rows that lie in the file's year; others are passed over. A second whose rows are all there already
// stages nothing. Where the second's old block is damaged, `damage` is told, once, and the new block holds the new rows
// alone: the caller records a gap, so that the rest is fetched again. Staging a second again unites with what is
// pending. Returns 0, or -1 with errno and `why`: EFBIG, more rows in a second than a block may have; else the
// system's (ENOSPC). After a failure some seconds may be pending; they are whole.
int tickfile_stage(
    struct tickfile *file, const struct tick_rows *rows, tickfile_damage *damage, void *context, char why[REASON_SIZE]);

// Bytes appended since the file was opened: what the caller paces its syncs by.
int64_t tickfile_appended_bytes(const struct tickfile *file);

// Step 2: what is to be committed, ascending seconds, each once; valid until the next stage or commit.
const struct tick_triple *tickfile_pending(const struct tickfile *file, size_t *count);

// Step 3, after a sync. Returns 0 and nothing is pending any more, or -1 with errno; then it can be called again.
int tickfile_commit(struct tickfile *file);

// At start: commits once more what the ledger says was committed, in the order in which it was. A triple that points
// outside the file or to bytes that are no block of it is told to `damage` and left out: what the second has stays.
// Opens and closes the file. Returns 0, or -1 with errno and `why`.
int tickfile_redo(const char *root, const char *symbol, enum tick_kind kind, int year,
    const struct tick_triple *triples, size_t count, tickfile_damage *damage, void *context, char why[REASON_SIZE]);

// Reads the rows of a triple that tick_index_read() gave, united by key, into `block` (made of the file's layout).
// Returns 0, or -1 with errno and `why`: EBADMSG, damaged.
int tickfile_read_block(
    const struct tickfile *file, const struct tick_triple *triple, struct tick_block *block, char why[REASON_SIZE]);

#endif
