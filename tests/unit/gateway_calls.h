// SPDX-License-Identifier: Apache-2.0
// Calls of the gateway's RPC without HTTP: a request in bytes, the answer unpacked.
#ifndef TESTS_UNIT_GATEWAY_CALLS_H
#define TESTS_UNIT_GATEWAY_CALLS_H

#include "workers/gateway/rpc.h"

#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct flat {
        uint8_t *bytes;
        size_t length;
        int status;
        unsigned turns;
};

// Does all the work; the answer's bytes in one piece.
static inline struct flat finish_work(struct work *work)
{
        struct flat flat = {0};
        struct body all = {0};
        enum work_state state;

        do {
                struct body body = {0};

                state = work->step(work, &body);
                flat.turns++;
                body_join(&all, &body);
        } while (state == WORK_MORE || state == WORK_PIECE);
        flat.status = state == WORK_ABORT ? -1 : work->status;
        work->release(work);
        flat.bytes = malloc(all.length + 1);
        for (struct piece *piece; (piece = body_pop(&all)) != NULL;) {
                memcpy(flat.bytes + flat.length, piece->block.data, piece->block.length);
                flat.length += piece->block.length;
                block_release(&piece->block);
                free(piece);
        }
        flat.bytes[flat.length] = '\0';
        return flat;
}

static inline struct flat call_bytes(const char *root, const void *bytes, size_t length)
{
        struct request request = {.content_type = "application/x-msgpack", .body = bytes, .body_length = length};

        return finish_work(rpc_begin(root, &request));
}

// An answer, unpacked. `result` is NULL where it is a refusal, whose message is in `error`.
struct reply {
        struct flat flat;
        msgpack_unpacked unpacked;
        const msgpack_object *result;
        char error[512];
};

static inline const msgpack_object *member(const msgpack_object *map, const char *name)
{
        if (map == NULL || map->type != MSGPACK_OBJECT_MAP)
                return NULL;
        for (uint32_t i = 0; i < map->via.map.size; i++) {
                const msgpack_object_str *key = &map->via.map.ptr[i].key.via.str;

                if (key->size == strlen(name) && memcmp(key->ptr, name, key->size) == 0)
                        return &map->via.map.ptr[i].val;
        }
        return NULL;
}

static inline void reply_unpack(struct reply *reply)
{
        size_t at = 0;

        msgpack_unpacked_init(&reply->unpacked);
        if (msgpack_unpack_next(&reply->unpacked, (const char *)reply->flat.bytes, reply->flat.length, &at) !=
                MSGPACK_UNPACK_SUCCESS ||
            at != reply->flat.length) {
                snprintf(reply->error, sizeof(reply->error), "the answer is not one msgpack value");
                return;
        }
        const msgpack_object *error = member(&reply->unpacked.data, "error");
        const msgpack_object *message = member(error, "message");
        if (message != NULL)
                snprintf(reply->error, sizeof(reply->error), "%.*s", (int)message->via.str.size, message->via.str.ptr);
        else
                reply->result = member(&reply->unpacked.data, "result");
}

static inline void reply_release(struct reply *reply)
{
        msgpack_unpacked_destroy(&reply->unpacked);
        free(reply->flat.bytes);
}

// ---- requests ----

// A call of a method with one parameter map that `fill` packs.
struct request_writer {
        msgpack_sbuffer buffer;
        msgpack_packer packer;
};

static inline void put_text(struct request_writer *writer, const char *text)
{
        msgpack_pack_str_with_body(&writer->packer, text, strlen(text));
}

static inline void begin_call(struct request_writer *writer, const char *method)
{
        msgpack_sbuffer_init(&writer->buffer);
        msgpack_packer_init(&writer->packer, &writer->buffer, msgpack_sbuffer_write);
        msgpack_pack_map(&writer->packer, 4);
        put_text(writer, "method");
        put_text(writer, method);
        put_text(writer, "id");
        put_text(writer, "1");
        put_text(writer, "jsonrpc");
        put_text(writer, "2.0");
        put_text(writer, "params");
}

static inline struct reply end_call(struct request_writer *writer, const char *root)
{
        struct reply reply = {.flat = call_bytes(root, writer->buffer.data, writer->buffer.size)};

        msgpack_sbuffer_destroy(&writer->buffer);
        reply_unpack(&reply);
        return reply;
}

struct ask {
        const char *destination, *category;
        int64_t start, end, limit; // start and end: -1: left out; limit: 0: left out
        bool from_start;
        const char *columns; // comma-separated; NULL: left out
};

static inline void put_integer(struct request_writer *writer, const char *name, int64_t value)
{
        put_text(writer, name);
        msgpack_pack_int64(&writer->packer, value);
}

static inline void put_columns(struct request_writer *writer, const char *columns)
{
        size_t count = 1;

        for (const char *p = columns; *p != '\0'; p++)
                count += *p == ',';
        put_text(writer, "columns");
        msgpack_pack_array(&writer->packer, count);
        for (const char *p = columns; count-- > 0;) {
                size_t length = strcspn(p, ",");

                msgpack_pack_str_with_body(&writer->packer, p, length);
                p += length + 1;
        }
}

static inline void put_ask(struct request_writer *writer, const struct ask *ask)
{
        int fields = 2 + (ask->category != NULL) + (ask->start >= 0) + (ask->end >= 0) + (ask->limit != 0) +
                     (ask->columns != NULL);

        msgpack_pack_map(&writer->packer, (size_t)fields);
        put_text(writer, "destination");
        put_text(writer, ask->destination);
        if (ask->category != NULL) {
                put_text(writer, "key_category");
                put_text(writer, ask->category);
        }
        if (ask->start >= 0)
                put_integer(writer, "epoch_start", ask->start);
        if (ask->end >= 0)
                put_integer(writer, "epoch_end", ask->end);
        if (ask->limit != 0)
                put_integer(writer, "limit_record_count", ask->limit);
        put_text(writer, "limit_from_start");
        if (ask->from_start)
                msgpack_pack_true(&writer->packer);
        else
                msgpack_pack_nil(&writer->packer);
        if (ask->columns != NULL)
                put_columns(writer, ask->columns);
}

static inline struct reply query(const char *root, const struct ask *asks, size_t count)
{
        struct request_writer writer;

        begin_call(&writer, "DataService.Query");
        msgpack_pack_map(&writer.packer, 1);
        put_text(&writer, "requests");
        msgpack_pack_array(&writer.packer, count);
        for (size_t i = 0; i < count; i++)
                put_ask(&writer, &asks[i]);
        return end_call(&writer, root);
}

#endif
