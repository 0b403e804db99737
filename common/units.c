// SPDX-License-Identifier: Apache-2.0
#include "common/units.h"

#include "common/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Copies a number's text with a comma before every third digit left of the point.
static const char *group(const char *digits, char text[UNITS_TEXT_SIZE])
{
        size_t whole = strcspn(digits + (digits[0] == '-'), "."), used = 0;

        if (*digits == '-')
                text[used++] = *digits++;
        for (size_t i = 0; digits[i] != '\0' && used < UNITS_TEXT_SIZE - 2; i++) {
                if (i > 0 && i < whole && (whole - i) % 3 == 0)
                        text[used++] = ',';
                text[used++] = digits[i];
        }
        text[used] = '\0';
        return text;
}

const char *units_count(int64_t value, char text[UNITS_TEXT_SIZE])
{
        char digits[24];

        snprintf(digits, sizeof(digits), "%" PRId64, value);
        return group(digits, text);
}

const char *units_bytes(uint64_t bytes, char text[UNITS_TEXT_SIZE])
{
        static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
        double value = (double)bytes;
        size_t i = 0;

        for (; value >= 1023.5 && i < sizeof(names) / sizeof(names[0]) - 1; i++)
                value /= 1024;
        snprintf(text, UNITS_TEXT_SIZE, "%.*f %s", i > 0 && value < 9.95 ? 1 : 0, value, names[i]);
        return text;
}

const char *units_span_s(double seconds, char text[UNITS_TEXT_SIZE])
{
        static const struct {
                double length;
                const char *name;
        } steps[] = {{365.0 * 86400, "y"}, {86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};

        if (!(seconds >= 0))
                seconds = 0;
        if (seconds < 9.95) {
                snprintf(text, UNITS_TEXT_SIZE, "%.1f s", seconds);
                return text;
        }
        if (seconds > 1000 * steps[0].length) {
                snprintf(text, UNITS_TEXT_SIZE, "over 1,000 y");
                return text;
        }
        size_t i = 0;
        while (i < 4 && seconds < steps[i].length)
                i++;
        int64_t large = (int64_t)(seconds / steps[i].length);
        int64_t small = i < 4 ? (int64_t)((seconds - (double)large * steps[i].length) / steps[i + 1].length) : 0;
        if (small > 0 && large < 10)
                snprintf(text, UNITS_TEXT_SIZE, "%" PRId64 " %s %" PRId64 " %s", large, steps[i].name, small,
                    steps[i + 1].name);
        else
                snprintf(text, UNITS_TEXT_SIZE, "%" PRId64 " %s", large, steps[i].name);
        return text;
}

const char *units_latency_us(int64_t us, char text[UNITS_TEXT_SIZE])
{
        double value = us > 0 ? (double)us : 0;

        if (value < 1000)
                snprintf(text, UNITS_TEXT_SIZE, "%.2f ms", value / 1e3);
        else if (value < 999500)
                snprintf(text, UNITS_TEXT_SIZE, "%.*f ms", value < 9950 ? 1 : 0, value / 1e3);
        else
                return units_span_s(value / 1e6, text);
        return text;
}

const char *units_time_us(int64_t us, char text[UNITS_TEXT_SIZE])
{
        char iso[TIME_TEXT_SIZE];

        if (us < 0) {
                snprintf(text, UNITS_TEXT_SIZE, "-");
                return text;
        }
        time_format_us(us / US_PER_S * US_PER_S, iso);
        iso[10] = ' ';
        bool whole_minute = us / US_PER_S % 60 == 0;
        snprintf(text, UNITS_TEXT_SIZE, "%.*s", whole_minute ? 16 : 19, iso);
        return text;
}

const char *units_clock_us(int64_t us, char text[UNITS_TEXT_SIZE])
{
        char iso[TIME_TEXT_SIZE];

        time_format_us(us / US_PER_S * US_PER_S, iso);
        snprintf(text, UNITS_TEXT_SIZE, "%.8s", iso + 11);
        return text;
}

const char *units_share(int64_t part, int64_t whole, char text[UNITS_TEXT_SIZE])
{
        if (whole <= 0)
                snprintf(text, UNITS_TEXT_SIZE, "-");
        else if (part >= whole || part <= 0)
                snprintf(text, UNITS_TEXT_SIZE, "%d %%", part >= whole ? 100 : 0);
        else {
                double share = 100.0 * (double)part / (double)whole;
                share = share > 99.9 ? 99.9 : share < 0.1 ? 0.1 : share;
                snprintf(text, UNITS_TEXT_SIZE, "%.1f %%", share);
        }
        return text;
}

// Up to 15 significant digits: no two such decimals are the same double, so the one without trailing zeros that reads
// back is the shortest. A quotient of two exact integers is correctly rounded, so comparing it is reading it back.
// Prices and most volumes end here, twenty times faster than by printf and strtod.
static size_t short_decimal(double value, char text[UNITS_TEXT_SIZE])
{
        static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
        double magnitude = fabs(value), scaled = 0;
        int places = 0;

        for (; places <= 8; places++) {
                scaled = nearbyint(magnitude * powers[places]);
                if (scaled >= 1e15)
                        return 0;
                if (scaled / powers[places] == magnitude)
                        break;
        }
        if (places > 8)
                return 0;
        char reversed[UNITS_TEXT_SIZE];
        size_t length = 0, used = 0;
        uint64_t mantissa = (uint64_t)scaled;
        for (int i = 0; mantissa > 0 || i <= places; i++, mantissa /= 10) {
                if (i == places && places > 0)
                        reversed[length++] = '.';
                reversed[length++] = (char)('0' + mantissa % 10);
        }
        if (signbit(value) && value != 0)
                text[used++] = '-';
        while (length > 0)
                text[used++] = reversed[--length];
        text[used] = '\0';
        return used;
}

size_t units_double(double value, char text[UNITS_TEXT_SIZE])
{
        size_t length = short_decimal(value, text);

        for (int digits = 15; length == 0; digits++) {
                int written = snprintf(text, UNITS_TEXT_SIZE, "%.*g", digits, value);
                if (digits >= 17 || strtod(text, NULL) == value)
                        length = (size_t)written;
        }
        return length;
}

size_t units_float(float value, char text[UNITS_TEXT_SIZE])
{
        size_t length = 0;

        for (int digits = 6; length == 0; digits++) {
                int written = snprintf(text, UNITS_TEXT_SIZE, "%.*g", digits, (double)value);
                if (digits >= 9 || strtof(text, NULL) == value)
                        length = (size_t)written;
        }
        return length;
}

const char *units_price(double value, char text[UNITS_TEXT_SIZE])
{
        char digits[UNITS_TEXT_SIZE];

        units_double(value, digits);
        if (strchr(digits, 'e') != NULL || !isfinite(value)) {
                memcpy(text, digits, UNITS_TEXT_SIZE);
                return text;
        }
        // Two places at least, so that columns of prices align.
        const char *point = strchr(digits, '.');
        size_t places = point != NULL ? strlen(point + 1) : 0;
        size_t used = strlen(digits);
        if (places == 0)
                used += (size_t)snprintf(digits + used, sizeof(digits) - used, ".00");
        else if (places == 1)
                snprintf(digits + used, sizeof(digits) - used, "0");
        return group(digits, text);
}
