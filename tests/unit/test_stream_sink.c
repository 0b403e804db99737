// SPDX-License-Identifier: Apache-2.0
// The way from a kline frame to records in the pipeline, whose room the test decides.
// LINK: workers/stream/sink.c workers/stream/stream.c workers/stream/streamtype.c workers/stream/klinestream.c
// LINK: workers/stream/kline.c workers/stream/json.c workers/stream/frame.c workers/stream/bars.c
// LINK: workers/stream/tradestream.c workers/stream/quotestream.c workers/stream/trade.c workers/stream/fields.c
// LINK: workers/stream/ids.c workers/stream/updates.c workers/stream/depthstream.c workers/stream/depthevent.c
// LINK: workers/stream/book.c workers/stream/booksync.c
#include "workers/stream/sink.h"

#include "common/memory.h"
#include "workers/stream/streamtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 INT64_C(1709251140000) // 2024-02-29T23:59:00Z

// ---- a pipeline that writes down what it is given ----

static struct written {
        uint16_t type;
        char symbol[SYMBOL_SIZE];
        uint32_t reason, count;
        int64_t open_us;
} written[64];
static size_t written_count, room_for_data, room_for_reserved;
static bool full;

int pipeline_append(struct pipeline *pipeline, uint16_t type, const struct stream_id *stream, const void *payload,
    size_t payload_length)
{
        struct written *w = &written[written_count];
        size_t *room = type == RECORD_KLINE ? &room_for_data : &room_for_reserved;

        (void)pipeline;
        assert_int_equal(payload_length, record_payload_bytes(type));
        if (*room == 0) {
                full = true;
                errno = ENOBUFS;
                return -1;
        }
        --*room;
        *w = (struct written){.type = type};
        if (stream != NULL)
                strcpy(w->symbol, stream->symbol);
        if (type == RECORD_BOUNDARY) {
                w->reason = ((const struct record_boundary *)payload)->reason;
                w->count = ((const struct record_boundary *)payload)->count;
        }
        if (type == RECORD_FIN)
                w->count = (uint32_t)((const struct record_fin *)payload)->records;
        if (type == RECORD_KLINE)
                w->open_us = ((const struct kline *)payload)->open_us;
        written_count++;
        return 0;
}

bool pipeline_has_room(const struct pipeline *pipeline)
{
        (void)pipeline;
        return !full;
}

// ---- a worker's parts ----

static struct stream_table table;
static struct sink sink;

static int set_up(void **state)
{
        static struct symbol_list symbols;
        struct settings *settings = memory_zeroed(1, sizeof(*settings));

        (void)state;
        symbols.count = 0;
        symbol_list_add(&symbols, "BTCUSDT");
        symbol_list_add(&symbols, "ETHUSDT");
        settings->stream_types = DATA_KLINE;
        settings->stream_intervals = 1u << INTERVAL_1M | 1u << INTERVAL_1MO;
        stream_table_build(&table, &symbols, settings);
        free(settings);
        sink_init(&sink, NULL);
        written_count = 0;
        room_for_data = room_for_reserved = 64;
        full = false;
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        stream_table_free(&table);
        sink_free(&sink);
        return 0;
}

static struct stream *stream_called(const char *name)
{
        return stream_table_find(&table, (struct span){name, strlen(name)});
}

// An event of btcusdt@kline_1m for minute `n`.
static void take(int64_t n, bool closed, unsigned leg, unsigned legs)
{
        char text[512];
        struct frame frame;
        int length = snprintf(text, sizeof(text),
            "{\"stream\":\"btcusdt@kline_1m\",\"data\":{\"e\":\"kline\",\"E\":%lld,\"s\":\"BTCUSDT\",\"k\":{\"t\":%lld,"
            "\"T\":%lld,\"s\":\"BTCUSDT\",\"i\":\"1m\",\"o\":\"1\",\"c\":\"1\",\"h\":\"1\",\"l\":\"1\",\"v\":\"0\","
            "\"n\":0,\"x\":%s,\"q\":\"0\",\"V\":\"0\",\"Q\":\"0\"}}}",
            (long long)(T0 + n * 60000 + 1), (long long)(T0 + n * 60000), (long long)(T0 + n * 60000 + 59999),
            closed ? "true" : "false");
        frame_open(&frame, text, (size_t)length);
        assert_int_equal(frame.kind, FRAME_EVENT);
        struct stream_event event = {
            .stream = stream_table_find(&table, frame.stream), .frame = &frame, .leg = leg, .legs_flowing = legs};
        event.received.ns = 77;
        assert_non_null(event.stream);
        assert_null(event.stream->type->accept(&event, &sink));
}

static void expect(size_t index, uint16_t type, uint32_t reason)
{
        assert_true(index < written_count);
        assert_int_equal(written[index].type, type);
        assert_int_equal(written[index].reason, reason);
}

// ---- tests ----

static void streams_are_named_as_the_exchange_wants_them(void **state)
{
        (void)state;
        assert_int_equal(table.count, 4);
        assert_non_null(stream_called("btcusdt@kline_1m"));
        assert_int_equal(stream_called("btcusdt@kline_1M")->id.interval, INTERVAL_1MO);
        assert_string_equal(stream_called("ethusdt@kline_1m")->id.symbol, "ETHUSDT");
        assert_null(stream_called("btcusdt@kline_5m"));
        assert_null(stream_called(""));
        char path[48] = "/stream?streams=";
        size_t taken;
        table.streams[0].quarantined = true;
        assert_int_equal(stream_names_append(table.streams, 0, 4, path, sizeof(path), &taken), 2);
        assert_string_equal(path, "/stream?streams=btcusdt@kline_1M");
        assert_int_equal(taken, 1);
}

static void name_in_an_error_text_must_be_the_whole_word(void **state)
{
        static const char text[] = "{\"error\":{\"code\":2,\"msg\":\"no stream ethusdt@kline_1M\"}}";

        (void)state;
        assert_ptr_equal(stream_named_in(table.streams, 4, text, sizeof(text) - 1), stream_called("ethusdt@kline_1M"));
        assert_null(stream_named_in(table.streams, 4, "btcusdt@kline_1mo", 17));
        assert_null(stream_named_in(table.streams, 4, "xbtcusdt@kline_1m", 17));
        assert_null(stream_named_in(table.streams, 4, "btcusdt@kline_1m ethusdt@kline_1m", 33)); // which of them?
}

static void only_closed_bars_become_records(void **state)
{
        (void)state;
        take(0, false, 0, 1);
        take(0, true, 0, 1);
        take(0, true, 0, 1);
        take(1, false, 0, 1);
        assert_int_equal(written_count, 1);
        expect(0, RECORD_KLINE, 0);
        assert_int_equal(written[0].open_us, T0 * 1000);
        assert_int_equal(sink.data_records, 1);
}

static void missed_bar_is_told_before_the_next_one(void **state)
{
        (void)state;
        take(0, true, 0, 1);
        take(2, true, 0, 1);
        assert_int_equal(written_count, 3);
        expect(1, RECORD_BOUNDARY, BOUNDARY_MISSED);
        assert_int_equal(written[1].count, 1);
        expect(2, RECORD_KLINE, 0);
}

static void what_is_owed_comes_before_the_data(void **state)
{
        struct stream *stream = stream_called("btcusdt@kline_1m");

        (void)state;
        room_for_reserved = 0;
        sink_boundary(&sink, stream, BOUNDARY_DISCONNECT, 0);
        sink_boundary(&sink, stream, BOUNDARY_MALFORMED, 3); // one boundary, the first reason
        sink_connect(&sink, stream, 0, 2, false);
        assert_int_equal(written_count, 0);
        room_for_reserved = 64;
        take(0, true, 0, 1);
        assert_int_equal(written_count, 3);
        expect(0, RECORD_BOUNDARY, BOUNDARY_DISCONNECT);
        assert_int_equal(written[0].count, 3);
        expect(1, RECORD_CONNECT, 0);
        expect(2, RECORD_KLINE, 0);
}

static void full_window_keeps_data_in_order(void **state)
{
        (void)state;
        room_for_data = 1;
        take(0, true, 0, 1);
        assert_false(sink_is_full(&sink));
        take(1, true, 0, 1);
        assert_true(sink_is_full(&sink));
        assert_false(sink_settle(&sink, &table)); // no room yet
        room_for_data = 64;
        take(2, true, 0, 1); // must not overtake
        assert_int_equal(written_count, 1);
        full = false;
        assert_true(sink_settle(&sink, &table));
        assert_false(sink_is_full(&sink));
        assert_int_equal(written_count, 3);
        assert_true(written[1].open_us < written[2].open_us);
}

static void what_finds_no_place_at_all_is_said(void **state)
{
        (void)state;
        room_for_data = 0;
        for (size_t n = 0; n <= KEPT_BYTES_MAX / sizeof(struct kline); n++)
                take((int64_t)n, true, 0, 1);
        assert_int_equal(written_count, 1);
        expect(0, RECORD_BOUNDARY, BOUNDARY_WINDOW_FULL);
}

static void overlap_and_its_proof_are_told(void **state)
{
        struct stream *stream = stream_called("btcusdt@kline_1m");

        (void)state;
        take(0, false, 0, 1);
        bars_overlap(&stream->bars, 1);
        sink_connect(&sink, stream, 1, 2, true);
        assert_false(stream->type->overlap_proven(stream, 0, 1));
        take(0, true, 1, 3);
        take(0, true, 0, 3);
        assert_true(stream->type->overlap_proven(stream, 0, 1));
        sink_overlap(&sink, stream);
        assert_int_equal(written_count, 3);
        expect(0, RECORD_CONNECT, 0);
        expect(1, RECORD_KLINE, 0);
        expect(2, RECORD_OVERLAP, 0);
}

static void fin_counts_what_was_told(void **state)
{
        (void)state;
        take(0, true, 0, 1);
        take(2, true, 0, 1);
        assert_int_equal(sink.told_records, 3);
        assert_int_equal(sink_fin(&sink), 0);
        expect(3, RECORD_FIN, 0);
        assert_int_equal(written[3].count, 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(streams_are_named_as_the_exchange_wants_them, set_up, tear_down),
            cmocka_unit_test_setup_teardown(name_in_an_error_text_must_be_the_whole_word, set_up, tear_down),
            cmocka_unit_test_setup_teardown(only_closed_bars_become_records, set_up, tear_down),
            cmocka_unit_test_setup_teardown(missed_bar_is_told_before_the_next_one, set_up, tear_down),
            cmocka_unit_test_setup_teardown(what_is_owed_comes_before_the_data, set_up, tear_down),
            cmocka_unit_test_setup_teardown(full_window_keeps_data_in_order, set_up, tear_down),
            cmocka_unit_test_setup_teardown(what_finds_no_place_at_all_is_said, set_up, tear_down),
            cmocka_unit_test_setup_teardown(overlap_and_its_proof_are_told, set_up, tear_down),
            cmocka_unit_test_setup_teardown(fin_counts_what_was_told, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
