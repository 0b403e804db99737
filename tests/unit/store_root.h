// SPDX-License-Identifier: Apache-2.0
// A store's root for the tests of its files, empty for each test: IN_ROOT(test). Include after cmocka.
#ifndef TESTS_UNIT_STORE_ROOT_H
#define TESTS_UNIT_STORE_ROOT_H

#include "common/limits.h"
#include "tests/unit/tempdir.h"

static char root[64];
static char why[REASON_SIZE]; // of the newest refusal

static inline int make_root(void **state)
{
        (void)state;
        return tempdir_make(root);
}

static inline int remove_root(void **state)
{
        (void)state;
        tempdir_remove(root);
        return 0;
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

#endif
