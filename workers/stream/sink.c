// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/sink.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

#include <stdlib.h>
#include <string.h>

void sink_init(struct sink *sink, struct pipeline *pipeline)
{
        *sink = (struct sink){.pipeline = pipeline};
}

void sink_free(struct sink *sink)
{
        sink_forget_kept(sink);
        free(sink->kept);
}

static bool append(
    struct sink *sink, enum record_type type, const struct stream *stream, const void *payload, size_t length)
{
        const struct stream_id *id = stream != NULL ? &stream->id : NULL;

        if (pipeline_append(sink->pipeline, (uint16_t)type, id, payload, length) != 0)
                return false;
        sink->unflushed = true;
        return true;
}

// Writes what `stream` owes. Returns false where no room was left.
static bool settle_stream(struct sink *sink, struct stream *stream)
{
        if (stream->owed_boundary.reason != 0) {
                if (!append(sink, RECORD_BOUNDARY, stream, &stream->owed_boundary, sizeof(stream->owed_boundary)))
                        return false;
                stream->owed_boundary.reason = 0;
                sink->told_records++;
        }
        if (stream->connect_is_owed) {
                if (!append(sink, RECORD_CONNECT, stream, &stream->owed_connect, sizeof(stream->owed_connect)))
                        return false;
                stream->connect_is_owed = false;
        }
        if (stream->overlap_is_owed) {
                if (!append(sink, RECORD_OVERLAP, stream, NULL, 0))
                        return false;
                stream->overlap_is_owed = false;
        }
        return true;
}

void sink_connect(struct sink *sink, struct stream *stream, int64_t exchange_us, uint32_t connection, bool overlap)
{
        stream->owed_connect = (struct record_connect){
            .exchange_us = exchange_us > 0 ? exchange_us : 0,
            .wall_ns = wall_now().ns,
            .connection = connection,
            .overlap = overlap,
        };
        stream->connect_is_owed = true;
        settle_stream(sink, stream);
        if (stream->companion != NULL)
                sink_connect(sink, stream->companion, exchange_us, connection, overlap);
}

void sink_overlap(struct sink *sink, struct stream *stream)
{
        stream->overlap_is_owed = true;
        settle_stream(sink, stream);
        if (stream->companion != NULL)
                sink_overlap(sink, stream->companion);
}

void sink_boundary(struct sink *sink, struct stream *stream, enum boundary_reason reason, uint32_t count)
{
        struct record_boundary *owed = &stream->owed_boundary;

        // A connection that was not told of and is over already need not be told of any more.
        stream->connect_is_owed = stream->overlap_is_owed = false;
        if (owed->reason != 0) {
                owed->count += count;
        } else {
                *owed = (struct record_boundary){
                    .exchange_us = stream->last_event_us,
                    .wall_ns = wall_now().ns,
                    .reason = reason,
                    .count = count,
                };
        }
        settle_stream(sink, stream);
        if (stream->companion != NULL) {
                stream->companion->last_event_us = stream->last_event_us;
                sink_boundary(sink, stream->companion, reason, count);
        }
}

static bool write_data(struct sink *sink, struct stream *stream, uint16_t type, const void *payload, size_t length)
{
        if (!settle_stream(sink, stream) || !append(sink, type, stream, payload, length))
                return false;
        sink->data_records++;
        sink->told_records++;
        return true;
}

static void keep(struct sink *sink, struct kept_record record)
{
        if (sink->kept_count == sink->kept_size) {
                sink->kept_size = sink->kept_size == 0 ? 64 : sink->kept_size * 2;
                sink->kept = memory_resized(sink->kept, sink->kept_size, sizeof(*sink->kept));
        }
        sink->kept[sink->kept_count++] = record;
        sink->kept_bytes += record.length;
}

void sink_record(struct sink *sink, struct stream *stream, enum record_type type, const void *payload, size_t length)
{
        if (sink->kept_count == 0 && write_data(sink, stream, (uint16_t)type, payload, length))
                return;
        if (length > KEPT_BYTES_MAX - sink->kept_bytes) {
                sink_boundary(sink, stream, BOUNDARY_WINDOW_FULL, 1);
                return;
        }
        keep(sink, (struct kept_record){stream, (uint16_t)type, length, memory_copied(payload, length)});
}

static bool settle_kept(struct sink *sink)
{
        size_t done = 0;

        while (done < sink->kept_count) {
                const struct kept_record *kept = &sink->kept[done];

                if (!write_data(sink, kept->stream, kept->type, kept->payload, kept->length))
                        break;
                sink->kept_bytes -= kept->length;
                free(kept->payload);
                done++;
        }
        sink->kept_count -= done;
        if (done > 0 && sink->kept_count > 0)
                memmove(sink->kept, sink->kept + done, sink->kept_count * sizeof(*sink->kept));
        return sink->kept_count == 0;
}

bool sink_settle(struct sink *sink, struct stream_table *table)
{
        if (sink->kept_count > 0 && (!pipeline_has_room(sink->pipeline) || !settle_kept(sink)))
                return false;
        for (size_t i = 0; i < table->count; i++) {
                struct stream *stream = &table->streams[i];

                if (!settle_stream(sink, stream))
                        return false;
                if (stream->companion != NULL && !settle_stream(sink, stream->companion))
                        return false;
        }
        return true;
}

void sink_forget_kept(struct sink *sink)
{
        for (size_t i = 0; i < sink->kept_count; i++)
                free(sink->kept[i].payload);
        sink->kept_count = sink->kept_bytes = 0;
}

bool sink_is_full(const struct sink *sink)
{
        return sink->kept_count > 0 || !pipeline_has_room(sink->pipeline);
}

int sink_fin(struct sink *sink)
{
        struct record_fin fin = {.records = sink->told_records};

        return append(sink, RECORD_FIN, NULL, &fin, sizeof(fin)) ? 0 : -1;
}
