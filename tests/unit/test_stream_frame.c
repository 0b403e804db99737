// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/json.c workers/stream/frame.c workers/stream/hexescape.c
#include "workers/stream/frame.h"

#include "workers/stream/hexescape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct frame open_text(const char *text)
{
        struct frame frame;

        frame_open(&frame, text, strlen(text));
        return frame;
}

static void event_stops_at_its_data(void **state)
{
        struct frame frame = open_text("{\"stream\":\"btcusdt@trade\",\"data\":{\"a\":1},\"more\":[2]}");
        struct json data = frame.data;

        (void)state;
        assert_int_equal(frame.kind, FRAME_EVENT);
        assert_true(span_equals(frame.stream, "btcusdt@trade"));
        assert_false(frame.whole_read);
        assert_true(json_skip_value(&data));
        assert_null(frame_close(&frame, &data));
}

static void rest_of_an_event_is_checked(void **state)
{
        static const char *const texts[] = {"{\"stream\":\"a\",\"data\":{}", "{\"stream\":\"a\",\"data\":{}}}",
            "{\"stream\":\"a\",\"data\":{},\"data\":{}}", "{\"stream\":\"a\",\"data\":{},\"stream\":\"b\"}",
            "{\"stream\":\"a\",\"data\":{},}", "{\"stream\":\"a\",\"data\":{} \"x\":1}"};

        (void)state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                struct frame frame = open_text(texts[i]);
                struct json data = frame.data;

                assert_int_equal(frame.kind, FRAME_EVENT);
                assert_true(json_skip_value(&data));
                assert_non_null(frame_close(&frame, &data));
        }
}

static void answers_are_known_by_id(void **state)
{
        struct frame frame = open_text("{\"result\":null,\"id\":17}");

        (void)state;
        assert_int_equal(frame.kind, FRAME_REPLY);
        assert_false(frame.is_error);
        assert_true(frame.has_id);
        assert_int_equal(frame.id, 17);
        frame = open_text("{\"result\":[\"btcusdt@trade\"],\"id\":null}");
        assert_int_equal(frame.kind, FRAME_REPLY);
        assert_false(frame.has_id);
}

static void errors_come_nested_and_flat(void **state)
{
        static const char *const texts[] = {
            "{\"error\":{\"code\":2,\"msg\":\"Invalid request: invalid stream\"},\"id\":3}",
            "{\"code\":2,\"msg\":\"Invalid request: invalid stream\",\"id\":3}",
            "{\"id\":3,\"error\":{\"msg\":\"Invalid request: invalid stream\",\"data\":{\"x\":[1]},\"code\":2}}",
        };

        (void)state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                struct frame frame = open_text(texts[i]);

                assert_int_equal(frame.kind, FRAME_REPLY);
                assert_true(frame.is_error);
                assert_int_equal(frame.error_code, 2);
                assert_true(span_equals(frame.message, "Invalid request: invalid stream"));
                assert_true(frame.has_id);
                assert_int_equal(frame.id, 3);
        }
        struct frame anonymous = open_text("{\"error\":{\"code\":3,\"msg\":\"Invalid JSON\"}}");
        assert_true(anonymous.is_error);
        assert_false(anonymous.has_id);
}

static void shutdown_is_known_in_both_forms(void **state)
{
        (void)state;
        assert_int_equal(
            open_text("{\"stream\":\"!serverShutdown\",\"data\":{\"e\":\"serverShutdown\",\"E\":1770123456789}}").kind,
            FRAME_SHUTDOWN);
        assert_int_equal(open_text("{\"e\":\"serverShutdown\",\"E\":1770123456789}").kind, FRAME_SHUTDOWN);
}

static void everything_else_is_malformed(void **state)
{
        static const char *const texts[] = {"", "{}", "[]", "null", "{\"stream\":\"a\"}", "{\"data\":{}}",
            "{\"stream\":\"!serverShutdown\",\"data\":{}", "{\"id\":1}", "{\"id\":1.5,\"result\":null}",
            "{\"result\":null,\"id\":1}x", "{\"error\":7,\"id\":1}", "{\"stream\":\"a\",\"stream\":\"a\",\"data\":{}}"};

        (void)state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                struct frame frame = open_text(texts[i]);

                assert_int_equal(frame.kind, FRAME_MALFORMED);
                assert_non_null(frame.why);
        }
}

static void integers_are_exact_or_refused(void **state)
{
        static const struct {
                const char *text;
                bool good;
                int64_t value;
        } cases[] = {{"0", true, 0}, {"-1", true, -1}, {"9007199254740991", true, INT64_C(9007199254740991)},
            {"-9007199254740991", true, INT64_C(-9007199254740991)}, {"9007199254740992", false, 0},
            {"99999999999999999999999999", false, 0}, {"01", false, 0}, {"1.0", false, 0}, {"1e3", false, 0},
            {"-", false, 0}, {"+1", false, 0}, {"\"1\"", false, 0}, {"", false, 0}};

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct json json;
                int64_t value = 0;

                json_begin(&json, cases[i].text, strlen(cases[i].text));
                assert_int_equal(json_read_integer(&json, &value), cases[i].good);
                assert_int_equal(value, cases[i].value);
        }
}

static void skipped_values_are_checked(void **state)
{
        static const char *const good[] = {"1", "-0.5e+10", "\"\\u00e4\\n\"", "[1,[2,{}],{\"a\":[]}]", "true", "null",
            "\"\xf0\x9f\x98\x80\"", " [ ] "};
        static const char *const bad[] = {"1.", ".5", "1e", "--1", "01", "tru", "nulL", "[1,]", "[,1]", "{\"a\"}",
            "{\"a\":1,}", "{a:1}", "\"\\u12g4\"", "\"\t\"", "\"\xf5\x80\x80\x80\"", "\"\xe0\x80\x80\"", "[1 2]", "'a'",
            "\"open"};

        (void)state;
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
                struct json json;

                json_begin(&json, good[i], strlen(good[i]));
                assert_true(json_skip_value(&json) && json_at_end(&json));
        }
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                struct json json;

                json_begin(&json, bad[i], strlen(bad[i]));
                assert_false(json_skip_value(&json) && json_at_end(&json));
        }
}

static void unreadable_bytes_become_a_safe_line(void **state)
{
        char text[64];

        (void)state;
        hex_escape("a\"\n\\\x7f\x1b[0m", 9, text);
        assert_string_equal(text, "a\"\\x0a\\x5c\\x7f\\x1b[0m");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(event_stops_at_its_data),
            cmocka_unit_test(rest_of_an_event_is_checked),
            cmocka_unit_test(answers_are_known_by_id),
            cmocka_unit_test(errors_come_nested_and_flat),
            cmocka_unit_test(shutdown_is_known_in_both_forms),
            cmocka_unit_test(everything_else_is_malformed),
            cmocka_unit_test(integers_are_exact_or_refused),
            cmocka_unit_test(skipped_values_are_checked),
            cmocka_unit_test(unreadable_bytes_become_a_safe_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
