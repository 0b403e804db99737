// SPDX-License-Identifier: Apache-2.0
// Rows of an answer, column by column, as MarketStore's RPC sends them: each column one little-endian array, Epoch (i8,
// seconds since 1970) first, Nanoseconds (i4) last where the bucket has them. A reader appends rows, an answer takes
// the arrays over. Plain values; memory is charged to workers/gateway/block.h.
#ifndef GATEWAY_COLUMNS_H
#define GATEWAY_COLUMNS_H

#include "common/yearheader.h"
#include "workers/gateway/block.h"

#include <stdbool.h>
#include <stddef.h>

#define COLUMNS_MAX (YEARFILE_COLUMNS_MAX + 2) // and Epoch and Nanoseconds

#define COLUMN_EPOCH "Epoch"
#define COLUMN_NANOSECONDS "Nanoseconds"

struct columns {
        size_t count;
        size_t rows;
        struct values {
                char name[YEARFILE_NAME_BYTES + 1];
                uint8_t type; // enum column_type
                size_t width; // bytes of a value
                struct block block;
        } of[COLUMNS_MAX];
};

const struct column *columns_find(const struct yearfile_schema *schema, const char *name); // NULL: it has none so named

// The columns of a query on a bucket with this schema: all of them, or those `chosen` by name (of which the bucket has
// not all, perhaps none). No rows yet.
void columns_choose(
    struct columns *columns, const struct yearfile_schema *schema, const char *const *chosen, size_t chosen_count);

// Same names, types and order: their rows may stand in one answer.
bool columns_match(const struct columns *a, const struct columns *b);

// Makes room for `rows` more in each column. Returns 0, or -1 with ENOBUFS or ENOMEM.
int columns_reserve(struct columns *columns, size_t rows);
void columns_fit(struct columns *columns); // gives back what is reserved for more rows
size_t columns_row_bytes(const struct columns *columns);
void columns_clear(struct columns *columns); // no rows; the memory stays
void columns_release(struct columns *columns);

// Type as MarketStore sends it: what it has no wire type for (i1, bool) goes as u1.
const char *columns_wire_type(uint8_t type);

#endif
