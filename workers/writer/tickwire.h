// SPDX-License-Identifier: Apache-2.0
// Ticks in the columns of a bucket at a MarketStore server: our own, or an old feeder's, which have the prices and
// amounts and perhaps less of the rest. Rows come as common/tickrow.h packs them and go as common/storerpc.h sends
// them. Pure; used by tickserver.c.
#ifndef WRITER_TICKWIRE_H
#define WRITER_TICKWIRE_H

#include "common/tickrow.h"
#include "workers/writer/sinkmatch.h"

#include <stdbool.h>

struct tick_wire {
        enum tick_kind kind;
        unsigned levels;         // of TICK_DEPTH, else 0
        struct sink_shape shape; // of the bucket; an old feeder's may have no key
        // Of each column of the shape's layout but Epoch and Nanoseconds: where it lies in a row of our own columns.
        struct {
                size_t from;
                uint8_t from_type;
        } source[STORERPC_COLUMNS_MAX];
};

// False where rows of this kind cannot be kept in these columns (`why`): prices and amounts must be there, as f8 or f4,
// and nothing but columns of our own; books and their changes go into our own columns alone.
bool tick_wire_make(
    enum tick_kind kind, const struct yearfile_schema *schema, struct tick_wire *wire, char why[REASON_SIZE]);
// Encodes all rows into `out` (room for tick_rows_count() of them).
void tick_wire_encode(const struct tick_wire *wire, const struct tick_rows *rows, uint8_t *out);
// Of a row as it is sent, or as it is read (`look`): exchange time, and its id (of a trade or an aggregate trade, or of
// the update); -1 where the bucket has no key.
int64_t tick_wire_time_us(const struct sink_shape *shape, const uint8_t *row, bool look);
int64_t tick_wire_id(const struct sink_shape *shape, const uint8_t *row, bool look);

#endif
