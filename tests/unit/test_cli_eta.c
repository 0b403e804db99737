// SPDX-License-Identifier: Apache-2.0
// LINK: cli/eta.c
// What the request budget makes of a backfill's remaining time.
#include "cli/eta.h"
#include "common/restweight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void weight_counts_whole_pages(void **state)
{
        (void)state;
        assert_float_equal(eta_weight(0, KLINES_WEIGHT), 0, 0);
        assert_float_equal(eta_weight(1, KLINES_WEIGHT), 2, 0);
        assert_float_equal(eta_weight(1000, AGG_TRADES_WEIGHT), 4, 0);
        assert_float_equal(eta_weight(1001, TRADES_WEIGHT), 50, 0);
}

static void one_series_has_all_of_the_budget(void **state)
{
        // Five years of minutes: 2,630 pages.
        struct eta_item item = {.number = 0, .weight = eta_weight(2629440, KLINES_WEIGHT)};

        (void)state;
        eta_share(&item, 1, 5400);
        assert_float_equal(item.left_s, 5260.0 / 5400 * 60, 1e-9);
}

static void smaller_series_are_done_first(void **state)
{
        static const double weights[] = {900, 100, 400, 100};
        struct eta_item items[4];

        (void)state;
        for (size_t i = 0; i < 4; i++)
                items[i] = (struct eta_item){.number = i, .weight = weights[i]};
        eta_share(items, 4, 1000);
        for (size_t i = 0; i < 4; i++) {
                double spent = 0, own = weights[items[i].number];
                for (size_t j = 0; j < 4; j++)
                        spent += weights[j] < own ? weights[j] : own;
                assert_float_equal(items[i].weight, own, 0);
                assert_float_equal(items[i].left_s, spent / 1000 * 60, 1e-9);
        }
        assert_int_equal(items[3].number, 0);
        assert_float_equal(items[3].left_s, 1500.0 / 1000 * 60, 1e-9); // the last one ends when all is spent
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(weight_counts_whole_pages),
            cmocka_unit_test(one_series_has_all_of_the_budget), cmocka_unit_test(smaller_series_are_done_first)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
