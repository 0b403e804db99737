// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them. Pure functions; each returns `text`.
#ifndef COMMON_UNITS_H
#define COMMON_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_TEXT_SIZE 48

const char *units_count(int64_t value, char text[UNITS_TEXT_SIZE]);   // "1,234,567"
const char *units_bytes(uint64_t bytes, char text[UNITS_TEXT_SIZE]);  // "1.2 GiB"
const char *units_span_s(double seconds, char text[UNITS_TEXT_SIZE]); // "3 d 4 h", "12 min", "45 s", "0.4 s"
const char *units_latency_us(int64_t us, char text[UNITS_TEXT_SIZE]); // "850 µs", "1.2 ms", "3 s"
const char *units_time_us(int64_t us, char text[UNITS_TEXT_SIZE]);    // "2024-03-05 12:31", "-" below 0
const char *units_clock_us(int64_t us, char text[UNITS_TEXT_SIZE]);   // "12:31:00"
// "99.9 %": 100 and 0 only where it is exactly so. "-" of nothing.
const char *units_share(int64_t part, int64_t whole, char text[UNITS_TEXT_SIZE]);
const char *units_price(double value, char text[UNITS_TEXT_SIZE]); // "67,123.45", "0.00001234"
// The shortest decimal that reads back as the same double, without an exponent where it is not very long.
size_t units_double(double value, char text[UNITS_TEXT_SIZE]);
// The same of a float: 0.1f is "0.1".
size_t units_float(float value, char text[UNITS_TEXT_SIZE]);

#endif
