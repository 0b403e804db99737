// SPDX-License-Identifier: Apache-2.0
// LINK: workers/writer/catalogue.c
// The catalogue's own date.
#include "workers/writer/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// The store's, which would bring all of the store with it.
void store_require_memory(int result)
{
        assert_int_equal(result, 0);
}

static const struct record_symbol row = {.symbol = "BTCUSDT", .base = "BTC", .quote = "USDT", .status = SYMBOL_TRADING};

static void the_first_catalogue_is_dated_once_the_time_is_known(void **state)
{
        struct catalogue catalogue = {.taken_us = -1};

        (void)state;
        catalogue_note_time(&catalogue, 5);
        assert_int_equal(catalogue.taken_us, -1); // there is none yet
        assert_int_equal(catalogue_replace(&catalogue, &row, 1, -1), 0);
        catalogue.dirty = false;
        catalogue_note_time(&catalogue, 7);
        assert_int_equal(catalogue.taken_us, 7);
        assert_true(catalogue.dirty);
        catalogue_note_time(&catalogue, 9); // that is when it was taken, not what time it is
        assert_int_equal(catalogue.taken_us, 7);
        assert_int_equal(catalogue_replace(&catalogue, &row, 1, 11), 0);
        assert_int_equal(catalogue.taken_us, 11);
        catalogue_free(&catalogue);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_first_catalogue_is_dated_once_the_time_is_known),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
