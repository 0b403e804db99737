// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/outbox.h"

#include "common/crc32c.h"
#include "common/limits.h"

#include <errno.h>

// An append can seal one batch and begin the next, which a timer may seal too: both must find room.
static bool has_room(const struct outbox *outbox)
{
        static_assert(JOB_CHUNKS_UNACKED_MAX > 2, "one chunk is under way while two are made");
        return pipeline_window_batches(outbox->pipeline) + 2 <= JOB_CHUNKS_UNACKED_MAX;
}

static int append(
    struct outbox *outbox, uint16_t type, const struct stream_id *stream, const void *payload, size_t payload_length)
{
        if (!has_room(outbox)) {
                errno = ENOBUFS;
                return -1;
        }
        return pipeline_append(outbox->pipeline, type, stream, payload, payload_length);
}

int outbox_begin(struct outbox *outbox, struct pipeline *pipeline, uint64_t lease)
{
        struct record_job_begin begin = {.lease = lease};

        *outbox = (struct outbox){.pipeline = pipeline, .lease = lease, .progress = mono_now()};
        // Rows that a dropped job left behind go first, so that chunks are counted from here.
        if (!has_room(outbox) || pipeline_flush(pipeline) != 0) {
                errno = ENOBUFS;
                return -1;
        }
        outbox->acknowledged = pipeline_acknowledged(pipeline);
        outbox->sequence_before = pipeline_sequence(pipeline);
        return append(outbox, RECORD_JOB_BEGIN, NULL, &begin, sizeof(begin));
}

int outbox_page(struct outbox *outbox, const struct stream_id *stream, const struct record_page *page)
{
        return append(outbox, RECORD_PAGE, stream, page, sizeof(*page));
}

int outbox_id_page(struct outbox *outbox, const struct stream_id *stream, const struct record_id_page *page)
{
        return append(outbox, RECORD_ID_PAGE, stream, page, sizeof(*page));
}

int outbox_row(
    struct outbox *outbox, uint16_t type, const struct stream_id *stream, const void *payload, size_t payload_length)
{
        if (append(outbox, type, stream, payload, payload_length) != 0)
                return -1;
        outbox->rows++;
        outbox->rows_crc32c = crc32c(outbox->rows_crc32c, payload, payload_length);
        return 0;
}

int outbox_end(struct outbox *outbox, int64_t answered_until_us)
{
        struct pipeline *pipeline = outbox->pipeline;

        // JOB_END counts the chunk it is in, so it begins one.
        if (!has_room(outbox) || pipeline_flush(pipeline) != 0) {
                errno = ENOBUFS;
                return -1;
        }
        struct record_job_end end = {
            .lease = outbox->lease,
            .rows = outbox->rows,
            .chunks = (uint32_t)(pipeline_sequence(pipeline) - outbox->sequence_before) + 1,
            .rows_crc32c = outbox->rows_crc32c,
            .answered_until_us = answered_until_us,
        };
        if (append(outbox, RECORD_JOB_END, NULL, &end, sizeof(end)) != 0)
                return -1;
        return pipeline_flush(pipeline);
}

bool outbox_is_empty(const struct outbox *outbox)
{
        return !pipeline_pending(outbox->pipeline);
}

bool outbox_is_stalled(struct outbox *outbox, mono_time now)
{
        uint64_t acknowledged = pipeline_acknowledged(outbox->pipeline);

        if (acknowledged != outbox->acknowledged || outbox_is_empty(outbox)) {
                outbox->acknowledged = acknowledged;
                outbox->progress = now;
        }
        return mono_since_ms(now, outbox->progress) >= JOB_STALL_MS;
}
