// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"

#include <stdio.h>
#include <string.h>

#define EXACT_MAX 9007199254740992.0 // 2^53: cJSON keeps numbers as doubles

static bool depth_is_bounded(const char *body, size_t length)
{
        int depth = 0;
        bool quoted = false;

        for (size_t i = 0; i < length; i++) {
                if (quoted) {
                        if (body[i] == '\\')
                                i++;
                        else if (body[i] == '"')
                                quoted = false;
                } else if (body[i] == '"') {
                        quoted = true;
                } else if (body[i] == '[' || body[i] == '{') {
                        if (++depth > JSON_DEPTH_MAX)
                                return false;
                } else if (body[i] == ']' || body[i] == '}') {
                        depth--;
                }
        }
        return true;
}

cJSON *json_parse(const char *body, size_t length, char why[REASON_SIZE])
{
        const char *end = body;

        if (!depth_is_bounded(body, length)) {
                snprintf(why, REASON_SIZE, "JSON nested deeper than %d", JSON_DEPTH_MAX);
                return NULL;
        }
        cJSON *json = cJSON_ParseWithLengthOpts(body, length, &end, 0);
        if (json == NULL) {
                snprintf(why, REASON_SIZE, "no JSON from byte %zu on", (size_t)(end - body));
                return NULL;
        }
        while (end < body + length && *end != '\0' && strchr(" \t\r\n", *end) != NULL)
                end++;
        if (end != body + length) {
                snprintf(why, REASON_SIZE, "bytes after the JSON, from byte %zu on", (size_t)(end - body));
                cJSON_Delete(json);
                return NULL;
        }
        return json;
}

bool json_whole_number(const cJSON *object, const char *key, int64_t *number)
{
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

        if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= EXACT_MAX))
                return false;
        *number = (int64_t)item->valuedouble;
        return (double)*number == item->valuedouble;
}
