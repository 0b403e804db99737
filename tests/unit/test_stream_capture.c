// SPDX-License-Identifier: Apache-2.0
// A recorded quarter of an hour of BTCUSDT, across midnight, through the parsers and streams to records.
// LINK: workers/stream/sink.c workers/stream/stream.c workers/stream/streamtype.c workers/stream/klinestream.c
// LINK: workers/stream/kline.c workers/stream/json.c workers/stream/frame.c workers/stream/bars.c
// LINK: workers/stream/tradestream.c workers/stream/quotestream.c workers/stream/trade.c workers/stream/fields.c
// LINK: workers/stream/ids.c workers/stream/updates.c workers/stream/depthstream.c workers/stream/depthevent.c
// LINK: workers/stream/book.c workers/stream/booksync.c -lz
#include "common/memory.h"
#include "workers/stream/book.h"
#include "workers/stream/depthstream.h"
#include "workers/stream/sink.h"
#include "workers/stream/streamtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/stream_files.h"

#include <string.h>

#define DIFFS 6495
#define TRADES 19904
#define SHARED_UPDATES 1072

// ---- what the records say ----

#define TOUCHES_MAX 100000

struct touch {
        int64_t update_id;
        struct level bid, ask;
};

struct touches {
        size_t count;
        struct touch of[TOUCHES_MAX];
};

static struct {
        unsigned records[RECORD_DEPTH + 1], kinds[4];
        int64_t trade_id, first_id;
        unsigned trade_holes;
        struct book rebuilt; // from the companion's records alone
        struct touches books, quotes;
        int64_t top_time_us;
        size_t top_levels;
} seen;

static struct stream_table table;
static struct sink sink;

static void note_touch(struct touches *touches, int64_t update_id, struct level bid, struct level ask)
{
        assert_true(touches->count < TOUCHES_MAX);
        touches->of[touches->count++] = (struct touch){update_id, bid, ask};
}

static void note_book(void)
{
        struct level bid, ask;

        assert_int_equal(book_top(&seen.rebuilt.bids, 1, &bid), 1);
        assert_int_equal(book_top(&seen.rebuilt.asks, 1, &ask), 1);
        note_touch(&seen.books, seen.rebuilt.update_id, bid, ask);
}

// Updates at which there are both a book and a quote; both must say the same.
static unsigned count_shared(void)
{
        unsigned shared = 0;

        for (size_t b = 0, q = 0; b < seen.books.count && q < seen.quotes.count;) {
                const struct touch *book = &seen.books.of[b], *quote = &seen.quotes.of[q];

                if (book->update_id == quote->update_id) {
                        assert_memory_equal(book, quote, sizeof(*book));
                        shared++;
                }
                b += book->update_id <= quote->update_id;
                q += quote->update_id < book->update_id || book->update_id == quote->update_id;
        }
        return shared;
}

static void take_top(const struct depth *head, const struct level *levels)
{
        struct level expected[40];

        assert_true(head->time_us > seen.top_time_us && head->time_us % US_PER_S == 0);
        seen.top_time_us = head->time_us;
        assert_int_equal(head->update_id, seen.rebuilt.update_id);
        size_t bids = book_top(&seen.rebuilt.bids, 20, expected);
        size_t asks = book_top(&seen.rebuilt.asks, 20, expected + bids);
        assert_int_equal(head->bids, bids);
        assert_int_equal(head->asks, asks);
        assert_memory_equal(levels, expected, (bids + asks) * sizeof(*levels));
        seen.top_levels += bids + asks;
}

static void take_depth(const struct stream_id *id, const struct depth *head)
{
        const struct level *levels = (const struct level *)(head + 1);

        seen.kinds[head->kind]++;
        switch ((enum depth_kind)head->kind) {
        case DEPTH_TOP:
                assert_int_equal(id->kind, STREAM_DEPTH);
                take_top(head, levels);
                return;
        case DEPTH_SNAPSHOT: assert_true(book_load(&seen.rebuilt, head, levels, DEPTH_SNAPSHOT_LEVELS)); break;
        case DEPTH_CHANGES:
                assert_true(head->first_id <= seen.rebuilt.update_id + 1);
                seen.first_id = head->first_id;
                assert_true(book_apply(&seen.rebuilt, head, levels));
                note_book();
                break;
        case DEPTH_CLEAR: book_clear(&seen.rebuilt); break;
        }
        assert_int_equal(id->kind, STREAM_DEPTH_DIFF);
}

int pipeline_append(struct pipeline *pipeline, uint16_t type, const struct stream_id *stream, const void *payload,
    size_t payload_length)
{
        const struct trade *trade = payload;
        const struct quote *quote = payload;

        (void)pipeline;
        assert_true(record_payload_fits(type, payload, payload_length) && record_fits_stream(type, stream->kind));
        seen.records[type]++;
        if (type == RECORD_TRADE) {
                seen.trade_holes += seen.trade_id != 0 && trade->id != seen.trade_id + 1;
                seen.trade_id = trade->id;
        } else if (type == RECORD_QUOTE) {
                note_touch(&seen.quotes, quote->update_id, quote->bid, quote->ask);
        } else if (type == RECORD_DEPTH) {
                take_depth(stream, payload);
        }
        return 0;
}

bool pipeline_has_room(const struct pipeline *pipeline)
{
        (void)pipeline;
        return true;
}

// ---- the capture ----

static void begin(const char *symbol, bool diffs)
{
        static struct symbol_list symbols;
        struct settings *settings = memory_zeroed(1, sizeof(*settings));

        memset(&seen, 0, sizeof(seen));
        book_init(&seen.rebuilt);
        symbols.count = 0;
        symbol_list_add(&symbols, symbol);
        settings->stream_types = DATA_TRADE | DATA_BOOK_TICKER | DATA_DEPTH;
        settings->depth_levels = 20;
        settings->depth_cadence_ms = 1000;
        settings->depth_diffs = diffs;
        settings->depth_compare_ms = DEPTH_COMPARE_MS_MIN;
        stream_table_build(&table, &symbols, settings);
        free(settings);
        sink_init(&sink, NULL);
        for (size_t i = 0; i < table.count; i++)
                table.streams[i].type->restart(&table.streams[i], 0, (mono_time){0});
}

static void end(void)
{
        book_free(&seen.rebuilt);
        sink_free(&sink);
        stream_table_free(&table);
}

// `exchange_us`: the exchange's clock then, -1: unknown.
static void take_frame_at(const char *text, size_t length, int64_t received_ns, int64_t exchange_us)
{
        struct frame frame;

        frame_open(&frame, text, length);
        assert_int_equal(frame.kind, FRAME_EVENT);
        struct stream_event event = {.stream = stream_table_find(&table, frame.stream),
            .frame = &frame,
            .received = {received_ns},
            .now = {received_ns / 1000},
            .exchange_now_us = exchange_us,
            .legs_flowing = 1};
        assert_non_null(event.stream);
        assert_null(event.stream->type->accept(&event, &sink));
}

static void take_frame(const char *text, size_t length, int64_t received_ns)
{
        take_frame_at(text, length, received_ns, received_ns / 1000);
}

static void take_snapshot(const char *text, size_t length, int64_t received_ns)
{
        static struct depth_message snapshot;
        struct depth_clocks clocks = {
            .now = {received_ns / 1000}, .wall = {received_ns}, .exchange_us = received_ns / 1000};
        struct stream *stream = stream_table_find(&table, (struct span){"btcusdt@depth@100ms", 19});

        assert_null(depth_read_snapshot(text, length, &snapshot));
        assert_true(depthstream_wants_snapshot(stream, clocks.now));
        depthstream_take_snapshot(stream, &sink, &snapshot, &clocks);
}

// Returns false where the recording is not there. `keep`: NULL, or whether the n-th depth frame is let through.
static bool replay(const char *name, bool (*keep)(unsigned n), unsigned *depth_frames)
{
        static char line[CAPTURE_LINE_SIZE];
        gzFile file = open_capture(name);

        if (file == NULL)
                return false;
        while (gzgets(file, line, sizeof(line)) != NULL) {
                char *text;
                int64_t received_ns = strtoll(line, &text, 10);
                size_t length = strcspn(++text, "\r\n");

                if (strncmp(text, "{\"lastUpdateId\"", 15) == 0)
                        take_snapshot(text, length, received_ns);
                else if (strstr(text, "@depth@100ms\"") == NULL || keep == NULL || keep(*depth_frames))
                        take_frame(text, length, received_ns);
                *depth_frames += strstr(text, "@depth@100ms\"") != NULL;
        }
        gzclose(file);
        return true;
}

static void recorded_quarter_of_an_hour_is_kept_whole(void **state)
{
        unsigned depth_frames = 0;

        (void)state;
        begin("BTCUSDT", true);
        if (!replay("btcusdt_20240808.gz", NULL, &depth_frames) ||
            !replay("btcusdt_20240809.gz", NULL, &depth_frames)) {
                end();
                skip();
        }
        assert_int_equal(seen.records[RECORD_TRADE], TRADES);
        assert_int_equal(seen.trade_holes, 0);
        assert_int_equal(seen.records[RECORD_BOUNDARY], 0);
        assert_int_equal(depth_frames, DIFFS);
        assert_int_equal(seen.kinds[DEPTH_SNAPSHOT], 1);
        assert_in_range(seen.kinds[DEPTH_CHANGES], DIFFS - 20, DIFFS); // a few were before the snapshot
        assert_int_equal(seen.kinds[DEPTH_CLEAR], 0);
        assert_int_equal(count_shared(), SHARED_UPDATES);
        assert_in_range(seen.kinds[DEPTH_TOP], 640, 652); // each second of ten minutes and 51 seconds
        assert_int_equal(seen.top_levels, 40 * seen.kinds[DEPTH_TOP]);
        end();
}

static bool all_but_the_hundredth(unsigned n)
{
        return n != 100;
}

static void lost_frame_ends_the_book_and_is_said(void **state)
{
        unsigned depth_frames = 0;

        (void)state;
        begin("BTCUSDT", true);
        if (!replay("btcusdt_20240808.gz", all_but_the_hundredth, &depth_frames)) {
                end();
                skip();
        }
        assert_int_equal(seen.kinds[DEPTH_CLEAR], 1);
        assert_int_equal(seen.records[RECORD_BOUNDARY], 2); // of the snapshots, of the changes
        assert_in_range(seen.kinds[DEPTH_CHANGES], 70, 100);
        assert_int_equal(seen.rebuilt.update_id, 0);
        end();
}

// The book as an answer of the exchange would show it at `update_id`.
static void make_snapshot(struct depth_message *snapshot, const struct book *book)
{
        snapshot->head = (struct depth){.update_id = book->update_id, .kind = DEPTH_SNAPSHOT};
        snapshot->head.bids = (uint16_t)book_top(&book->bids, 1000, snapshot->levels);
        snapshot->head.asks = (uint16_t)book_top(&book->asks, 1000, snapshot->levels + snapshot->head.bids);
}

static void take_change(int64_t id, const char *bids)
{
        char text[512];
        int length = snprintf(text, sizeof(text),
            "{\"stream\":\"btcusdt@depth@100ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":%lld,\"s\":\"BTCUSDT\",\"U\":%"
            "lld,"
            "\"u\":%lld,\"b\":[%s],\"a\":[]}}",
            1700000000000LL + id * 100, (long long)id, (long long)id, bids);

        take_frame(text, (size_t)length, 1);
}

// A fresh snapshot is one or more updates older than the book when it is here: it is brought to the same update.
static void fresh_snapshot_is_compared_at_the_same_update(void **state)
{
        static const char first[] =
            "{\"lastUpdateId\":100,\"bids\":[[\"10\",\"1\"],[\"9\",\"1\"]],\"asks\":[[\"11\",\"1\"]]}";
        static struct depth_message fresh;

        (void)state;
        for (int wrong = 0; wrong < 2; wrong++) {
                begin("BTCUSDT", true);
                struct stream *stream = stream_table_find(&table, (struct span){"btcusdt@depth@100ms", 19});
                struct depth_clocks clocks = {.now = {US_PER_S}, .wall = {1}, .exchange_us = 1700000000000000};

                take_change(101, "[\"9.5\",\"2\"]");
                take_snapshot(first, sizeof(first) - 1, 1);
                depthstream_step(stream, &sink, &clocks);
                assert_false(depthstream_wants_snapshot(stream, clocks.now));
                clocks.now.us += DEPTH_COMPARE_MS_MIN * 5 / 4 * US_PER_MS;
                depthstream_step(stream, &sink, &clocks);
                take_change(102, "[\"9.6\",\"2\"]");
                assert_true(depthstream_wants_snapshot(stream, clocks.now));
                make_snapshot(&fresh, &seen.rebuilt); // at 102
                fresh.levels[1].size += wrong;        // the kept book is the wrong one, then
                take_change(103, "[\"9.7\",\"2\"]");
                depthstream_take_snapshot(stream, &sink, &fresh, &clocks);
                assert_int_equal(seen.kinds[DEPTH_SNAPSHOT], 2); // the book goes on from it, and says so
                const struct depth_comparisons *comparisons = depthstream_comparisons(stream);
                assert_int_equal(comparisons->books, 1);
                assert_int_equal(comparisons->differing, wrong);
                assert_int_equal(comparisons->levels - comparisons->equal, wrong);
                assert_int_equal(seen.rebuilt.update_id, 103);
                take_change(104, "[\"9\",\"0\"]");
                struct level top[8];
                assert_int_equal(book_top(&seen.rebuilt.bids, 8, top), 4);
                assert_int_equal(top[0].price, 10);
                assert_int_equal(top[2].price, 96);
                assert_int_equal(top[2].size, 2 + wrong);
                assert_int_equal(seen.kinds[DEPTH_CLEAR], 0);
                assert_int_equal(seen.records[RECORD_BOUNDARY], 0);
                end();
        }
}

// An event may change nothing. What is kept has no rows of it, but goes on from update to update without a hole.
static void changes_go_on_over_an_event_without_levels(void **state)
{
        static const char first[] = "{\"lastUpdateId\":100,\"bids\":[[\"10\",\"1\"]],\"asks\":[[\"11\",\"1\"]]}";

        (void)state;
        begin("BTCUSDT", true);
        take_change(101, "[\"9.5\",\"2\"]");
        take_snapshot(first, sizeof(first) - 1, 1);
        take_change(102, "");
        take_change(103, "");
        assert_int_equal(seen.kinds[DEPTH_CHANGES], 1);
        take_change(104, "[\"9.6\",\"2\"]"); // take_depth() looks at its first id
        assert_int_equal(seen.kinds[DEPTH_CHANGES], 2);
        assert_int_equal(seen.first_id, 102);
        take_change(105, "[\"9.7\",\"2\"]");
        assert_int_equal(seen.first_id, 105);
        assert_int_equal(seen.rebuilt.update_id, 105);
        end();
}

// The exchange tells no time with a quote: where its clock is not known yet, there is none to keep it under.
static void quotes_wait_for_the_exchange_s_clock(void **state)
{
        static const char text[] =
            "{\"stream\":\"btcusdt@bookTicker\",\"data\":{\"u\":7,\"s\":\"BTCUSDT\",\"b\":\"10\","
            "\"B\":\"1\",\"a\":\"11\",\"A\":\"1\"}}";

        (void)state;
        begin("BTCUSDT", true);
        take_frame_at(text, sizeof(text) - 1, 5000, -1);
        assert_int_equal(seen.quotes.count, 0);
        take_frame_at(text, sizeof(text) - 1, 6000, 1700000000000000);
        assert_int_equal(seen.quotes.count, 1);
        end();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(changes_go_on_over_an_event_without_levels),
            cmocka_unit_test(quotes_wait_for_the_exchange_s_clock),
            cmocka_unit_test(recorded_quarter_of_an_hour_is_kept_whole),
            cmocka_unit_test(fresh_snapshot_is_compared_at_the_same_update),
            cmocka_unit_test(lost_frame_ends_the_book_and_is_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
