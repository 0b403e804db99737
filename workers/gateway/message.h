// SPDX-License-Identifier: Apache-2.0
// MarketStore's RPC messages: msgpack in the shape of JSON-RPC 2.0 (alpacahq/rpc v1.3.0 and MarketStore v4.1.23,
// utils/rpc/msgpack2). Decoding believes nothing: a message is walked over once before it is decoded, so that lengths
// that lie cost no memory. Encoding writes what a Go server writes: integers as int64, byte arrays as bin.
#ifndef GATEWAY_MESSAGE_H
#define GATEWAY_MESSAGE_H

#include "common/limits.h"
#include "workers/gateway/body.h"

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- requests ----

struct call {
        msgpack_unpacked unpacked; // owns everything below; points into the bytes, too
        char method[64];
        const msgpack_object *id;     // NULL: none was sent
        const msgpack_object *params; // a map
};

enum call_error { CALL_FINE = 0, CALL_NOT_MSGPACK = -32700, CALL_BAD = -32600, CALL_FAILED = -32000 };

// Decodes a request. The bytes must outlive the call. Whatever it returns, call_release() afterwards; the id is set
// where one could be read, so that a refusal can name it.
enum call_error call_decode(const uint8_t *bytes, size_t length, struct call *call, char why[REASON_SIZE]);
void call_release(struct call *call);

// Values by name. Absent (or nil): `*value` stays. Return 0, or -1 with `why`: another type, out of range.
int map_integer(const msgpack_object *map, const char *name, int64_t *value, char why[REASON_SIZE]);
int map_bool(const msgpack_object *map, const char *name, bool *value, char why[REASON_SIZE]);
// Text is text or bytes. It points into the message and has no NUL at its end.
int map_text(const msgpack_object *map, const char *name, const char **text, size_t *length, char why[REASON_SIZE]);
// Absent: an empty list.
int map_list(const msgpack_object *map, const char *name, const msgpack_object_array **list, char why[REASON_SIZE]);
// False for anything but text.
bool object_text(const msgpack_object *object, const char **text, size_t *length);

// ---- answers ----

void pack_map(struct body *body, uint32_t count);
void pack_array(struct body *body, size_t count);
void pack_nil(struct body *body);
void pack_integer(struct body *body, int64_t value);
void pack_text(struct body *body, const char *text);
void pack_object(struct body *body, const msgpack_object *object); // NULL: nil
// What stands before that many bytes.
void pack_bytes_begin(struct body *body, size_t length);

// A whole answer around a result, which is moved; a whole refusal.
void pack_answer(struct body *body, struct body *result, const msgpack_object *id);
void pack_refusal(struct body *body, enum call_error error, const char *message, const msgpack_object *id);

#endif
