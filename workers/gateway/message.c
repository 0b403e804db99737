// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/message.h"

#include "common/msgpackmap.h"
#include "common/msgpackwalk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int __attribute__((format(printf, 2, 3))) refuse(char why[REASON_SIZE], const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(why, REASON_SIZE, format, arguments);
        va_end(arguments);
        return -1;
}

// ---- requests ----

static const msgpack_object nil = {.type = MSGPACK_OBJECT_NIL};

bool object_text(const msgpack_object *object, const char **text, size_t *length)
{
        if (object->type == MSGPACK_OBJECT_STR) {
                *text = object->via.str.ptr;
                *length = object->via.str.size;
                return true;
        }
        if (object->type == MSGPACK_OBJECT_BIN) {
                *text = object->via.bin.ptr;
                *length = object->via.bin.size;
                return true;
        }
        return false;
}

int map_integer(const msgpack_object *map, const char *name, int64_t *value, char why[REASON_SIZE])
{
        const msgpack_object *object = msgpack_map_find(map, name);

        if (object == NULL)
                return 0;
        if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
                *value = object->via.i64;
                return 0;
        }
        if (object->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
                return refuse(why, "%s is not an integer", name);
        if (object->via.u64 > INT64_MAX)
                return refuse(why, "%s is too large; accepted: up to 2^63 - 1", name);
        *value = (int64_t)object->via.u64;
        return 0;
}

int map_bool(const msgpack_object *map, const char *name, bool *value, char why[REASON_SIZE])
{
        const msgpack_object *object = msgpack_map_find(map, name);

        if (object == NULL)
                return 0;
        if (object->type != MSGPACK_OBJECT_BOOLEAN)
                return refuse(why, "%s is not true or false", name);
        *value = object->via.boolean;
        return 0;
}

int map_text(const msgpack_object *map, const char *name, const char **text, size_t *length, char why[REASON_SIZE])
{
        const msgpack_object *object = msgpack_map_find(map, name);

        if (object != NULL && !object_text(object, text, length))
                return refuse(why, "%s is not text", name);
        return 0;
}

int map_list(const msgpack_object *map, const char *name, const msgpack_object_array **list, char why[REASON_SIZE])
{
        static const msgpack_object_array empty;
        const msgpack_object *object = msgpack_map_find(map, name);

        *list = &empty;
        if (object == NULL)
                return 0;
        if (object->type != MSGPACK_OBJECT_ARRAY)
                return refuse(why, "%s is not a list", name);
        *list = &object->via.array;
        return 0;
}

static int read_params(const msgpack_object *request, struct call *call, char why[REASON_SIZE])
{
        static const msgpack_object none = {.type = MSGPACK_OBJECT_MAP};
        const msgpack_object *params = msgpack_map_find(request, "params");

        if (params != NULL && params->type == MSGPACK_OBJECT_ARRAY && params->via.array.size == 1)
                params = &params->via.array.ptr[0]; // JSON-RPC's other form
        if (params == NULL)
                params = &none;
        if (params->type != MSGPACK_OBJECT_MAP)
                return refuse(why, "params is not a map");
        call->params = params;
        return 0;
}

static int read_envelope(const msgpack_object *request, struct call *call, char why[REASON_SIZE])
{
        const char *text = NULL;
        size_t length = 0;

        call->id = msgpack_map_find(request, "id");
        if (call->id == NULL)
                return refuse(why, "the request has no id");
        if (map_text(request, "jsonrpc", &text, &length, why) != 0)
                return -1;
        if (text == NULL || length != 3 || memcmp(text, "2.0", 3) != 0)
                return refuse(why, "jsonrpc must be \"2.0\"");
        text = NULL;
        if (map_text(request, "method", &text, &length, why) != 0)
                return -1;
        if (text == NULL || length == 0)
                return refuse(why, "the request has no method");
        snprintf(call->method, sizeof(call->method), "%.*s", (int)(length < 64 ? length : 64), text);
        return read_params(request, call, why);
}

enum call_error call_decode(const uint8_t *bytes, size_t length, struct call *call, char why[REASON_SIZE])
{
        size_t at = 0;

        *call = (struct call){.params = &nil};
        msgpack_unpacked_init(&call->unpacked);
        if (msgpack_walk(bytes, length, why) != 0)
                return CALL_NOT_MSGPACK;
        if (msgpack_unpack_next(&call->unpacked, (const char *)bytes, length, &at) != MSGPACK_UNPACK_SUCCESS) {
                refuse(why, "the request is not msgpack");
                return CALL_NOT_MSGPACK;
        }
        if (call->unpacked.data.type != MSGPACK_OBJECT_MAP) {
                refuse(why, "the request is not a map");
                return CALL_BAD;
        }
        return read_envelope(&call->unpacked.data, call, why) == 0 ? CALL_FINE : CALL_BAD;
}

void call_release(struct call *call)
{
        msgpack_unpacked_destroy(&call->unpacked);
}

// ---- answers ----

static int write_to_body(void *context, const char *bytes, size_t length)
{
        body_append(context, bytes, length);
        return 0; // what there was no room for, the body remembers
}

static msgpack_packer packer_of(struct body *body)
{
        msgpack_packer packer;

        msgpack_packer_init(&packer, body, write_to_body);
        return packer;
}

void pack_map(struct body *body, uint32_t count)
{
        msgpack_packer packer = packer_of(body);

        msgpack_pack_map(&packer, count);
}

void pack_array(struct body *body, size_t count)
{
        msgpack_packer packer = packer_of(body);

        msgpack_pack_array(&packer, count);
}

void pack_nil(struct body *body)
{
        msgpack_packer packer = packer_of(body);

        msgpack_pack_nil(&packer);
}

void pack_integer(struct body *body, int64_t value)
{
        msgpack_packer packer = packer_of(body);

        msgpack_pack_fix_int64(&packer, value);
}

void pack_text(struct body *body, const char *text)
{
        msgpack_packer packer = packer_of(body);

        msgpack_pack_str_with_body(&packer, text, strlen(text));
}

void pack_object(struct body *body, const msgpack_object *object)
{
        msgpack_packer packer = packer_of(body);

        msgpack_pack_object(&packer, object != NULL ? *object : nil);
}

void pack_bytes_begin(struct body *body, size_t length)
{
        msgpack_packer packer = packer_of(body);

        msgpack_pack_bin(&packer, length);
}

// In the stock server's order of keys.
void pack_answer(struct body *body, struct body *result, const msgpack_object *id)
{
        pack_map(body, 3);
        pack_text(body, "jsonrpc");
        pack_text(body, "2.0");
        pack_text(body, "result");
        body_join(body, result);
        pack_text(body, "id");
        pack_object(body, id);
}

void pack_refusal(struct body *body, enum call_error error, const char *message, const msgpack_object *id)
{
        pack_map(body, 3);
        pack_text(body, "jsonrpc");
        pack_text(body, "2.0");
        pack_text(body, "error");
        pack_map(body, 3);
        pack_text(body, "code");
        pack_integer(body, error);
        pack_text(body, "message");
        pack_text(body, message);
        pack_text(body, "data");
        pack_nil(body);
        pack_text(body, "id");
        pack_object(body, id);
}
