// SPDX-License-Identifier: Apache-2.0
#include "common/batch.h"

#include "common/crc32c.h"
#include "common/interval.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT 7
#define INCARNATION UINT64_C(0x300005)

static struct stream_id stream_named(const char *symbol, uint8_t interval)
{
        struct stream_id stream = {.kind = STREAM_KLINE, .interval = interval};

        snprintf(stream.symbol, sizeof(stream.symbol), "%s", symbol);
        return stream;
}

static struct kline kline_at(int64_t open_us)
{
        return (struct kline){.open_us = open_us, .close_us = open_us + 59999000, .open = 1, .trades = open_us};
}

// A batch of several kinds of records and streams, in memory of exactly its size, so that a sanitizer sees every byte
// too many.
static unsigned char *sample_batch(size_t *length)
{
        struct batch_builder *builder = batch_builder_new(SLOT, INCARNATION);
        struct stream_id btc = stream_named("BTCUSDT", INTERVAL_1M), eth = stream_named("ETHUSDT", INTERVAL_1H);
        struct record_fin fin = {.records = 3};

        for (int64_t i = 0; i < 3; i++) {
                struct kline kline = kline_at(i * 60000000);
                assert_int_equal(batch_append(builder, RECORD_KLINE, i == 1 ? &eth : &btc, &kline, sizeof(kline)), 0);
        }
        assert_int_equal(batch_append(builder, RECORD_OVERLAP, &eth, NULL, 0), 0);
        assert_int_equal(batch_append(builder, RECORD_FIN, NULL, &fin, sizeof(fin)), 0);
        const void *bytes = batch_seal(builder, 42, length);
        unsigned char *copy = malloc(*length);
        assert_non_null(copy);
        memcpy(copy, bytes, *length);
        batch_builder_free(builder);
        return copy;
}

static void reseal(unsigned char *bytes, size_t length)
{
        struct batch_header header;

        memcpy(&header, bytes, sizeof(header));
        header.crc32c = 0;
        memcpy(bytes, &header, sizeof(header));
        header.crc32c = crc32c(0, bytes, length);
        memcpy(bytes, &header, sizeof(header));
}

static void what_was_appended_is_read_back(void **state)
{
        size_t length;
        unsigned char *bytes = sample_batch(&length);
        struct batch_view view;
        struct record_view record;
        const char *why;

        (void)state;
        assert_int_equal(length, 40 + 2 * 32 + 3 * (8 + 136) + 8 + 16);
        assert_int_equal(batch_open(bytes, length, &view, &why), 0);
        assert_int_equal(view.header.slot, SLOT);
        assert_int_equal(view.header.incarnation, INCARNATION);
        assert_int_equal(view.header.sequence, 42);
        assert_int_equal(view.header.streams, 2);
        assert_int_equal(view.header.records, 5);
        for (int64_t i = 0; i < 3; i++) {
                struct kline expected = kline_at(i * 60000000);
                assert_true(batch_next_record(&view, &record));
                assert_int_equal(record.type, RECORD_KLINE);
                assert_string_equal(record.stream->symbol, i == 1 ? "ETHUSDT" : "BTCUSDT");
                assert_int_equal(record.payload_length, sizeof(expected));
                assert_memory_equal(record.payload, &expected, sizeof(expected));
                assert_int_equal((uintptr_t)record.payload % 8, 0);
        }
        assert_true(batch_next_record(&view, &record));
        assert_int_equal(record.type, RECORD_OVERLAP);
        assert_int_equal(record.payload_length, 0);
        assert_true(batch_next_record(&view, &record));
        assert_int_equal(record.type, RECORD_FIN);
        assert_null(record.stream);
        assert_false(batch_next_record(&view, &record));
        free(bytes);
}

static void every_flipped_bit_is_refused(void **state)
{
        size_t length;
        unsigned char *bytes = sample_batch(&length);
        struct batch_view view;
        const char *why;

        (void)state;
        for (size_t bit = 0; bit < length * 8; bit++) {
                bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
                why = NULL;
                assert_int_equal(batch_open(bytes, length, &view, &why), -1);
                assert_non_null(why);
                bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        }
        assert_int_equal(batch_open(bytes, length, &view, &why), 0);
        free(bytes);
}

static void every_truncation_is_refused(void **state)
{
        size_t length;
        unsigned char *bytes = sample_batch(&length);
        struct batch_view view;
        const char *why;

        (void)state;
        for (size_t cut = 0; cut < length; cut++) {
                unsigned char *shorter = malloc(cut + 1);
                assert_non_null(shorter);
                memcpy(shorter, bytes, cut);
                assert_int_equal(batch_open(shorter, cut, &view, &why), -1);
                free(shorter);
        }
        free(bytes);
}

// The check sum protects against damage, not against a worker gone wrong: with it right, no byte may lead the reader
// outside the batch or to a record of the wrong size.
static void a_valid_check_sum_does_not_make_nonsense_readable(void **state)
{
        size_t length;
        unsigned char *bytes = sample_batch(&length), *copy = malloc(length);
        struct batch_view view;
        struct record_view record;
        const char *why;

        (void)state;
        assert_non_null(copy);
        for (size_t i = 0; i < length; i++) {
                for (unsigned value = 0; value < 256; value += 5) {
                        memcpy(copy, bytes, length);
                        copy[i] = (unsigned char)value;
                        reseal(copy, length);
                        if (batch_open(copy, length, &view, &why) != 0)
                                continue;
                        while (batch_next_record(&view, &record)) {
                                assert_int_equal(record.payload_length, record_payload_bytes(record.type));
                                const unsigned char *payload = record.payload;
                                assert_true(payload >= copy && payload + record.payload_length <= copy + length);
                        }
                }
        }
        free(copy);
        free(bytes);
}

static void a_nonsensical_batch_is_refused_with_a_reason(void **state)
{
        const size_t stream = 40, record = 40 + 2 * 32;
        static const struct {
                int part; // 0 header, 1 first stream, 2 first record
                size_t at;
                unsigned char value;
                const char *why;
        } cases[] = {
            {0, 4, 9, "a batch of another version"},
            {0, 7, 0xff, "slot, incarnation or sequence out of range"},
            {0, 33, 0x7f, "its stream table does not fit"},
            {0, 34, 1, "slot, incarnation or sequence out of range"},
            {0, 36, 4, "its number of records is wrong"},
            {1, 0, 'b', "a stream's name is no symbol"},
            {1, 0, 0, "a stream's name is no symbol"},
            {1, 20, 'X', "a stream's name is no symbol"},
            {1, 24, 0, "a stream's kind or interval is unknown"},
            {1, 24, STREAM_TRADE, "a record on a stream of another kind"},
            {1, 25, INTERVAL_COUNT, "a stream's kind or interval is unknown"},
            {1, 31, 1, "a stream's kind or interval is unknown"},
            {2, 0, 99, "a record of unknown type"},
            {2, 2, 2, "a record of a stream that is not in the table"},
            {2, 4, 0, "its records do not end with it"},
            {2, 4, 136, "a record of the wrong size"},
        };
        size_t length;
        unsigned char *bytes = sample_batch(&length), *copy = malloc(length);
        struct batch_view view;
        const char *why;

        (void)state;
        assert_non_null(copy);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                memcpy(copy, bytes, length);
                size_t base = cases[i].part == 0 ? 0 : cases[i].part == 1 ? stream : record;
                copy[base + cases[i].at] = cases[i].value;
                reseal(copy, length);
                assert_int_equal(batch_open(copy, length, &view, &why), -1);
                assert_string_equal(why, cases[i].why);
        }
        // A record that speaks of a stream must name it.
        memcpy(copy, bytes, length);
        memset(copy + record + 2, 0xff, 2);
        reseal(copy, length);
        assert_int_equal(batch_open(copy, length, &view, &why), -1);
        assert_string_equal(why, "a record without its stream");
        free(copy);
        free(bytes);
}

static void a_full_batch_is_sealed_and_the_next_begins_empty(void **state)
{
        struct batch_builder *builder = batch_builder_new(SLOT, INCARNATION);
        struct stream_id btc = stream_named("BTCUSDT", INTERVAL_1M);
        struct kline kline = kline_at(0);
        struct batch_view view;
        const char *why;
        size_t length, appended = 0;

        (void)state;
        assert_int_equal(batch_builder_bytes(builder), 0);
        while (batch_append(builder, RECORD_KLINE, &btc, &kline, sizeof(kline)) == 0)
                appended++;
        assert_int_equal(errno, ENOBUFS);
        assert_int_equal(appended, (BATCH_BYTES_MAX - 40 - 32) / 144);
        assert_int_equal(batch_builder_records(builder), appended);
        size_t bytes = batch_builder_bytes(builder);
        const void *batch = batch_seal(builder, 1, &length);
        assert_int_equal(length, bytes);
        assert_int_equal(batch_open(batch, length, &view, &why), 0);
        assert_int_equal(batch_builder_bytes(builder), 0);
        assert_int_equal(batch_append(builder, RECORD_KLINE, &btc, &kline, sizeof(kline)), 0);
        batch = batch_seal(builder, 2, &length);
        assert_int_equal(batch_open(batch, length, &view, &why), 0);
        assert_int_equal(view.header.records, 1);
        assert_int_equal(view.header.streams, 1);
        batch_builder_free(builder);
}

static void a_batch_that_ends_within_its_last_record_is_refused(void **state)
{
        size_t length;
        unsigned char *bytes = sample_batch(&length);
        struct batch_header header;
        struct batch_view view;
        const char *why;

        (void)state;
        for (size_t cut = 8; cut <= 16; cut += 8) {
                memcpy(&header, bytes, sizeof(header));
                header.length = (uint32_t)(length - cut);
                memcpy(bytes, &header, sizeof(header));
                reseal(bytes, length - cut);
                assert_int_equal(batch_open(bytes, length - cut, &view, &why), -1);
        }
        free(bytes);
}

static void streams_of_the_batch_before_are_forgotten(void **state)
{
        struct batch_builder *builder = batch_builder_new(SLOT, INCARNATION);
        struct stream_id btc = stream_named("BTCUSDT", INTERVAL_1M), eth = stream_named("ETHUSDT", INTERVAL_1M);
        struct batch_view view;
        struct record_view record;
        const char *why;
        size_t length;

        (void)state;
        assert_int_equal(batch_append(builder, RECORD_OVERLAP, &btc, NULL, 0), 0);
        assert_int_equal(batch_append(builder, RECORD_OVERLAP, &eth, NULL, 0), 0);
        batch_seal(builder, 1, &length);
        assert_int_equal(batch_append(builder, RECORD_OVERLAP, &eth, NULL, 0), 0);
        const void *batch = batch_seal(builder, 2, &length);
        assert_int_equal(batch_open(batch, length, &view, &why), 0);
        assert_int_equal(view.header.streams, 1);
        assert_true(batch_next_record(&view, &record));
        assert_string_equal(record.stream->symbol, "ETHUSDT");
        batch_builder_free(builder);
}

static void as_many_streams_as_a_table_holds_keep_their_names(void **state)
{
        struct batch_builder *builder = batch_builder_new(SLOT, INCARNATION);
        struct batch_view view;
        struct record_view record;
        const char *why;
        char name[SYMBOL_SIZE];
        size_t length;

        (void)state;
        // Twice around: the second time each must be found again.
        for (unsigned i = 0; i < 2 * BATCH_STREAMS_MAX; i++) {
                snprintf(name, sizeof(name), "S%uUSDT", i % BATCH_STREAMS_MAX);
                struct stream_id stream = stream_named(name, INTERVAL_1M);
                assert_int_equal(batch_append(builder, RECORD_OVERLAP, &stream, NULL, 0), 0);
        }
        struct stream_id another = stream_named("ANOTHER", INTERVAL_1M);
        assert_int_equal(batch_append(builder, RECORD_OVERLAP, &another, NULL, 0), -1);
        const void *batch = batch_seal(builder, 1, &length);
        assert_int_equal(batch_open(batch, length, &view, &why), 0);
        assert_int_equal(view.header.streams, BATCH_STREAMS_MAX);
        for (unsigned i = 0; batch_next_record(&view, &record); i++) {
                snprintf(name, sizeof(name), "S%uUSDT", i % BATCH_STREAMS_MAX);
                assert_string_equal(record.stream->symbol, name);
        }
        assert_int_equal(batch_append(builder, RECORD_OVERLAP, &another, NULL, 0), 0);
        batch_builder_free(builder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_was_appended_is_read_back),
            cmocka_unit_test(every_flipped_bit_is_refused),
            cmocka_unit_test(every_truncation_is_refused),
            cmocka_unit_test(a_valid_check_sum_does_not_make_nonsense_readable),
            cmocka_unit_test(a_nonsensical_batch_is_refused_with_a_reason),
            cmocka_unit_test(a_full_batch_is_sealed_and_the_next_begins_empty),
            cmocka_unit_test(a_batch_that_ends_within_its_last_record_is_refused),
            cmocka_unit_test(streams_of_the_batch_before_are_forgotten),
            cmocka_unit_test(as_many_streams_as_a_table_holds_keep_their_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
