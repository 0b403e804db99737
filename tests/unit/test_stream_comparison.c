// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/comparison.c workers/stream/restanswer.c workers/stream/json.c
#include "workers/stream/comparison.h"

#include "workers/stream/carrier.h"
#include "workers/stream/wsget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// What comparison.c calls besides; no request is made here.
void carrier_take_comparison(struct carrier *carrier, enum comparison_verdict verdict)
{
        (void)carrier;
        (void)verdict;
        fail();
}

struct ws_get *ws_get_start(struct ws *ws, const struct endpoint *endpoint, const char *path, size_t body_bytes_max,
    unsigned attempt, void (*on_answer)(void *user, const struct ws_answer *answer), void *user, struct ws_end *end)
{
        (void)ws, (void)endpoint, (void)path, (void)body_bytes_max;
        (void)attempt, (void)on_answer, (void)user, (void)end;
        fail();
        return NULL;
}

void ws_get_cancel(struct ws_get *get)
{
        (void)get;
        fail();
}

static void any_trade_is_news(void **state)
{
        static const struct {
                const char *body;
                enum comparison_verdict verdict;
        } cases[] = {
            {"[]", COMPARISON_NOTHING_NEWER},
            {" [ ]\n", COMPARISON_NOTHING_NEWER},
            {"[{\"a\":1,\"p\":\"1.0\"}]", COMPARISON_AHEAD},
            {"[ {}, {} ]", COMPARISON_AHEAD},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                enum comparison_verdict verdict = COMPARISON_UNANSWERED;

                assert_null(comparison_read(cases[i].body, strlen(cases[i].body), &verdict));
                assert_int_equal(verdict, cases[i].verdict);
        }
}

static void what_is_no_list_says_nothing(void **state)
{
        static const char *const bodies[] = {"", "{}", "[", "[}", "[{\"a\":1]", "null", "[] []", "<html>"};

        (void)state;
        for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
                enum comparison_verdict verdict = COMPARISON_UNANSWERED;

                assert_non_null(comparison_read(bodies[i], strlen(bodies[i]), &verdict));
                assert_int_equal(verdict, COMPARISON_UNANSWERED);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(any_trade_is_news),
            cmocka_unit_test(what_is_no_list_says_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
