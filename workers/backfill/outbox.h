// SPDX-License-Identifier: Apache-2.0
// A job's way to the writer over the bulk pipeline: JOB_BEGIN, numbered chunks (a chunk is a batch), JOB_END with their
// counts. At most JOB_CHUNKS_UNACKED_MAX chunks are unacknowledged. Used by klinejob.c, tickjob.c and
// recordjob.c through jobrun.c. Does not own the pipeline.
#ifndef BACKFILL_OUTBOX_H
#define BACKFILL_OUTBOX_H

#include "common/pipeline.h"

#include <stdbool.h>

struct outbox {
        struct pipeline *pipeline;
        uint64_t lease;
        uint64_t sequence_before; // of the pipeline, when the job began
        uint64_t rows;
        uint32_t rows_crc32c;
        uint64_t acknowledged; // newest seen
        mono_time progress;    // when it moved, or nothing waited
};

// Each append: 0, or -1 with ENOBUFS when the chunks under way must be acknowledged first (then again).
int outbox_begin(struct outbox *outbox, struct pipeline *pipeline, uint64_t lease);
int outbox_page(struct outbox *outbox, const struct stream_id *stream, const struct record_page *page);
int outbox_id_page(struct outbox *outbox, const struct stream_id *stream, const struct record_id_page *page);
int outbox_row(
    struct outbox *outbox, uint16_t type, const struct stream_id *stream, const void *payload, size_t payload_length);
int outbox_end(struct outbox *outbox, int64_t answered_until_us);

// Everything appended is acknowledged.
bool outbox_is_empty(const struct outbox *outbox);
// Something waits, and nothing was acknowledged for JOB_STALL_MS.
bool outbox_is_stalled(struct outbox *outbox, mono_time now);

#endif
