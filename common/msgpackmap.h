// SPDX-License-Identifier: Apache-2.0
// A map of msgpack, as MarketStore's RPC makes everything of. Pure.
#ifndef COMMON_MSGPACKMAP_H
#define COMMON_MSGPACKMAP_H

#include <msgpack.h>

// The value of the member of that name. NULL: there is none, it is nil, or `map` is NULL or no map.
const msgpack_object *msgpack_map_find(const msgpack_object *map, const char *name);

#endif
