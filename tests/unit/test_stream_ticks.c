// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/json.c workers/stream/frame.c workers/stream/fields.c workers/stream/trade.c
// LINK: workers/stream/depthevent.c -lz
#include "common/decimal.h"
#include "common/memory.h"
#include "workers/stream/depthevent.h"
#include "workers/stream/trade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/stream_files.h"

#include <ctype.h>
#include <dirent.h>
#include <string.h>

static struct trade trade;
static struct agg_trade agg_trade;
static struct quote quote;
static struct depth_message depth;
static int64_t event_us;

typedef const char *(*reader)(struct json *json, const char *symbol);

static const char *read_trade(struct json *json, const char *symbol)
{
        return trade_read_event(json, symbol, &trade, &event_us);
}

static const char *read_agg_trade(struct json *json, const char *symbol)
{
        return agg_trade_read_event(json, symbol, &agg_trade, &event_us);
}

static const char *read_quote(struct json *json, const char *symbol)
{
        return quote_read_event(json, symbol, &quote);
}

static const char *read_depth(struct json *json, const char *symbol)
{
        return depth_read_event(json, symbol, &depth);
}

static const struct {
        const char *corpus, *suffix;
        reader read;
} kinds[] = {{"trade", "@trade\"", read_trade}, {"aggtrade", "@aggTrade\"", read_agg_trade},
    {"quote", "@bookTicker\"", read_quote}, {"depth", "@depth@100ms\"", read_depth}};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *read_frame(size_t kind, const char *text, size_t length, const char *symbol)
{
        struct frame frame;
        struct json data;
        const char *why = open_frame(text, length, &frame, &data);

        if (why == NULL)
                why = kinds[kind].read(&data, symbol);
        return why != NULL ? why : frame_close(&frame, &data);
}

static const char *read_text(size_t kind, const char *text)
{
        return read_frame(kind, text, strlen(text), "BTCUSDT");
}

// ---- the corpus ----

static void check_file(size_t kind, const char *name, unsigned counts[2])
{
        char path[512];
        bool good = strncmp(name, "good-", 5) == 0;

        if (!good && strncmp(name, "bad-", 4) != 0)
                return;
        snprintf(path, sizeof(path), "tests/corpus/%s/%s", kinds[kind].corpus, name);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        // Exactly as long as the text, so that a reader past its end is seen.
        char *bytes = malloc(64 * 1024);
        size_t length = fread(bytes, 1, 64 * 1024, file);
        fclose(file);
        bytes = realloc(bytes, length > 0 ? length : 1);
        const char *why = read_frame(kind, bytes, length, "BTCUSDT");
        free(bytes);
        if ((why == NULL) != good)
                fail_msg("%s: %s", path, why != NULL ? why : "was accepted");
        counts[good]++;
}

static void corpus_is_told_apart(void **state)
{
        (void)state;
        for (size_t kind = 0; kind < KINDS; kind++) {
                unsigned counts[2] = {0, 0};
                char path[64];
                struct dirent *entry;

                snprintf(path, sizeof(path), "tests/corpus/%s", kinds[kind].corpus);
                DIR *directory = opendir(path);
                assert_non_null(directory);
                while ((entry = readdir(directory)) != NULL)
                        check_file(kind, entry->d_name, counts);
                closedir(directory);
                assert_true(counts[0] > 40 && counts[1] > 5);
        }
}

// Any byte cut off or changed into another one: no crash, and what is cut is refused.
static void no_cut_frame_is_accepted(void **state)
{
        static const char text[] =
            "{\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":1723161255343,\"s\":\"BTCUSDT\",\"t\":"
            "3735683259,"
            "\"p\":\"61837.63000000\",\"q\":\"0.02000000\",\"T\":1723161255342,\"m\":true,\"M\":true}}";

        (void)state;
        for (size_t length = 0; length < sizeof(text) - 1; length++) {
                char *copy = memory_copied(text, length + 1);
                copy = realloc(copy, length > 0 ? length : 1);
                assert_non_null(read_frame(0, copy, length, "BTCUSDT"));
                free(copy);
        }
}

// ---- values ----

static void every_digit_of_a_trade_is_kept(void **state)
{
        (void)state;
        assert_null(read_text(0,
            "{\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":1723161255343,\"s\":\"BTCUSDT\",\"t\":"
            "9007199254740991,"
            "\"p\":\"61837.63000000\",\"q\":\"92233720368.54775807\",\"T\":1723161255342,\"m\":true,\"M\":true}}"));
        assert_int_equal(trade.id, 9007199254740991);
        assert_int_equal(trade.time_us, 1723161255342000);
        assert_int_equal(trade.microseconds, 0);
        assert_int_equal(event_us, 1723161255343000);
        assert_int_equal(trade.level.price, 6183763000000);
        assert_int_equal(trade.level.price_exponent, -8);
        assert_int_equal(trade.level.size, INT64_MAX);
        assert_int_equal(trade.level.size_exponent, -8);
        assert_int_equal(trade.buyer_maker, 1);
        assert_null(read_text(0,
            "{\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":1723161255343,\"s\":\"BTCUSDT\",\"t\":0,"
            "\"p\":\"7\",\"q\":\"0.5\",\"T\":1723161255342123,\"m\":false}}"));
        assert_int_equal(trade.time_us, 1723161255342123); // each stamp by its own magnitude
        assert_int_equal(trade.microseconds, 1);
        assert_int_equal(event_us, 1723161255343000);
        assert_int_equal(trade.level.price_exponent, 0);
        assert_int_equal(trade.buyer_maker, 0);
}

static void tombstone_keeps_its_id(void **state)
{
        (void)state;
        assert_null(
            read_text(1, "{\"stream\":\"btcusdt@aggTrade\",\"data\":{\"e\":\"aggTrade\",\"E\":1633998513468,\"s\":"
                         "\"BTCUSDT\",\"a\":26129,"
                         "\"p\":\"0\",\"q\":\"0\",\"f\":-1,\"l\":-1,\"T\":1633998513467,\"m\":false,\"M\":true}}"));
        assert_int_equal(agg_trade.id, 26129);
        assert_int_equal(agg_trade.first_id, -1);
        assert_int_equal(agg_trade.last_id, -1);
}

static void quote_has_no_time_of_its_own(void **state)
{
        (void)state;
        assert_null(read_text(2,
            "{\"stream\":\"btcusdt@bookTicker\",\"data\":{\"u\":50093239212,\"s\":\"BTCUSDT\",\"b\":\"61837.63000000\","
            "\"B\":\"3.78826\",\"a\":\"61837.64\",\"A\":\"1.54698000\"}}"));
        assert_int_equal(quote.update_id, 50093239212);
        assert_int_equal(quote.time_us, 0);
        assert_int_equal(quote.bid.price, 6183763000000);
        assert_int_equal(quote.bid.size, 378826);
        assert_int_equal(quote.bid.size_exponent, -5);
        assert_int_equal(quote.ask.price, 6183764);
        assert_int_equal(quote.ask.size_exponent, -8);
}

static void bids_stand_before_asks(void **state)
{
        (void)state;
        assert_null(read_text(3,
            "{\"stream\":\"btcusdt@depth@100ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":1723161255208,\"s\":\"BTCUSDT\","
            "\"U\":7,"
            "\"u\":9,\"a\":[[\"2\",\"1\"],[\"3\",\"1\"],[\"4\",\"0\"]],\"b\":[[\"1\",\"0\"],[\"0.5\",\"8\"]]}}"));
        assert_int_equal(depth.head.kind, DEPTH_CHANGES);
        assert_int_equal(depth.head.first_id, 7);
        assert_int_equal(depth.head.update_id, 9);
        assert_int_equal(depth.head.time_us, 1723161255208000);
        assert_int_equal(depth.head.bids, 2);
        assert_int_equal(depth.head.asks, 3);
        static const int64_t prices[] = {1, 5, 2, 3, 4};
        for (size_t i = 0; i < 5; i++)
                assert_int_equal(depth.levels[i].price, prices[i]);
        assert_int_equal(depth_record_bytes(&depth.head), sizeof(struct depth) + 5 * sizeof(struct level));
}

static void too_many_levels_are_refused(void **state)
{
        char *text = malloc(DEPTH_LEVELS_MAX * 12 + 200), *at = text;

        (void)state;
        for (int more = 0; more < 2; more++) {
                at = text + sprintf(text, "{\"lastUpdateId\":5,\"asks\":[],\"bids\":[");
                for (int i = 0; i < DEPTH_LEVELS_MAX + more; i++)
                        at += sprintf(at, "%s[\"1\",\"1\"]", i > 0 ? "," : "");
                at += sprintf(at, "]}");
                assert_true((depth_read_snapshot(text, (size_t)(at - text), &depth) == NULL) == (more == 0));
        }
        free(text);
}

static void snapshot_answer_is_read(void **state)
{
        static const struct {
                const char *text;
                bool good;
        } answers[] = {
            {"{\"lastUpdateId\":50093239218,\"bids\":[[\"61837.63\",\"3.7\"]],\"asks\":[[\"61837.64\",\"1\"],["
             "\"61838\",\"2\"]]}",
                true},
            {"{\"lastUpdateId\":1,\"bids\":[],\"asks\":[]}", true},
            {"{\"bids\":[],\"asks\":[]}", false},
            {"{\"lastUpdateId\":0,\"bids\":[],\"asks\":[]}", false},
            {"{\"lastUpdateId\":1,\"bids\":[]}", false},
            {"{\"lastUpdateId\":1,\"bids\":[],\"bids\":[],\"asks\":[]}", false},
            {"{\"code\":-1121,\"msg\":\"Invalid symbol.\"}", false},
            {"{\"lastUpdateId\":1,\"bids\":[],\"asks\":[]", false},
            {"<html>", false},
            {"", false},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
                assert_true(
                    (depth_read_snapshot(answers[i].text, strlen(answers[i].text), &depth) == NULL) == answers[i].good);
        assert_null(depth_read_snapshot(answers[0].text, strlen(answers[0].text), &depth));
        assert_int_equal(depth.head.kind, DEPTH_SNAPSHOT);
        assert_int_equal(depth.head.update_id, 50093239218);
        assert_int_equal(depth.head.bids, 1);
        assert_int_equal(depth.head.asks, 2);
}

// ---- recorded frames ----

static void frames_of_2021_are_read(void **state)
{
        gzFile file = open_capture("cryptofeed-spot-2021-10-12.frames.gz");
        static char line[CAPTURE_LINE_SIZE];
        unsigned read[KINDS] = {0};

        (void)state;
        if (file == NULL)
                skip();
        while (gzgets(file, line, sizeof(line)) != NULL) {
                const char *text = strchr(line, '{');
                char symbol[24];

                if (text == NULL || sscanf(text, "{\"stream\":\"%23[a-z0-9]@", symbol) != 1)
                        continue;
                for (char *c = symbol; *c != '\0'; c++)
                        *c = (char)toupper((unsigned char)*c);
                for (size_t kind = 0; kind < KINDS; kind++) {
                        if (strstr(text, kinds[kind].suffix) == NULL)
                                continue;
                        assert_null(read_frame(kind, text, strcspn(text, "\r\n"), symbol));
                        read[kind]++;
                }
        }
        gzclose(file);
        assert_true(read[1] > 0 && read[2] > 0 && read[3] > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(corpus_is_told_apart),
            cmocka_unit_test(no_cut_frame_is_accepted),
            cmocka_unit_test(every_digit_of_a_trade_is_kept),
            cmocka_unit_test(tombstone_keeps_its_id),
            cmocka_unit_test(quote_has_no_time_of_its_own),
            cmocka_unit_test(bids_stand_before_asks),
            cmocka_unit_test(too_many_levels_are_refused),
            cmocka_unit_test(snapshot_answer_is_read),
            cmocka_unit_test(frames_of_2021_are_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
