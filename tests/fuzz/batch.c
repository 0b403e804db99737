// SPDX-License-Identifier: Apache-2.0
// CORPUS: batch
// Bytes as a batch of a worker: what batch_open() lets pass, batch_next_record() walks without leaving it. Each input
// is tried as it is, and with a length and a checksum that fit: nobody guesses a CRC, so nothing behind it would be
// seen.
#include "common/batch.h"

#include "common/crc32c.h"
#include "common/log.h"
#include "common/symbol.h"
#include "tests/fuzz/corpus.h"

#include <string.h>

// Spread over every byte, so that a sanitizer sees a length that reaches too far.
static uint32_t sum_of(const unsigned char *bytes, size_t length)
{
        uint32_t sum = 0;

        for (size_t i = 0; i < length; i++)
                sum += bytes[i];
        return sum;
}

static void check_record(const struct batch_view *view, const struct record_view *record)
{
        const unsigned char *payload = record->payload;

        REQUIRE(payload >= view->records - view->header.length && payload + record->payload_length <= view->end);
        REQUIRE(record->payload_length == 0 || (uintptr_t)payload % 8 == 0);
        REQUIRE(record_payload_fits(record->type, payload, record->payload_length));
        REQUIRE(record_type_name(record->type) != NULL);
        REQUIRE(record->stream != NULL || !record_needs_stream(record->type));
        REQUIRE(record->stream == NULL || symbol_is_valid(record->stream->symbol));
        (void)sum_of(payload, record->payload_length);
}

static void read_batch(const unsigned char *bytes, size_t length)
{
        struct batch_view view;
        struct record_view record;
        const char *why = NULL;
        uint32_t records = 0;

        if (batch_open(bytes, length, &view, &why) != 0) {
                REQUIRE(why != NULL);
                return;
        }
        while (batch_next_record(&view, &record)) {
                check_record(&view, &record);
                records++;
        }
        REQUIRE(records == view.header.records);
}

static void reseal(unsigned char *bytes, size_t length)
{
        struct batch_header header;

        memcpy(&header, bytes, sizeof(header));
        header.magic = BATCH_MAGIC;
        header.version = BATCH_VERSION;
        header.length = (uint32_t)length;
        header.crc32c = 0;
        memcpy(bytes, &header, sizeof(header));
        header.crc32c = crc32c(0, bytes, length);
        memcpy(bytes, &header, sizeof(header));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
        // malloc() aligns as nanomsg and the spool do.
        unsigned char *copy = malloc(length > 0 ? length : 1);

        REQUIRE(copy != NULL);
        memcpy(copy, bytes, length);
        read_batch(copy, length);
        if (length >= sizeof(struct batch_header)) {
                reseal(copy, length);
                read_batch(copy, length);
        }
        free(copy);
        return 0;
}
