// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/jsonanswer.h"

#include "common/memory.h"
#include "common/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 49152 // of bytes that become base64 at once; a multiple of three

// Where reading is. What we packed ourselves is not doubted; an answer that was cut for lack of memory ends early.
struct cursor {
        const struct piece *piece;
        size_t at; // in the piece
        struct body *json;
        bool failed;
        uint8_t chunk[CHUNK_BYTES];
        char text[CHUNK_BYTES / 3 * 4];
};

static bool take(struct cursor *cursor, void *to, size_t length)
{
        for (size_t done = 0; done < length && !cursor->failed;) {
                if (cursor->piece == NULL) {
                        cursor->failed = true;
                        break;
                }
                size_t here = cursor->piece->block.length - cursor->at;

                here = here < length - done ? here : length - done;
                memcpy((uint8_t *)to + done, cursor->piece->block.data + cursor->at, here);
                done += here;
                cursor->at += here;
                if (cursor->at == cursor->piece->block.length) {
                        cursor->piece = cursor->piece->next;
                        cursor->at = 0;
                }
        }
        return !cursor->failed;
}

static uint64_t take_integer(struct cursor *cursor, size_t bytes)
{
        uint8_t big[8];
        uint64_t value = 0;

        if (!take(cursor, big, bytes))
                return 0;
        for (size_t i = 0; i < bytes; i++)
                value = value << 8 | big[i];
        return value;
}

static void put(struct cursor *cursor, const char *text)
{
        body_append(cursor->json, text, strlen(text));
}

// ---- values ----

// RFC 4648, section 4. Returns how many letters.
static size_t encode_base64(const uint8_t *bytes, size_t length, char *text)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        char *at = text;

        for (size_t i = 0; i < length; i += 3) {
                uint32_t group = (uint32_t)bytes[i] << 16;

                group |= i + 1 < length ? (uint32_t)bytes[i + 1] << 8 : 0;
                group |= i + 2 < length ? bytes[i + 2] : 0u;
                *at++ = letters[group >> 18];
                *at++ = letters[group >> 12 & 63];
                *at++ = i + 1 < length ? letters[group >> 6 & 63] : '=';
                *at++ = i + 2 < length ? letters[group & 63] : '=';
        }
        return (size_t)(at - text);
}

static void print_bytes(struct cursor *cursor, uint64_t length)
{
        put(cursor, "\"");
        while (length > 0) {
                size_t here = length < CHUNK_BYTES ? (size_t)length : CHUNK_BYTES;

                if (!take(cursor, cursor->chunk, here))
                        return;
                body_append(cursor->json, cursor->text, encode_base64(cursor->chunk, here, cursor->text));
                length -= here;
        }
        put(cursor, "\"");
}

// Bytes of the letter that begins here, by the Unicode standard's table 3-7; 0: none does.
static size_t utf8_length(const uint8_t *text, size_t left)
{
        size_t length = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;

        if (length == 0 || length > left || text[0] > 0xf4)
                return 0;
        for (size_t i = 1; i < length; i++) {
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
        }
        bool wrong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
                     (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f);
        return wrong ? 0 : length;
}

static void print_letters(struct cursor *cursor, const uint8_t *text, size_t length)
{
        put(cursor, "\"");
        for (size_t i = 0; i < length;) {
                size_t bytes = utf8_length(text + i, length - i);

                if (bytes == 0)
                        put(cursor, "\\ufffd");
                else if (text[i] < ' ' || text[i] == 0x7f)
                        body_print(cursor->json, "\\u%04x", text[i]);
                else if (text[i] == '"' || text[i] == '\\')
                        body_print(cursor->json, "\\%c", text[i]);
                else
                        body_append(cursor->json, text + i, bytes);
                i += bytes > 0 ? bytes : 1;
        }
        put(cursor, "\"");
}

// As a map's key, in the server's spelling where it is one of its own.
static void print_name(struct cursor *cursor, const uint8_t *text, size_t length)
{
        static const char *const own[][2] = {{"responses", "Responses"}, {"result", "Result"}, {"types", "ColumnTypes"},
            {"names", "ColumnNames"}, {"data", "ColumnData"}, {"length", "Length"}, {"startindex", "StartIndex"},
            {"lengths", "Lengths"}, {"version", "Version"}, {"timezone", "Timezone"}, {"error", "Error"}};

        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
                if (strlen(own[i][0]) == length && memcmp(own[i][0], text, length) == 0) {
                        print_letters(cursor, (const uint8_t *)own[i][1], strlen(own[i][1]));
                        return;
                }
        }
        print_letters(cursor, text, length);
}

// To be freed; NULL where it ends too early, or there is no memory for it.
static uint8_t *take_text(struct cursor *cursor, uint64_t length)
{
        uint8_t *text = length < SIZE_MAX ? malloc((size_t)length + 1) : NULL;

        if (text != NULL && take(cursor, text, (size_t)length))
                return text;
        cursor->failed = true;
        free(text);
        return NULL;
}

static void print_text(struct cursor *cursor, uint64_t length)
{
        uint8_t *text = take_text(cursor, length);

        if (text != NULL)
                print_letters(cursor, text, (size_t)length);
        free(text);
}

static void print_double(struct cursor *cursor, uint64_t bits, bool is_single)
{
        uint32_t single_bits = (uint32_t)bits;
        char text[UNITS_TEXT_SIZE];
        double value;
        float single;

        memcpy(&value, &bits, sizeof(value));
        memcpy(&single, &single_bits, sizeof(single));
        if (is_single ? !isfinite(single) : !isfinite(value))
                put(cursor, "null");
        else if (is_single)
                body_append(cursor->json, text, units_float(single, text));
        else
                body_append(cursor->json, text, units_double(value, text));
}

static int64_t extend(uint64_t value, size_t bytes)
{
        unsigned unused_bits = 64 - 8 * (unsigned)bytes;

        return (int64_t)(value << unused_bits) >> unused_bits;
}

// ---- structure ----

// A list's or map's members, or a length, where the first byte holds it or the bytes after it do.
static uint64_t take_count(struct cursor *cursor, uint8_t first, uint8_t held_mask, uint8_t smallest, size_t bytes)
{
        return first < 0xc0 ? first & held_mask : take_integer(cursor, bytes << (first - smallest));
}

static void print_value(struct cursor *cursor, bool own_names);

// Returns whether it is the name of a result.
static bool print_key(struct cursor *cursor, bool own_names)
{
        uint8_t first = 0;

        if (!take(cursor, &first, 1))
                return false;
        uint64_t length = take_count(cursor, first, 0x1f, 0xd9, 1);
        uint8_t *text = take_text(cursor, length);
        if (text == NULL)
                return false;
        if (own_names)
                print_name(cursor, text, (size_t)length);
        else
                print_letters(cursor, text, (size_t)length);
        bool is_result = length == strlen("result") && memcmp(text, "result", length) == 0;
        free(text);
        return is_result;
}

// Names are the server's own below the envelope's "result".
static void print_map(struct cursor *cursor, uint64_t count, bool own_names, bool is_envelope)
{
        put(cursor, "{");
        for (uint64_t i = 0; i < count && !cursor->failed; i++) {
                if (i > 0)
                        put(cursor, ",");
                bool is_result = print_key(cursor, own_names);
                put(cursor, ":");
                print_value(cursor, own_names || (is_envelope && is_result));
        }
        put(cursor, "}");
}

static void print_list(struct cursor *cursor, uint64_t count, bool own_names)
{
        put(cursor, "[");
        for (uint64_t i = 0; i < count && !cursor->failed; i++) {
                if (i > 0)
                        put(cursor, ",");
                print_value(cursor, own_names);
        }
        put(cursor, "]");
}

static void print_signed(struct cursor *cursor, int64_t value)
{
        body_print(cursor->json, "%" PRId64, value);
}

// By the msgpack specification. Not nested deeper than the request was (MSGPACK_NESTING_MAX), whose id is told again.
static void print_value(struct cursor *cursor, bool own_names)
{
        uint8_t first = 0xc1;

        (void)take(cursor, &first, 1);
        if (first < 0x80 || first >= 0xe0)
                print_signed(cursor, (int8_t)first);
        else if (first < 0x90 || first == 0xde || first == 0xdf)
                print_map(cursor, take_count(cursor, first, 0x0f, 0xde, 2), own_names, false);
        else if (first < 0xa0 || first == 0xdc || first == 0xdd)
                print_list(cursor, take_count(cursor, first, 0x0f, 0xdc, 2), own_names);
        else if (first < 0xc0 || (first >= 0xd9 && first <= 0xdb))
                print_text(cursor, take_count(cursor, first, 0x1f, 0xd9, 1));
        else if (first >= 0xc4 && first <= 0xc6)
                print_bytes(cursor, take_count(cursor, first, 0, 0xc4, 1));
        else if (first == 0xca || first == 0xcb)
                print_double(cursor, take_integer(cursor, first == 0xca ? 4 : 8), first == 0xca);
        else if (first >= 0xcc && first <= 0xcf)
                body_print(cursor->json, "%" PRIu64, take_integer(cursor, (size_t)1 << (first - 0xcc)));
        else if (first >= 0xd0 && first <= 0xd3)
                print_signed(
                    cursor, extend(take_integer(cursor, (size_t)1 << (first - 0xd0)), (size_t)1 << (first - 0xd0)));
        else if (first == 0xc2 || first == 0xc3)
                put(cursor, first == 0xc3 ? "true" : "false");
        else if (first == 0xc0)
                put(cursor, "null");
        else
                cursor->failed = true;
}

void jsonanswer_print(const struct body *answer, struct body *json)
{
        struct cursor *cursor = memory_zeroed(1, sizeof(*cursor));
        uint8_t first = 0;

        cursor->piece = answer->first;
        cursor->json = json;
        if (take(cursor, &first, 1) && first >= 0x80 && first < 0x90)
                print_map(cursor, first & 0x0f, false, true);
        else
                cursor->failed = true;
        put(cursor, "\n");
        if (cursor->failed || answer->overflowed || json->overflowed) {
                body_release(json);
                *json = (struct body){0};
                body_print(json,
                    "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"the server has too many "
                    "large answers under way; ask again\",\"data\":null},\"id\":null}\n");
        }
        free(cursor);
}
