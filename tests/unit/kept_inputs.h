// SPDX-License-Identifier: Apache-2.0
// The test of a fuzz target without a fuzzer: every input that is kept for it in tests/corpus is survived.
#ifndef TESTS_UNIT_KEPT_INPUTS_H
#define TESTS_UNIT_KEPT_INPUTS_H

#include "tests/fuzz/corpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define KEPT_INPUTS_MIN 8 // in each folder: fewer, and the folder is not the one that was meant

static const char *const *kept_folders; // ends with NULL

static inline void every_kept_input_is_survived(void **state)
{
        (void)state;
        for (size_t i = 0; kept_folders[i] != NULL; i++)
                assert_true(corpus_run(kept_folders[i]) >= KEPT_INPUTS_MIN);
}

// All of a test's main(). `folders` of tests/corpus end with NULL.
static inline int run_kept_inputs(const char *const *folders)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_kept_input_is_survived),
        };

        kept_folders = folders;
        return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
