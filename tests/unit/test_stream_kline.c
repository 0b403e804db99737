// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/json.c workers/stream/frame.c workers/stream/kline.c -lz
#include "workers/stream/kline.h"

#include "common/interval.h"
#include "workers/stream/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define CORPUS "tests/corpus/kline"

static const struct stream_id eth_1s = {.symbol = "ETHUSDT", .kind = STREAM_KLINE, .interval = INTERVAL_1S};

// As carrier and parser do it together. NULL, or what is wrong.
static const char *read_frame(const char *text, size_t length, const struct stream_id *id, struct kline_event *event)
{
        struct frame frame;

        frame_open(&frame, text, length);
        if (frame.kind != FRAME_EVENT)
                return frame.kind == FRAME_MALFORMED ? frame.why : "no event";
        struct json data = frame.data;
        const char *why = kline_read_event(&data, id, event);
        return why != NULL ? why : frame_close(&frame, &data);
}

static void corpus_is_told_apart(void **state)
{
        DIR *directory = opendir(CORPUS);
        struct dirent *entry;
        unsigned good = 0, bad = 0;

        (void)state;
        assert_non_null(directory);
        while ((entry = readdir(directory)) != NULL) {
                char path[512];
                struct kline_event event;

                if (strncmp(entry->d_name, "good-", 5) != 0 && strncmp(entry->d_name, "bad-", 4) != 0)
                        continue;
                snprintf(path, sizeof(path), "%s/%s", CORPUS, entry->d_name);
                FILE *file = fopen(path, "rb");
                assert_non_null(file);
                // Exactly as long as the text, so that a reader past its end is seen.
                char *bytes = malloc(64 * 1024);
                size_t length = fread(bytes, 1, 64 * 1024, file);
                fclose(file);
                bytes = realloc(bytes, length > 0 ? length : 1);
                bool accepted = read_frame(bytes, length, &eth_1s, &event) == NULL;
                bool expected = entry->d_name[0] == 'g';
                if (accepted != expected)
                        print_error("%s\n", entry->d_name);
                assert_int_equal(accepted, expected);
                expected ? good++ : bad++;
                free(bytes);
        }
        closedir(directory);
        assert_true(good >= 8 && bad >= 55);
}

static void every_digit_of_a_closed_bar_is_kept(void **state)
{
        static const char text[] =
            "{\"stream\":\"ethusdt@kline_1s\",\"data\":{\"e\":\"kline\",\"E\":1682244928001,\"s\":\"ETHUSDT\",\"k\":{"
            "\"t\":1682244927000,\"T\":1682244927999,\"s\":\"ETHUSDT\",\"i\":\"1s\",\"f\":100,\"L\":102,\"o\":"
            "\"27631.01\",\"c\":\"27631.000\",\"h\":\"27640\",\"l\":\"27631.00\",\"v\":\"0.23040000\",\"n\":3,"
            "\"x\":true,\"q\":\"6366.1825100000000000001\",\"V\":\"0.1\",\"Q\":\"2763.1\",\"B\":\"0\"}}}";
        struct kline_event event;
        const struct kline *k = &event.kline;

        (void)state;
        assert_null(read_frame(text, sizeof(text) - 1, &eth_1s, &event));
        assert_true(event.closed);
        assert_int_equal(event.event_us, INT64_C(1682244928001000));
        assert_int_equal(event.open_us, INT64_C(1682244927000000));
        assert_int_equal(k->open_us, INT64_C(1682244927000000));
        assert_int_equal(k->close_us, INT64_C(1682244927999000));
        assert_int_equal(k->open, 2763101);
        assert_int_equal(k->open_exponent, -2);
        assert_int_equal(k->close, 27631000);
        assert_int_equal(k->close_exponent, -3);
        assert_int_equal(k->high, 27640);
        assert_int_equal(k->high_exponent, 0);
        assert_int_equal(k->low, 2763100);
        assert_int_equal(k->trades, 3);
        assert_int_equal(k->received_wall_ns, 0);
        char digits[DECIMAL_TEXT_SIZE];
        decimal_format((struct decimal){k->quote_volume, k->quote_volume_exponent}, digits);
        assert_string_equal(digits, "6366.1825100000000000001");
        decimal_format((struct decimal){k->volume, k->volume_exponent}, digits);
        assert_string_equal(digits, "0.23040000");
        decimal_format((struct decimal){k->taker_quote, k->taker_quote_exponent}, digits);
        assert_string_equal(digits, "2763.1");
}

static void forming_bar_tells_its_times_only(void **state)
{
        static const char text[] =
            "{\"stream\":\"btcusdt@kline_1m\",\"data\":{\"e\":\"kline\",\"E\":1615927655524,\"s\":\"BTCUSDT\",\"k\":{"
            "\"t\":1615927620000,\"T\":1615927679999,\"s\":\"BTCUSDT\",\"i\":\"1m\",\"f\":710917276,\"L\":710917780,"
            "\"o\":\"56215.99\",\"c\":\"56232.07\",\"h\":\"56238.59\",\"l\":\"56181.99\",\"v\":\"13.805222\",\"n\":505,"
            "\"x\":false,\"q\":\"775978.37383076\",\"V\":\"7.199606\",\"Q\":\"404521.60814919\",\"B\":\"0\"}}}";
        struct stream_id id = {.symbol = "BTCUSDT", .kind = STREAM_KLINE, .interval = INTERVAL_1M};
        struct kline_event event;

        (void)state;
        assert_null(read_frame(text, sizeof(text) - 1, &id, &event));
        assert_false(event.closed);
        assert_int_equal(event.event_us, INT64_C(1615927655524000));
        assert_int_equal(event.open_us, INT64_C(1615927620000000));
}

// Real frames carry no closed bar by chance of their half minute; said to be closed, their numbers must come out.
static void check_real_line(char *line, unsigned *frames)
{
        char *text = strstr(line, "{\"stream\"");
        char symbol[SYMBOL_SIZE] = "", close[64];
        struct kline_event event;

        if (text == NULL || strstr(text, "@kline_1m\",\"data\"") == NULL)
                return;
        assert_int_equal(sscanf(text, "{\"stream\":\"%23[a-z0-9]@", symbol), 1);
        for (char *c = symbol; *c != '\0'; c++)
                *c = (char)toupper((unsigned char)*c);
        struct stream_id id = {.kind = STREAM_KLINE, .interval = INTERVAL_1M};
        strcpy(id.symbol, symbol);
        size_t length = strcspn(text, "\r\n");
        assert_null(read_frame(text, length, &id, &event));
        char *closed = strstr(text, "\"x\":false");
        assert_non_null(closed);
        memcpy(closed, "\"x\":true ", 9);
        assert_null(read_frame(text, length, &id, &event));
        assert_true(event.closed);
        assert_int_equal(sscanf(strstr(text, "\"c\":\""), "\"c\":\"%63[0-9.]", close), 1);
        assert_float_equal(decimal64_to_double(event.kline.close, event.kline.close_exponent), atof(close), 0);
        ++*frames;
}

static void real_frames_are_read(void **state)
{
        const char *folder = getenv("BF_SHARED_DATA");
        char path[512], line[16384];
        unsigned frames = 0;

        (void)state;
        snprintf(path, sizeof(path), "%s/ws/cryptofeed-spot-2021-10-12.frames.gz",
            folder != NULL ? folder : "../shared/data");
        gzFile file = gzopen(path, "rb");
        if (file == NULL)
                skip();
        while (gzgets(file, line, sizeof(line)) != NULL)
                check_real_line(line, &frames);
        gzclose(file);
        assert_true(frames > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(corpus_is_told_apart),
            cmocka_unit_test(every_digit_of_a_closed_bar_is_kept),
            cmocka_unit_test(forming_bar_tells_its_times_only),
            cmocka_unit_test(real_frames_are_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
