// SPDX-License-Identifier: Apache-2.0
// Where a frame becomes a trade, an aggregate trade or a best quote:
//   {"e":"trade","E":…,"s":"BTCUSDT","t":id,"p":"price","q":"amount","T":time,"m":buyer is maker,"M":…}
//   {"e":"aggTrade","E":…,"s":…,"a":id,"p":…,"q":…,"f":first id,"l":last id,"T":…,"m":…,"M":…}
//   {"u":update id,"s":…,"b":bid,"B":amount,"a":ask,"A":amount}
// Pure and strict (fields.h): every digit of prices and amounts is kept, times are told apart by magnitude (ms or µs).
//
// All read the object at `json`, which must be an event of `symbol`, and leave the cursor behind it. They return NULL,
// or what is wrong (static text). received_wall_ns is left 0. *event_us: exchange time of the event ("E").
#ifndef WORKERS_STREAM_TRADE_H
#define WORKERS_STREAM_TRADE_H

#include "common/tick.h"
#include "workers/stream/json.h"

const char *trade_read_event(struct json *json, const char *symbol, struct trade *trade, int64_t *event_us);
// A tombstone (price and amount 0, first and last id -1) is read as such.
const char *agg_trade_read_event(struct json *json, const char *symbol, struct agg_trade *trade, int64_t *event_us);
// There is no time in it: time_us is left 0.
const char *quote_read_event(struct json *json, const char *symbol, struct quote *quote);

#endif
