// SPDX-License-Identifier: Apache-2.0
#include "common/yearslot.h"

#include "common/clock.h"

#define DAY_NS (US_PER_DAY * 1000)

// How long after 1 January 00:00 a file's first slot opens.
static int64_t first_slot_us(int64_t timeframe_ns)
{
        return timeframe_ns == DAY_NS ? US_PER_DAY : 0;
}

struct slot_place yearslot_locate(int64_t timeframe_ns, int64_t open_us)
{
        int64_t shifted_us = open_us - first_slot_us(timeframe_ns);
        int64_t year = year_of_us(shifted_us);
        int64_t position = (shifted_us - year_start_us(year)) / (timeframe_ns / 1000);

        return (struct slot_place){(int)year, position, position + 1};
}

int64_t yearslot_index_us(int64_t timeframe_ns, int year, int64_t index)
{
        return year_start_us(year) + first_slot_us(timeframe_ns) + (index - 1) * (timeframe_ns / 1000);
}

int64_t yearslot_count(int64_t timeframe_ns, int year)
{
        return (year_start_us(year + 1) - year_start_us(year)) / (timeframe_ns / 1000);
}
