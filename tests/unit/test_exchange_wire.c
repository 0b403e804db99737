// SPDX-License-Identifier: Apache-2.0
// The simulated exchange's wire: WebSocket framing, request parsing, parameter checks, numbers as text.
// LINK: tests/exchange/websocket.c tests/exchange/http.c tests/exchange/params.c tests/exchange/text.c
// LINK: tests/exchange/grid.c tests/exchange/bar.c tests/exchange/heap.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exchange/http.h"
#include "tests/exchange/params.h"
#include "tests/exchange/text.h"
#include "tests/exchange/websocket.h"

static void the_accept_key_is_that_of_the_rfc(void **state)
{
        (void)state;
        char accept[WS_ACCEPT_SIZE];
        ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept);
        assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void headers_take_the_shortest_length(void **state)
{
        (void)state;
        uint8_t header[WS_HEADER_MAX];
        assert_int_equal(ws_put_header(header, WS_TEXT, true, 125), 2);
        assert_int_equal(header[0], 0x81);
        assert_int_equal(ws_put_header(header, WS_CONTINUATION, false, 126), 4);
        assert_int_equal(header[0], 0x00);
        assert_int_equal(header[1], 126);
        assert_int_equal(header[3], 126);
        assert_int_equal(ws_put_header(header, WS_BINARY, true, 65536), 10);
        assert_int_equal(header[7], 1);
}

static void a_masked_frame_is_read_whole_or_not_at_all(void **state)
{
        (void)state;
        const uint8_t hello[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}; // RFC 6455, 5.7
        uint8_t data[sizeof hello];
        struct ws_frame frame;
        for (size_t size = 0; size < sizeof hello; size++) {
                memcpy(data, hello, sizeof hello);
                assert_int_equal(ws_read_frame(data, size, 100, &frame), 0);
        }
        assert_int_equal(ws_read_frame(data, sizeof data, 100, &frame), sizeof data);
        assert_true(frame.final);
        assert_int_equal(frame.opcode, WS_TEXT);
        assert_int_equal(frame.length, 5);
        assert_memory_equal(frame.payload, "Hello", 5);
}

static void frames_that_break_the_protocol_are_refused(void **state)
{
        (void)state;
        uint8_t unmasked[] = {0x81, 0x05, 'H', 'e', 'l', 'l', 'o'};
        uint8_t reserved[] = {0xc1, 0x80, 0, 0, 0, 0};
        uint8_t opcode[] = {0x83, 0x80, 0, 0, 0, 0};
        uint8_t ping_in_parts[] = {0x09, 0x80, 0, 0, 0, 0};
        uint8_t large[] = {0x81, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
        struct ws_frame frame;
        assert_int_equal(ws_read_frame(unmasked, sizeof unmasked, 100, &frame), -1);
        assert_int_equal(ws_read_frame(reserved, sizeof reserved, 100, &frame), -1);
        assert_int_equal(ws_read_frame(opcode, sizeof opcode, 100, &frame), -1);
        assert_int_equal(ws_read_frame(ping_in_parts, sizeof ping_in_parts, 100, &frame), -1);
        assert_int_equal(ws_read_frame(large, sizeof large, 65536, &frame), -1);
}

static enum http_result read_text(const char *text, struct http_request *request)
{
        struct evbuffer *in = evbuffer_new();
        evbuffer_add(in, text, strlen(text));
        enum http_result result = http_read_request(in, request);
        evbuffer_free(in);
        return result;
}

static void requests_are_split(void **state)
{
        (void)state;
        struct http_request request;
        assert_int_equal(read_text("GET /api/v3/time HTTP/1.1\r\nHost: x\r\n", &request), HTTP_MORE);
        assert_int_equal(read_text("nonsense\r\n\r\n", &request), HTTP_BAD);
        assert_int_equal(read_text("POST /x HTTP/1.1\r\nContent-Length: -4\r\n\r\n", &request), HTTP_BAD);
        assert_int_equal(read_text("POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nabc", &request), HTTP_MORE);
        assert_int_equal(read_text("GET /stream?streams=a@kline_1d@+08:00/b&x=%e8%bf%99 HTTP/1.1\r\n"
                                   "Host: localhost\r\nConnection: close\r\nX-MBX-TIME-UNIT: microsecond\r\n\r\n",
                             &request),
            HTTP_READY);
        assert_string_equal(request.path, "/stream");
        assert_string_equal(http_find_param(&request, "streams"), "a@kline_1d@+08:00/b");
        assert_string_equal(http_find_param(&request, "x"), "这");
        assert_string_equal(request.time_unit, "microsecond");
        assert_true(request.close);
        http_request_free(&request);
}

static void check_params(const char *query, int code, const char *part)
{
        static const struct param_rule rules[] = {
            {"symbol", PARAM_SYMBOL, true}, {"interval", PARAM_TEXT, true}, {"limit", PARAM_NUMBER, false}};
        char text[512];
        struct http_request request;
        struct param_error error = {0};
        snprintf(text, sizeof text, "GET /k?%s HTTP/1.1\r\n\r\n", query);
        assert_int_equal(read_text(text, &request), HTTP_READY);
        assert_int_equal(params_check(&request, rules, 3, &error), code == 0 ? 0 : -1);
        assert_int_equal(error.code, code);
        if (strstr(error.message, part) == NULL) {
                fail_msg("%s does not contain %s", error.message, part);
        }
        http_request_free(&request);
}

static void parameters_are_refused_with_binances_codes(void **state)
{
        (void)state;
        check_params("symbol=BTCUSDT&interval=1m&limit=5", 0, "");
        check_params("interval=1m", -1102, "Mandatory parameter 'symbol' was not sent");
        check_params("symbol=BTCUSDT&interval=1m&foo=1", -1104, "read '2' parameter(s) but was sent '3'");
        check_params("symbol=BTCUSDT&symbol=BTCUSDT&interval=1m", -1101, "Duplicate values for parameter 'symbol'");
        check_params("symbol=&interval=1m", -1105, "Parameter 'symbol' was empty");
        check_params("symbol=btcusdt&interval=1m", -1100, "legal range is '^[A-Z0-9-_.]{1,20}$'");
        check_params("symbol=../x&interval=1m", -1100, "Illegal characters found in parameter 'symbol'");
        check_params("symbol=BTCUSDT&interval=1m&limit=-5", -1100, "'^[0-9]{1,20}$'");
}

static void time_zones_are_parsed(void **state)
{
        (void)state;
        int64_t zone;
        assert_true(params_parse_zone("8", &zone) && zone == 28800000);
        assert_true(params_parse_zone("-1:30", &zone) && zone == -5400000);
        assert_true(params_parse_zone("05:45", &zone) && zone == 20700000);
        assert_false(params_parse_zone("15", &zone));
        assert_false(params_parse_zone("-13", &zone));
        assert_false(params_parse_zone("x", &zone));
        assert_false(params_parse_zone("8:", &zone));
}

static void decimals_survive_the_way_there_and_back(void **state)
{
        (void)state;
        static const char *const texts[] = {"0.00000000", "0.00000001", "7195.24000000", "92233720368.54775808",
            "123456789012345678.12345678", "-1.50000000"};
        char buffer[TEXT_DECIMAL_MAX + 1];
        wide value;
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
                assert_int_equal(text_parse_decimal(texts[i], strlen(texts[i]), &value), 0);
                *text_put_decimal(buffer, value) = '\0';
                assert_string_equal(buffer, texts[i]);
        }
        assert_int_equal(text_parse_decimal("1.123456789", 11, &value), -1);
        assert_int_equal(text_parse_decimal("", 0, &value), -1);
        assert_int_equal(text_parse_decimal("1e5", 3, &value), -1);
}

static void a_row_is_binances_row(void **state)
{
        (void)state;
        char row[TEXT_ROW_MAX];
        struct bar bar = {.open_ms = 1639496580000, .close_ms = 1639496639999, .trades = 1};
        bar.open = bar.high = bar.low = bar.close = 514000000;
        bar.volume = 2640000000;
        bar.quote_volume = 13569600000;
        *text_put_row(row, &bar, 0) = '\0';
        assert_string_equal(row,
            "[1639496580000,\"5.14000000\",\"5.14000000\",\"5.14000000\",\"5.14000000\",\"26.40000000\","
            "1639496639999,\"135.69600000\",1,\"0.00000000\",\"0.00000000\",\"0\"]");
        *text_put_row(row, &bar, 1) = '\0';
        assert_non_null(strstr(row, "[1639496580000000,"));
        assert_non_null(strstr(row, ",1639496639999999,"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_accept_key_is_that_of_the_rfc),
            cmocka_unit_test(headers_take_the_shortest_length),
            cmocka_unit_test(a_masked_frame_is_read_whole_or_not_at_all),
            cmocka_unit_test(frames_that_break_the_protocol_are_refused),
            cmocka_unit_test(requests_are_split),
            cmocka_unit_test(parameters_are_refused_with_binances_codes),
            cmocka_unit_test(time_zones_are_parsed),
            cmocka_unit_test(decimals_survive_the_way_there_and_back),
            cmocka_unit_test(a_row_is_binances_row),
        };
        return cmocka_run_group_tests_name("exchange wire", tests, NULL, NULL);
}
