// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/json.h"

#include "common/limits.h"

#include <string.h>

#define INTEGER_MAX ((INT64_C(1) << 53) - 1) // what every JSON implementation can hold exactly

void json_begin(struct json *json, const char *text, size_t length)
{
        *json = (struct json){.at = text, .end = text + length};
}

static void skip_blanks(struct json *json)
{
        while (
            json->at < json->end && (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r'))
                json->at++;
}

char json_peek(struct json *json)
{
        skip_blanks(json);
        return json->at < json->end ? *json->at : '\0';
}

static bool take(struct json *json, char expected)
{
        if (json_peek(json) != expected)
                return false;
        json->at++;
        return true;
}

static bool take_word(struct json *json, const char *word)
{
        size_t length = strlen(word);

        skip_blanks(json);
        if ((size_t)(json->end - json->at) < length || memcmp(json->at, word, length) != 0)
                return false;
        json->at += length;
        return true;
}

bool json_at_end(struct json *json)
{
        return json_peek(json) == '\0' && json->at == json->end && json->depth == 0;
}

bool span_equals(struct span span, const char *text)
{
        return span.length == strlen(text) && memcmp(span.at, text, span.length) == 0;
}

// Bytes of the well-formed UTF-8 sequence at `at`, or 0: overlong forms, surrogates and code points above U+10FFFF are
// refused (Unicode 15, table 3-7).
static size_t utf8_sequence(const unsigned char *at, const unsigned char *end)
{
        size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;

        if (at[0] < 0xc2 || at[0] > 0xf4 || (size_t)(end - at) < length)
                return 0;
        for (size_t i = 1; i < length; i++) {
                if ((at[i] & 0xc0) != 0x80)
                        return 0;
        }
        if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
            (at[0] == 0xf4 && at[1] > 0x8f))
                return 0;
        return length;
}

static bool is_hex(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Bytes of the escape that starts with the backslash at `at`, or 0.
static size_t escape_length(const char *at, const char *end)
{
        if (end - at >= 2 && at[1] != '\0' && strchr("\"\\/bfnrt", at[1]) != NULL)
                return 2;
        if (end - at >= 6 && at[1] == 'u' && is_hex(at[2]) && is_hex(at[3]) && is_hex(at[4]) && is_hex(at[5]))
                return 6;
        return 0;
}

// Reads a string whose opening quote comes next.
static bool read_string(struct json *json, struct span *text, bool escapes_allowed)
{
        if (!take(json, '"'))
                return false;
        const char *start = json->at, *at = start, *end = json->end;
        while (at < end && *at != '"') {
                unsigned char c = (unsigned char)*at;
                size_t length = 1;

                if (c < 0x20)
                        return false;
                if (c == '\\')
                        length = escapes_allowed ? escape_length(at, end) : 0;
                else if (c >= 0x80)
                        length = utf8_sequence((const unsigned char *)at, (const unsigned char *)end);
                if (length == 0)
                        return false;
                at += length;
        }
        if (at == end)
                return false;
        *text = (struct span){start, (size_t)(at - start)};
        json->at = at + 1;
        return true;
}

bool json_read_string(struct json *json, struct span *text)
{
        return read_string(json, text, false);
}

bool json_read_text(struct json *json, struct span *text)
{
        return read_string(json, text, true);
}

bool json_enter_object(struct json *json)
{
        if (json->depth == JSON_DEPTH_MAX || !take(json, '{'))
                return false;
        json->depth++;
        json->first = true;
        return true;
}

int json_next_key(struct json *json, struct span *key)
{
        char next = json_peek(json);

        if (next == '}') {
                json->at++;
                json->depth--;
                json->first = false;
                return 0;
        }
        if (!json->first && !take(json, ','))
                return -1;
        json->first = false;
        if (!read_string(json, key, false) || !take(json, ':'))
                return -1;
        return 1;
}

bool json_read_integer(struct json *json, int64_t *value)
{
        bool negative = json_peek(json) == '-';
        const char *at = json->at + negative, *start = at;
        int64_t sum = 0;

        while (at < json->end && *at >= '0' && *at <= '9') {
                sum = sum * 10 + (*at++ - '0');
                if (sum > INTEGER_MAX)
                        return false;
        }
        if (at == start || (*start == '0' && at - start > 1))
                return false;
        if (at < json->end && (*at == '.' || *at == 'e' || *at == 'E'))
                return false;
        *value = negative ? -sum : sum;
        json->at = at;
        return true;
}

bool json_read_bool(struct json *json, bool *value)
{
        if (take_word(json, "true"))
                *value = true;
        else if (take_word(json, "false"))
                *value = false;
        else
                return false;
        return true;
}

static const char *digits_end(const char *at, const char *end)
{
        while (at < end && *at >= '0' && *at <= '9')
                at++;
        return at;
}

static bool skip_number(struct json *json)
{
        const char *end = json->end, *at = json->at;

        if (at < end && *at == '-')
                at++;
        const char *start = at;
        at = digits_end(at, end);
        if (at == start || (*start == '0' && at - start > 1))
                return false;
        if (at < end && *at == '.') {
                start = ++at;
                at = digits_end(at, end);
                if (at == start)
                        return false;
        }
        if (at < end && (*at == 'e' || *at == 'E')) {
                at++;
                if (at < end && (*at == '+' || *at == '-'))
                        at++;
                start = at;
                at = digits_end(at, end);
                if (at == start)
                        return false;
        }
        json->at = at;
        return true;
}

static bool skip_array(struct json *json)
{
        if (json->depth == JSON_DEPTH_MAX || !take(json, '['))
                return false;
        json->depth++;
        if (json_peek(json) == ']') {
                json->at++;
        } else {
                do {
                        if (!json_skip_value(json))
                                return false;
                } while (take(json, ','));
                if (!take(json, ']'))
                        return false;
        }
        json->depth--;
        return true;
}

static bool skip_object(struct json *json)
{
        struct span key;
        int more;

        if (!json_enter_object(json))
                return false;
        while ((more = json_next_key(json, &key)) == 1) {
                if (!json_skip_value(json))
                        return false;
        }
        return more == 0;
}

// Recursion is bounded by JSON_DEPTH_MAX.
bool json_skip_value(struct json *json)
{
        struct span text;

        switch (json_peek(json)) {
        case '{': return skip_object(json);
        case '[': return skip_array(json);
        case '"': return read_string(json, &text, true);
        case 't': return take_word(json, "true");
        case 'f': return take_word(json, "false");
        case 'n': return take_word(json, "null");
        default: return skip_number(json);
        }
}
