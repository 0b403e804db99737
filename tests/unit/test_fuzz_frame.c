// SPDX-License-Identifier: Apache-2.0
// LINK: tests/fuzz/frame.c
// LINK: workers/stream/json.c workers/stream/frame.c workers/stream/fields.c workers/stream/trade.c
// LINK: workers/stream/kline.c workers/stream/depthevent.c workers/stream/book.c workers/stream/booksync.c -lcjson
// The inputs that are kept for tests/fuzz/frame.c, without a fuzzer.
#include "tests/fuzz/corpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void every_kept_input_is_survived(void **state)
{
        static const char *const folders[] = {
            "frame", "trade", "aggtrade", "quote", "depth", "kline", "reply", "snapshot"};

        (void)state;
        for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
                assert_true(corpus_run(folders[i]) >= 8);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_kept_input_is_survived),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
