// SPDX-License-Identifier: Apache-2.0
#include "common/latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void an_empty_histogram_has_no_quantile(void **state)
{
        static struct latency_histogram histogram;

        (void)state;
        assert_int_equal(latency_quantile_us(&histogram, 0.5), 0);
        assert_int_equal(latency_quantile_us(&histogram, 1), 0);
}

static void quantiles_lie_in_the_bucket_of_their_rank(void **state)
{
        static struct latency_histogram histogram;

        (void)state;
        for (unsigned i = 0; i < 990; i++)
                latency_add(&histogram, 100); // bucket [96, 112)
        for (unsigned i = 0; i < 10; i++)
                latency_add(&histogram, 5000); // bucket [4096, 5120)
        assert_in_range(latency_quantile_us(&histogram, 0.5), 96, 112);
        assert_in_range(latency_quantile_us(&histogram, 0.99), 96, 112);
        assert_in_range(latency_quantile_us(&histogram, 0.995), 4096, 5120);
        assert_int_equal(latency_quantile_us(&histogram, 1), 5120);
        // Half of the first bucket's counts: its middle.
        assert_in_range(latency_quantile_us(&histogram, 0.495), 103, 105);
}

static void latencies_outside_the_range_are_counted_at_its_ends(void **state)
{
        static struct latency_histogram histogram;

        (void)state;
        latency_add(&histogram, -5); // a wall clock that stepped
        latency_add(&histogram, 0);
        latency_add(&histogram, 1);
        latency_add(&histogram, 2);
        latency_add(&histogram, 3);
        latency_add(&histogram, INT64_MAX);
        assert_int_equal(histogram.counts[0], 3);
        assert_int_equal(histogram.counts[LATENCY_PARTS], 1);
        assert_int_equal(histogram.counts[LATENCY_PARTS + LATENCY_PARTS / 2], 1);
        assert_int_equal(histogram.counts[LATENCY_BUCKETS - 1], 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(an_empty_histogram_has_no_quantile),
            cmocka_unit_test(quantiles_lie_in_the_bucket_of_their_rank),
            cmocka_unit_test(latencies_outside_the_range_are_counted_at_its_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
