// SPDX-License-Identifier: Apache-2.0
// Ticks as they travel: trades, aggregate trades, best quotes, order books and their changes, exactly what the exchange
// sent, in fixed layouts. They are payloads of records (common/record.h), so field order and sizes are part of the wire
// format between our processes. Times are exchange time in microseconds; `received_wall_ns` is this host's clock when
// the event arrived, 0 where backfilled.
#ifndef COMMON_TICK_H
#define COMMON_TICK_H

#include <assert.h>
#include <stdint.h>

// A price and an amount: mantissas with their powers of ten.
struct level {
        int64_t price, size; // size 0: the level is gone (in changes), or padding (in snapshots)
        int8_t price_exponent, size_exponent;
        int8_t zero[6];
};

struct trade {
        int64_t id;
        int64_t time_us;
        int64_t received_wall_ns;
        struct level level;
        uint8_t buyer_maker;
        uint8_t microseconds; // 1: the exchange told microseconds, so time_us is exact
        uint8_t zero[6];
};

struct agg_trade {
        int64_t id;
        int64_t first_id, last_id; // trades it sums; -1 and -1 with price 0: a tombstone, kept for its id only
        int64_t time_us;
        int64_t received_wall_ns;
        struct level level;
        uint8_t buyer_maker;
        uint8_t microseconds;
        uint8_t zero[6];
};

// The exchange sends no time with it: receive time plus the exchange clock's offset, stamped once, by the worker.
struct quote {
        int64_t update_id;
        int64_t time_us;
        int64_t received_wall_ns;
        struct level bid, ask;
};

// A book snapshot (top levels), or the changes of one diff event. Levels follow: `bids` of them, then `asks`.
struct depth {
        int64_t first_id;  // changes: U; 0 in a snapshot
        int64_t update_id; // u, or lastUpdateId
        int64_t time_us;
        int64_t received_wall_ns;
        uint16_t bids, asks;
        uint8_t kind; // enum depth_kind
        uint8_t zero[3];
};

enum depth_kind {
        DEPTH_TOP,      // a stored snapshot of the kept book's top
        DEPTH_CHANGES,  // one diff event
        DEPTH_SNAPSHOT, // the REST snapshot that a kept book starts from
        DEPTH_CLEAR,    // the kept book was given up; no levels
};

static_assert(
    sizeof(struct level) == 24 && sizeof(struct trade) == 56 && sizeof(struct agg_trade) == 72, "wire layout");
static_assert(sizeof(struct quote) == 72 && sizeof(struct depth) == 40, "wire layout");

#endif
