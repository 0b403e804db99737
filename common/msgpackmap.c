// SPDX-License-Identifier: Apache-2.0
#include "common/msgpackmap.h"

#include <string.h>

const msgpack_object *msgpack_map_find(const msgpack_object *map, const char *name)
{
        size_t length = strlen(name);

        if (map == NULL || map->type != MSGPACK_OBJECT_MAP)
                return NULL;
        for (uint32_t i = 0; i < map->via.map.size; i++) {
                const msgpack_object_kv *pair = &map->via.map.ptr[i];

                if (pair->key.type == MSGPACK_OBJECT_STR && pair->key.via.str.size == length &&
                    memcmp(pair->key.via.str.ptr, name, length) == 0)
                        return pair->val.type == MSGPACK_OBJECT_NIL ? NULL : &pair->val;
        }
        return NULL;
}
