// SPDX-License-Identifier: Apache-2.0
#include "common/tickdecode.h"

#include "common/clock.h"
#include "common/decimal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define STRING16_BYTES 64
#define LEVEL_BYTES 16

bool tick_decode_is_possible(enum tick_kind kind, const struct yearfile_schema *schema)
{
        unsigned levels = kind == TICK_DEPTH ? tick_schema_levels(schema) : 0;
        struct yearfile_schema wanted;

        if (kind == TICK_DEPTH)
                return levels > 0;
        tick_schema(kind, levels, &wanted);
        return yearfile_schema_equal(&wanted, schema);
}

static const unsigned char *take_int64(const unsigned char *at, int64_t *value)
{
        memcpy(value, at, sizeof(*value));
        return at + sizeof(*value);
}

static int take_decimal(const unsigned char *at, int64_t *mantissa, int8_t *exponent)
{
        struct decimal decimal;
        double value;

        memcpy(&value, at, sizeof(value));
        if (!isfinite(value) || decimal_from_double(value, &decimal) != 0 ||
            decimal.mantissa.high != (int64_t)decimal.mantissa.low >> 63) {
                errno = ERANGE;
                return -1;
        }
        *mantissa = (int64_t)decimal.mantissa.low;
        *exponent = decimal.exponent;
        return 0;
}

static int take_level(const unsigned char **at, struct level *level)
{
        memset(level, 0, sizeof(*level));
        if (take_decimal(*at, &level->price, &level->price_exponent) != 0 ||
            take_decimal(*at + sizeof(double), &level->size, &level->size_exponent) != 0)
                return -1;
        *at += LEVEL_BYTES;
        return 0;
}

static uint8_t is_microseconds(int64_t time_us)
{
        return time_us % US_PER_MS != 0;
}

int tick_decode_trade(const unsigned char *columns, int64_t time_ns, struct trade *trade)
{
        memset(trade, 0, sizeof(*trade));
        trade->time_us = time_ns / NS_PER_US;
        trade->microseconds = is_microseconds(trade->time_us);
        if (take_level(&columns, &trade->level) != 0)
                return -1;
        columns = take_int64(columns + STRING16_BYTES + STRING16_BYTES, &trade->id);
        trade->buyer_maker = *columns++;
        take_int64(columns, &trade->received_wall_ns);
        return 0;
}

int tick_decode_agg_trade(const unsigned char *columns, int64_t time_ns, struct agg_trade *trade)
{
        memset(trade, 0, sizeof(*trade));
        trade->time_us = time_ns / NS_PER_US;
        trade->microseconds = is_microseconds(trade->time_us);
        if (take_level(&columns, &trade->level) != 0)
                return -1;
        columns = take_int64(columns, &trade->id);
        columns = take_int64(columns, &trade->first_id);
        columns = take_int64(columns, &trade->last_id);
        trade->buyer_maker = *columns++;
        take_int64(columns, &trade->received_wall_ns);
        return 0;
}

int tick_decode_quote(const unsigned char *columns, int64_t time_ns, struct quote *quote)
{
        memset(quote, 0, sizeof(*quote));
        quote->time_us = time_ns / NS_PER_US;
        if (take_level(&columns, &quote->bid) != 0 || take_level(&columns, &quote->ask) != 0)
                return -1;
        columns = take_int64(columns, &quote->update_id);
        take_int64(columns, &quote->received_wall_ns);
        return 0;
}

// Takes the columns of one side; *count of them are levels, the rest is padding.
static int take_side(const unsigned char **at, unsigned levels_count, struct level *levels, uint16_t *count)
{
        *count = 0;
        for (unsigned i = 0; i < levels_count; i++) {
                struct level level;

                if (take_level(at, &level) != 0)
                        return -1;
                if (level.price != 0 || level.size != 0)
                        levels[(*count)++] = level;
        }
        return 0;
}

int tick_decode_depth(
    const unsigned char *columns, int64_t time_ns, unsigned levels_count, struct depth *depth, struct level *levels)
{
        memset(depth, 0, sizeof(*depth));
        depth->kind = DEPTH_TOP;
        depth->time_us = time_ns / NS_PER_US;
        if (take_side(&columns, levels_count, levels, &depth->bids) != 0 ||
            take_side(&columns, levels_count, levels + depth->bids, &depth->asks) != 0)
                return -1;
        columns = take_int64(columns, &depth->update_id);
        take_int64(columns, &depth->received_wall_ns);
        return 0;
}

int tick_decode_change(const unsigned char *columns, int64_t time_ns, struct book_change *change)
{
        memset(change, 0, sizeof(*change));
        change->time_us = time_ns / NS_PER_US;
        columns = take_int64(columns, &change->first_id);
        columns = take_int64(columns, &change->update_id);
        change->side = *columns++;
        if (take_level(&columns, &change->level) != 0)
                return -1;
        take_int64(columns, &change->received_wall_ns);
        return 0;
}
