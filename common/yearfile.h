// SPDX-License-Identifier: Apache-2.0
// Bars in MarketStore's fixed-length year files: opening, creating, writing and reading them. Written by the writer's
// store thread alone; read by the CLI and the gateway. The file's format is in common/yearheader.h, the slot arithmetic
// (1 January!) in common/yearslot.h, the directories around it in common/yeartree.h.
//
// Concurrency: the reader of a slot, ours or a stock server, believes what it finds once the index is not 0. So a new
// slot is written payload first, index last. A slot that holds a row is rewritten under an exclusive OFD lock of its
// bytes, and only if it differs; readers take a shared one for what they copy. The writer waits YEARFILE_LOCK_WAIT_MS
// for a reader at most and then writes: a reader that held its lock for that long reads again, so it never sees the
// middle.
//
// On failure nothing is undone: writing the same bars again completes what was begun.
#ifndef COMMON_YEARFILE_H
#define COMMON_YEARFILE_H

#include "common/bucket.h"
#include "common/kline.h"
#include "common/yearheader.h"
#include "common/yearslot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct yearfile; // an open file; owns its descriptor

// Creates root/symbol/timeframe/group with all four `category_name` files (each complete before it gets its name; the
// parent of root must exist) and, where absent, the year's file: header and full sparse size written under a temporary
// name, synced, then renamed. Opens it for writing. NULL with errno and a message in `why`: EINVAL for a file that is
// short, has a foreign header, or other columns, timeframe or record length than `schema` (nothing is overwritten), and
// for a year new to a bucket whose other years differ from `schema` (a stock server cannot query such a bucket); else
// the system's.
struct yearfile *yearfile_open_write(const char *root, const char *symbol, enum interval interval,
    const struct yearfile_schema *schema, int year, char why[REASON_SIZE]);

// Opens an existing file (named `.../<year>.bin`) for reading; its schema is whatever its header says, so columns may
// be missing, in another order or of another numeric type. NULL with errno and `why`: ENOENT, no such file; EINVAL, no
// year file of fixed-length records.
struct yearfile *yearfile_open_read(const char *path, char why[REASON_SIZE]);

// The schema of the newest year a bucket holds, so that a tree begun by others is continued in its own columns.
// Returns 0, or -1 with errno and `why`: ENOENT, the bucket holds no year; EINVAL, its newest is no year file.
int yearfile_bucket_schema(const char *root, const char *symbol, enum interval interval, struct yearfile_schema *schema,
    char why[REASON_SIZE]);

void yearfile_close(struct yearfile *file);
const struct yearfile_schema *yearfile_schema(const struct yearfile *file);
int yearfile_fd(const struct yearfile *file);
int yearfile_year(const struct yearfile *file);
// Open times of its first and last slot.
int64_t yearfile_first_us(const struct yearfile *file);
int64_t yearfile_last_us(const struct yearfile *file);

enum yearfile_change { YEARFILE_UNCHANGED, YEARFILE_NEW, YEARFILE_REWRITTEN };

// Writes bars (ascending open times, one a slot, all within this file). The file's own columns choose what of a bar is
// kept: a five-column file takes five. A row that is there already, equal in every byte, is not written.
// changes[i], where not NULL, says what happened to bar i. Returns 0, or -1 with errno: EINVAL, bars out of order, two
// in a slot or outside the file (nothing is written); EIO, the file is shorter than it was; else the system's. After a
// failure any number of the bars may have been written.
int yearfile_write_bars(struct yearfile *file, const int64_t *open_us, const struct bar_values *bars, size_t count,
    enum yearfile_change *changes);

// Reads the bars whose slot time lies in [start_us, end_us] (both inclusive), ascending, at most `count_max`.
// `from_end`: the last `count_max` instead of the first. Columns that the file lacks are 0. Holes of the file cost
// nothing. Returns the count, or -1 with errno: EAGAIN, the writer held its lock for YEARFILE_READ_WAIT_MS; EIO, the
// file is shorter than it was; else the system's.
ssize_t yearfile_read_bars(struct yearfile *file, int64_t start_us, int64_t end_us, size_t count_max, bool from_end,
    int64_t *open_us, struct bar_values *bars);

#endif
