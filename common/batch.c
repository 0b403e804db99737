// SPDX-License-Identifier: Apache-2.0
#include "common/batch.h"

#include "common/crc32c.h"
#include "common/interval.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/symbol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "batches are little-endian, as they lie in memory");

#define HASH_SLOTS (2 * BATCH_STREAMS_MAX)
#define HASH_EMPTY UINT16_MAX

// Records begin behind room for the largest stream table, so that sealing only puts header and table in front of them.
#define RECORDS_OFFSET (sizeof(struct batch_header) + BATCH_STREAMS_MAX * sizeof(struct stream_id))

static_assert(RECORDS_OFFSET % 8 == 0 && sizeof(struct batch_header) % 8 == 0, "payloads are 8-byte aligned");
static_assert((HASH_SLOTS & (HASH_SLOTS - 1)) == 0, "a power of two");
static_assert(BATCH_STREAMS_MAX < RECORD_NO_STREAM, "the index that means none is free");

struct batch_builder {
        uint16_t slot;
        uint64_t incarnation;
        uint32_t records;
        size_t record_bytes;
        uint16_t streams_count;
        uint16_t newest_stream; // of the previous record: it is mostly the same again
        struct stream_id streams[BATCH_STREAMS_MAX];
        uint16_t hash[HASH_SLOTS];
        _Alignas(8) unsigned char bytes[RECORDS_OFFSET + BATCH_BYTES_LARGE_MAX];
};

static void begin(struct batch_builder *builder)
{
        builder->records = 0;
        builder->record_bytes = 0;
        if (builder->streams_count > 0)
                memset(builder->hash, 0xff, sizeof(builder->hash));
        builder->streams_count = 0;
        builder->newest_stream = 0;
}

struct batch_builder *batch_builder_new(uint16_t slot, uint64_t incarnation)
{
        REQUIRE(slot < SLOTS_MAX && incarnation != 0);
        struct batch_builder *builder = memory_zeroed(1, sizeof(*builder));

        builder->slot = slot;
        builder->incarnation = incarnation;
        memset(builder->hash, 0xff, sizeof(builder->hash));
        begin(builder);
        return builder;
}

void batch_builder_free(struct batch_builder *builder)
{
        free(builder);
}

static size_t hash_stream(const struct stream_id *stream)
{
        uint64_t words[4], hash = 0;

        static_assert(sizeof(words) == sizeof(*stream), "all of it");
        memcpy(words, stream, sizeof(words));
        for (size_t i = 0; i < 4; i++)
                hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        return (size_t)(hash >> 32) & (HASH_SLOTS - 1);
}

static bool same_stream(const struct stream_id *a, const struct stream_id *b)
{
        return memcmp(a, b, sizeof(*a)) == 0;
}

// The stream's index in this batch's table; streams_count where it is not in it (*place: where the hash wants it).
static uint16_t find_stream(const struct batch_builder *builder, const struct stream_id *stream, size_t *place)
{
        uint16_t newest = builder->newest_stream;

        if (newest < builder->streams_count && same_stream(&builder->streams[newest], stream))
                return newest;
        for (*place = hash_stream(stream); builder->hash[*place] != HASH_EMPTY; *place = (*place + 1) % HASH_SLOTS) {
                if (same_stream(&builder->streams[builder->hash[*place]], stream))
                        return builder->hash[*place];
        }
        return builder->streams_count;
}

static size_t batch_bytes(size_t streams, size_t record_bytes)
{
        return sizeof(struct batch_header) + streams * sizeof(struct stream_id) + record_bytes;
}

int batch_append(struct batch_builder *builder, uint16_t type, const struct stream_id *stream, const void *payload,
    size_t payload_length)
{
        struct record_header header = {type, RECORD_NO_STREAM, (uint32_t)(sizeof(header) + payload_length)};
        size_t place = 0, streams = builder->streams_count;

        REQUIRE(record_payload_fits(type, payload, payload_length) && payload_length % 8 == 0);
        REQUIRE(stream != NULL || !record_needs_stream(type));
        if (stream != NULL) {
                header.stream = find_stream(builder, stream, &place);
                if (header.stream == streams)
                        streams++;
        }
        size_t bytes = batch_bytes(streams, builder->record_bytes + header.length);
        if (bytes > (builder->records == 0 ? BATCH_BYTES_LARGE_MAX : BATCH_BYTES_MAX) || streams > BATCH_STREAMS_MAX) {
                errno = ENOBUFS;
                return -1;
        }
        if (streams > builder->streams_count) {
                builder->streams[header.stream] = *stream;
                builder->hash[place] = header.stream;
                builder->streams_count++;
        }
        if (stream != NULL)
                builder->newest_stream = header.stream;
        unsigned char *to = builder->bytes + RECORDS_OFFSET + builder->record_bytes;
        memcpy(to, &header, sizeof(header));
        if (payload_length > 0)
                memcpy(to + sizeof(header), payload, payload_length);
        builder->record_bytes += header.length;
        builder->records++;
        return 0;
}

size_t batch_builder_bytes(const struct batch_builder *builder)
{
        return builder->records == 0 ? 0 : batch_bytes(builder->streams_count, builder->record_bytes);
}

uint32_t batch_builder_records(const struct batch_builder *builder)
{
        return builder->records;
}

// CRC over the whole batch with its own field zero.
static uint32_t batch_crc(const unsigned char *bytes, size_t length)
{
        static const unsigned char zero[4];
        const size_t at = offsetof(struct batch_header, crc32c), after = at + sizeof(zero);
        uint32_t crc = crc32c(0, bytes, at);

        crc = crc32c(crc, zero, sizeof(zero));
        return crc32c(crc, bytes + after, length - after);
}

const void *batch_seal(struct batch_builder *builder, uint64_t sequence, size_t *length)
{
        REQUIRE(builder->records > 0 && sequence > 0);
        size_t table_bytes = builder->streams_count * sizeof(struct stream_id);
        unsigned char *table = builder->bytes + RECORDS_OFFSET - table_bytes;
        unsigned char *start = table - sizeof(struct batch_header);
        struct batch_header header = {
            .magic = BATCH_MAGIC,
            .version = BATCH_VERSION,
            .slot = builder->slot,
            .incarnation = builder->incarnation,
            .sequence = sequence,
            .length = (uint32_t)batch_builder_bytes(builder),
            .streams = builder->streams_count,
            .records = builder->records,
        };

        memcpy(table, builder->streams, table_bytes);
        memcpy(start, &header, sizeof(header));
        header.crc32c = batch_crc(start, header.length);
        memcpy(start, &header, sizeof(header));
        *length = header.length;
        begin(builder);
        return start;
}

static const char *header_defect(const struct batch_header *header, size_t length)
{
        if (header->magic != BATCH_MAGIC)
                return "not a batch: wrong magic";
        if (header->version != BATCH_VERSION)
                return "a batch of another version";
        if (header->length != length)
                return "its length is not that of the message";
        if (header->slot >= SLOTS_MAX || header->incarnation == 0 || header->sequence == 0 || header->zero != 0)
                return "slot, incarnation or sequence out of range";
        if (header->streams > BATCH_STREAMS_MAX || batch_bytes(header->streams, 0) > length)
                return "its stream table does not fit";
        return NULL;
}

static const char *stream_defect(const struct stream_id *stream)
{
        static const struct stream_id zeroes;
        size_t length = strnlen(stream->symbol, sizeof(stream->symbol));

        // Bytes behind the name are compared by whoever looks a stream up, so they must be zero.
        if (length == sizeof(stream->symbol) || !symbol_is_valid(stream->symbol) ||
            memcmp(stream->symbol + length, zeroes.symbol, sizeof(stream->symbol) - length) != 0)
                return "a stream's name is no symbol";
        if (stream->kind < STREAM_KLINE || stream->kind > STREAM_DEPTH_DIFF || stream->interval >= INTERVAL_COUNT ||
            memcmp(stream->zero, zeroes.zero, sizeof(stream->zero)) != 0)
                return "a stream's kind or interval is unknown";
        return NULL;
}

// `at` is where the record begins; all of its `record->length` bytes lie before the batch's end.
static const char *record_defect(
    const struct record_header *record, const unsigned char *at, const struct batch_view *view)
{
        if (record_payload_bytes(record->type) < 0)
                return "a record of unknown type";
        if (!record_payload_fits(record->type, at + sizeof(*record), record->length - sizeof(*record)))
                return "a record of the wrong size";
        if (record->stream == RECORD_NO_STREAM)
                return record_needs_stream(record->type) ? "a record without its stream" : NULL;
        if (record->stream >= view->header.streams)
                return "a record of a stream that is not in the table";
        if (!record_fits_stream(record->type, view->streams[record->stream].kind))
                return "a record on a stream of another kind";
        return NULL;
}

static const char *records_defect(const struct batch_view *view)
{
        struct record_header record;
        uint32_t count = 0;

        for (const unsigned char *at = view->records; at < view->end; at += record.length, count++) {
                if ((size_t)(view->end - at) < sizeof(record))
                        return "its records do not end with it";
                memcpy(&record, at, sizeof(record));
                if (record.length < sizeof(record) || record.length > (size_t)(view->end - at))
                        return "its records do not end with it";
                const char *why = record_defect(&record, at, view);
                if (why != NULL)
                        return why;
        }
        return count == view->header.records && count > 0 ? NULL : "its number of records is wrong";
}

static const char *batch_defect(const unsigned char *bytes, size_t length, struct batch_view *view)
{
        if (length < sizeof(view->header) || length > BATCH_BYTES_LARGE_MAX)
                return "shorter than a header or longer than any batch";
        memcpy(&view->header, bytes, sizeof(view->header));
        const char *why = header_defect(&view->header, length);
        if (why != NULL)
                return why;
        if (batch_crc(bytes, length) != view->header.crc32c)
                return "its check sum is wrong";
        view->streams = (const struct stream_id *)(const void *)(bytes + sizeof(view->header));
        view->records = bytes + batch_bytes(view->header.streams, 0);
        view->end = bytes + length;
        for (size_t i = 0; i < view->header.streams; i++) {
                why = stream_defect(&view->streams[i]);
                if (why != NULL)
                        return why;
        }
        return records_defect(view);
}

int batch_open(const void *bytes, size_t length, struct batch_view *view, const char **why)
{
        *why = batch_defect(bytes, length, view);
        return *why == NULL ? 0 : -1;
}

bool batch_next_record(struct batch_view *view, struct record_view *record)
{
        struct record_header header;

        if (view->records >= view->end)
                return false;
        memcpy(&header, view->records, sizeof(header));
        record->type = header.type;
        record->stream = header.stream == RECORD_NO_STREAM ? NULL : &view->streams[header.stream];
        record->payload = view->records + sizeof(header);
        record->payload_length = header.length - sizeof(header);
        view->records += header.length;
        return true;
}
