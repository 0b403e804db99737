// SPDX-License-Identifier: Apache-2.0
// MarketStore's fixed-length year file: a 37,024 byte header, then one slot per timeframe of the year; each record
// begins with its 1-based slot index (0 = empty), except that daily records carry the day of the year, 0 for 1 January.
// Written by the writer's store thread alone; read by the CLI and the gateway. Format: MarketStore v4.1.23,
// utils/io/metadata.go and utils/io/timeindex.go.
//
// 1 January of a daily bucket has no slot in its own year (index 0 is "empty"): it lies in the last slot of the
// previous year's file, which that year's days leave unused. yearfile_locate() knows it; nobody else needs to.
//
// Concurrency: a new slot is written payload first, index last; a slot that holds a row is rewritten under an exclusive
// OFD lock of its bytes and only if it differs; readers take a shared one for what they copy.
#ifndef COMMON_YEARFILE_H
#define COMMON_YEARFILE_H

#include "common/bucket.h"
#include "common/kline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define YEARFILE_HEADER_BYTES 37024
#define YEARFILE_COLUMNS_MAX 64
#define YEARFILE_NAME_BYTES 32

enum column_type { COLUMN_F4 = 0, COLUMN_I4 = 1, COLUMN_F8 = 2, COLUMN_I8 = 3, COLUMN_I2 = 9, COLUMN_U1 = 10 };

struct column {
        char name[YEARFILE_NAME_BYTES + 1];
        uint8_t type; // MarketStore's element type code
};

struct yearfile_schema {
        int64_t timeframe_ns;
        int64_t record_type;   // 0 fixed, 1 variable
        int64_t record_length; // bytes, index and padding included
        size_t columns_count;
        struct column columns[YEARFILE_COLUMNS_MAX];
};

// The schemas of bar buckets: "full" has nine columns, "seed" the first five.
void yearfile_bar_schema(enum interval interval, bool full, struct yearfile_schema *schema);
int64_t column_type_bytes(uint8_t type);

// File year, 0-based slot position and the index value stored in the record, for the slot that contains `open_us`.
struct slot_place {
        int year;
        int64_t position;
        int64_t index;
};
struct slot_place yearfile_locate(int64_t timeframe_ns, int64_t open_us);
// The open time that a reader derives from a stored index of the file of `year`.
int64_t yearfile_index_us(int64_t timeframe_ns, int year, int64_t index);
// Number of slots and size in bytes of a year's file.
int64_t yearfile_slots(int64_t timeframe_ns, int year);
int64_t yearfile_size(const struct yearfile_schema *schema, int year);

struct yearfile; // an open file; owns its descriptor

// Creates root/symbol/timeframe/group with all four `category_name` files (each complete before it gets its name) and,
// where absent, the year's file: header and full sparse size written under a temporary name, synced, then renamed.
// Opens it for writing. NULL with errno and a message in `why`: EEXIST/EINVAL for a file that is short, has a foreign
// header, another timeframe or record length (nothing is overwritten), else the system's.
struct yearfile *yearfile_open_write(const char *root, const char *symbol, enum interval interval,
    const struct yearfile_schema *schema, int year, char why[REASON_SIZE]);
// Opens an existing file for reading; its schema is whatever its header says. NULL with errno (ENOENT: no such file).
struct yearfile *yearfile_open_read(const char *path, char why[REASON_SIZE]);
void yearfile_close(struct yearfile *file);
const struct yearfile_schema *yearfile_schema(const struct yearfile *file);
int yearfile_fd(const struct yearfile *file);
int yearfile_year(const struct yearfile *file);

enum yearfile_change { YEARFILE_UNCHANGED, YEARFILE_NEW, YEARFILE_REWRITTEN };

// Writes bars (ascending open times, all within this file) as one run per contiguous stretch of slots. Each bar's
// columns are chosen by the file's own schema (names of the full schema; a five-column file takes five).
// changes[i], where not NULL, says what happened to bar i. Returns 0, or -1 with errno.
int yearfile_write_bars(struct yearfile *file, const int64_t *open_us, const struct bar_values *bars, size_t count,
    enum yearfile_change *changes);

// Reads the bars whose slot time lies in [start_us, end_us] (both inclusive), ascending, at most `count_max`.
// `from_end`: the last `count_max` instead of the first. Columns that the file lacks are 0. Returns the count, or -1.
ssize_t yearfile_read_bars(struct yearfile *file, int64_t start_us, int64_t end_us, size_t count_max, bool from_end,
    int64_t *open_us, struct bar_values *bars);

#endif
