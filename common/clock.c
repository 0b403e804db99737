// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"

#include "common/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t clock_ns(clockid_t id)
{
        struct timespec now;

        REQUIRE(clock_gettime(id, &now) == 0);
        return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

mono_time mono_now(void)
{
        return (mono_time){clock_ns(CLOCK_MONOTONIC) / 1000};
}

boot_time boot_now(void)
{
        return (boot_time){clock_ns(CLOCK_BOOTTIME) / 1000};
}

wall_time wall_now(void)
{
        return (wall_time){clock_ns(CLOCK_REALTIME)};
}

int64_t mono_since_ms(mono_time a, mono_time b)
{
        return (a.us - b.us) / US_PER_MS;
}

static int64_t floor_div(int64_t a, int64_t b)
{
        return a / b - (a % b < 0);
}

// Howard Hinnant's algorithm ("chrono-compatible low-level date algorithms"): years begin in March, so that the leap
// day is a year's last.
int64_t civil_to_days(int64_t year, unsigned month, unsigned day)
{
        int64_t y = month <= 2 ? year - 1 : year;
        int64_t era = floor_div(y, 400);
        int64_t year_of_era = y - era * 400;
        int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
        int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

        return era * 146097 + day_of_era - 719468;
}

void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
        int64_t z = days + 719468;
        int64_t era = floor_div(z, 146097);
        int64_t doe = z - era * 146097;
        int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
        int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        int64_t mp = (5 * doy + 2) / 153;

        *day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
        *month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
        *year = yoe + era * 400 + (*month <= 2);
}

int64_t year_of_us(int64_t us)
{
        int64_t year;
        unsigned month, day;

        civil_from_days(floor_div(us, US_PER_DAY), &year, &month, &day);
        return year;
}

int64_t year_start_us(int64_t year)
{
        return civil_to_days(year, 1, 1) * US_PER_DAY;
}

int64_t exchange_stamp_us(int64_t stamp)
{
        return stamp >= INT64_C(1000000000000000) ? stamp : stamp * US_PER_MS;
}

const char *time_format_us(int64_t us, char text[TIME_TEXT_SIZE])
{
        int64_t days = floor_div(us, US_PER_DAY), rest = us % US_PER_DAY, year;
        unsigned month, day;
        char places[12] = "";

        if (rest < 0)
                rest += US_PER_DAY;
        int seconds = (int)(rest / US_PER_S), fraction = (int)(rest % US_PER_S);

        civil_from_days(days, &year, &month, &day);
        if (fraction % 1000 != 0)
                snprintf(places, sizeof(places), ".%06d", fraction);
        else if (fraction != 0)
                snprintf(places, sizeof(places), ".%03d", fraction / 1000);
        snprintf(text, TIME_TEXT_SIZE, "%04lld-%02u-%02uT%02d:%02d:%02d%sZ", (long long)year, month, day,
            seconds / 3600, seconds / 60 % 60, seconds % 60, places);
        return text;
}

// ---- parsing ----

// Reads exactly `digits` digits at *text and steps over them.
static bool take_number(const char **text, int digits, unsigned *value)
{
        *value = 0;
        for (int i = 0; i < digits; i++) {
                char c = (*text)[i];

                if (c < '0' || c > '9')
                        return false;
                *value = *value * 10 + (unsigned)(c - '0');
        }
        *text += digits;
        return true;
}

static bool take_char(const char **text, char wanted)
{
        if (**text != wanted)
                return false;
        ++*text;
        return true;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
        return (unsigned)(civil_to_days(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) -
                          civil_to_days(year, month, 1));
}

// A time as far as anybody may write it: years do not fit nanoseconds, and nanoseconds do not fit microseconds.
struct instant {
        int64_t us;
        int64_t rest_ns; // 0 to 999
};

// The fraction of a second after its point: at least one digit; those beyond nanoseconds are cut.
static bool take_fraction(const char **text, struct instant *fraction)
{
        int64_t unit = NS_PER_S / 10, ns = 0;
        unsigned digit;

        if (!take_number(text, 1, &digit))
                return false;
        do {
                ns += (int64_t)digit * unit;
                unit /= 10;
        } while (take_number(text, 1, &digit));
        *fraction = (struct instant){ns / NS_PER_US, ns % NS_PER_US};
        return true;
}

// "HH:MM[:SS[.fraction]]".
static bool take_time_of_day(const char **text, struct instant *within)
{
        unsigned hour, minute, second = 0;
        struct instant fraction = {0, 0};

        if (!take_number(text, 2, &hour) || !take_char(text, ':') || !take_number(text, 2, &minute))
                return false;
        if (take_char(text, ':')) {
                if (!take_number(text, 2, &second))
                        return false;
                if (take_char(text, '.') && !take_fraction(text, &fraction))
                        return false;
        }
        within->us =
            (int64_t)hour * US_PER_HOUR + (int64_t)minute * US_PER_MIN + (int64_t)second * US_PER_S + fraction.us;
        within->rest_ns = fraction.rest_ns;
        return hour < 24 && minute < 60 && second < 60;
}

static bool parse_date(const char *text, struct instant *time)
{
        unsigned year, month = 1, day = 1;
        struct instant within = {0, 0};

        if (!take_number(&text, 4, &year) || year < 1970)
                return false;
        if (take_char(&text, '-')) {
                if (!take_number(&text, 2, &month) || month < 1 || month > 12)
                        return false;
                if (take_char(&text, '-')) {
                        if (!take_number(&text, 2, &day) || day < 1 || day > days_in_month(year, month))
                                return false;
                        if ((take_char(&text, 'T') || take_char(&text, ' ')) && !take_time_of_day(&text, &within))
                                return false;
                        take_char(&text, 'Z');
                }
        }
        *time = (struct instant){civil_to_days(year, month, day) * US_PER_DAY + within.us, within.rest_ns};
        return *text == '\0';
}

static bool parse_stamp(const char *text, size_t digits, struct instant *time)
{
        uint64_t value = 0;

        // Four digits alone are a year, not a second of 1970.
        if (digits == 0 || digits == 4 || digits > 20 || text[digits] != '\0')
                return false;
        for (size_t i = 0; i < digits; i++) {
                if (value > (UINT64_MAX - 9) / 10)
                        return false;
                value = value * 10 + (uint64_t)(text[i] - '0');
        }
        *time = (struct instant){0, 0};
        if (digits <= 11)
                time->us = (int64_t)value * US_PER_S;
        else if (digits <= 14)
                time->us = (int64_t)value * US_PER_MS;
        else if (digits <= 17)
                time->us = (int64_t)value;
        else
                *time = (struct instant){(int64_t)(value / NS_PER_US), (int64_t)(value % NS_PER_US)};
        return true;
}

// Calendar months back; the day is cut to the month's length (31 May less a month is 30 April).
static int64_t months_back_us(int64_t now_us, int64_t months)
{
        int64_t days = floor_div(now_us, US_PER_DAY), within_us = now_us - days * US_PER_DAY, year;
        unsigned month, day;

        civil_from_days(days, &year, &month, &day);
        int64_t number = year * 12 + (int64_t)month - 1 - months;
        if (number < INT64_C(1970) * 12)
                return 0;
        year = floor_div(number, 12);
        month = (unsigned)(number - year * 12) + 1;
        if (day > days_in_month(year, month))
                day = days_in_month(year, month);
        return civil_to_days(year, month, day) * US_PER_DAY + within_us;
}

static bool parse_span(const char *text, size_t digits, int64_t now_us, int64_t *us)
{
        int64_t count = 0;

        if (digits == 0 || digits > 6 || text[digits] == '\0' || text[digits + 1] != '\0')
                return false;
        for (size_t i = 0; i < digits; i++)
                count = count * 10 + (text[i] - '0');
        switch (text[digits]) {
        case 'y': *us = months_back_us(now_us, count * 12); break;
        case 'M': *us = months_back_us(now_us, count); break;
        case 'w': *us = now_us - count * 7 * US_PER_DAY; break;
        case 'd': *us = now_us - count * US_PER_DAY; break;
        case 'h': *us = now_us - count * US_PER_HOUR; break;
        case 'm': *us = now_us - count * US_PER_MIN; break;
        default: return false;
        }
        if (*us < 0)
                *us = 0; // a span longer than the calendar we keep means "everything"
        return true;
}

static int parse_instant(const char *text, int64_t now_us, struct instant *time, const char **accepted)
{
        size_t digits = strspn(text, "0123456789");

        *time = (struct instant){now_us, 0};
        if (strcmp(text, "now") == 0)
                return 0;
        if (parse_date(text, time) || parse_span(text, digits, now_us, &time->us) || parse_stamp(text, digits, time))
                return 0;
        *accepted = "a UTC time like 2024, 2024-02, 2024-02-29 or 2024-02-29T23:59:00Z, seconds, milliseconds, "
                    "microseconds or nanoseconds since 1970, a span back from now (5y, 3M, 2w, 10d, 12h, 90m), or now";
        return -1;
}

int time_parse_us(const char *text, int64_t now_us, int64_t *us, const char **accepted)
{
        struct instant time;

        if (parse_instant(text, now_us, &time, accepted) != 0)
                return -1;
        *us = time.us;
        return 0;
}

int time_parse_ns(const char *text, int64_t now_us, int64_t *ns, const char **accepted)
{
        struct instant time;

        if (parse_instant(text, now_us, &time, accepted) != 0)
                return -1;
        // The year 2262 is as late as 64 bit go.
        *ns = time.us < INT64_MAX / NS_PER_US ? time.us * NS_PER_US + time.rest_ns : INT64_MAX;
        return 0;
}
