// SPDX-License-Identifier: Apache-2.0
// Each grid is a numbering: bar number n opens at open_of(n). Everything else follows from that and its inverse.
#include "common/interval.h"

#include "common/clock.h"

#include <stddef.h>
#include <string.h>

// 1970-01-01 was a Thursday; the first Monday came four days later.
#define FIRST_MONDAY_US (4 * US_PER_DAY)

static const struct {
        const char *name, *archive, *marketstore;
        int64_t length_us;
} intervals[INTERVAL_COUNT] = {
    [INTERVAL_1S] = {"1s", "1s", "1Sec", US_PER_S},
    [INTERVAL_1M] = {"1m", "1m", "1Min", US_PER_MIN},
    [INTERVAL_3M] = {"3m", "3m", "3Min", 3 * US_PER_MIN},
    [INTERVAL_5M] = {"5m", "5m", "5Min", 5 * US_PER_MIN},
    [INTERVAL_15M] = {"15m", "15m", "15Min", 15 * US_PER_MIN},
    [INTERVAL_30M] = {"30m", "30m", "30Min", 30 * US_PER_MIN},
    [INTERVAL_1H] = {"1h", "1h", "1H", US_PER_HOUR},
    [INTERVAL_2H] = {"2h", "2h", "2H", 2 * US_PER_HOUR},
    [INTERVAL_4H] = {"4h", "4h", "4H", 4 * US_PER_HOUR},
    [INTERVAL_6H] = {"6h", "6h", "6H", 6 * US_PER_HOUR},
    [INTERVAL_8H] = {"8h", "8h", "8H", 8 * US_PER_HOUR},
    [INTERVAL_12H] = {"12h", "12h", "12H", 12 * US_PER_HOUR},
    [INTERVAL_1D] = {"1d", "1d", "1D", US_PER_DAY},
    [INTERVAL_3D] = {"3d", "3d", "3D", 3 * US_PER_DAY},
    [INTERVAL_1W] = {"1w", "1w", "1W", 7 * US_PER_DAY},
    [INTERVAL_1MO] = {"1M", "1mo", "1M", 30 * US_PER_DAY},
};

int interval_parse(const char *text, enum interval *interval)
{
        for (int i = 0; i < INTERVAL_COUNT; i++) {
                if (strcmp(text, intervals[i].name) == 0 || strcmp(text, intervals[i].archive) == 0 ||
                    strcmp(text, intervals[i].marketstore) == 0) {
                        *interval = (enum interval)i;
                        return 0;
                }
        }
        return -1;
}

const char *interval_name(enum interval interval)
{
        return intervals[interval].name;
}

const char *interval_marketstore_name(enum interval interval)
{
        return intervals[interval].marketstore;
}

const char *interval_names(void)
{
        return "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M";
}

int64_t interval_length_us(enum interval interval)
{
        return intervals[interval].length_us;
}

static int64_t floor_div(int64_t a, int64_t b)
{
        return a / b - (a % b < 0);
}

static int64_t anchor_us(enum interval interval)
{
        return interval == INTERVAL_1W ? FIRST_MONDAY_US : 0;
}

static int64_t number_of(enum interval interval, int64_t us)
{
        if (interval == INTERVAL_1MO) {
                int64_t year;
                unsigned month, day;

                civil_from_days(floor_div(us, US_PER_DAY), &year, &month, &day);
                return year * 12 + (int64_t)month - 1;
        }
        return floor_div(us - anchor_us(interval), intervals[interval].length_us);
}

static int64_t open_of(enum interval interval, int64_t number)
{
        if (interval == INTERVAL_1MO) {
                int64_t year = floor_div(number, 12);

                return civil_to_days(year, (unsigned)(number - year * 12) + 1, 1) * US_PER_DAY;
        }
        return number * intervals[interval].length_us + anchor_us(interval);
}

int64_t interval_floor_us(enum interval interval, int64_t us)
{
        return open_of(interval, number_of(interval, us));
}

int64_t interval_next_us(enum interval interval, int64_t open_us)
{
        return interval_step_us(interval, open_us, 1);
}

int64_t interval_step_us(enum interval interval, int64_t open_us, int64_t bars)
{
        return open_of(interval, number_of(interval, open_us) + bars);
}

static int64_t number_at_or_after(enum interval interval, int64_t us)
{
        int64_t number = number_of(interval, us);

        return open_of(interval, number) < us ? number + 1 : number;
}

int64_t interval_ceil_us(enum interval interval, int64_t us)
{
        return open_of(interval, number_at_or_after(interval, us));
}

int64_t interval_count(enum interval interval, int64_t start_us, int64_t end_us)
{
        if (end_us <= start_us)
                return 0;
        return number_at_or_after(interval, end_us) - number_at_or_after(interval, start_us);
}
