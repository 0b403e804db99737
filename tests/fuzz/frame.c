// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/json.c workers/stream/frame.c workers/stream/fields.c workers/stream/trade.c
// LINK: workers/stream/kline.c workers/stream/depthevent.c workers/stream/book.c workers/stream/booksync.c
// Bytes from outside as a WebSocket frame, and as the answer with a book's snapshot: what a parser takes must be fit
// for a record, and a book made of it must stay in order.
#include "workers/stream/frame.h"
#include "common/interval.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/record.h"
#include "workers/stream/booksync.h"
#include "workers/stream/depthevent.h"
#include "workers/stream/kline.h"
#include "workers/stream/trade.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

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

static void read_with_all(const struct frame *frame)
{
        struct stream_id id = {.symbol = "BTCUSDT", .kind = STREAM_KLINE, .interval = INTERVAL_1M};
        struct json data = frame->data;
        struct kline_event kline;
        struct trade trade;
        struct agg_trade agg_trade;
        struct quote quote;
        int64_t event_us;

        if (kline_read_event(&data, &id, &kline) == NULL)
                (void)frame_close(frame, &data);
        data = frame->data;
        if (trade_read_event(&data, id.symbol, &trade, &event_us) == NULL) {
                (void)frame_close(frame, &data);
                REQUIRE(trade.id >= 0 && trade.level.price > 0 && trade.level.size > 0 && trade.buyer_maker <= 1);
        }
        data = frame->data;
        if (agg_trade_read_event(&data, id.symbol, &agg_trade, &event_us) == NULL) {
                (void)frame_close(frame, &data);
                REQUIRE(agg_trade.last_id >= agg_trade.first_id);
        }
        data = frame->data;
        if (quote_read_event(&data, id.symbol, &quote) == NULL) {
                (void)frame_close(frame, &data);
                REQUIRE(quote.update_id > 0);
        }
        data = frame->data;
        if (depth_read_event(&data, id.symbol, &message) == NULL) {
                (void)frame_close(frame, &data);
                REQUIRE(record_payload_fits(RECORD_DEPTH, &message, depth_record_bytes(&message.head)));
                feed_book();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
        struct frame frame;

        frame_open(&frame, (const char *)bytes, length);
        if (frame.kind == FRAME_EVENT)
                read_with_all(&frame);
        if (depth_read_snapshot((const char *)bytes, length, &message) == NULL)
                feed_book();
        return 0;
}
