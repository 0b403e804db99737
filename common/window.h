// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a worker's unacknowledged window: which batch to send next, what is acknowledged, when to resend,
// what still fits. Plain values, no I/O, no memory of its own; common/pipeline.c holds the bytes.
//
// Batches are numbered 1, 2, 3 …: those up to `acknowledged` are durable, those up to `sent` were given to the socket
// (which may lose them), those up to `sealed` exist.
#ifndef COMMON_WINDOW_H
#define COMMON_WINDOW_H

#include "common/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window_limits {
        size_t bytes_max, records_max, batches_max;
        size_t bytes_reserved, batches_reserved; // of these, for records that must never be refused
};

struct window {
        struct window_limits limits;
        uint64_t acknowledged, sent, sealed;
        uint64_t writer;         // incarnation of the writer that sends are meant for
        bool probing;            // resending: only the oldest few, until one of them was acknowledged
        bool full;               // data was refused and there is no room for much yet
        int64_t resend_ms;       // without progress for this long: resend
        mono_time progress_time; // of the last progress, or of the first send since all was acknowledged
        size_t bytes, records;   // sealed and not acknowledged
};

void window_init(struct window *window, const struct window_limits *limits, uint64_t writer, mono_time now);
// A batch was sealed. Returns its number.
uint64_t window_seal(struct window *window, size_t bytes, size_t records);
// The batch to send now, or 0: nothing, or wait for an acknowledgement first.
uint64_t window_next(const struct window *window);
// That batch was accepted by the socket.
void window_sent(struct window *window, mono_time now);
// The writer's word. Returns false where it acknowledges what does not exist; it is then ignored.
bool window_acknowledge(struct window *window, uint64_t durable, mono_time now);
// The oldest batch of those that window_acknowledge() made durable is released: its share of bytes and records.
void window_release(struct window *window, size_t bytes, size_t records);
// A new writer, or no progress for too long: send again from the oldest. Returns true if so.
bool window_check_writer(struct window *window, uint64_t writer, mono_time now);
bool window_check_time(struct window *window, mono_time now);

// May one more batch be sealed? Must a record be refused that makes `bytes` and `records` in the batch under
// construction (this one included)? `reserved`: it may use what is kept for such records.
bool window_may_seal(const struct window *window, bool reserved);
bool window_fits(const struct window *window, size_t bytes, size_t records, bool reserved);
// `full` has hysteresis: set when data is refused, cleared when less than three quarters are in use again.
void window_refuse(struct window *window);
void window_relax(struct window *window, size_t building_bytes, size_t building_records);

#endif
