// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/fields.h"

#include "common/clock.h"
#include "common/decimal.h"

#define FAST_DIGITS_MAX 18 // every number of 18 digits fits int64_t

const char fields_malformed[] = "a field has the wrong type, or the JSON is not well-formed";
const char fields_twice[] = "a field comes twice";
const char fields_missing[] = "a required field is missing";
const char fields_foreign[] = "symbol or event type are not those of the stream";
const char fields_time[] = "a time lies outside the years 2017 to 2100";
const char fields_id[] = "an id is negative, or first and last are in the wrong order";

bool fields_read_decimal(struct json *json, struct field_decimal *decimal)
{
        struct span text;

        // The usual case, in one pass: digits, a point, digits.
        if (json_peek(json) == '"') {
                const char *at = json->at + 1, *start = at, *point = NULL, *end = json->end;
                uint64_t sum = 0; // may wrap where there are too many digits

                for (; at < end; at++) {
                        unsigned digit = (unsigned)((unsigned char)*at - '0');

                        if (digit <= 9)
                                sum = sum * 10 + digit;
                        else if (*at == '.' && point == NULL && at > start)
                                point = at;
                        else
                                break;
                        if (at - start > FAST_DIGITS_MAX)
                                break;
                }
                if (at < end && *at == '"' && at - start <= FAST_DIGITS_MAX && at > start && at - 1 != point) {
                        decimal->mantissa = (int64_t)sum;
                        decimal->exponent = (int8_t)(point != NULL ? point + 1 - at : 0);
                        json->at = at + 1;
                        return true;
                }
        }
        return json_read_string(json, &text) &&
               decimal64_parse(text.at, text.length, &decimal->mantissa, &decimal->exponent) == 0;
}

static bool take(struct json *json, char expected)
{
        if (json_peek(json) != expected)
                return false;
        json->at++;
        return true;
}

// Places beyond those of a 63-bit mantissa would make prices that book.c cannot compare; there are none.
static bool is_usable(const struct field_decimal *value)
{
        return value->mantissa >= 0 && value->exponent >= -FAST_DIGITS_MAX;
}

static bool read_level(struct json *json, struct level *level)
{
        struct field_decimal price, size;

        if (!take(json, '[') || !fields_read_decimal(json, &price) || !take(json, ',') ||
            !fields_read_decimal(json, &size))
                return false;
        // Older frames carry a third, empty member.
        if (json_peek(json) == ',' && (json->at++, !json_skip_value(json)))
                return false;
        if (!take(json, ']') || !is_usable(&price) || !is_usable(&size) || price.mantissa == 0)
                return false;
        *level = (struct level){.price = price.mantissa,
            .size = size.mantissa,
            .price_exponent = price.exponent,
            .size_exponent = size.exponent};
        return true;
}

bool fields_read_levels(struct json *json, struct field_levels *levels, struct field_range *range)
{
        *range = (struct field_range){.from = levels->count};
        if (!take(json, '['))
                return false;
        if (!take(json, ']')) {
                do {
                        if (levels->count == levels->max || !read_level(json, &levels->levels[levels->count]))
                                return false;
                        levels->count++;
                } while (take(json, ','));
                if (!take(json, ']'))
                        return false;
        }
        range->count = levels->count - range->from;
        return true;
}

static bool read_value(struct json *json, enum field_type type, struct fields *fields, unsigned letter)
{
        switch (type) {
        case FIELD_INTEGER: return json_read_integer(json, &fields->of[letter].integer);
        case FIELD_TEXT: return json_read_string(json, &fields->of[letter].text);
        case FIELD_DECIMAL: return fields_read_decimal(json, &fields->of[letter].decimal);
        case FIELD_BOOL: return json_read_bool(json, &fields->of[letter].flag);
        case FIELD_LEVELS: return fields_read_levels(json, fields->levels, &fields->of[letter].range);
        case FIELD_UNKNOWN: break;
        }
        return json_skip_value(json);
}

const char *fields_read(struct json *json, const struct field_spec *spec, struct fields *fields)
{
        struct span key;
        int more;

        fields->seen = 0;
        if (!json_enter_object(json))
                return fields_malformed;
        while ((more = json_next_key(json, &key)) == 1) {
                unsigned letter = key.length == 1 ? (unsigned)((unsigned char)key.at[0] - 'A') : FIELDS_LETTERS;
                enum field_type type = letter < FIELDS_LETTERS ? spec->types[letter] : FIELD_UNKNOWN;

                if (type != FIELD_UNKNOWN) {
                        if ((fields->seen & UINT64_C(1) << letter) != 0)
                                return fields_twice;
                        fields->seen |= UINT64_C(1) << letter;
                }
                if (!read_value(json, type, fields, letter))
                        return fields_malformed;
        }
        if (more < 0)
                return fields_malformed;
        return (fields->seen & spec->required) == spec->required ? NULL : fields_missing;
}

#define PLAUSIBLE_FROM_US INT64_C(1483228800000000)  // 2017
#define PLAUSIBLE_UNTIL_US INT64_C(4133980800000000) // 2101
#define MICROSECONDS_FROM INT64_C(1000000000000000)  // as exchange_stamp_us() tells them apart

bool fields_stamp_us(int64_t stamp, int64_t *us, uint8_t *exact)
{
        *us = exchange_stamp_us(stamp);
        *exact = stamp >= MICROSECONDS_FROM;
        return *us >= PLAUSIBLE_FROM_US && *us < PLAUSIBLE_UNTIL_US;
}
