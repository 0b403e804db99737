// SPDX-License-Identifier: Apache-2.0
// A worker's end of a pipeline to the writer: batches, their unacknowledged window, resending. Used by stream workers
// (live) and backfill workers (bulk). The caller's event loop calls pipeline_service() every few milliseconds while
// pipeline_pending() and whenever pipeline_fd() is ready after a send was refused.
//
// The window holds sealed batches until the acknowledgement page says that they are durable. A new writer, or no
// progress for RESEND_AFTER_MS, resends from the oldest; the writer drops what it has. A full window refuses data
// records (ENOBUFS): the caller stops reading its socket, then closes on purpose. It never drops silently.
#ifndef COMMON_PIPELINE_H
#define COMMON_PIPELINE_H

#include "common/batch.h"
#include "common/child.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pipeline;

// `name` NNIO_LIVE or NNIO_BULK; the window takes `records_max` records and WINDOW_BYTES_MAX bytes. The first batch is
// OPEN. NULL with errno.
struct pipeline *pipeline_open(const struct child *child, const char *name, size_t records_max);
void pipeline_close(struct pipeline *pipeline);

// Appends a record to the batch under construction. Records of type OPEN, CONNECT, BOUNDARY, OVERLAP, FIN may use the
// reserved window space. Returns 0, or -1 with ENOBUFS: the window is full.
int pipeline_append(struct pipeline *pipeline, uint16_t type, const struct stream_id *stream, const void *payload,
    size_t payload_length);
// Seals the batch under construction into the window and sends what can be sent. Called by pipeline_service() too, once
// the batch is older than `flush_ms` (below).
int pipeline_flush(struct pipeline *pipeline);
#define PIPELINE_FLUSH_MS 2 // by default
void pipeline_set_flush_ms(struct pipeline *pipeline, int64_t flush_ms);
// Reads acknowledgements, releases the window, sends and resends. Returns 0, or -1 with errno for a broken socket.
int pipeline_service(struct pipeline *pipeline, mono_time now);
// True while something is unsent or unacknowledged.
bool pipeline_pending(const struct pipeline *pipeline);
bool pipeline_has_room(const struct pipeline *pipeline); // for data records; hysteresis: true again at three quarters
int pipeline_fd(const struct pipeline *pipeline);
bool pipeline_wants_fd(const struct pipeline *pipeline);     // after EAGAIN: wait on pipeline_fd()
uint64_t pipeline_sequence(const struct pipeline *pipeline); // of the newest sealed batch
uint64_t pipeline_acknowledged(const struct pipeline *pipeline);
size_t pipeline_window_bytes(const struct pipeline *pipeline);
size_t pipeline_window_batches(const struct pipeline *pipeline);

#endif
