// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/streamtype.h"

const struct stream_type stream_types[] = {
    {
        .kind = STREAM_KLINE,
        .setting = DATA_KLINE,
        .suffix = "kline_",
        .per_interval = true,
        .accept = klinestream_accept,
        .overlap_proven = klinestream_overlap_proven,
    },
};

const size_t stream_types_count = sizeof(stream_types) / sizeof(stream_types[0]);
