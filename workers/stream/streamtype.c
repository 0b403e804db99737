// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/streamtype.h"

const struct stream_type *const stream_types[] = {
    &kline_stream_type, &trade_stream_type, &agg_trade_stream_type, &quote_stream_type, &depth_stream_type};

const size_t stream_types_count = sizeof(stream_types) / sizeof(stream_types[0]);
