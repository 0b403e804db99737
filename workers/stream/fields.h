// SPDX-License-Identifier: Apache-2.0
// Reads an event whose members have one-letter names, as trades, quotes and changes of a book have: which letters are
// asked for, and of what type, is a table. Strict: letters are case-sensitive ("t" and "T" differ), a required member
// that is missing, of the wrong type or there twice is refused; other members are checked for well-formedness and
// passed over, for the exchange adds some. Pure; used by the parsers of the stream kinds, on the hot path.
#ifndef WORKERS_STREAM_FIELDS_H
#define WORKERS_STREAM_FIELDS_H

#include "common/tick.h"
#include "workers/stream/json.h"

#include <stdbool.h>
#include <stdint.h>

#define FIELDS_LETTERS ('z' - 'A' + 1)
#define FIELD(letter) ((letter) - 'A')
#define FIELD_BIT(letter) (UINT64_C(1) << FIELD(letter))

enum field_type {
        FIELD_UNKNOWN,
        FIELD_INTEGER,
        FIELD_TEXT,
        FIELD_DECIMAL, // in a string
        FIELD_BOOL,
        FIELD_LEVELS // [["price","amount"],…]
};

struct field_spec {
        uint8_t types[FIELDS_LETTERS]; // enum field_type
        uint64_t required;             // bits
};

struct field_decimal {
        int64_t mantissa;
        int8_t exponent;
};

// Where levels go; `levels` has room for `max`.
struct field_levels {
        struct level *levels;
        size_t max, count;
};

struct field_range {
        size_t from, count; // of the levels read
};

struct fields {
        uint64_t seen;
        struct field_levels *levels; // in: needed where the table has FIELD_LEVELS
        union {
                int64_t integer;
                struct span text;
                struct field_decimal decimal;
                bool flag;
                struct field_range range;
        } of[FIELDS_LETTERS];
};

// Reads the object at `json` and leaves the cursor behind it. Returns NULL, or what is wrong (static text).
const char *fields_read(struct json *json, const struct field_spec *spec, struct fields *fields);
// The array of levels that comes next, behind those in `levels`. False where it is none, has too many levels, or one
// with a negative price or amount.
bool fields_read_levels(struct json *json, struct field_levels *levels, struct field_range *range);
// A string that comes next and is a decimal number. False where it is none, or has more than 18 digits.
bool fields_read_decimal(struct json *json, struct field_decimal *decimal);

// An exchange time stamp in ms or µs, in µs; false where it lies outside the years 2017 to 2100. *exact: it was in µs.
bool fields_stamp_us(int64_t stamp, int64_t *us, uint8_t *exact);

// What the parsers of the stream kinds say of a frame.
extern const char fields_malformed[], fields_twice[], fields_missing[], fields_foreign[], fields_time[], fields_id[];

#endif
