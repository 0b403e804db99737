// SPDX-License-Identifier: Apache-2.0
#include "common/kline.h"

#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void put_price(const char *text, int64_t *mantissa, int8_t *exponent)
{
        assert_int_equal(decimal64_parse(text, strlen(text), mantissa, exponent), 0);
}

static void put_volume(const char *text, struct wide *mantissa, int8_t *exponent)
{
        struct decimal value;

        assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
        *mantissa = value.mantissa;
        *exponent = value.exponent;
}

// BTCUSDT 1m of 2020-01-01 00:00, as the archive has it.
static struct kline sound(void)
{
        struct kline k;

        memset(&k, 0, sizeof(k));
        k.open_us = INT64_C(1577836800000000);
        k.close_us = INT64_C(1577836859999000);
        k.trades = 493;
        put_price("7195.24000000", &k.open, &k.open_exponent);
        put_price("7196.25000000", &k.high, &k.high_exponent);
        put_price("7183.14000000", &k.low, &k.low_exponent);
        put_price("7186.68000000", &k.close, &k.close_exponent);
        put_volume("51.64281200", &k.volume, &k.volume_exponent);
        put_volume("371233.51835535", &k.quote_volume, &k.quote_volume_exponent);
        put_volume("19.59823000", &k.taker_base, &k.taker_base_exponent);
        put_volume("140888.41428273", &k.taker_quote, &k.taker_quote_exponent);
        return k;
}

static void values_are_the_texts_as_doubles(void **state)
{
        struct kline k = sound();
        struct bar_values values;

        (void)state;
        kline_to_values(&k, &values);
        assert_true(
            values.open == 7195.24 && values.high == 7196.25 && values.low == 7183.14 && values.close == 7186.68);
        assert_true(values.volume == 51.642812 && values.quote_volume == 371233.51835535 && values.trades == 493);
        assert_true(values.taker_base == 19.59823 && values.taker_quote == 140888.41428273);
        put_volume("123456789012345678901.23456789", &k.quote_volume, &k.quote_volume_exponent);
        kline_to_values(&k, &values);
        assert_true(values.quote_volume == 123456789012345678901.23456789);
}

static void a_sound_bar_has_no_defect(void **state)
{
        struct kline k = sound();

        (void)state;
        assert_null(kline_defect(&k));
        // A bar without trades: the previous close four times, nothing else.
        k.high = k.low = k.close = k.open;
        k.volume = k.quote_volume = k.taker_base = k.taker_quote = wide_from_int64(0);
        k.trades = 0;
        assert_null(kline_defect(&k));
        // The same price with other places is the same price.
        put_price("7195.24", &k.high, &k.high_exponent);
        assert_null(kline_defect(&k));
        // An off-grid bar that was cut short at a halt is sound, too.
        k.open_us += 14789000;
        k.close_us = k.open_us;
        assert_null(kline_defect(&k));
}

static void each_defect_is_named(void **state)
{
        struct kline good = sound();
        const struct {
                const char *reason;
                struct kline kline;
        } cases[] = {
#define WITH(reason, change)                                                                                           \
        {reason, ({                                                                                                    \
                 struct kline k = good;                                                                                \
                 change;                                                                                               \
                 k;                                                                                                    \
         })}
            WITH("not positive", k.open = 0),
            WITH("not positive", k.low = -1),
            WITH("high lies below", (k.high = k.low - 1, k.open = k.close = k.low)),
            WITH("open lies outside", k.open = k.high + 1),
            WITH("open lies outside", k.open = k.low - 1),
            WITH("close lies outside", k.close = k.high + 1),
            WITH("close lies outside", k.close_exponent = -9),
            WITH("volume is negative", k.volume = wide_from_int64(-1)),
            WITH("volume is negative", k.taker_quote = wide_from_int64(-1)),
            WITH("number of trades", k.trades = -1),
            WITH("taker's volume is larger", k.taker_base = k.quote_volume),
            WITH("taker's quote volume is larger", k.taker_quote_exponent = -2),
            WITH("close time lies before", k.close_us = k.open_us - 1),
            WITH("2017 to 2100", (k.open_us = year_start_us(2017) - 1)),
            WITH("2017 to 2100", (k.open_us = k.close_us = year_start_us(2101))),
            WITH("decimal places", k.volume_exponent = 1),
            WITH("decimal places", k.open_exponent = -39),
#undef WITH
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const char *defect = kline_defect(&cases[i].kline);

                assert_non_null(defect);
                if (strstr(defect, cases[i].reason) == NULL)
                        fail_msg("case %zu: \"%s\" does not say \"%s\"", i, defect, cases[i].reason);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(values_are_the_texts_as_doubles),
            cmocka_unit_test(a_sound_bar_has_no_defect),
            cmocka_unit_test(each_defect_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
