// SPDX-License-Identifier: Apache-2.0
// The kinds of tick buckets: their names (`BTCUSDT/1Sec/TRADE`), columns, and which columns are a row's key. Pure
// functions.
//
// The modules behind a bucket, from events to its files and back:
//
//   events (common/tick.h)  ->  tickrow     rows of a bucket, any seconds, any order
//   rows                    ->  tickfile    the year's file: stage, sync, commit
//                               tickblock   one second's rows, each event once, compressed
//                               tickindex   where each second's block lies
//   file                    ->  tickquery   rows of a range, to the nanosecond, from either end
//   rows                    ->  tickdecode  events again
#ifndef COMMON_TICKBUCKET_H
#define COMMON_TICKBUCKET_H

#include "common/bucket.h"
#include "common/limits.h"
#include "common/yearheader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// In the order of the tick kinds of enum stream_kind.
enum tick_kind { TICK_TRADE, TICK_AGG_TRADE, TICK_QUOTE, TICK_DEPTH, TICK_DEPTH_DIFF, TICK_KINDS };

#define TICK_TIMEFRAME "1Sec"

// Values of DEPTHDIFF's column Side.
enum tick_side {
        TICK_SIDE_BID,
        TICK_SIDE_ASK,
        TICK_SIDE_SNAPSHOT_BID, // of the snapshot that a kept book starts from
        TICK_SIDE_SNAPSHOT_ASK,
        TICK_SIDE_CLEAR, // the kept book was given up; price and size are 0
};

// Attribute group: "TRADE", "AGGTRADE", "QUOTE", "DEPTH", "DEPTHDIFF".
const char *tick_group(enum tick_kind kind);
int tick_kind_parse(const char *group, enum tick_kind *kind);

// "BTCUSDT/1Sec/TRADE", "BTCUSDT/TRADE" -> symbol, kind; timeframe and group also as Binance writes them ("1s",
// "trade"). Returns 0, or -1 and *why (static text: what is accepted). Whether text is meant as a bucket of ticks or of
// bars: tick_bucket_is_named().
int tick_bucket_parse(const char *text, char symbol[BUCKET_SYMBOL_SIZE], enum tick_kind *kind, const char **why);
// True where the last part is a group of ticks.
bool tick_bucket_is_named(const char *text);
// Writes `symbol/1Sec/group`.
void tick_bucket_format(const char *symbol, enum tick_kind kind, char name[BUCKET_NAME_SIZE]);

// The columns that this program writes. `levels`: of TICK_DEPTH, 1 to TICK_LEVELS_MAX; ignored for other kinds.
void tick_schema(enum tick_kind kind, unsigned levels, struct yearfile_schema *schema);
// Levels of a DEPTH schema that tick_schema() made, 0 for any other.
unsigned tick_schema_levels(const struct yearfile_schema *schema);

// Where things lie in a packed row: columns back to back in header order, then 4 bytes of ticks.
struct tick_layout {
        size_t columns_bytes;
        size_t row_bytes; // columns and ticks
        size_t key_parts; // 0: a bucket of other people's columns; its rows have no key
        struct tick_key_part {
                size_t offset;
                uint8_t type;
        } key[3];
        bool has_received;
        size_t received_offset;
        bool finer_time_wins; // trades come in milliseconds from one source and in microseconds from another
};

// By the file's own column names and types: any schema of records of variable length will do.
void tick_layout_make(enum tick_kind kind, const struct yearfile_schema *schema, struct tick_layout *layout);

#endif
