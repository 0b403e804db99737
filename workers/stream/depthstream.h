// SPDX-License-Identifier: Apache-2.0
// A stream of changes of an order book, the book that is kept from them, and the records that are made of it:
//   - the best levels as they stand at each multiple of the cadence (DEPTH_TOP on the stream), where something changed
//     since the last ones: an event shows that a multiple has passed, or a second without one;
//   - where all changes are kept, on the companion stream: each event (DEPTH_CHANGES), each snapshot that the book
//     starts from (DEPTH_SNAPSHOT), and that it was given up (DEPTH_CLEAR). Events that a snapshot made void are not
//     kept. So a reader who starts at a snapshot and applies what follows has the same book.
// Every quarter of an hour (depth.compare) a fresh snapshot is brought to the same update and compared, and the kept
// book goes on from it, so that levels far from the touch do not rot for ever. That is done sooner where the market
// moves towards the end of what the last snapshot showed (BTCUSDT crosses a thousand levels in minutes). Should it get
// there first, the book goes on all the same, and the log says that levels that have not changed since may be missing
// in it.
//
// snapshots.c fetches what depthstream_wants_snapshot() asks for, and calls depthstream_step().
#ifndef WORKERS_STREAM_DEPTHSTREAM_H
#define WORKERS_STREAM_DEPTHSTREAM_H

#include "workers/stream/depthevent.h"
#include "workers/stream/sink.h"
#include "workers/stream/stream.h"

#include <stdbool.h>

#define DEPTH_TOP_WAIT_US US_PER_S     // an event may come so late behind a multiple of the cadence
#define DEPTH_KNOWN_MIN 200            // levels of a side; fewer are known: a fresh snapshot is due …
#define DEPTH_REFRESH_MS 60000         // … but not sooner than this behind the last one
#define DEPTH_COMPARE_WITHIN_MS 120000 // a comparison that takes longer is given up

// The clocks, for what no event causes.
struct depth_clocks {
        mono_time now;
        wall_time wall;
        int64_t exchange_us;
        uint64_t random;
};

// What comparisons with fresh snapshots have shown.
struct depth_comparisons {
        uint64_t books, differing; // compared, and those of them that were not equal
        uint64_t levels, equal;    // of all of them
};

const struct depth_comparisons *depthstream_comparisons(const struct stream *stream);
bool depthstream_wants_snapshot(const struct stream *stream, mono_time now);
// A snapshot came (`message` may be written to), or could not be had.
void depthstream_take_snapshot(
    struct stream *stream, struct sink *sink, struct depth_message *message, const struct depth_clocks *clocks);
// What is due without an event; every 100 ms or so.
void depthstream_step(struct stream *stream, struct sink *sink, const struct depth_clocks *clocks);

#endif
