// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/text.h"

#include <string.h>

char *text_put_string(char *at, const char *string)
{
        size_t length = strlen(string);
        memcpy(at, string, length);
        return at + length;
}

static char *put_unsigned(char *at, uint64_t value)
{
        char digits[20];
        int n = 0;
        do {
                digits[n++] = (char)('0' + value % 10);
                value /= 10;
        } while (value != 0);
        while (n > 0) {
                *at++ = digits[--n];
        }
        return at;
}

static char *put_places(char *at, uint32_t value, int places)
{
        for (int i = places - 1; i >= 0; i--) {
                at[i] = (char)('0' + value % 10);
                value /= 10;
        }
        return at + places;
}

char *text_put_integer(char *at, int64_t value)
{
        if (value < 0) {
                *at++ = '-';
                return put_unsigned(at, -(uint64_t)value);
        }
        return put_unsigned(at, (uint64_t)value);
}

char *text_put_decimal(char *at, wide value)
{
        if (value < 0) {
                *at++ = '-';
                value = -value;
        }
        uint64_t whole, fraction;
        if (value <= (wide)INT64_MAX) {
                whole = (uint64_t)value / (uint64_t)BAR_SCALE;
                fraction = (uint64_t)value % (uint64_t)BAR_SCALE;
        } else { // up to 9.2e18 whole units, more than any exchange trades
                whole = (uint64_t)(value / BAR_SCALE);
                fraction = (uint64_t)(value % BAR_SCALE);
        }
        at = put_unsigned(at, whole);
        *at++ = '.';
        return put_places(at, (uint32_t)fraction, 8);
}

int64_t text_close_time(int64_t close_ms, int micro)
{
        return micro ? (close_ms + 1) * 1000 - 1 : close_ms;
}

static char *put_quoted(char *at, wide value)
{
        *at++ = '"';
        at = text_put_decimal(at, value);
        *at++ = '"';
        *at++ = ',';
        return at;
}

char *text_put_row(char *at, const struct bar *bar, int micro)
{
        *at++ = '[';
        at = text_put_integer(at, micro ? bar->open_ms * 1000 : bar->open_ms);
        *at++ = ',';
        at = put_quoted(at, bar->open);
        at = put_quoted(at, bar->high);
        at = put_quoted(at, bar->low);
        at = put_quoted(at, bar->close);
        at = put_quoted(at, bar->volume);
        at = text_put_integer(at, text_close_time(bar->close_ms, micro));
        *at++ = ',';
        at = put_quoted(at, bar->quote_volume);
        at = text_put_integer(at, bar->trades);
        *at++ = ',';
        at = put_quoted(at, bar->taker_base);
        at = put_quoted(at, bar->taker_quote);
        return text_put_string(at, "\"0\"]");
}

char *text_put_csv(char *at, const struct bar *bar)
{
        const wide before[] = {bar->open, bar->high, bar->low, bar->close, bar->volume, bar->quote_volume};
        at = text_put_integer(at, bar->open_ms);
        for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
                *at++ = ',';
                at = text_put_decimal(at, before[i]);
        }
        *at++ = ',';
        at = text_put_integer(at, bar->trades);
        *at++ = ',';
        at = text_put_decimal(at, bar->taker_base);
        *at++ = ',';
        at = text_put_decimal(at, bar->taker_quote);
        *at++ = '\n';
        return at;
}

int text_parse_decimal(const char *text, size_t length, wide *value)
{
        wide result = 0;
        int digits = 0, places = -1;
        size_t i = length > 0 && text[0] == '-';
        for (; i < length; i++) {
                if (text[i] == '.' && places < 0) {
                        places = 0;
                        continue;
                }
                if (text[i] < '0' || text[i] > '9' || places >= 8 || ++digits > 29) {
                        return -1;
                }
                result = result * 10 + (text[i] - '0');
                places += places >= 0;
        }
        for (places = places < 0 ? 0 : places; places < 8; places++) {
                result *= 10;
        }
        *value = text[0] == '-' ? -result : result;
        return digits > 0 ? 0 : -1;
}
