// SPDX-License-Identifier: Apache-2.0
// Decimals, exactly the digits of the exchange's text: a mantissa and a power of ten. 64 bit for prices and trade
// sizes, 128 bit for volumes (a month's quote volume with eight places exceeds 64). A double is made once, correctly
// rounded, by the writer. Pure functions.
#ifndef COMMON_DECIMAL_H
#define COMMON_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_PLACES_MAX 38

// Plain values. `wide` is a 128-bit two's complement integer as two words, so that wire records need no 16-byte
// alignment.
struct wide {
        uint64_t low;
        int64_t high;
};

struct decimal {
        struct wide mantissa;
        int8_t exponent; // value = mantissa * 10^exponent, exponent -DECIMAL_PLACES_MAX..0
};

// Parses `length` bytes like "-12.3400": digits with at most one point among them (".5" and "5." are refused); no sign
// but '-', no exponent, no blanks.
// Trailing zeros are kept ("5.10" is 510e-2). Returns 0, or -1 with EINVAL (not a number) or ERANGE (does not fit).
int decimal64_parse(const char *text, size_t length, int64_t *mantissa, int8_t *exponent);
int decimal_parse(const char *text, size_t length, struct decimal *value);

// Writes the digits as they were parsed. Returns the length, at most DECIMAL_TEXT_SIZE - 1.
#define DECIMAL_TEXT_SIZE 48
int decimal_format(struct decimal value, char text[DECIMAL_TEXT_SIZE]);

// Correctly rounded (to nearest, ties to even), what strtod() gives for the same digits.
double decimal64_to_double(int64_t mantissa, int8_t exponent);
double decimal_to_double(struct decimal value);

// The shortest decimal that reads back as the same double; `value` must be finite. Returns 0, or -1 with ERANGE.
int decimal_from_double(double value, struct decimal *result);

// Exact, at the finer of both exponents; returns 0, or -1 with ERANGE where 128 bits do not hold the result. `sum` may
// be one of the operands.
int decimal_add(struct decimal a, struct decimal b, struct decimal *sum);
// <0, 0, >0 as a is less than, equal to, greater than b. 1.50 equals 1.5.
int decimal_compare(struct decimal a, struct decimal b);

struct wide wide_from_int64(int64_t value);
__int128 wide_to_int128(struct wide value);
struct wide wide_from_int128(__int128 value);

#endif
