// SPDX-License-Identifier: Apache-2.0
// Rows of a tick bucket as events again: what bars are made of and books are rebuilt from. For the columns of
// tick_schema() alone (tick_decode_is_possible()). A double becomes the shortest decimal that reads back as it, which
// is the exchange's own for up to 15 digits. Pure functions.
#ifndef COMMON_TICKDECODE_H
#define COMMON_TICKDECODE_H

#include "common/tick.h"
#include "common/tickbucket.h"

#include <stdbool.h>
#include <stdint.h>

// One change of a book: a row of DEPTHDIFF.
struct book_change {
        int64_t first_id, update_id;
        int64_t time_us;
        int64_t received_wall_ns;
        struct level level; // size 0: the level is gone
        uint8_t side;       // enum tick_side
};

// Whether rows of this schema can be decoded; of TICK_DEPTH any number of levels can.
bool tick_decode_is_possible(enum tick_kind kind, const struct yearfile_schema *schema);

// Return 0, or -1 with ERANGE: a price or size is no decimal of 64 bits (no row of this program's).
int tick_decode_trade(const unsigned char *columns, int64_t time_ns, struct trade *trade);
int tick_decode_agg_trade(const unsigned char *columns, int64_t time_ns, struct agg_trade *trade);
int tick_decode_quote(const unsigned char *columns, int64_t time_ns, struct quote *quote);
// `levels`: room for 2 * levels_count; takes depth->bids bids, then depth->asks asks, without padding.
int tick_decode_depth(
    const unsigned char *columns, int64_t time_ns, unsigned levels_count, struct depth *depth, struct level *levels);
int tick_decode_change(const unsigned char *columns, int64_t time_ns, struct book_change *change);

#endif
