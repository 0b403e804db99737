// SPDX-License-Identifier: Apache-2.0
// The ledger's account of ticks (trades, aggregate trades, best quotes, books), read like that of bars:
// common/ledgerview.h says how. A ledger from before there were ticks has no buckets of them.
#ifndef COMMON_LEDGERTICKS_H
#define COMMON_LEDGERTICKS_H

#include "common/ledgerview.h"
#include "common/tickbucket.h"

struct ledger_tick {
        int64_t number; // of the bucket
        char symbol[SYMBOL_SIZE];
        char directory[64]; // the symbol's name in the tree; empty while unknown
        enum tick_kind kind;
        bool followed, live, backfill;
        int64_t rows;              // stored and synced
        int64_t first_us, last_us; // times of the oldest and newest row, -1: none
        int64_t defective;         // rows refused because no exchange would send them
        // of trades and aggregate trades, in the newest numbering
        int64_t first_id, last_id; // that are stored, -1: none
        int64_t wanted;            // ids wanted that are known to exist
        int64_t missing;           // of these, neither stored nor known not to exist
        int64_t wanted_absent;     // of these, that the exchange itself does not have
        int64_t history_from_us,
            history_until_us; // history wanted, [from, until); INT64_MAX: for ever on; -1: none yet
        bool known;           // both ends of that history have been found, or it is empty: `wanted` is all of it
        int64_t absent;       // ids that the exchange itself does not have
        int64_t gaps_open;
        // what cannot be had again: ids of older numberings, times between two connections
        int64_t lost_spans, lost_us, lost_ids;
        char why[REASON_SIZE];
};

// "trade", "agg_trade", "quote", "depth", "depth_diff".
const char *ledger_tick_kind_name(enum tick_kind kind);

// A non-zero return of a callback ends the walk and is returned. In order of symbol, then kind.
typedef int ledgerview_tick(void *context, const struct ledger_tick *tick);
int ledgerview_each_tick(struct ledgerview *view, ledgerview_tick *callback, void *context);
// One bucket. Returns 1, 0 where the ledger has none, or -1.
int ledgerview_tick_of(struct ledgerview *view, const char *symbol, enum tick_kind kind, struct ledger_tick *tick);

struct ledger_tick_gap {
        char symbol[SYMBOL_SIZE];
        enum tick_kind kind;
        int32_t epoch;
        int64_t first_id, last_id; // missing ids; of quotes and books the last before and the first after, -1: unknown
        int64_t start_us, end_us;  // between which it lies
        int state;                 // enum gap_state
        int64_t found_us;
        char evidence[REASON_SIZE];
};

// `states`: bit mask of 1u << enum gap_state. In order of symbol, kind, time.
typedef int ledgerview_tick_gap(void *context, const struct ledger_tick_gap *gap);
int ledgerview_each_tick_gap(struct ledgerview *view, uint32_t states, ledgerview_tick_gap *callback, void *context);

struct ledger_id_range {
        int32_t epoch;
        int source; // enum id_source
        int64_t first_id, last_id, first_us, last_us;
};

// The ids that a bucket covers, ascending.
typedef int ledgerview_id_range(void *context, const struct ledger_id_range *range);
int ledgerview_each_id_range(
    struct ledgerview *view, const char *symbol, enum tick_kind kind, ledgerview_id_range *callback, void *context);

#endif
