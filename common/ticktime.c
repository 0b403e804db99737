// SPDX-License-Identifier: Apache-2.0
#include "common/ticktime.h"

#define TICKS_PER_S INT64_C(4294967295)
// MarketStore's own constant and order of operations: the same double, so the same nanosecond.
#define INTERVALS_PER_DAY 86400.0
#define TICKS_PER_INTERVAL_DIV_SECONDS_PER_DAY 49710.269629629629629629629629629

uint32_t tick_of_nanosecond(int64_t nanosecond)
{
        uint64_t kept = (uint64_t)(nanosecond < TICK_NANOSECONDS_MAX ? nanosecond : TICK_NANOSECONDS_MAX);

        return (uint32_t)((kept * TICKS_PER_S + TICK_NS_PER_S / 2) / TICK_NS_PER_S);
}

int64_t tick_nanosecond(uint32_t ticks)
{
        double fraction = ticks / (INTERVALS_PER_DAY * TICKS_PER_INTERVAL_DIV_SECONDS_PER_DAY);
        int64_t nanosecond = (int64_t)(1e9 * fraction + 0.5);

        return nanosecond < TICK_NS_PER_S ? nanosecond : TICK_NS_PER_S - 1;
}

int64_t tick_second_of(int64_t time_ns)
{
        return time_ns / TICK_NS_PER_S - (time_ns % TICK_NS_PER_S < 0);
}
