// SPDX-License-Identifier: Apache-2.0
#include "common/pipeline.h"

#include "common/limits.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/nnio.h"
#include "common/window.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct sealed {
        void *bytes;
        size_t length;
        size_t records;
};

struct pipeline {
        const struct child *child;
        struct nnio *nnio;
        struct batch_builder *builder;
        mono_time building_since; // of the oldest record in the builder
        int64_t flush_ms;
        struct window window;
        struct sealed ring[WINDOW_BATCHES_MAX]; // batch s lies in ring[s % WINDOW_BATCHES_MAX]
        uint64_t released;                      // newest batch whose bytes were freed
        bool blocked;                           // the socket said EAGAIN
        bool complained;                        // of an acknowledgement that cannot be
};

static struct sealed *sealed_at(struct pipeline *pipeline, uint64_t sequence)
{
        return &pipeline->ring[sequence % WINDOW_BATCHES_MAX];
}

static uint16_t own_slot(const struct pipeline *pipeline)
{
        return pipeline->child->setup->slot;
}

static uint64_t own_incarnation(const struct pipeline *pipeline)
{
        return pipeline->child->setup->incarnation;
}

static void show_bytes(const struct pipeline *pipeline)
{
        atomic_store_explicit(
            &pipeline->child->vitals->window_bytes, pipeline_window_bytes(pipeline), memory_order_relaxed);
}

static bool seal(struct pipeline *pipeline, bool reserved)
{
        size_t records = batch_builder_records(pipeline->builder), length;

        if (records == 0 || !window_may_seal(&pipeline->window, reserved))
                return false;
        uint64_t sequence = pipeline->window.sealed + 1;
        const void *bytes = batch_seal(pipeline->builder, sequence, &length);
        *sealed_at(pipeline, sequence) = (struct sealed){memory_copied(bytes, length), length, records};
        window_seal(&pipeline->window, length, records);
        return true;
}

// Sends what may be sent, until the socket is full. Returns 0, or -1 with errno.
static int send_some(struct pipeline *pipeline, mono_time now)
{
        pipeline->blocked = false;
        for (unsigned i = 0; i < SEND_BATCHES_PER_SERVICE; i++) {
                uint64_t sequence = window_next(&pipeline->window);
                if (sequence == 0)
                        return 0;
                const struct sealed *batch = sealed_at(pipeline, sequence);
                if (nnio_send(pipeline->nnio, batch->bytes, batch->length) != 0) {
                        pipeline->blocked = errno == EAGAIN;
                        return pipeline->blocked ? 0 : -1;
                }
                window_sent(&pipeline->window, now);
        }
        return 0;
}

static int append_open_record(struct pipeline *pipeline)
{
        struct record_open open = {
            .wall_ns = wall_now().ns, .pid = (uint32_t)getpid(), .process = pipeline->child->setup->class};

        return pipeline_append(pipeline, RECORD_OPEN, NULL, &open, sizeof(open));
}

struct pipeline *pipeline_open(const struct child *child, const char *name, size_t records_max)
{
        static_assert(RESEND_PROBE_BATCHES < WINDOW_BATCHES_MAX, "a probe is a part of the window");
        struct window_limits limits = {
            .bytes_max = WINDOW_BYTES_MAX,
            .records_max = records_max,
            .batches_max = WINDOW_BATCHES_MAX,
            .bytes_reserved = WINDOW_RESERVED_BYTES,
            .batches_reserved = WINDOW_RESERVED_BATCHES,
        };
        struct pipeline *pipeline = memory_zeroed(1, sizeof(*pipeline));

        pipeline->child = child;
        pipeline->flush_ms = PIPELINE_FLUSH_MS;
        window_init(&pipeline->window, &limits, ack_page_writer(child->acks), mono_now());
        pipeline->builder = batch_builder_new(child->setup->slot, child->setup->incarnation);
        pipeline->nnio = nnio_open(NNIO_PUSH, child->setup->settings.run_directory, name);
        // Alone in its batch: whatever comes after it, the fence is up first.
        if (pipeline->nnio == NULL || append_open_record(pipeline) != 0 || pipeline_flush(pipeline) != 0) {
                int saved_errno = errno;
                pipeline_close(pipeline);
                errno = saved_errno;
                return NULL;
        }
        return pipeline;
}

void pipeline_close(struct pipeline *pipeline)
{
        if (pipeline == NULL)
                return;
        nnio_close(pipeline->nnio);
        batch_builder_free(pipeline->builder);
        for (uint64_t s = pipeline->released + 1; s <= pipeline->window.sealed; s++)
                free(sealed_at(pipeline, s)->bytes);
        free(pipeline);
}

static bool is_reserved(uint16_t type)
{
        return type == RECORD_OPEN || type == RECORD_CONNECT || type == RECORD_BOUNDARY || type == RECORD_OVERLAP ||
               type == RECORD_FIN;
}

int pipeline_append(struct pipeline *pipeline, uint16_t type, const struct stream_id *stream, const void *payload,
    size_t payload_length)
{
        size_t bytes = batch_builder_bytes(pipeline->builder), records = batch_builder_records(pipeline->builder);
        // What the record can add to a batch at most: itself, a stream, and the header if it is the first.
        size_t more = sizeof(struct record_header) + payload_length + sizeof(struct stream_id) +
                      (bytes == 0 ? sizeof(struct batch_header) : 0);
        bool reserved = is_reserved(type);

        if (!window_fits(&pipeline->window, bytes + more, records + 1, reserved))
                goto refused;
        if (batch_append(pipeline->builder, type, stream, payload, payload_length) != 0) {
                if (!seal(pipeline, reserved) ||
                    batch_append(pipeline->builder, type, stream, payload, payload_length) != 0)
                        goto refused;
        }
        if (batch_builder_records(pipeline->builder) == 1)
                pipeline->building_since = mono_now();
        return 0;
refused:
        window_refuse(&pipeline->window);
        errno = ENOBUFS;
        return -1;
}

int pipeline_flush(struct pipeline *pipeline)
{
        seal(pipeline, true);
        int result = send_some(pipeline, mono_now());
        show_bytes(pipeline);
        return result;
}

void pipeline_set_flush_ms(struct pipeline *pipeline, int64_t flush_ms)
{
        pipeline->flush_ms = flush_ms;
}

static void take_acknowledgement(struct pipeline *pipeline, mono_time now)
{
        uint64_t durable = ack_line_durable(pipeline->child->acks, own_slot(pipeline), own_incarnation(pipeline));

        if (!window_acknowledge(&pipeline->window, durable, now) && !pipeline->complained) {
                log_error("the writer acknowledges batch %llu, but the newest is %llu; ignored",
                    (unsigned long long)durable, (unsigned long long)pipeline->window.sealed);
                pipeline->complained = true;
        }
        while (pipeline->released < pipeline->window.acknowledged) {
                struct sealed *batch = sealed_at(pipeline, ++pipeline->released);
                window_release(&pipeline->window, batch->length, batch->records);
                free(batch->bytes);
                batch->bytes = NULL;
        }
}

int pipeline_service(struct pipeline *pipeline, mono_time now)
{
        uint64_t writer = ack_page_writer(pipeline->child->acks);

        take_acknowledgement(pipeline, now);
        if (window_check_writer(&pipeline->window, writer, now))
                log_info("new writer: sending again from batch %llu of %llu",
                    (unsigned long long)pipeline->window.acknowledged + 1, (unsigned long long)pipeline->window.sealed);
        else if (window_check_time(&pipeline->window, now))
                log_debug("no acknowledgement: sending again from batch %llu of %llu, next try after %lld ms",
                    (unsigned long long)pipeline->window.acknowledged + 1, (unsigned long long)pipeline->window.sealed,
                    (long long)pipeline->window.resend_ms);
        if (batch_builder_records(pipeline->builder) > 0 &&
            mono_since_ms(now, pipeline->building_since) >= pipeline->flush_ms)
                seal(pipeline, false);
        window_relax(
            &pipeline->window, batch_builder_bytes(pipeline->builder), batch_builder_records(pipeline->builder));
        int result = send_some(pipeline, now);
        show_bytes(pipeline);
        return result;
}

bool pipeline_pending(const struct pipeline *pipeline)
{
        return batch_builder_records(pipeline->builder) > 0 || pipeline->window.acknowledged < pipeline->window.sealed;
}

bool pipeline_has_room(const struct pipeline *pipeline)
{
        return !pipeline->window.full;
}

int pipeline_fd(const struct pipeline *pipeline)
{
        return nnio_fd(pipeline->nnio);
}

bool pipeline_wants_fd(const struct pipeline *pipeline)
{
        return pipeline->blocked;
}

uint64_t pipeline_sequence(const struct pipeline *pipeline)
{
        return pipeline->window.sealed;
}

uint64_t pipeline_acknowledged(const struct pipeline *pipeline)
{
        return pipeline->window.acknowledged;
}

size_t pipeline_window_bytes(const struct pipeline *pipeline)
{
        return pipeline->window.bytes + batch_builder_bytes(pipeline->builder);
}

size_t pipeline_window_batches(const struct pipeline *pipeline)
{
        return (size_t)(pipeline->window.sealed - pipeline->window.acknowledged);
}
