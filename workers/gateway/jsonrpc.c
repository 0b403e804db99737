// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/jsonrpc.h"

#include "common/limits.h"
#include "common/memory.h"
#include "workers/gateway/jsonanswer.h"
#include "workers/gateway/message.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool jsonrpc_is_meant(const char *content_type)
{
        size_t length = strlen(CONTENT_JSON);

        return content_type != NULL && strncasecmp(content_type, CONTENT_JSON, length) == 0 &&
               (content_type[length] == '\0' || content_type[length] == ';' || content_type[length] == ' ');
}

// ---- the request ----

static const char *const names[] = {"jsonrpc", "method", "id", "params", "requests", "destination", "key_category",
    "epoch_start", "epoch_start_nanos", "epoch_end", "epoch_end_nanos", "limit_record_count", "limit_from_start",
    "columns", "functions", "is_sqlstatement", "sql_statement", "format", "key"};

static bool is_same_name(const char *one, const char *other)
{
        for (;; one++, other++) {
                one += strspn(one, "_");
                other += strspn(other, "_");
                if (tolower((unsigned char)*one) != tolower((unsigned char)*other))
                        return false;
                if (*one == '\0')
                        return true;
        }
}

static const char *name_in_msgpack(const char *name)
{
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                if (is_same_name(name, names[i]))
                        return names[i];
        }
        return name; // ignored, as the stock server does
}

static uint32_t count_members(const cJSON *list)
{
        uint32_t count = 0;

        for (const cJSON *member = list->child; member != NULL; member = member->next)
                count++;
        return count;
}

static void pack_number(msgpack_packer *packer, double value)
{
        if (value == floor(value) && fabs(value) < 9e18)
                msgpack_pack_int64(packer, (int64_t)value);
        else
                msgpack_pack_double(packer, value);
}

static void pack_json_text(msgpack_packer *packer, const char *text)
{
        msgpack_pack_str_with_body(packer, text, strlen(text));
}

// cJSON nests a thousand levels at most.
static void pack_json(msgpack_packer *packer, const cJSON *item)
{
        if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
                bool is_map = cJSON_IsObject(item);

                if (is_map)
                        msgpack_pack_map(packer, count_members(item));
                else
                        msgpack_pack_array(packer, count_members(item));
                for (const cJSON *member = item->child; member != NULL; member = member->next) {
                        if (is_map)
                                pack_json_text(packer, name_in_msgpack(member->string));
                        pack_json(packer, member);
                }
        } else if (cJSON_IsString(item)) {
                pack_json_text(packer, item->valuestring);
        } else if (cJSON_IsNumber(item)) {
                pack_number(packer, item->valuedouble);
        } else if (cJSON_IsTrue(item)) {
                msgpack_pack_true(packer);
        } else if (cJSON_IsFalse(item)) {
                msgpack_pack_false(packer);
        } else {
                msgpack_pack_nil(packer);
        }
}

static int pack_request(const struct request *request, msgpack_sbuffer *out)
{
        const char *text = (const char *)request->body, *end = NULL;
        cJSON *json = cJSON_ParseWithLengthOpts(text, request->body_length, &end, false);
        msgpack_packer packer;

        if (json == NULL)
                return -1;
        size_t used = (size_t)(end - text);
        while (used < request->body_length && isspace((unsigned char)text[used]))
                used++;
        if (used == request->body_length) {
                msgpack_packer_init(&packer, out, msgpack_sbuffer_write);
                pack_json(&packer, json);
        }
        cJSON_Delete(json);
        return used == request->body_length ? 0 : -1;
}

// ---- the answer ----

struct json_work {
        struct work work;
        struct work *inner;
        struct body answer; // in msgpack
        bool is_whole;
};

static enum work_state step(struct work *work, struct body *body)
{
        struct json_work *json = (struct json_work *)work;

        if (json->is_whole) {
                jsonanswer_print(&json->answer, body);
                return WORK_DONE;
        }
        enum work_state state = json->inner->step(json->inner, &json->answer);
        if (state != WORK_MORE && state != WORK_DONE)
                return WORK_ABORT;
        json->is_whole = state == WORK_DONE;
        return WORK_MORE; // the next step is a pool's thread's, who may take its time
}

static void release(struct work *work)
{
        struct json_work *json = (struct json_work *)work;

        json->inner->release(json->inner);
        body_release(&json->answer);
        free(json);
}

static struct work *refuse(const char *why)
{
        struct body answer = {0}, body = {0};

        pack_refusal(&answer, CALL_NOT_MSGPACK, why, NULL);
        jsonanswer_print(&answer, &body);
        body_release(&answer);
        return work_answer(200, CONTENT_JSON, &body);
}

struct work *jsonrpc_begin(
    struct work *(*begin)(void *context, const struct request *request), void *context, const struct request *request)
{
        struct request packed = {.content_type = CONTENT_MSGPACK};
        msgpack_sbuffer bytes;

        if (request->body_length > GATEWAY_JSON_BYTES_MAX)
                return refuse("the request is too long for JSON; in msgpack it may be longer");
        msgpack_sbuffer_init(&bytes);
        if (pack_request(request, &bytes) != 0) {
                msgpack_sbuffer_destroy(&bytes);
                return refuse("the request is not JSON");
        }
        packed.body = (const uint8_t *)bytes.data;
        packed.body_length = bytes.size;
        struct json_work *json = memory_zeroed(1, sizeof(*json));
        json->inner = begin(context, &packed);
        json->work = (struct work){step, release, json->inner->status, CONTENT_JSON};
        msgpack_sbuffer_destroy(&bytes);
        return &json->work;
}
