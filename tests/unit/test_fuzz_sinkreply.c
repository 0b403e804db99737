// SPDX-License-Identifier: Apache-2.0
// LINK: tests/fuzz/sinkreply.c -lmsgpackc
// The inputs that are kept for tests/fuzz/sinkreply.c, without a fuzzer.
#include "tests/fuzz/corpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void every_kept_input_is_survived(void **state)
{
        (void)state;
        assert_true(corpus_run("sinkreply") >= 8);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_kept_input_is_survived),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
