// SPDX-License-Identifier: Apache-2.0
// The simulated exchange replays recorded frames as they are, and what it says of them in REST follows from them.
// LINK: tests/exchange/capture.c tests/exchange/ticks.c tests/exchange/ticktext.c tests/exchange/market.c
// LINK: tests/exchange/tape.c tests/exchange/grid.c tests/exchange/bar.c tests/exchange/heap.c tests/exchange/text.c
// LINK: -lz
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/exchange/capture.h"

#define TRADES 19904
#define DIFFS 6495
#define SHARED_IDS 1072

static const char *data_directory(void)
{
        const char *named = getenv("BF_SHARED_DATA");
        const char *directory = named != NULL ? named : "../shared/data";
        return access(directory, R_OK) == 0 ? directory : NULL;
}

static struct market *market;

static struct captures *load_recorded(void)
{
        static char paths[2][1024];
        const char *directory = data_directory(), *const list[] = {paths[0], paths[1]};
        if (directory == NULL) {
                skip();
        }
        snprintf(paths[0], sizeof paths[0], "%s/ws/btcusdt_20240808.gz", directory);
        snprintf(paths[1], sizeof paths[1], "%s/ws/btcusdt_20240809.gz", directory);
        market = market_new(1, 8);
        struct captures *captures = captures_load(market, list, 2);
        assert_non_null(captures);
        return captures;
}

static void unload(struct captures *captures)
{
        market_free(market);
        captures_free(captures);
}

// ---- the recording ----

static void every_frame_is_there_in_its_order(void **state)
{
        (void)state;
        struct captures *captures = load_recorded();
        const struct capture_frame *frame, *before = NULL;
        int64_t id = 0;
        size_t n = 0;
        for (; (frame = captures_frame(captures, "btcusdt@trade", n)) != NULL; n++) {
                assert_true(n == 0 || (frame->last_id == id + 1 && frame > before && frame->due_ms >= before->due_ms));
                assert_memory_equal(frame->text, "{\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\"", 42);
                assert_true(frame->data[0] == '{' && frame->data[frame->data_length - 1] == '}');
                assert_ptr_equal(frame->data + frame->data_length + 1, frame->text + frame->length);
                id = frame->last_id;
                before = frame;
        }
        assert_int_equal(n, TRADES);
        for (n = 0; (frame = captures_frame(captures, "btcusdt@depth@100ms", n)) != NULL; n++) {
                assert_true(n == 0 || frame->first_id == id + 1);
                id = frame->last_id;
        }
        assert_int_equal(n, DIFFS);
        assert_false(captures_has(captures, "btcusdt@aggTrade"));
        assert_null(captures_frame(captures, "ethusdt@trade", 0));
        unload(captures);
}

static void the_clock_tells_how_many_frames_have_passed(void **state)
{
        (void)state;
        struct captures *captures = load_recorded();
        int64_t start = captures_start_ms(captures);
        assert_int_equal(captures_passed(captures, "btcusdt@depth@100ms", start), 0);
        size_t passed = captures_passed(captures, "btcusdt@depth@100ms", start + GRID_MINUTE_MS);
        assert_in_range(passed, 590, 602); // ten a second
        assert_true(captures_frame(captures, "btcusdt@depth@100ms", passed)->due_ms >= start + GRID_MINUTE_MS);
        assert_int_equal(captures_passed(captures, "btcusdt@depth@100ms", MARKET_NEVER), DIFFS);
        unload(captures);
}

// "b":"61837.63000000" -> 1e-8
static int64_t amount(const struct capture_frame *frame, const char *key)
{
        const char *at = strstr(frame->data, key);
        int64_t whole, places;
        assert_non_null(at);
        assert_int_equal(sscanf(at + strlen(key), "%" SCNd64 ".%8" SCNd64, &whole, &places), 2);
        return whole * BAR_SCALE + places;
}

static void the_book_agrees_with_every_quote_at_a_shared_id(void **state)
{
        (void)state;
        struct captures *captures = load_recorded();
        struct capture *capture = market_find_symbol(market, "BTCUSDT")->capture;
        const struct capture_frame *diff, *quote;
        size_t q = 0, shared = 0;
        for (size_t n = 0; (diff = captures_frame(captures, "btcusdt@depth@100ms", n)) != NULL; n++) {
                const struct capture_book *book = capture_find_book(capture, diff->last_id);
                if (book == NULL || book->id != diff->last_id) {
                        continue; // before the recorded snapshot
                }
                assert_true(book->bids[0].price < book->asks[0].price);
                while ((quote = captures_frame(captures, "btcusdt@bookTicker", q)) != NULL &&
                       quote->last_id < diff->last_id) {
                        q++;
                }
                if (quote != NULL && quote->last_id == diff->last_id) {
                        assert_int_equal(book->bids[0].price, amount(quote, "\"b\":\""));
                        assert_int_equal(book->bids[0].quantity, amount(quote, "\"B\":\""));
                        assert_int_equal(book->asks[0].price, amount(quote, "\"a\":\""));
                        assert_int_equal(book->asks[0].quantity, amount(quote, "\"A\":\""));
                        shared++;
                }
        }
        assert_int_equal(shared, SHARED_IDS);
        unload(captures);
}

static size_t write_depth(struct capture *capture, int64_t now_ms, char *text, size_t size)
{
        struct evbuffer *out = evbuffer_new();
        assert_int_equal(capture_write_depth(capture, now_ms, 1000, out), 0);
        size_t length = (size_t)evbuffer_remove(out, text, size - 1);
        text[length] = '\0';
        evbuffer_free(out);
        return length;
}

static void the_first_snapshot_is_the_recorded_one_and_later_ones_are_of_their_time(void **state)
{
        (void)state;
        static char text[200000];
        struct captures *captures = load_recorded();
        struct capture *capture = market_find_symbol(market, "BTCUSDT")->capture;
        int64_t start = captures_start_ms(captures);
        write_depth(capture, start + 5000, text, sizeof text);
        assert_memory_equal(text, "{\"lastUpdateId\":50093239218,\"bids\":[[\"61837.63000000\",\"3.78826000\"]", 67);
        size_t passed = captures_passed(captures, "btcusdt@depth@100ms", start + 5001);
        int64_t id = captures_frame(captures, "btcusdt@depth@100ms", passed - 1)->last_id;
        write_depth(capture, start + 5000, text, sizeof text);
        assert_int_equal(strtoll(text + strlen("{\"lastUpdateId\":"), NULL, 10), id);
        const struct capture_book *book = capture_find_book(capture, id);
        assert_int_equal(book->id, id);
        assert_int_equal(capture_find_book(capture, id - 1)->id < id, true); // never what came later
        assert_null(capture_find_book(capture, 50093239217));
        unload(captures);
}

static void trades_and_bars_follow_from_the_frames(void **state)
{
        (void)state;
        struct captures *captures = load_recorded();
        struct ticks_symbol of = {market, market_find_symbol(market, "BTCUSDT")};
        const struct market_series minutes = {market, of.symbol, GRID_1M, 0};
        struct ticks_trade trade;
        struct bar bar;
        assert_int_equal(ticks_first_trade(&of), 3735683259);
        assert_int_equal(ticks_last_trade(&of, MARKET_NEVER), 3735683259 + TRADES - 1);
        assert_true(ticks_get_trade(&of, 3735683260, &trade));
        assert_int_equal(trade.price, INT64_C(6183763000000));
        assert_int_equal(trade.quantity, 4800000);
        assert_int_equal(trade.time_us, INT64_C(1723161255617000));
        assert_true(trade.buyer_is_maker);
        assert_false(ticks_get_trade(&of, 3735683258, &trade));
        int64_t open = INT64_C(1723161300000), bars = 0;
        for (int64_t next; (next = market_next_place(&minutes, open)) != MARKET_NEVER; open = next + 1, bars++) {
                assert_true(market_get_bar(&minutes, next, MARKET_NEVER - 1, &bar));
                int64_t first = ticks_last_trade(&of, next) + 1, last = ticks_last_trade(&of, next + GRID_MINUTE_MS);
                assert_int_equal(bar.first_id, first);
                assert_int_equal(bar.last_id, last);
                assert_int_equal(bar.trades, last - first + 1);
                wide volume = 0;
                for (int64_t id = first; id <= last; id++) {
                        assert_true(ticks_get_trade(&of, id, &trade));
                        assert_true(trade.price <= bar.high && trade.price >= bar.low);
                        volume += trade.quantity;
                }
                assert_true(bar.volume == volume);
        }
        assert_int_equal(bars, 10);
        unload(captures);
}

// ---- files that are none ----

static struct captures *load_text(const char *text)
{
        char path[] = "/tmp/bf-capture-XXXXXX";
        const char *const list[] = {path};
        int fd = mkstemp(path);
        gzFile file = gzdopen(fd, "wb");
        assert_true(gzwrite(file, text, (unsigned)strlen(text)) == (int)strlen(text));
        gzclose(file);
        market = market_new(1, 8);
        struct captures *captures = captures_load(market, list, 1);
        unlink(path);
        return captures;
}

#define TRADE(id)                                                                                                      \
        "1000000000 {\"stream\":\"xyzusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":1001,\"s\":\"XYZUSDT\",\"t\":" #id   \
        ",\"p\":\"1.5\",\"q\":\"2\",\"T\":1000,\"m\":false,\"M\":true}}\n"

static void files_are_read_or_refused(void **state)
{
        (void)state;
        static const char *const bad[] = {"", "no frame\n", "1 {\"lastUpdateId\":1}\n", "1 {\"stream\":\"x@trade\"}\n",
            TRADE(1) TRADE(3), "5 {\"stream\":\"nothing\",\"data\":{}}\n",
            "5 {\"stream\":\"x@trade\",\"data\":{\"t\":1,\"p\":\"one\"}}\n"};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                assert_null(load_text(bad[i]));
                market_free(market);
        }
        struct captures *captures = load_text(TRADE(1) TRADE(2));
        assert_non_null(captures);
        assert_int_equal(captures_start_ms(captures), 1001); // the event's time, not the receiver's
        struct evbuffer *out = evbuffer_new();
        assert_int_equal(capture_write_depth(market_find_symbol(market, "XYZUSDT")->capture, 2000, 5, out), -1);
        evbuffer_free(out);
        unload(captures);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_frame_is_there_in_its_order),
            cmocka_unit_test(the_clock_tells_how_many_frames_have_passed),
            cmocka_unit_test(the_book_agrees_with_every_quote_at_a_shared_id),
            cmocka_unit_test(the_first_snapshot_is_the_recorded_one_and_later_ones_are_of_their_time),
            cmocka_unit_test(trades_and_bars_follow_from_the_frames),
            cmocka_unit_test(files_are_read_or_refused),
        };
        return cmocka_run_group_tests_name("exchange capture", tests, NULL, NULL);
}
