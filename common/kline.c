// SPDX-License-Identifier: Apache-2.0
#include "common/kline.h"

#include "common/clock.h"

#include <stddef.h>

void kline_to_values(const struct kline *kline, struct bar_values *values)
{
        *values = (struct bar_values){
            .open = decimal64_to_double(kline->open, kline->open_exponent),
            .high = decimal64_to_double(kline->high, kline->high_exponent),
            .low = decimal64_to_double(kline->low, kline->low_exponent),
            .close = decimal64_to_double(kline->close, kline->close_exponent),
            .volume = decimal_to_double((struct decimal){kline->volume, kline->volume_exponent}),
            .quote_volume = decimal_to_double((struct decimal){kline->quote_volume, kline->quote_volume_exponent}),
            .trades = kline->trades,
            .taker_base = decimal_to_double((struct decimal){kline->taker_base, kline->taker_base_exponent}),
            .taker_quote = decimal_to_double((struct decimal){kline->taker_quote, kline->taker_quote_exponent}),
        };
}

static int price_compare(int64_t a, int8_t a_exponent, int64_t b, int8_t b_exponent)
{
        if (a_exponent == b_exponent)
                return (a > b) - (a < b);
        return decimal_compare(
            (struct decimal){wide_from_int64(a), a_exponent}, (struct decimal){wide_from_int64(b), b_exponent});
}

static const char *price_defect(const struct kline *k)
{
        if (k->open <= 0 || k->high <= 0 || k->low <= 0 || k->close <= 0)
                return "a price is not positive";
        if (price_compare(k->high, k->high_exponent, k->low, k->low_exponent) < 0)
                return "the high lies below the low";
        if (price_compare(k->open, k->open_exponent, k->high, k->high_exponent) > 0 ||
            price_compare(k->open, k->open_exponent, k->low, k->low_exponent) < 0)
                return "the open lies outside low and high";
        if (price_compare(k->close, k->close_exponent, k->high, k->high_exponent) > 0 ||
            price_compare(k->close, k->close_exponent, k->low, k->low_exponent) < 0)
                return "the close lies outside low and high";
        return NULL;
}

static const char *volume_defect(const struct kline *k)
{
        if (k->volume.high < 0 || k->quote_volume.high < 0 || k->taker_base.high < 0 || k->taker_quote.high < 0)
                return "a volume is negative";
        if (k->trades < 0)
                return "the number of trades is negative";
        if (decimal_compare((struct decimal){k->taker_base, k->taker_base_exponent},
                (struct decimal){k->volume, k->volume_exponent}) > 0)
                return "the taker's volume is larger than the volume";
        if (decimal_compare((struct decimal){k->taker_quote, k->taker_quote_exponent},
                (struct decimal){k->quote_volume, k->quote_volume_exponent}) > 0)
                return "the taker's quote volume is larger than the quote volume";
        return NULL;
}

static const char *exponent_defect(const struct kline *k)
{
        const int8_t exponents[] = {k->open_exponent, k->high_exponent, k->low_exponent, k->close_exponent,
            k->volume_exponent, k->quote_volume_exponent, k->taker_base_exponent, k->taker_quote_exponent};

        for (size_t i = 0; i < sizeof(exponents); i++) {
                if (exponents[i] > 0 || exponents[i] < -DECIMAL_PLACES_MAX)
                        return "a number has more than 38 decimal places";
        }
        return NULL;
}

const char *kline_defect(const struct kline *kline)
{
        if (kline->open_us < year_start_us(2017) || kline->open_us >= year_start_us(2101))
                return "the open time lies outside the years 2017 to 2100";
        if (kline->close_us < kline->open_us)
                return "the close time lies before the open time";
        const char *defect = exponent_defect(kline);
        if (defect == NULL)
                defect = price_defect(kline);
        if (defect == NULL)
                defect = volume_defect(kline);
        return defect;
}
