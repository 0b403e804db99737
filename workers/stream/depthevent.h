// SPDX-License-Identifier: Apache-2.0
// Where a frame becomes the changes of an order book, and a REST answer its snapshot:
//   {"e":"depthUpdate","E":…,"s":"BTCUSDT","U":first id,"u":last id,"b":[["price","amount"],…],"a":[…]}
//   {"lastUpdateId":…,"bids":[["price","amount"],…],"asks":[…]}
// Pure and strict (fields.h).
#ifndef WORKERS_STREAM_DEPTHEVENT_H
#define WORKERS_STREAM_DEPTHEVENT_H

#include "common/limits.h"
#include "common/tick.h"
#include "workers/stream/json.h"

#include <stddef.h>

// A depth record as it travels: its head, its bids, its asks.
struct depth_message {
        struct depth head;
        struct level levels[DEPTH_LEVELS_MAX];
};

// Reads the object at `json`, which must be an event of `symbol`, and leaves the cursor behind it: a message of kind
// DEPTH_CHANGES. received_wall_ns is left 0. Returns NULL, or what is wrong (static text).
const char *depth_read_event(struct json *json, const char *symbol, struct depth_message *message);
// The whole text of an answer: a message of kind DEPTH_SNAPSHOT without a time. Returns NULL, or what is wrong.
const char *depth_read_snapshot(const char *text, size_t length, struct depth_message *message);
// Bytes of a record with these levels.
size_t depth_record_bytes(const struct depth *head);

#endif
