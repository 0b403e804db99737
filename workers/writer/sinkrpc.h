// SPDX-License-Identifier: Apache-2.0
// The messages of MarketStore's RPC that the sink needs (MarketStore v4.1.23, utils/rpc/msgpack2, frontend/write.go,
// frontend/query.go): Write, Query, GetInfo, ListSymbols, encoded into msgpack, and their answers. Rows travel in
// memory as on the wire but row by row: Epoch (i8, seconds), the bucket's own columns in the bucket's own order, and in
// variable buckets Nanoseconds (i4) at the end, without padding; so that two rows are equal where their bytes are.
// Pure, but for memory. An answer is believed nothing: it is walked over before msgpack-c decodes it.
#ifndef WRITER_SINKRPC_H
#define WRITER_SINKRPC_H

#include "common/yearheader.h"

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SINK_COLUMNS_MAX (YEARFILE_COLUMNS_MAX + 2)
#define SINK_KEY_SIZE 96

struct sink_layout {
        bool variable;
        size_t count;     // columns, Epoch and Nanoseconds included
        size_t row_bytes; // of a row
        struct column columns[SINK_COLUMNS_MAX];
};

// The rows of a bucket with these columns (Epoch is not among them).
void sink_layout_make(const struct yearfile_schema *schema, struct sink_layout *layout);
int64_t sink_row_epoch_s(const uint8_t *row);
void sink_row_set_epoch_s(uint8_t *row, int64_t epoch_s);
// 0 where the bucket is fixed.
int32_t sink_row_nanos(const struct sink_layout *layout, const uint8_t *row);

// ---- requests ----

void sinkrpc_encode_write(
    msgpack_sbuffer *out, const char *key, const struct sink_layout *layout, const uint8_t *rows, size_t count);

struct sink_range {
        int64_t start_s, end_s; // both inclusive
        int64_t limit;          // the first so many rows; 0: all
};
// `columns`: of the layout, so many from the first on (Epoch is the first and always comes).
void sinkrpc_encode_query(msgpack_sbuffer *out, const char *key, const struct sink_layout *layout, size_t columns,
    const struct sink_range *range);
void sinkrpc_encode_info(msgpack_sbuffer *out, const char *key);
void sinkrpc_encode_list(msgpack_sbuffer *out);

// ---- answers ----

enum sinkrpc_verdict {
        SINKRPC_FINE,
        SINKRPC_ABSENT,  // the server has no such bucket
        SINKRPC_REFUSED, // the server says why, in `why`
        SINKRPC_GARBLED, // no answer of a MarketStore: nobody knows what happened
};

enum sinkrpc_verdict sinkrpc_decode_write(const void *bytes, size_t length, char why[REASON_SIZE]);
// *rows becomes `*count` rows of the layout's first `columns` columns (allocated, to be freed; NULL where there are
// none); row_bytes of each is what these columns take. REFUSED also where the columns are not the layout's.
enum sinkrpc_verdict sinkrpc_decode_query(const void *bytes, size_t length, const struct sink_layout *layout,
    size_t columns, uint8_t **rows, size_t *count, char why[REASON_SIZE]);
enum sinkrpc_verdict sinkrpc_decode_info(
    const void *bytes, size_t length, struct yearfile_schema *schema, char why[REASON_SIZE]);
// FINE where it is the answer of a MarketStore; *buckets says how many it has.
enum sinkrpc_verdict sinkrpc_decode_list(const void *bytes, size_t length, size_t *buckets, char why[REASON_SIZE]);

#endif
