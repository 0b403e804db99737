// SPDX-License-Identifier: Apache-2.0
// Where a kline event becomes a bar: {"e":"kline","E":…,"s":"BTCUSDT","k":{"t":…,"T":…,"i":"1m","o":"…",…,"x":true}}.
// Pure and strict: field names are case-sensitive ("t" and "T" differ), prices and volumes are decimal strings of which
// every digit is kept, times are told apart by magnitude (ms or µs), a required field that is missing, of the wrong
// type or there twice is refused. Unknown fields are passed over, for the exchange adds some. Updates of a forming bar
// (x:false) are checked the same way, but their numbers are not converted.
#ifndef WORKERS_STREAM_KLINE_H
#define WORKERS_STREAM_KLINE_H

#include "common/kline.h"
#include "common/record.h"
#include "workers/stream/json.h"

struct kline_event {
        int64_t event_us; // exchange time of the event
        int64_t open_us;
        bool closed;        // the bar is final: `kline` is filled
        struct kline kline; // received_wall_ns is left 0
};

// Reads the object at `json` and leaves the cursor behind it. The event must be one of the stream `id`. Returns NULL,
// or what is wrong (static text).
const char *kline_read_event(struct json *json, const struct stream_id *id, struct kline_event *event);

#endif
