// SPDX-License-Identifier: Apache-2.0
// A cursor over JSON of a known shape, for the pages that are too many for a JSON library. Pure. Used by page.c
// (klines) and tickpage.c (trades). Inline, for these few lines run for every value of every row.
//
// Every function returns false with `wrong` set (or, scan_take(), with nothing taken) and never steps beyond `end`.
#ifndef BACKFILL_SCAN_H
#define BACKFILL_SCAN_H

#include "common/decimal.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SCAN_DIGITS_MAX 18       // fits int64_t; stamps have 13 or 16
#define SCAN_STRING_BYTES_MAX 64 // no number of the exchange comes near

struct scan {
        const char *p, *end;
        size_t row;        // for messages, counted from 0
        const char *wrong; // a predicate: "is cut short"
};

static inline bool scan_fail(struct scan *s, const char *wrong)
{
        s->wrong = wrong;
        return false;
}

static inline void scan_skip_blanks(struct scan *s)
{
        while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
                s->p++;
}

// Takes `token` where it is next.
static inline bool scan_take(struct scan *s, char token)
{
        if (s->p < s->end && *s->p == token) {
                s->p++;
                return true;
        }
        scan_skip_blanks(s);
        if (s->p < s->end && *s->p == token) {
                s->p++;
                return true;
        }
        return false;
}

// A whole number of at most SCAN_DIGITS_MAX digits, without a sign.
static inline bool scan_whole(struct scan *s, int64_t *number)
{
        int64_t value = 0;

        scan_skip_blanks(s);
        const char *first = s->p;
        for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
                if (s->p - first == SCAN_DIGITS_MAX)
                        return scan_fail(s, "has too many digits");
                value = value * 10 + (*s->p - '0');
        }
        if (s->p == first)
                return scan_fail(s, "is not a whole number");
        if (*first == '0' && s->p - first > 1)
                return scan_fail(s, "has leading zeros");
        *number = value;
        return true;
}

// The text between quotes. Numbers and names need no escapes; whoever takes neither from it asks scan_is_plain().
static inline bool scan_string(struct scan *s, const char **text, size_t *length)
{
        if (!scan_take(s, '"'))
                return scan_fail(s, "is not a string");
        size_t left = (size_t)(s->end - s->p), limit = left < SCAN_STRING_BYTES_MAX ? left : SCAN_STRING_BYTES_MAX;
        const char *quote = memchr(s->p, '"', limit);
        if (quote == NULL)
                return scan_fail(s, left < SCAN_STRING_BYTES_MAX ? "is cut short" : "is a string of 64 bytes or more");
        *text = s->p;
        *length = (size_t)(quote - s->p);
        s->p = quote + 1;
        return true;
}

// False where a string has escapes, or what JSON forbids in it.
static inline bool scan_is_plain(const char *text, size_t length)
{
        for (size_t i = 0; i < length; i++) {
                if (text[i] == '\\' || (unsigned char)text[i] < ' ')
                        return false;
        }
        return true;
}

static inline bool scan_hex(const struct scan *s, ptrdiff_t count)
{
        ptrdiff_t i = 0;

        while (i < count && i < s->end - s->p && isxdigit((unsigned char)s->p[i]))
                i++;
        return i == count;
}

// What may stand behind a backslash.
static inline bool scan_escape(struct scan *s)
{
        static const char letters[] = "\"\\/bfnrt";

        if (s->p == s->end)
                return false;
        char letter = *s->p++;
        if (letter != 'u')
                return memchr(letters, letter, sizeof(letters) - 1) != NULL;
        if (!scan_hex(s, 4))
                return false;
        s->p += 4;
        return true;
}

// Passes over a string that is not kept.
static inline bool scan_skip_string(struct scan *s)
{
        if (!scan_take(s, '"'))
                return scan_fail(s, "is not a string");
        while (s->p < s->end && *s->p != '"') {
                char letter = *s->p++;

                if ((unsigned char)letter < ' ')
                        return scan_fail(s, "has a control character in its string");
                if (letter == '\\' && !scan_escape(s))
                        return scan_fail(s, "has an escape in its string that JSON does not know");
        }
        return scan_take(s, '"') || scan_fail(s, "is cut short");
}

static inline size_t scan_digits(struct scan *s)
{
        const char *first = s->p;

        while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
                s->p++;
        return (size_t)(s->p - first);
}

// Passes over a number as JSON writes it.
static inline bool scan_skip_number(struct scan *s)
{
        const char *first = s->p;

        if (s->p < s->end && *s->p == '-')
                s->p++;
        bool zero = s->p < s->end && *s->p == '0';
        size_t digits = scan_digits(s);
        bool good = digits > 0 && !(zero && digits > 1);
        if (good && s->p < s->end && *s->p == '.') {
                s->p++;
                good = scan_digits(s) > 0;
        }
        if (good && s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
                s->p++;
                if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
                        s->p++;
                good = scan_digits(s) > 0;
        }
        return (good && s->p - first < SCAN_STRING_BYTES_MAX) || scan_fail(s, "is neither string nor number nor word");
}

static inline bool scan_number_failed(struct scan *s)
{
        return scan_fail(s, errno == ERANGE ? "is a number too large to keep exactly" : "is not a decimal number");
}

// A decimal in quotes.
static inline bool scan_decimal64(struct scan *s, int64_t *mantissa, int8_t *exponent)
{
        const char *text;
        size_t length;

        if (!scan_string(s, &text, &length))
                return false;
        return decimal64_parse(text, length, mantissa, exponent) == 0 || scan_number_failed(s);
}

#endif
