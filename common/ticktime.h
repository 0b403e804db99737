// SPDX-License-Identifier: Apache-2.0
// Interval ticks: how a row of a tick bucket says where in its second it lies, 0 to 2^32 - 1 (MarketStore v4.1.23,
// utils/io/timeindex.go, executor/rewritebuffer.go). Pure functions.
#ifndef COMMON_TICKTIME_H
#define COMMON_TICKTIME_H

#include <stdint.h>

#define TICK_NS_PER_S INT64_C(1000000000)

// From here to the end of its second a stock server reads a row one second late (it rounds seconds and fraction apart).
#define TICK_NANOSECONDS_MAX 999999994

// Ticks of a nanosecond of its second (0 to 999,999,999), to nearest: a stock server, which itself truncates when it
// writes, then reads the very nanosecond. Nanoseconds above TICK_NANOSECONDS_MAX become that.
uint32_t tick_of_nanosecond(int64_t nanosecond);

// The nanosecond that a stock server reads, 0 to 999,999,999.
int64_t tick_nanosecond(uint32_t ticks);

// The second in which a time lies, and the nanosecond of it; right before 1970 too.
int64_t tick_second_of(int64_t time_ns);

#endif
