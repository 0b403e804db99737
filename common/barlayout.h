// SPDX-License-Identifier: Apache-2.0
// Where a bar's nine values lie in a year file's record, by the file's own column names and types. Used by
// common/yearfile.c, and where rows go to a MarketStore server or come from one. Pure functions on memory.
#ifndef COMMON_BARLAYOUT_H
#define COMMON_BARLAYOUT_H

#include "common/kline.h"
#include "common/yearheader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BAR_VALUES_COUNT 9

struct bar_layout {
        // A record that is struct bar_values after its index, as in every nine-column file of ours, is copied whole.
        bool is_whole;
        size_t count; // of the places below
        struct bar_place {
                uint16_t record_offset, value_offset;
                uint8_t type;    // in the file
                bool is_integer; // in struct bar_values
        } places[BAR_VALUES_COUNT];
};

// Columns of other names have no place; they are passed over when reading.
void bar_layout_make(const struct yearfile_schema *schema, struct bar_layout *layout);

// True where bars can be written without loss: every column is one of ours, in our type, and the seed's five are there.
// Else false and `why` ("its column Volume is u8, not f8").
bool bar_layout_is_writable(const struct yearfile_schema *schema, char why[REASON_SIZE]);

// The same where single precision is good enough, because the bucket is somebody else's: f4 in place of f8 as well.
bool bar_layout_is_acceptable(const struct yearfile_schema *schema, char why[REASON_SIZE]);

// Writes index and values into a record of a writable or acceptable layout.
void bar_layout_encode(
    const struct bar_layout *layout, int64_t index, const struct bar_values *values, uint8_t *record);
// Values that the record has no column for become 0.
void bar_layout_decode(const struct bar_layout *layout, const uint8_t *record, struct bar_values *values);

#endif
