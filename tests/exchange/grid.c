// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/grid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
        const char *name;
        int64_t length_ms; // 0: by the calendar
        int64_t anchor_ms; // where a bar opened, relative to the epoch
} intervals[GRID_COUNT] = {
    [GRID_1S] = {"1s", GRID_SECOND_MS, 0},
    [GRID_1M] = {"1m", GRID_MINUTE_MS, 0},
    [GRID_3M] = {"3m", 3 * GRID_MINUTE_MS, 0},
    [GRID_5M] = {"5m", 5 * GRID_MINUTE_MS, 0},
    [GRID_15M] = {"15m", 15 * GRID_MINUTE_MS, 0},
    [GRID_30M] = {"30m", 30 * GRID_MINUTE_MS, 0},
    [GRID_1H] = {"1h", GRID_HOUR_MS, 0},
    [GRID_2H] = {"2h", 2 * GRID_HOUR_MS, 0},
    [GRID_4H] = {"4h", 4 * GRID_HOUR_MS, 0},
    [GRID_6H] = {"6h", 6 * GRID_HOUR_MS, 0},
    [GRID_8H] = {"8h", 8 * GRID_HOUR_MS, 0},
    [GRID_12H] = {"12h", 12 * GRID_HOUR_MS, 0},
    [GRID_1D] = {"1d", GRID_DAY_MS, 0},
    [GRID_3D] = {"3d", 3 * GRID_DAY_MS, 0},
    // The epoch was a Thursday, the Monday before it is 29 December 1969.
    [GRID_1W] = {"1w", 7 * GRID_DAY_MS, -3 * GRID_DAY_MS},
    [GRID_1MONTH] = {"1M", 0, 0},
};

bool grid_parse_interval(const char *text, enum grid_interval *interval)
{
        for (int i = 0; i < GRID_COUNT; i++) {
                if (strcmp(text, intervals[i].name) == 0) {
                        *interval = (enum grid_interval)i;
                        return true;
                }
        }
        return false;
}

bool grid_parse_archive_interval(const char *text, enum grid_interval *interval)
{
        if (strcmp(text, "1mo") == 0) {
                *interval = GRID_1MONTH;
                return true;
        }
        return grid_parse_interval(text, interval);
}

const char *grid_interval_name(enum grid_interval interval)
{
        return intervals[interval].name;
}

static int64_t floor_div(int64_t a, int64_t b)
{
        int64_t q = a / b;
        return a % b < 0 ? q - 1 : q;
}

// Days since the epoch of a date of the proleptic Gregorian calendar (Howard Hinnant's days_from_civil).
static int64_t days_from_civil(int64_t year, int month, int day)
{
        year -= month <= 2;
        int64_t era = floor_div(year, 400);
        int64_t year_of_era = year - era * 400;
        int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *year, int *month)
{
        days += 719468;
        int64_t era = floor_div(days, 146097);
        int64_t day_of_era = days - era * 146097;
        int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
        int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        int shifted = (int)((5 * day_of_year + 2) / 153);
        *month = shifted < 10 ? shifted + 3 : shifted - 9;
        *year = year_of_era + era * 400 + (*month <= 2);
}

static int64_t month_floor(int64_t time_ms, int months_on)
{
        int64_t year;
        int month;
        civil_from_days(floor_div(time_ms, GRID_DAY_MS), &year, &month);
        month += months_on;
        if (month > 12) {
                month -= 12;
                year++;
        }
        return days_from_civil(year, month, 1) * GRID_DAY_MS;
}

int64_t grid_floor(enum grid_interval interval, int64_t time_ms, int64_t zone_ms)
{
        int64_t length = intervals[interval].length_ms;
        if (length == 0) {
                return month_floor(time_ms + zone_ms, 0) - zone_ms;
        }
        int64_t anchor = intervals[interval].anchor_ms - zone_ms;
        return floor_div(time_ms - anchor, length) * length + anchor;
}

int64_t grid_next(enum grid_interval interval, int64_t open_ms, int64_t zone_ms)
{
        int64_t length = intervals[interval].length_ms;
        return length != 0 ? open_ms + length : month_floor(open_ms + zone_ms, 1) - zone_ms;
}

int64_t grid_ceil(enum grid_interval interval, int64_t time_ms, int64_t zone_ms)
{
        int64_t open = grid_floor(interval, time_ms, zone_ms);
        return open == time_ms ? open : grid_next(interval, open, zone_ms);
}

bool grid_parse_time(const char *text, int64_t *time_ms)
{
        int year, month, day, used = 0;
        int hour = 0, minute = 0, milli = 0, second = 0;
        char *end;
        if (strspn(text, "0123456789") == strlen(text) && text[0] != '\0' && strlen(text) < 18) {
                *time_ms = strtoll(text, &end, 10);
                return true;
        }
        if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3) {
                return false;
        }
        const char *rest = text + used;
        if (*rest == 'T' || *rest == ' ') {
                if (sscanf(rest + 1, "%2d:%2d:%2d%n", &hour, &minute, &second, &used) == 3) {
                        rest += 1 + used;
                } else if (sscanf(rest + 1, "%2d:%2d%n", &hour, &minute, &used) == 2) {
                        rest += 1 + used;
                        second = 0;
                } else {
                        return false;
                }
                if (*rest == '.' && sscanf(rest, ".%3d%n", &milli, &used) == 1) {
                        rest += used;
                }
        }
        if (strcmp(rest, "") != 0 && strcmp(rest, "Z") != 0) {
                return false;
        }
        if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) {
                return false;
        }
        *time_ms = days_from_civil(year, month, day) * GRID_DAY_MS + hour * GRID_HOUR_MS + minute * GRID_MINUTE_MS +
                   second * GRID_SECOND_MS + milli;
        return true;
}
