// SPDX-License-Identifier: Apache-2.0
// The messages of MarketStore's RPC that its clients here need, the writer's sink and `query` (MarketStore v4.1.23,
// utils/rpc/msgpack2, frontend/write.go, frontend/query.go): Write, Query, GetInfo, ListSymbols, encoded into msgpack,
// and their answers. Rows travel in memory as on the wire but row by row: Epoch (i8, seconds), the bucket's own columns
// in the bucket's own order, and in variable buckets Nanoseconds (i4) at the end, without padding; so that two rows are
// equal where their bytes are. Pure, but for memory. An answer is believed nothing: it is walked over before msgpack-c
// decodes it.
#ifndef COMMON_STORERPC_H
#define COMMON_STORERPC_H

#include "common/yearheader.h"

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORERPC_COLUMNS_MAX (YEARFILE_COLUMNS_MAX + 2)
#define STORERPC_KEY_SIZE 96

struct storerpc_layout {
        bool variable;
        bool partial;     // the bucket has more columns: a query names these
        size_t count;     // columns, Epoch and Nanoseconds included
        size_t row_bytes; // of a row
        struct column columns[STORERPC_COLUMNS_MAX];
};

// The rows of a bucket with these columns (Epoch is not among them).
void storerpc_layout_make(const struct yearfile_schema *schema, struct storerpc_layout *layout);
int64_t storerpc_row_epoch_s(const uint8_t *row);
void storerpc_row_set_epoch_s(uint8_t *row, int64_t epoch_s);
// 0 where the bucket is fixed.
int32_t storerpc_row_nanos(const struct storerpc_layout *layout, const uint8_t *row);

// ---- requests ----

// Rows of one bucket in a write.
struct storerpc_part {
        const char *key;
        const uint8_t *rows;
        size_t count;
};
// Several buckets of one layout go in one request, which the server's log takes in one piece; each of them once.
void storerpc_encode_write(
    msgpack_sbuffer *out, const struct storerpc_layout *layout, const struct storerpc_part *parts, size_t parts_count);

struct storerpc_range {
        int64_t start_s, end_s; // both inclusive
        int64_t limit;          // so many rows; 0: all
        bool limit_from_end;    // the last of the range, not the first
};
// `columns`: of the layout, so many from the first on (Epoch is the first and always comes).
void storerpc_encode_query(msgpack_sbuffer *out, const char *key, const struct storerpc_layout *layout, size_t columns,
    const struct storerpc_range *range);
void storerpc_encode_info(msgpack_sbuffer *out, const char *key);
void storerpc_encode_list(msgpack_sbuffer *out);

// ---- answers ----

enum storerpc_verdict {
        STORERPC_FINE,
        STORERPC_ABSENT,  // the server has no such bucket
        STORERPC_REFUSED, // the server says why, in `why`
        STORERPC_GARBLED, // no answer of a MarketStore: nobody knows what happened
};

enum storerpc_verdict storerpc_decode_write(const void *bytes, size_t length, char why[REASON_SIZE]);
// *rows becomes `*count` rows of the layout's first `columns` columns (allocated, to be freed; NULL where there are
// none); row_bytes of each is what these columns take. REFUSED also where the columns are not the layout's.
enum storerpc_verdict storerpc_decode_query(const void *bytes, size_t length, const struct storerpc_layout *layout,
    size_t columns, uint8_t **rows, size_t *count, char why[REASON_SIZE]);
enum storerpc_verdict storerpc_decode_info(
    const void *bytes, size_t length, struct yearfile_schema *schema, char why[REASON_SIZE]);
// FINE where it is the answer of a MarketStore; `each` (may be NULL) is called with every bucket's name as
// "BTCUSDT/1Min/OHLCV", in no order; *buckets says how many there are.
typedef void storerpc_name(void *context, const char *name);
enum storerpc_verdict storerpc_decode_list(
    const void *bytes, size_t length, storerpc_name *each, void *context, size_t *buckets, char why[REASON_SIZE]);

#endif
