// SPDX-License-Identifier: Apache-2.0
// LINK: tests/fuzz/config.c
// The inputs that are kept for tests/fuzz/config.c, without a fuzzer.
#include "tests/fuzz/corpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void every_kept_input_is_survived(void **state)
{
        static const char *const folders[] = {"config"};

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
