// SPDX-License-Identifier: Apache-2.0
// When a row that a MarketStore server has acknowledged is believed durable there. The server answers after its log's
// fsync, but for one case: where another flush is queued already it answers at once, and flushes within half a second
// (MarketStore v4.1.23, executor/wal.go RequestFlush). A server that is killed in between has lost the row. So the row
// counts once a request that began a second later has succeeded on the same connection (the same server process still
// lived), or once it was read back, for a server reads only what its log holds. Pure.
#ifndef WRITER_SINKRULE_H
#define WRITER_SINKRULE_H

#include "common/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define SINK_SETTLE_MS 1000

struct sink_moment {
        uint64_t connection; // 0: never
        mono_time at;
};

// `written`: when its answer came; `proof`: when the newest request that succeeded began.
bool sinkrule_is_durable(const struct sink_moment *written, const struct sink_moment *proof);

#endif
