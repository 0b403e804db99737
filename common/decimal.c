// SPDX-License-Identifier: Apache-2.0
#include "common/decimal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 uint128;

#define INT128_LARGEST ((__int128)(~(uint128)0 >> 1))
#define DIGITS_IN_WORD 19 // every number of 19 digits fits uint64_t, and so does 10^19
#define DOUBLE_EXACT_MAX (INT64_C(1) << 53)
#define DOUBLE_POWER_MAX 22 // 10^22 is the largest power of ten that a double holds exactly

static const uint64_t word_powers[DIGITS_IN_WORD + 1] = {1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u,
    100000000u, 1000000000u, 10000000000u, 100000000000u, 1000000000000u, 10000000000000u, 100000000000000u,
    1000000000000000u, 10000000000000000u, 100000000000000000u, 1000000000000000000u, 10000000000000000000u};

static const double double_powers[DOUBLE_POWER_MAX + 1] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// 10^power for 0..38.
static uint128 wide_power(int power)
{
        if (power <= DIGITS_IN_WORD)
                return word_powers[power];
        return (uint128)word_powers[DIGITS_IN_WORD] * word_powers[power - DIGITS_IN_WORD];
}

struct wide wide_from_int128(__int128 value)
{
        return (struct wide){(uint64_t)value, (int64_t)(value >> 64)};
}

__int128 wide_to_int128(struct wide value)
{
        return (__int128)((uint128)(uint64_t)value.high << 64 | value.low);
}

struct wide wide_from_int64(int64_t value)
{
        return wide_from_int128(value);
}

static uint128 magnitude_of(__int128 value)
{
        return value < 0 ? -(uint128)value : (uint128)value;
}

// ---- text ----

struct digits {
        uint128 magnitude;
        int places;
        bool negative;
};

// Appends one digit; false where the magnitude would leave 127 bits.
static bool append_digit(uint128 *magnitude, unsigned digit)
{
        if (*magnitude > ((uint128)INT128_LARGEST - digit) / 10)
                return false;
        *magnitude = *magnitude * 10 + digit;
        return true;
}

static int parse_digits(const char *text, size_t length, struct digits *digits)
{
        const char *p = text, *end = text + length, *point = NULL;
        uint64_t word = 0; // while the number is small, which it nearly always is
        bool in_word = true, too_large = false;

        digits->negative = p < end && *p == '-';
        p += digits->negative;
        const char *first = p;
        for (; p < end; p++) {
                unsigned digit = (unsigned)(unsigned char)*p - '0';

                if (digit > 9) {
                        if (*p != '.' || point != NULL)
                                break;
                        point = p;
                } else if (word < word_powers[DIGITS_IN_WORD - 1]) {
                        word = word * 10 + digit;
                } else {
                        if (in_word)
                                digits->magnitude = word;
                        in_word = false;
                        too_large = too_large || !append_digit(&digits->magnitude, digit);
                }
        }
        // A digit on both sides of a point, and something between the ends.
        if (p != end || p == first || point == first || (point != NULL && point == end - 1)) {
                errno = EINVAL;
                return -1;
        }
        if (in_word)
                digits->magnitude = word;
        if (too_large || (point != NULL && end - point - 1 > DECIMAL_PLACES_MAX)) {
                errno = ERANGE;
                return -1;
        }
        digits->places = point == NULL ? 0 : (int)(end - point - 1);
        return 0;
}

int decimal64_parse(const char *text, size_t length, int64_t *mantissa, int8_t *exponent)
{
        struct digits digits;

        if (parse_digits(text, length, &digits) != 0)
                return -1;
        if (digits.magnitude > (uint128)INT64_MAX) {
                errno = ERANGE;
                return -1;
        }
        *mantissa = digits.negative ? -(int64_t)digits.magnitude : (int64_t)digits.magnitude;
        *exponent = (int8_t)-digits.places;
        return 0;
}

int decimal_parse(const char *text, size_t length, struct decimal *value)
{
        struct digits digits;

        if (parse_digits(text, length, &digits) != 0)
                return -1;
        value->mantissa = wide_from_int128(digits.negative ? -(__int128)digits.magnitude : (__int128)digits.magnitude);
        value->exponent = (int8_t)-digits.places;
        return 0;
}

// Writes the digits of `magnitude` backwards, ending before `end`, at least `least` of them; returns the first.
static char *write_digits(char *end, uint128 magnitude, int least)
{
        char *p = end;

        while (magnitude > 0 || end - p < least) {
                *--p = (char)('0' + (int)(magnitude % 10));
                magnitude /= 10;
        }
        return p;
}

int decimal_format(struct decimal value, char text[DECIMAL_TEXT_SIZE])
{
        __int128 mantissa = wide_to_int128(value.mantissa);
        char buffer[DECIMAL_TEXT_SIZE], *end = buffer + sizeof(buffer);
        bool plain = value.exponent <= 0 && value.exponent >= -DECIMAL_PLACES_MAX;
        int places = plain ? -value.exponent : 0;
        char *first = write_digits(end, magnitude_of(mantissa), places + 1);
        int whole = (int)(end - first) - places;
        const char *sign = mantissa < 0 ? "-" : "";

        if (!plain) // nothing of ours makes one, but a number must not be misread for being odd
                return snprintf(text, DECIMAL_TEXT_SIZE, "%s%.*se%d", sign, whole, first, value.exponent);
        if (places == 0)
                return snprintf(text, DECIMAL_TEXT_SIZE, "%s%.*s", sign, whole, first);
        return snprintf(text, DECIMAL_TEXT_SIZE, "%s%.*s.%.*s", sign, whole, first, places, first + whole);
}

// ---- doubles ----

// 2^-shift, for 0 <= shift < 1022.
static double power_of_half(int shift)
{
        uint64_t bits = (uint64_t)(1023 - shift) << 52;
        double value;

        memcpy(&value, &bits, sizeof(value));
        return value;
}

// magnitude / 10^places for places 0..19. With the dividend's top bit at bit 127 the quotient has at least 64 bits, so
// its lowest lies well below the place where a double rounds and can stand for all that the division cut off.
static double divide_rounded(uint128 magnitude, int places)
{
        uint64_t high = (uint64_t)(magnitude >> 64);
        int shift = high != 0 ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)magnitude);
        uint128 dividend = magnitude << shift, quotient = dividend / word_powers[places];

        if (quotient * word_powers[places] != dividend)
                quotient |= 1;
        return (double)quotient * power_of_half(shift);
}

// Any mantissa and exponent, by the C library, which rounds correctly.
static double convert_by_text(uint128 magnitude, int exponent)
{
        char text[DECIMAL_TEXT_SIZE], *end = text + 40;

        char *first = write_digits(end, magnitude, 1);
        snprintf(end, sizeof(text) - 40, "e%d", exponent);
        return strtod(first, NULL);
}

static double magnitude_to_double(uint128 magnitude, int exponent)
{
        if (magnitude == 0)
                return 0.0;
        if (exponent <= 0 && exponent >= -DIGITS_IN_WORD)
                return divide_rounded(magnitude, -exponent);
        return convert_by_text(magnitude, exponent);
}

double decimal64_to_double(int64_t mantissa, int8_t exponent)
{
        // Both operands are exact, so the one division rounds once.
        if (mantissa <= DOUBLE_EXACT_MAX && mantissa >= -DOUBLE_EXACT_MAX && exponent <= 0 &&
            exponent >= -DOUBLE_POWER_MAX)
                return (double)mantissa / double_powers[-exponent];
        double value = magnitude_to_double(magnitude_of(mantissa), exponent);
        return mantissa < 0 ? -value : value;
}

double decimal_to_double(struct decimal value)
{
        if (value.mantissa.high == (int64_t)value.mantissa.low >> 63)
                return decimal64_to_double((int64_t)value.mantissa.low, value.exponent);
        __int128 mantissa = wide_to_int128(value.mantissa);
        double magnitude = magnitude_to_double(magnitude_of(mantissa), value.exponent);
        return mantissa < 0 ? -magnitude : magnitude;
}

// Takes trailing zeros off while there are decimal places.
static struct decimal strip_zeros(__int128 mantissa, int exponent)
{
        while (exponent < 0 && mantissa % 10 == 0) {
                mantissa /= 10;
                exponent++;
        }
        return (struct decimal){wide_from_int128(mantissa), (int8_t)exponent};
}

// Nearly every number an exchange sends has at most 8 places and 15 digits. Decimals of up to 15 digits map to doubles
// one to one, so one that reads back equal is the shortest but for its zeros.
static bool from_double_short(double value, struct decimal *result)
{
        double scaled = value * 1e8;

        if (!(scaled > -1e15 && scaled < 1e15))
                return false;
        int64_t mantissa = (int64_t)(scaled + (scaled < 0 ? -0.5 : 0.5));
        if ((double)mantissa / 1e8 != value)
                return false;
        int exponent = -8;
        for (; exponent < 0 && mantissa % 10 == 0; exponent++)
                mantissa /= 10;
        *result = (struct decimal){wide_from_int64(mantissa), (int8_t)exponent};
        return true;
}

int decimal_from_double(double value, struct decimal *result)
{
        char text[40];
        long long mantissa;
        int exponent;

        if (from_double_short(value, result))
                return 0;
        if (!isfinite(value)) {
                errno = ERANGE;
                return -1;
        }
        for (int precision = 14; precision <= 16; precision++) {
                snprintf(text, sizeof(text), "%.*e", precision, value);
                if (strtod(text, NULL) == value)
                        break;
        }
        // "-d.ddde-xx": the digits without their point are the mantissa.
        char *point = strpbrk(text, ".,"), *mark = strchr(text, 'e');
        exponent = (int)strtol(mark + 1, NULL, 10) - (int)(mark - point - 1);
        memmove(point, point + 1, strlen(point));
        mantissa = strtoll(text, NULL, 10);
        for (; mantissa != 0 && mantissa % 10 == 0; exponent++)
                mantissa /= 10;
        if (exponent < -DECIMAL_PLACES_MAX || exponent > DECIMAL_PLACES_MAX ||
            (exponent > 0 && magnitude_of(mantissa) > (uint128)INT128_LARGEST / wide_power(exponent))) {
                errno = ERANGE;
                return -1;
        }
        __int128 scaled = exponent > 0 ? (__int128)mantissa * (__int128)wide_power(exponent) : mantissa;
        *result = (struct decimal){wide_from_int128(scaled), (int8_t)(exponent > 0 ? 0 : exponent)};
        return 0;
}

// ---- arithmetic ----

// mantissa * 10^power, or false where 127 bits do not hold it.
static bool scale_up(__int128 *mantissa, int power)
{
        if (*mantissa == 0 || power == 0)
                return true;
        if (power > DECIMAL_PLACES_MAX || magnitude_of(*mantissa) > (uint128)INT128_LARGEST / wide_power(power))
                return false;
        *mantissa *= (__int128)wide_power(power);
        return true;
}

int decimal_add(struct decimal a, struct decimal b, struct decimal *sum)
{
        struct decimal coarse = a.exponent >= b.exponent ? a : b, fine = a.exponent >= b.exponent ? b : a;
        __int128 left = wide_to_int128(coarse.mantissa), right = wide_to_int128(fine.mantissa), total;

        if (!scale_up(&left, coarse.exponent - fine.exponent)) {
                // Zeros at the end of the finer one may be what asks for the room.
                fine = strip_zeros(right, fine.exponent);
                right = wide_to_int128(fine.mantissa);
                int difference = coarse.exponent - fine.exponent;
                if (difference < 0 ? !scale_up(&right, -difference) : !scale_up(&left, difference))
                        goto too_large;
                if (difference < 0)
                        fine.exponent = coarse.exponent;
        }
        if (__builtin_add_overflow(left, right, &total))
                goto too_large;
        *sum = (struct decimal){wide_from_int128(total), fine.exponent};
        return 0;
too_large:
        errno = ERANGE;
        return -1;
}

int decimal_compare(struct decimal a, struct decimal b)
{
        if (a.exponent < b.exponent)
                return -decimal_compare(b, a);
        // a is the coarser one: compare it with b cut to its places, and what was cut decides a tie.
        int power = a.exponent - b.exponent;
        __int128 left = wide_to_int128(a.mantissa), right = wide_to_int128(b.mantissa), whole = 0, rest = right;
        if (power <= DECIMAL_PLACES_MAX) {
                whole = right / (__int128)wide_power(power);
                rest = right % (__int128)wide_power(power);
        }
        if (left != whole)
                return left < whole ? -1 : 1;
        return (rest < 0) - (rest > 0);
}
