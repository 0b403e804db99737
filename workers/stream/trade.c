// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/trade.h"

#include "workers/stream/fields.h"

static const char bad_level[] = "a price or an amount is negative or zero";

static const struct field_spec trade_spec = {
    .types =
        {
            [FIELD('e')] = FIELD_TEXT,
            [FIELD('E')] = FIELD_INTEGER,
            [FIELD('s')] = FIELD_TEXT,
            [FIELD('t')] = FIELD_INTEGER,
            [FIELD('p')] = FIELD_DECIMAL,
            [FIELD('q')] = FIELD_DECIMAL,
            [FIELD('T')] = FIELD_INTEGER,
            [FIELD('m')] = FIELD_BOOL,
        },
    .required = FIELD_BIT('e') | FIELD_BIT('E') | FIELD_BIT('s') | FIELD_BIT('t') | FIELD_BIT('p') | FIELD_BIT('q') |
                FIELD_BIT('T') | FIELD_BIT('m'),
};

static const struct field_spec agg_trade_spec = {
    .types =
        {
            [FIELD('e')] = FIELD_TEXT,
            [FIELD('E')] = FIELD_INTEGER,
            [FIELD('s')] = FIELD_TEXT,
            [FIELD('a')] = FIELD_INTEGER,
            [FIELD('p')] = FIELD_DECIMAL,
            [FIELD('q')] = FIELD_DECIMAL,
            [FIELD('f')] = FIELD_INTEGER,
            [FIELD('l')] = FIELD_INTEGER,
            [FIELD('T')] = FIELD_INTEGER,
            [FIELD('m')] = FIELD_BOOL,
        },
    .required = FIELD_BIT('e') | FIELD_BIT('E') | FIELD_BIT('s') | FIELD_BIT('a') | FIELD_BIT('p') | FIELD_BIT('q') |
                FIELD_BIT('f') | FIELD_BIT('l') | FIELD_BIT('T') | FIELD_BIT('m'),
};

static const struct field_spec quote_spec = {
    .types =
        {
            [FIELD('u')] = FIELD_INTEGER,
            [FIELD('s')] = FIELD_TEXT,
            [FIELD('b')] = FIELD_DECIMAL,
            [FIELD('B')] = FIELD_DECIMAL,
            [FIELD('a')] = FIELD_DECIMAL,
            [FIELD('A')] = FIELD_DECIMAL,
        },
    .required = FIELD_BIT('u') | FIELD_BIT('s') | FIELD_BIT('b') | FIELD_BIT('B') | FIELD_BIT('a') | FIELD_BIT('A'),
};

static struct level level_of(const struct fields *fields, char price, char size)
{
        const struct field_decimal *p = &fields->of[FIELD(price)].decimal, *s = &fields->of[FIELD(size)].decimal;

        return (struct level){
            .price = p->mantissa, .size = s->mantissa, .price_exponent = p->exponent, .size_exponent = s->exponent};
}

const char *trade_read_event(struct json *json, const char *symbol, struct trade *trade, int64_t *event_us)
{
        struct fields fields;
        const char *why = fields_read(json, &trade_spec, &fields);
        uint8_t exact;

        if (why != NULL)
                return why;
        if (!span_equals(fields.of[FIELD('e')].text, "trade") || !span_equals(fields.of[FIELD('s')].text, symbol))
                return fields_foreign;
        *trade = (struct trade){
            .id = fields.of[FIELD('t')].integer,
            .level = level_of(&fields, 'p', 'q'),
            .buyer_maker = fields.of[FIELD('m')].flag,
        };
        if (!fields_stamp_us(fields.of[FIELD('E')].integer, event_us, &exact) ||
            !fields_stamp_us(fields.of[FIELD('T')].integer, &trade->time_us, &trade->microseconds))
                return fields_time;
        if (trade->id < 0)
                return fields_id;
        return trade->level.price > 0 && trade->level.size > 0 ? NULL : bad_level;
}

static const char *agg_trade_defect(const struct agg_trade *trade)
{
        bool tombstone = trade->first_id == -1 && trade->last_id == -1;

        if (trade->id < 0 || (!tombstone && (trade->first_id < 0 || trade->last_id < trade->first_id)))
                return fields_id;
        if (tombstone)
                return trade->level.price == 0 && trade->level.size == 0 ? NULL : bad_level;
        return trade->level.price > 0 && trade->level.size > 0 ? NULL : bad_level;
}

const char *agg_trade_read_event(struct json *json, const char *symbol, struct agg_trade *trade, int64_t *event_us)
{
        struct fields fields;
        const char *why = fields_read(json, &agg_trade_spec, &fields);
        uint8_t exact;

        if (why != NULL)
                return why;
        if (!span_equals(fields.of[FIELD('e')].text, "aggTrade") || !span_equals(fields.of[FIELD('s')].text, symbol))
                return fields_foreign;
        *trade = (struct agg_trade){
            .id = fields.of[FIELD('a')].integer,
            .first_id = fields.of[FIELD('f')].integer,
            .last_id = fields.of[FIELD('l')].integer,
            .level = level_of(&fields, 'p', 'q'),
            .buyer_maker = fields.of[FIELD('m')].flag,
        };
        if (!fields_stamp_us(fields.of[FIELD('E')].integer, event_us, &exact) ||
            !fields_stamp_us(fields.of[FIELD('T')].integer, &trade->time_us, &trade->microseconds))
                return fields_time;
        return agg_trade_defect(trade);
}

const char *quote_read_event(struct json *json, const char *symbol, struct quote *quote)
{
        struct fields fields;
        const char *why = fields_read(json, &quote_spec, &fields);

        if (why != NULL)
                return why;
        if (!span_equals(fields.of[FIELD('s')].text, symbol))
                return fields_foreign;
        *quote = (struct quote){
            .update_id = fields.of[FIELD('u')].integer,
            .bid = level_of(&fields, 'b', 'B'),
            .ask = level_of(&fields, 'a', 'A'),
        };
        // A side without orders is price 0 and amount 0.
        if (quote->bid.price < 0 || quote->bid.size < 0 || quote->ask.price < 0 || quote->ask.size < 0)
                return "a price or an amount is negative";
        return quote->update_id > 0 ? NULL : fields_id;
}
