// SPDX-License-Identifier: Apache-2.0
// The 37,024 byte header of a MarketStore year file: columns, timeframe, record length. Encodes what the writer creates
// and decodes what anybody reads, refusing with a message what is no such header (MarketStore v4.1.23,
// utils/io/metadata.go). Pure functions on memory.
#ifndef COMMON_YEARHEADER_H
#define COMMON_YEARHEADER_H

#include "common/interval.h"
#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define YEARFILE_HEADER_BYTES 37024
#define YEARFILE_COLUMNS_MAX 96 // a book of twenty levels has 82
#define YEARFILE_NAME_BYTES 32

// MarketStore's element type codes that have a size and a wire form.
enum column_type {
        COLUMN_F4 = 0,
        COLUMN_I4 = 1,
        COLUMN_F8 = 2,
        COLUMN_I8 = 3,
        COLUMN_I1 = 5,
        COLUMN_BOOL = 6,
        COLUMN_I2 = 9,
        COLUMN_U1 = 10,
        COLUMN_U2 = 11,
        COLUMN_U4 = 12,
        COLUMN_U8 = 13,
        COLUMN_STRING16 = 14,
};

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

// 0 for a code that has no size.
int64_t column_type_bytes(uint8_t type);
// As numpy and MarketStore's RPC write it ("f8"); "?" for a code that has no size.
const char *column_type_name(uint8_t type);

bool yearfile_schema_equal(const struct yearfile_schema *a, const struct yearfile_schema *b);
// Size in bytes of a year's file, as far as it is sized before the first row.
int64_t yearfile_size(const struct yearfile_schema *schema, int year);

void yearheader_encode(const struct yearfile_schema *schema, int year, uint8_t header[YEARFILE_HEADER_BYTES]);
// Returns 0, or -1 with EINVAL and in `why` what is wrong ("its header says year 2023").
int yearheader_decode(
    const uint8_t header[YEARFILE_HEADER_BYTES], int year, struct yearfile_schema *schema, char why[REASON_SIZE]);

#endif
