// SPDX-License-Identifier: Apache-2.0
// Tick buckets: MarketStore's variable-length year files (1Sec timeframe), written by the writer's store thread, read
// by the command line and the gateway. One index triple per second of the year {index, offset, length}; each second
// owns one block, a raw snappy block of its rows, sorted by time within the second. Format: MarketStore v4.1.23,
// executor/writer.go, executor/readvariable.go.
//
// A second is written once, when exchange time has passed it; late rows and backfill read the block, unite by key,
// append a new block, sync, then repoint: never in place. Nothing repoints before what it points to is on disk: the
// caller appends, syncs, then commits the pending triples (tickfile_commit()).
#ifndef COMMON_TICKSTORE_H
#define COMMON_TICKSTORE_H

#include "common/tick.h"
#include "common/yearheader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tick_kind { TICK_TRADE, TICK_AGG_TRADE, TICK_QUOTE, TICK_DEPTH, TICK_DEPTH_DIFF, TICK_KINDS };

// Attribute group ("TRADE"), stream kind and columns of a tick bucket. `levels`: of DEPTH (5, 10, 20).
const char *tick_group(enum tick_kind kind);
int tick_kind_parse(const char *group, enum tick_kind *kind);
void tick_schema(enum tick_kind kind, unsigned levels, struct yearfile_schema *schema);

// A row as it lies in a block: the columns packed in header order. Its time and key are kept beside it while in memory.
struct tick_row {
        int64_t time_ns; // exchange time
        // Rows with equal keys are the same event: (id) for trades and aggTrades, (update id) for quotes and depth,
        // (update id, side, price) for depth changes.
        int64_t key[3];
        const unsigned char *columns;
};

// One row per trade, aggTrade, quote or snapshot, several per diff event. Appends encoded rows to `out` (grown as
// needed).
struct tick_rows; // a growing list that owns its columns
struct tick_rows *tick_rows_new(enum tick_kind kind, unsigned levels);
void tick_rows_free(struct tick_rows *rows);
void tick_rows_clear(struct tick_rows *rows);
size_t tick_rows_count(const struct tick_rows *rows);
const struct tick_row *tick_rows_at(const struct tick_rows *rows, size_t i);
void tick_rows_add_trade(struct tick_rows *rows, const struct trade *trade);
void tick_rows_add_agg_trade(struct tick_rows *rows, const struct agg_trade *trade);
void tick_rows_add_quote(struct tick_rows *rows, const struct quote *quote);
void tick_rows_add_depth(struct tick_rows *rows, const struct depth *depth, const struct level *levels);

#endif
