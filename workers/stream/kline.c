// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/kline.h"

#include "common/clock.h"
#include "common/decimal.h"
#include "common/interval.h"

#include <string.h>

static const char malformed[] = "a field has the wrong type, or the JSON is not well-formed";
static const char twice[] = "a field comes twice";
static const char missing[] = "a required field is missing";
static const char foreign[] = "symbol, interval or event type are not those of the stream";

// Fields of the inner object, by their one-letter names; a bit each.
enum field {
        FIELD_OPEN_TIME,
        FIELD_CLOSE_TIME,
        FIELD_SYMBOL,
        FIELD_INTERVAL,
        FIELD_FIRST_ID,
        FIELD_LAST_ID,
        FIELD_TRADES,
        FIELD_CLOSED,
        FIELD_OPEN, // from here on decimal strings
        FIELD_CLOSE,
        FIELD_HIGH,
        FIELD_LOW,
        FIELD_VOLUME,
        FIELD_QUOTE_VOLUME,
        FIELD_TAKER_BASE,
        FIELD_TAKER_QUOTE,
        FIELD_COUNT,
        FIELD_UNKNOWN = FIELD_COUNT
};

// The ids of the first and last trade are not kept, so a frame without them is accepted.
#define REQUIRED_FIELDS (((1u << FIELD_COUNT) - 1) & ~(1u << FIELD_FIRST_ID | 1u << FIELD_LAST_ID))

static enum field field_of_key(struct span key)
{
        if (key.length != 1)
                return FIELD_UNKNOWN;
        switch (key.at[0]) {
        case 't': return FIELD_OPEN_TIME;
        case 'T': return FIELD_CLOSE_TIME;
        case 's': return FIELD_SYMBOL;
        case 'i': return FIELD_INTERVAL;
        case 'f': return FIELD_FIRST_ID;
        case 'L': return FIELD_LAST_ID;
        case 'n': return FIELD_TRADES;
        case 'x': return FIELD_CLOSED;
        case 'o': return FIELD_OPEN;
        case 'c': return FIELD_CLOSE;
        case 'h': return FIELD_HIGH;
        case 'l': return FIELD_LOW;
        case 'v': return FIELD_VOLUME;
        case 'q': return FIELD_QUOTE_VOLUME;
        case 'V': return FIELD_TAKER_BASE;
        case 'Q': return FIELD_TAKER_QUOTE;
        default: return FIELD_UNKNOWN;
        }
}

struct inner {
        unsigned seen;
        int64_t integers[FIELD_OPEN]; // those fields that are integers
        struct span texts[FIELD_COUNT];
        bool closed;
};

static bool read_field(struct json *json, enum field field, struct inner *inner)
{
        switch (field) {
        case FIELD_OPEN_TIME:
        case FIELD_CLOSE_TIME:
        case FIELD_FIRST_ID:
        case FIELD_LAST_ID:
        case FIELD_TRADES: return json_read_integer(json, &inner->integers[field]);
        case FIELD_CLOSED: return json_read_bool(json, &inner->closed);
        case FIELD_UNKNOWN: return json_skip_value(json);
        default: return json_read_string(json, &inner->texts[field]);
        }
}

static const char *read_inner(struct json *json, struct inner *inner)
{
        struct span key;
        int more;

        inner->seen = 0;
        if (!json_enter_object(json))
                return malformed;
        while ((more = json_next_key(json, &key)) == 1) {
                enum field field = field_of_key(key);

                if (field != FIELD_UNKNOWN && (inner->seen & 1u << field) != 0)
                        return twice;
                if (!read_field(json, field, inner))
                        return malformed;
                if (field != FIELD_UNKNOWN)
                        inner->seen |= 1u << field;
        }
        if (more < 0)
                return malformed;
        return (inner->seen & REQUIRED_FIELDS) == REQUIRED_FIELDS ? NULL : missing;
}

static bool read_price(struct span text, int64_t *mantissa, int8_t *exponent)
{
        return decimal64_parse(text.at, text.length, mantissa, exponent) == 0;
}

static bool read_volume(struct span text, struct wide *mantissa, int8_t *exponent)
{
        struct decimal value;

        if (decimal_parse(text.at, text.length, &value) != 0)
                return false;
        *mantissa = value.mantissa;
        *exponent = value.exponent;
        return true;
}

static const char *convert(const struct inner *inner, struct kline *kline)
{
        const struct span *texts = inner->texts;

        *kline = (struct kline){
            .open_us = exchange_stamp_us(inner->integers[FIELD_OPEN_TIME]),
            .close_us = exchange_stamp_us(inner->integers[FIELD_CLOSE_TIME]),
            .trades = inner->integers[FIELD_TRADES],
        };
        if (!read_price(texts[FIELD_OPEN], &kline->open, &kline->open_exponent) ||
            !read_price(texts[FIELD_HIGH], &kline->high, &kline->high_exponent) ||
            !read_price(texts[FIELD_LOW], &kline->low, &kline->low_exponent) ||
            !read_price(texts[FIELD_CLOSE], &kline->close, &kline->close_exponent))
                return "a price is no decimal number of at most 18 digits";
        if (!read_volume(texts[FIELD_VOLUME], &kline->volume, &kline->volume_exponent) ||
            !read_volume(texts[FIELD_QUOTE_VOLUME], &kline->quote_volume, &kline->quote_volume_exponent) ||
            !read_volume(texts[FIELD_TAKER_BASE], &kline->taker_base, &kline->taker_base_exponent) ||
            !read_volume(texts[FIELD_TAKER_QUOTE], &kline->taker_quote, &kline->taker_quote_exponent))
                return "a volume is no decimal number of at most 38 digits";
        return kline_defect(kline);
}

static bool time_is_plausible(int64_t us)
{
        return us >= year_start_us(2017) && us < year_start_us(2101);
}

struct outer {
        struct span type, symbol;
        int64_t event_stamp;
        struct inner inner;
};

enum { OUTER_TYPE = 1, OUTER_TIME = 2, OUTER_SYMBOL = 4, OUTER_KLINE = 8, OUTER_ALL = 15 };

static const char *read_outer(struct json *json, struct outer *outer)
{
        struct span key;
        unsigned seen = 0;
        int more;

        if (!json_enter_object(json))
                return malformed;
        while ((more = json_next_key(json, &key)) == 1) {
                char name = key.length == 1 ? key.at[0] : '\0';
                unsigned bit = name == 'e'   ? OUTER_TYPE
                               : name == 'E' ? OUTER_TIME
                               : name == 's' ? OUTER_SYMBOL
                               : name == 'k' ? OUTER_KLINE
                                             : 0;
                const char *why = NULL;
                bool read = true;

                if ((seen & bit) != 0)
                        return twice;
                seen |= bit;
                switch (bit) {
                case OUTER_TYPE: read = json_read_string(json, &outer->type); break;
                case OUTER_TIME: read = json_read_integer(json, &outer->event_stamp); break;
                case OUTER_SYMBOL: read = json_read_string(json, &outer->symbol); break;
                case OUTER_KLINE: why = read_inner(json, &outer->inner); break;
                default: read = json_skip_value(json); break;
                }
                if (!read || why != NULL)
                        return read ? why : malformed;
        }
        if (more < 0)
                return malformed;
        return seen == OUTER_ALL ? NULL : missing;
}

const char *kline_read_event(struct json *json, const struct stream_id *id, struct kline_event *event)
{
        struct outer outer;
        const char *why = read_outer(json, &outer);

        if (why != NULL)
                return why;
        const struct inner *inner = &outer.inner;
        if (!span_equals(outer.type, "kline") || !span_equals(outer.symbol, id->symbol) ||
            !span_equals(inner->texts[FIELD_SYMBOL], id->symbol) ||
            !span_equals(inner->texts[FIELD_INTERVAL], interval_name(id->interval)))
                return foreign;
        event->event_us = exchange_stamp_us(outer.event_stamp);
        event->open_us = exchange_stamp_us(inner->integers[FIELD_OPEN_TIME]);
        event->closed = inner->closed;
        if (!time_is_plausible(event->event_us) || !time_is_plausible(event->open_us))
                return "a time lies outside the years 2017 to 2100";
        return inner->closed ? convert(inner, &event->kline) : NULL;
}
