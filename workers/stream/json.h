// SPDX-License-Identifier: Apache-2.0
// A strict reader of JSON text that walks over a frame once, without allocating and without copying. Used by frame.c
// and the parsers of the stream kinds. Everything JSON forbids is refused (NaN, leading zeros, control characters, bad
// UTF-8, trailing commas), and some that it allows and no exchange sends: keys with escapes, integers of 2^53 and more,
// nesting beyond JSON_DEPTH_MAX. After a refusal the cursor must not be used again.
//
// Not cJSON: it builds a tree (a third of this speed for a kline frame), takes every number for a double, and lets
// duplicate keys and control characters pass.
#ifndef WORKERS_STREAM_JSON_H
#define WORKERS_STREAM_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes inside the text that is read; not terminated.
struct span {
        const char *at;
        size_t length;
};

struct json {
        const char *at, *end;
        unsigned depth;
        bool first; // nothing has been read of the object that was just entered
};

void json_begin(struct json *json, const char *text, size_t length);
// Enters the object that must come next.
bool json_enter_object(struct json *json);
// The next key of the object that was entered. Returns 1 and the key, 0 at the object's end (which it leaves), or -1
// for malformed text. The value must be read or skipped before the next call.
int json_next_key(struct json *json, struct span *key);

// Values. Each returns false where something else comes next.
bool json_read_string(struct json *json, struct span *text); // refuses escapes: names and numbers have none
bool json_read_text(struct json *json, struct span *text);   // prose; escapes are left as they are
bool json_read_integer(struct json *json, int64_t *value);   // |value| < 2^53
bool json_read_bool(struct json *json, bool *value);
bool json_skip_value(struct json *json); // any value, checked completely

// The first character of the value that comes next ('{', '"', 'n', …), or 0.
char json_peek(struct json *json);
// True when nothing but blanks is left and all objects are closed.
bool json_at_end(struct json *json);

bool span_equals(struct span span, const char *text);

#endif
