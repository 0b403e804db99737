// SPDX-License-Identifier: Apache-2.0
// LINK: workers/gateway/jsonanswer.c workers/gateway/body.c workers/gateway/block.c workers/gateway/message.c
// LINK: -lmsgpackc
#include "workers/gateway/jsonanswer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "workers/gateway/message.h"

// What {"id": <value>} becomes, where `value` is msgpack.
static void expect(const void *value, size_t length, const char *expected)
{
        struct body answer = {0}, json = {0};
        char *text = calloc(1, 8192);
        size_t used = 0;

        assert_non_null(text);
        pack_map(&answer, 1);
        pack_text(&answer, "id");
        body_append(&answer, value, length);
        jsonanswer_print(&answer, &json);
        for (struct piece *piece; (piece = body_pop(&json)) != NULL;) {
                assert_true(used + piece->block.length < 8192);
                memcpy(text + used, piece->block.data, piece->block.length);
                used += piece->block.length;
                block_release(&piece->block);
                free(piece);
        }
        assert_string_equal(text, expected);
        free(text);
        body_release(&answer);
}

static void numbers_are_the_shortest_that_read_back(void **state)
{
        static const struct {
                uint8_t bytes[9];
                size_t length;
                const char *text;
        } cases[] = {
            {{0xca, 0x3d, 0xcc, 0xcc, 0xcd}, 5, "0.1"},
            {{0xca, 0x7f, 0x7f, 0xff, 0xff}, 5, "3.4028235e+38"},
            {{0xca, 0x00, 0x00, 0x00, 0x01}, 5, "1.4013e-45"},
            {{0xca, 0xc7, 0xc3, 0x50, 0x00}, 5, "-100000"},
            {{0xca, 0x7f, 0x80, 0x00, 0x00}, 5, "null"},
            {{0xcb, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a}, 9, "0.1"},
            {{0xcb, 0x40, 0xf8, 0x6a, 0x1a, 0xa6, 0xe5, 0x9b, 0xb5}, 9, "100001.66574631522"},
            {{0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0}, 9, "null"},
        };
        char expected[64];

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                snprintf(expected, sizeof(expected), "{\"id\":%s}\n", cases[i].text);
                expect(cases[i].bytes, cases[i].length, expected);
        }
}

static void a_key_may_be_long(void **state)
{
        uint8_t map[4 + 700 + 1] = {0x81, 0xda, 700 >> 8, 700 & 0xff};
        char expected[800];

        (void)state;
        memset(map + 4, 'k', 700);
        map[704] = 7;
        snprintf(expected, sizeof(expected), "{\"id\":{\"%.700s\":7}}\n", (const char *)map + 4);
        expect(map, sizeof(map), expected);
}

static void an_answer_that_was_cut_is_a_refusal(void **state)
{
        static const uint8_t cut[] = {0x81, 0xda, 0x02, 0xbc, 'k'};

        (void)state;
        expect(cut, sizeof(cut),
            "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"the server has too many large answers under "
            "way; ask again\",\"data\":null},\"id\":null}\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(numbers_are_the_shortest_that_read_back),
            cmocka_unit_test(a_key_may_be_long),
            cmocka_unit_test(an_answer_that_was_cut_is_a_refusal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
