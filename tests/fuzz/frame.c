// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/json.c workers/stream/frame.c workers/stream/fields.c workers/stream/trade.c
// LINK: workers/stream/kline.c workers/stream/depthevent.c workers/stream/book.c workers/stream/booksync.c -lcjson
// CORPUS: frame trade aggtrade quote depth kline reply snapshot
// Bytes from outside as a WebSocket frame, and as the answer with a book's snapshot: what a parser takes must be JSON
// to a library too and fit for a record, and a book made of it must stay in order.
#include "workers/stream/frame.h"
#include "common/interval.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/record.h"
#include "tests/fuzz/corpus.h"
#include "workers/stream/booksync.h"
#include "workers/stream/depthevent.h"
#include "workers/stream/kline.h"
#include "workers/stream/trade.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static struct depth_message message;

static void check_side(const struct book_side *side, bool falling)
{
        static struct level levels[2 * BOOK_LEVELS_MAX];
        size_t count = book_top(side, 2 * BOOK_LEVELS_MAX, levels);

        REQUIRE(count == side->count);
        for (size_t i = 0; i < count; i++) {
                REQUIRE(levels[i].size > 0);
                int order = i > 0 ? level_compare_price(&levels[i - 1], &levels[i]) : falling ? -1 : 1;
                REQUIRE(falling ? order < 0 : order > 0);
        }
}

// As a snapshot, and as changes behind it.
static void feed_book(void)
{
        struct booksync sync;
        struct depth empty = {.update_id = message.head.update_id, .kind = DEPTH_SNAPSHOT};
        mono_time now = {0};

        booksync_init(&sync);
        booksync_begin(&sync, now);
        if (booksync_snapshot(&sync, &message.head, message.levels, DEPTH_SNAPSHOT_LEVELS, now) != SNAPSHOT_TAKEN)
                REQUIRE(booksync_snapshot(&sync, &empty, message.levels, DEPTH_SNAPSHOT_LEVELS, now) == SNAPSHOT_TAKEN);
        message.head.first_id = sync.book.update_id;
        message.head.update_id = sync.book.update_id + 1;
        if (booksync_event(&sync, &message.head, message.levels, false, now) == BOOK_APPLIED) {
                check_side(&sync.book.bids, false);
                check_side(&sync.book.asks, true);
        }
        booksync_free(&sync);
}

static bool is_json(const char *text, size_t length)
{
        cJSON *json = cJSON_ParseWithLengthOpts(text, length, NULL, 0);

        cJSON_Delete(json);
        return json != NULL;
}

static bool is_inside(struct span span, const char *text, size_t length)
{
        return span.length == 0 || (span.at >= text && span.at + span.length <= text + length);
}

// Behind an event that was read well.
static void close_frame(const struct frame *frame, struct json *after, const char *text, size_t length)
{
        REQUIRE(frame_close(frame, after) != NULL || is_json(text, length));
}

static void read_with_all(const struct frame *frame, const char *text, size_t length)
{
        struct stream_id id = {.symbol = "BTCUSDT", .kind = STREAM_KLINE, .interval = INTERVAL_1M};
        struct json data = frame->data;
        struct kline_event kline;
        struct trade trade;
        struct agg_trade agg_trade;
        struct quote quote;
        int64_t event_us;

        if (kline_read_event(&data, &id, &kline) == NULL)
                close_frame(frame, &data, text, length);
        data = frame->data;
        if (trade_read_event(&data, id.symbol, &trade, &event_us) == NULL) {
                close_frame(frame, &data, text, length);
                REQUIRE(trade.id >= 0 && trade.level.price > 0 && trade.level.size > 0 && trade.buyer_maker <= 1);
        }
        data = frame->data;
        if (agg_trade_read_event(&data, id.symbol, &agg_trade, &event_us) == NULL) {
                close_frame(frame, &data, text, length);
                REQUIRE(agg_trade.last_id >= agg_trade.first_id);
        }
        data = frame->data;
        if (quote_read_event(&data, id.symbol, &quote) == NULL) {
                close_frame(frame, &data, text, length);
                REQUIRE(quote.update_id > 0);
        }
        data = frame->data;
        if (depth_read_event(&data, id.symbol, &message) == NULL) {
                close_frame(frame, &data, text, length);
                REQUIRE(record_payload_fits(RECORD_DEPTH, &message, depth_record_bytes(&message.head)));
                feed_book();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
        const char *text = (const char *)bytes;
        struct frame frame;

        frame_open(&frame, text, length);
        REQUIRE(is_inside(frame.stream, text, length) && is_inside(frame.message, text, length));
        REQUIRE((frame.kind == FRAME_MALFORMED) == (frame.why != NULL));
        if (frame.kind == FRAME_EVENT)
                read_with_all(&frame, text, length);
        else
                REQUIRE(frame.kind == FRAME_MALFORMED || is_json(text, length));
        if (depth_read_snapshot(text, length, &message) == NULL) {
                REQUIRE(is_json(text, length));
                feed_book();
        }
        return 0;
}
