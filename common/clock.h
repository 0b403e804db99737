// SPDX-License-Identifier: Apache-2.0
// Three clocks, three types, so that they cannot be mixed by accident. Only clock.c calls clock_gettime().
//
//   mono_time      CLOCK_MONOTONIC, for timers and timeouts
//   boot_time      CLOCK_BOOTTIME, which goes on during suspend; exchange time and bans are kept on it
//   wall_time      CLOCK_REALTIME, for log lines, receive stamps and the deadlines kept on disk
//
// Exchange time (what the exchange says it is) is a plain `int64_t ..._us` in records and ledger, microseconds since
// 1970 UTC; "now" in exchange time comes from governor_exchange_now_us() alone.
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)
#define US_PER_MIN (60 * US_PER_S)
#define US_PER_HOUR (60 * US_PER_MIN)
#define US_PER_DAY (24 * US_PER_HOUR)

typedef struct {
        int64_t us;
} mono_time;

typedef struct {
        int64_t us;
} boot_time;

typedef struct {
        int64_t ns;
} wall_time;

mono_time mono_now(void);
boot_time boot_now(void);
wall_time wall_now(void);

// `a - b` in milliseconds, rounded towards zero.
int64_t mono_since_ms(mono_time a, mono_time b);

// Writes `us` (microseconds since 1970) as UTC "2024-02-29T23:59:00Z", with .mmm or .uuuuuu where not whole seconds.
// Returns `text`, which must hold TIME_TEXT_SIZE bytes.
#define TIME_TEXT_SIZE 40
const char *time_format_us(int64_t us, char text[TIME_TEXT_SIZE]);

// Reads what a user may write for a time, in UTC: "2024", "2024-02", "2024-02-29",
// "2024-02-29T23:59[:59[.fraction]][Z]", a space for the T, seconds, milliseconds, microseconds or nanoseconds since
// 1970 as a plain integer (told apart by magnitude: up to 11, 14, 17 or 20 digits), "now", or a span back from now:
// "5y", "3M", "2w", "10d", "12h", "90m". Returns 0 and *us, or -1 and *accepted (a static text that says what is
// accepted).
int time_parse_us(const char *text, int64_t now_us, int64_t *us, const char **accepted);
// The same to the nanosecond; what lies behind the year 2262 is INT64_MAX.
int time_parse_ns(const char *text, int64_t now_us, int64_t *ns, const char **accepted);

// Days since 1970-01-01 of a civil date, and back (proleptic Gregorian calendar).
int64_t civil_to_days(int64_t year, unsigned month, unsigned day);
void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

// The calendar year in which `us` lies, and the first microsecond of `year`.
int64_t year_of_us(int64_t us);
int64_t year_start_us(int64_t year);

// An exchange time stamp in milliseconds (13 digits) or microseconds (16 digits), in microseconds.
int64_t exchange_stamp_us(int64_t stamp);

#endif
