// SPDX-License-Identifier: Apache-2.0
// Where records leave the worker: the pipeline to the writer, with what must be said around the data. Boundaries and
// connections of a stream are written before its next record, never after it, because the writer opens a gap from the
// last durable record to the first one behind the boundary. What the window has no room for stays owed (boundaries,
// connections) or is kept aside (data) while the caller stops reading; nothing is dropped in silence.
#ifndef WORKERS_STREAM_SINK_H
#define WORKERS_STREAM_SINK_H

#include "common/pipeline.h"
#include "workers/stream/stream.h"

#include <stdbool.h>

// A data record that found the window full: what one turn reads from the sockets may follow before reading stops.
struct kept_record {
        struct stream *stream;
        uint16_t type;
        size_t length;
        void *payload;
};

struct sink {
        struct pipeline *pipeline;
        struct kept_record *kept;
        size_t kept_count, kept_size;
        size_t kept_bytes;     // at most KEPT_BYTES_MAX
        uint64_t data_records; // for the vitals
        uint64_t told_records; // data and boundaries, for FIN
        bool unflushed;        // records wait in the batch under construction
};

void sink_init(struct sink *sink, struct pipeline *pipeline);
void sink_free(struct sink *sink);

// The stream is carried by connection number `connection` from now on. `exchange_us` -1: unknown.
void sink_connect(struct sink *sink, struct stream *stream, int64_t exchange_us, uint32_t connection, bool overlap);
// An overlap lost nothing.
void sink_overlap(struct sink *sink, struct stream *stream);
// Something was or may have been lost; several before the next record become one, with the first reason.
void sink_boundary(struct sink *sink, struct stream *stream, enum boundary_reason reason, uint32_t count);
// A data record, behind what its stream owes.
void sink_record(struct sink *sink, struct stream *stream, enum record_type type, const void *payload, size_t length);

// Writes what is owed and kept, as far as there is room. Returns true when nothing is left.
bool sink_settle(struct sink *sink, struct stream_table *table);
// Forgets data that was kept aside: the caller closes the connections and says so by boundaries.
void sink_forget_kept(struct sink *sink);
// True while data records find no room and the caller must not read.
bool sink_is_full(const struct sink *sink);
// Last record of an orderly end. Returns 0, or -1 with ENOBUFS.
int sink_fin(struct sink *sink);

#endif
