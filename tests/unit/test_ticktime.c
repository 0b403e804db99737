// SPDX-License-Identifier: Apache-2.0
#include "common/ticktime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

// MarketStore v4.1.23, executor/rewritebuffer.go, GetTimeFromTicks, word by word.
static void stock_time_from_ticks(uint64_t start, uint32_t ticks, uint64_t *second, uint32_t *nanosecond)
{
        const double ticks_per_interval_div_secs_per_day = 49710.269629629629629629629629629;
        double fractional_seconds = (double)ticks / (86400.0 * ticks_per_interval_div_secs_per_day);
        double subseconds = 1000000000.0 * (fractional_seconds - floor(fractional_seconds));

        if (subseconds >= 1000000000.0) {
                subseconds -= 1000000000.0;
                fractional_seconds++;
        }
        *second = start + (uint64_t)(round(fractional_seconds * 100000000.0) / 100000000.0);
        *nanosecond = (uint32_t)(subseconds + 0.5);
}

// utils/io/timeindex.go, GetIntervalTicks32Bit: what a stock server writes.
static uint32_t stock_ticks(int64_t nanosecond)
{
        return (uint32_t)(86400.0 * 49710.269629629629629629629629629 * ((double)nanosecond / 1e9));
}

static void expect_stock_reads(int64_t nanosecond)
{
        uint64_t second;
        uint32_t read;

        stock_time_from_ticks(1700000000, tick_of_nanosecond(nanosecond), &second, &read);
        if (second != 1700000000 || read != nanosecond)
                fail_msg("%lld ns reads as second +%d, %u ns", (long long)nanosecond, (int)(second - 1700000000), read);
}

static void a_stock_server_reads_the_exact_nanosecond(void **state)
{
        (void)state;
        srand48(4);
        for (int i = 0; i < 2000000; i++)
                expect_stock_reads((int64_t)(drand48() * TICK_NANOSECONDS_MAX));
        for (int64_t us = 0; us < 1000000; us++)
                expect_stock_reads(us * 1000);
        expect_stock_reads(TICK_NANOSECONDS_MAX);
}

static void ticks_are_the_nearest(void **state)
{
        (void)state;
        for (int64_t ns = 0; ns < TICK_NANOSECONDS_MAX; ns += 9973) {
                // In units of a billionth of a tick.
                int64_t error = (int64_t)tick_of_nanosecond(ns) * TICK_NS_PER_S - ns * UINT32_MAX;

                assert_true(error <= TICK_NS_PER_S / 2 && error >= -TICK_NS_PER_S / 2);
        }
}

static void the_last_five_nanoseconds_of_a_second_become_the_last_that_is_safe(void **state)
{
        (void)state;
        for (int64_t ns = TICK_NANOSECONDS_MAX; ns < TICK_NS_PER_S; ns++)
                assert_int_equal(tick_nanosecond(tick_of_nanosecond(ns)), TICK_NANOSECONDS_MAX);
}

static void we_read_what_a_stock_server_reads(void **state)
{
        (void)state;
        srand48(5);
        for (int i = 0; i < 2000000; i++) {
                uint32_t ticks = (uint32_t)mrand48(), nanosecond;
                uint64_t second;

                stock_time_from_ticks(0, ticks, &second, &nanosecond);
                assert_int_equal(tick_nanosecond(ticks), nanosecond);
        }
        for (int64_t ns = 0; ns < TICK_NS_PER_S; ns += 997)
                assert_int_equal(tick_nanosecond(stock_ticks(ns)), ns);
}

// There a stock server is a second late; the slot says better.
static void the_largest_ticks_stay_in_their_second(void **state)
{
        (void)state;
        assert_int_equal(tick_nanosecond(UINT32_MAX), TICK_NS_PER_S - 1);
        assert_int_equal(tick_nanosecond(0), 0);
}

static void seconds_are_floored(void **state)
{
        (void)state;
        assert_int_equal(tick_second_of(0), 0);
        assert_int_equal(tick_second_of(TICK_NS_PER_S - 1), 0);
        assert_int_equal(tick_second_of(TICK_NS_PER_S), 1);
        assert_int_equal(tick_second_of(-1), -1);
        assert_int_equal(tick_second_of(-TICK_NS_PER_S), -1);
        assert_int_equal(tick_second_of(INT64_MIN), -9223372037);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_stock_server_reads_the_exact_nanosecond),
            cmocka_unit_test(ticks_are_the_nearest),
            cmocka_unit_test(the_last_five_nanoseconds_of_a_second_become_the_last_that_is_safe),
            cmocka_unit_test(we_read_what_a_stock_server_reads),
            cmocka_unit_test(the_largest_ticks_stay_in_their_second),
            cmocka_unit_test(seconds_are_floored),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
