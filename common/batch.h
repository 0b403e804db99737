// SPDX-License-Identifier: Apache-2.0
// Batches: one nanomsg message, and one row of the spool, verbatim. Header, then a table of the streams that the
// records index, then records. Encoded once by the worker; checked at each hand-over by whoever takes it.
#ifndef COMMON_BATCH_H
#define COMMON_BATCH_H

#include "common/record.h"

#include <stdbool.h>
#include <stddef.h>

#define BATCH_MAGIC 0x31464642u // "BFF1"
#define BATCH_VERSION 1

struct batch_header {
        uint32_t magic;
        uint16_t version;
        uint16_t slot;
        uint64_t incarnation;
        uint64_t sequence; // 1, 2, 3 … within the incarnation
        uint32_t length;   // bytes of the whole batch
        uint32_t crc32c;   // over the batch with this field zero
        uint16_t streams;  // entries of the stream table
        uint16_t zero;
        uint32_t records;
};

static_assert(sizeof(struct batch_header) == 40, "wire layout");

// ---- writing ----

// A batch under construction. Streams are collected apart and joined with the records by batch_seal(), without a copy.
struct batch_builder;
struct batch_builder *batch_builder_new(uint16_t slot, uint64_t incarnation);
void batch_builder_free(struct batch_builder *builder);
// Appends a record; `stream` may be NULL (RECORD_NO_STREAM) where !record_needs_stream(type). The payload must have
// record_payload_bytes(type) (asserted). Returns 0, or -1 with ENOBUFS: seal first, then again.
int batch_append(struct batch_builder *builder, uint16_t type, const struct stream_id *stream, const void *payload,
    size_t payload_length);
size_t batch_builder_bytes(const struct batch_builder *builder); // of the whole batch as it would be; 0 when empty
uint32_t batch_builder_records(const struct batch_builder *builder);
// Finishes the batch with this sequence and starts the next one. The bytes stay valid until the next call on `builder`.
const void *batch_seal(struct batch_builder *builder, uint64_t sequence, size_t *length);

// ---- reading ----

struct batch_view {
        struct batch_header header;
        const struct stream_id *streams; // header.streams entries, inside the message
        const unsigned char *records, *end;
};

// Checks magic, version, lengths, CRC, the stream table (names valid and NUL-terminated) and every record header, so
// that batch_next_record() cannot fail and a record that needs a stream has one. Values inside payloads are the
// consumer's to check. Returns 0, or -1 and *why (static text). The view points into `bytes`.
int batch_open(const void *bytes, size_t length, struct batch_view *view, const char **why);

struct record_view {
        uint16_t type;
        const struct stream_id *stream; // NULL for RECORD_NO_STREAM
        const void *payload;            // at least 8-byte aligned when `bytes` was; of record_payload_bytes(type)
        size_t payload_length;
};

// Returns false at the end.
bool batch_next_record(struct batch_view *view, struct record_view *record);

#endif
