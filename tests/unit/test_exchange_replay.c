// SPDX-License-Identifier: Apache-2.0
// The simulated exchange replays the archive's zips and recorded pages as they are.
// LINK: tests/exchange/replay.c tests/exchange/zipread.c tests/exchange/text.c tests/exchange/market.c
// LINK: tests/exchange/tape.c tests/exchange/grid.c tests/exchange/bar.c tests/exchange/heap.c
// LINK: -lz
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/exchange/replay.h"
#include "tests/exchange/zipread.h"

static const char *data_directory(void)
{
        const char *named = getenv("BF_SHARED_DATA");
        const char *directory = named != NULL ? named : "../shared/data";
        return access(directory, R_OK) == 0 ? directory : NULL;
}

// A zip with one stored entry "a" holding "1,2\n".
static const uint8_t stored[] = {'P', 'K', 3, 4, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x33, 0x42, 0x21, 0x55, 4, 0, 0, 0, 4,
    0, 0, 0, 1, 0, 0, 0, 'a', '1', ',', '2', '\n', 'P', 'K', 1, 2, 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x33, 0x42,
    0x21, 0x55, 4, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'a', 'P', 'K', 5, 6, 0, 0,
    0, 0, 1, 0, 1, 0, 47, 0, 0, 0, 35, 0, 0, 0, 0, 0};

static void a_zip_is_read_or_refused_never_guessed(void **state)
{
        (void)state;
        uint8_t damaged[sizeof stored];
        size_t size;
        const char *error;
        char *text = zipread_first(stored, sizeof stored, &size, &error);
        assert_non_null(text);
        assert_int_equal(size, 4);
        assert_string_equal(text, "1,2\n");
        free(text);
        for (size_t cut = 0; cut < sizeof stored; cut++) {
                assert_null(zipread_first(stored, cut, &size, &error));
        }
        memcpy(damaged, stored, sizeof stored);
        damaged[32] = '!';
        assert_null(zipread_first(damaged, sizeof damaged, &size, &error));
        assert_string_equal(error, "wrong CRC");
}

static void rows_may_be_in_ms_or_us(void **state)
{
        (void)state;
        const char *ms = "1577836800000,7195.24000000,7196.25000000,7183.14000000,7186.68000000,51.64281200,"
                         "1577836859999,371233.51835535,493,19.59823000,140888.41428273,0";
        const char *us = "1735689600000000,0.31600000,0.31600000,0.31600000,0.31600000,27.00000000,1735689600999999,"
                         "8.53200000,1,0.00000000,0.00000000,0";
        struct bar bar;
        assert_int_equal(replay_parse_row(ms, strlen(ms), &bar), 0);
        assert_int_equal(bar.open_ms, 1577836800000);
        assert_int_equal(bar.close, INT64_C(718668000000));
        assert_int_equal(bar.trades, 493);
        assert_int_equal(replay_parse_row(us, strlen(us), &bar), 0);
        assert_int_equal(bar.open_ms, 1735689600000);
        assert_int_equal(bar.close_ms, 1735689600999);
        assert_int_equal(replay_parse_row("1,2,3", 5, &bar), -1);
}

static size_t count_bars(const struct market_series *series, int64_t from_ms, int64_t to_ms, int64_t *holes)
{
        size_t count = 0;
        int64_t last = -1;
        *holes = 0;
        for (int64_t at = market_next_place(series, from_ms); at < to_ms; at = market_next_place(series, at + 1)) {
                *holes += last >= 0 && at != grid_next(series->interval, last, 0);
                last = at;
                count++;
        }
        return count;
}

static void the_archive_days_come_back_row_for_row(void **state)
{
        (void)state;
        const char *directory = data_directory();
        if (directory == NULL) {
                skip();
        }
        struct market *market = market_new(1, 8);
        int64_t holes, from = 1577836800000;
        struct bar bar;
        assert_true(replay_load(market, directory) > 2880);
        struct market_series minutes = {market, market_find_symbol(market, "BTCUSDT"), GRID_1M, 0};
        assert_int_equal(count_bars(&minutes, from, from + 2 * GRID_DAY_MS, &holes), 2880);
        assert_int_equal(holes, 0);
        assert_true(market_get_bar(&minutes, from, from + GRID_DAY_MS, &bar));
        assert_true(bar.quote_volume == INT64_C(37123351835535));
        // a bar that has not closed yet shows nothing of its future
        assert_true(market_get_bar(&minutes, from, from + 30000, &bar));
        assert_int_equal(bar.trades, 0);
        assert_int_equal(bar.close, bar.open);
        struct market_series hours = {market, minutes.symbol, GRID_1H, 0};
        count_bars(&hours, 1588280400000, 1593572400000, &holes);
        assert_int_equal(holes, 1); // the maintenance of 28 June 2020
        market_free(market);
}

static void a_directory_without_bars_is_refused(void **state)
{
        (void)state;
        struct market *market = market_new(1, 8);
        char empty[] = "/tmp/test_exchange_replay.XXXXXX";
        assert_non_null(mkdtemp(empty));
        assert_int_equal(replay_load(market, empty), -1);
        assert_int_equal(replay_load(market, "/nonexistent/replay"), -1);
        assert_int_equal(rmdir(empty), 0);
        market_free(market);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_zip_is_read_or_refused_never_guessed),
            cmocka_unit_test(rows_may_be_in_ms_or_us),
            cmocka_unit_test(the_archive_days_come_back_row_for_row),
            cmocka_unit_test(a_directory_without_bars_is_refused),
        };
        return cmocka_run_group_tests_name("exchange replay", tests, NULL, NULL);
}
