// SPDX-License-Identifier: Apache-2.0
#include "common/aggregate.h"

#include "common/clock.h"

#include <errno.h>

#define QUOTE_PLACES 8

bool aggregate_is_multiple(enum interval larger, enum interval smaller)
{
        int64_t length_us = interval_length_us(smaller);

        // Everything above a day has days for its parts: their grids begin on different days.
        int64_t whole_us = interval_length_us(larger) < US_PER_DAY ? interval_length_us(larger) : US_PER_DAY;
        return larger > smaller && length_us <= whole_us && whole_us % length_us == 0;
}

static int add(struct decimal *sum, struct decimal value)
{
        return decimal_add(*sum, value, sum);
}

static void shape(struct aggregate *aggregate, struct decimal open, struct decimal high, struct decimal low,
    struct decimal close, bool traded)
{
        if (aggregate->traded && !traded)
                return;
        if (!aggregate->begun || aggregate->traded != traded) {
                aggregate->open = open;
                aggregate->high = high;
                aggregate->low = low;
        }
        if (decimal_compare(high, aggregate->high) > 0)
                aggregate->high = high;
        if (decimal_compare(low, aggregate->low) < 0)
                aggregate->low = low;
        aggregate->close = close;
        aggregate->begun = true;
        aggregate->traded = traded;
}

// ---- trades ----

static struct decimal quote_of(const struct level *level)
{
        __int128 product = (__int128)level->price * level->size;
        int exponent = level->price_exponent + level->size_exponent;

        for (; exponent < -QUOTE_PLACES; exponent++)
                product /= 10;
        return (struct decimal){wide_from_int128(product), (int8_t)exponent};
}

static int add_level(struct aggregate *aggregate, const struct level *level, bool buyer_maker, int64_t trades)
{
        struct decimal price = {wide_from_int64(level->price), level->price_exponent};
        struct decimal base = {wide_from_int64(level->size), level->size_exponent}, quote = quote_of(level);

        shape(aggregate, price, price, price, price, true);
        aggregate->trades += trades;
        if (add(&aggregate->volume, base) < 0 || add(&aggregate->quote_volume, quote) < 0)
                return -1;
        if (buyer_maker)
                return 0; // the taker sold
        return add(&aggregate->taker_base, base) < 0 || add(&aggregate->taker_quote, quote) < 0 ? -1 : 0;
}

int aggregate_add_trade(struct aggregate *aggregate, const struct trade *trade)
{
        return add_level(aggregate, &trade->level, trade->buyer_maker != 0, 1);
}

int aggregate_add_agg_trade(struct aggregate *aggregate, const struct agg_trade *trade)
{
        if (trade->first_id < 0)
                return 0;
        return add_level(aggregate, &trade->level, trade->buyer_maker != 0, trade->last_id - trade->first_id + 1);
}

// ---- bars ----

int aggregate_add_bar(struct aggregate *aggregate, const struct bar_values *bar)
{
        const double columns[] = {bar->open, bar->high, bar->low, bar->close, bar->volume, bar->quote_volume,
            bar->taker_base, bar->taker_quote};
        struct decimal values[sizeof(columns) / sizeof(columns[0])];
        // A bucket with the seed's five columns does not count trades.
        bool traded = bar->trades != 0 || bar->volume != 0;

        for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
                if (decimal_from_double(columns[i], &values[i]) < 0)
                        return -1;
        }
        shape(aggregate, values[0], values[1], values[2], values[3], traded);
        if (__builtin_add_overflow(aggregate->trades, bar->trades, &aggregate->trades)) {
                errno = ERANGE;
                return -1;
        }
        if (add(&aggregate->volume, values[4]) < 0 || add(&aggregate->quote_volume, values[5]) < 0 ||
            add(&aggregate->taker_base, values[6]) < 0 || add(&aggregate->taker_quote, values[7]) < 0)
                return -1;
        return 0;
}

// ---- the result ----

bool aggregate_to_values(const struct aggregate *aggregate, struct bar_values *values)
{
        if (!aggregate->begun)
                return false;
        *values = (struct bar_values){
            .open = decimal_to_double(aggregate->open),
            .high = decimal_to_double(aggregate->high),
            .low = decimal_to_double(aggregate->low),
            .close = decimal_to_double(aggregate->close),
            .volume = decimal_to_double(aggregate->volume),
            .quote_volume = decimal_to_double(aggregate->quote_volume),
            .trades = aggregate->trades,
            .taker_base = decimal_to_double(aggregate->taker_base),
            .taker_quote = decimal_to_double(aggregate->taker_quote),
        };
        return true;
}

void aggregate_quiet_values(double close_before, struct bar_values *values)
{
        *values =
            (struct bar_values){.open = close_before, .high = close_before, .low = close_before, .close = close_before};
}
