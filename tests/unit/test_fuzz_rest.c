// SPDX-License-Identifier: Apache-2.0
// LINK: tests/fuzz/rest.c
// LINK: workers/backfill/page.c
// LINK: workers/backfill/tickpage.c -lcjson
// The inputs that are kept for tests/fuzz/rest.c, without a fuzzer.
#include "tests/fuzz/corpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void every_kept_input_is_survived(void **state)
{
        static const char *const folders[] = {"klines", "trades", "aggtrades", "catalog", "errors"};

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
