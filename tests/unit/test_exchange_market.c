// SPDX-License-Identifier: Apache-2.0
// The simulated exchange's market: every bar is the exact sum of one trade tape, on the right grid.
// LINK: tests/exchange/market.c tests/exchange/tape.c tests/exchange/grid.c tests/exchange/bar.c
// LINK: tests/exchange/heap.c tests/exchange/page.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/exchange/market.h"
#include "tests/exchange/page.h"

static int64_t at(const char *text)
{
        int64_t time_ms;
        assert_true(grid_parse_time(text, &time_ms));
        return time_ms;
}

static struct market_series series(struct market *market, const char *symbol, enum grid_interval interval)
{
        return (struct market_series){market, market_add_symbol(market, symbol), interval, 0};
}

static void get(const struct market_series *from, int64_t place, struct bar *bar)
{
        assert_true(market_get_bar(from, place, MARKET_NEVER - 1, bar));
}

static void assert_same_bar(const struct bar *a, const struct bar *b)
{
        assert_int_equal(a->open, b->open);
        assert_int_equal(a->high, b->high);
        assert_int_equal(a->low, b->low);
        assert_int_equal(a->close, b->close);
        assert_true(a->volume == b->volume);
        assert_true(a->quote_volume == b->quote_volume);
        assert_true(a->taker_base == b->taker_base);
        assert_true(a->taker_quote == b->taker_quote);
        assert_int_equal(a->trades, b->trades);
}

static void grid_opens_weeks_on_monday_and_months_on_the_first(void **state)
{
        (void)state;
        assert_int_equal(grid_floor(GRID_1W, at("2017-08-17T04:00:00"), 0), at("2017-08-14"));
        assert_int_equal(grid_floor(GRID_1W, at("2024-01-01"), 0), at("2024-01-01"));
        assert_int_equal(grid_floor(GRID_1MONTH, at("2024-02-29T23:59:59"), 0), at("2024-02-01"));
        assert_int_equal(grid_next(GRID_1MONTH, at("2024-02-01"), 0), at("2024-03-01"));
        assert_int_equal(grid_next(GRID_1MONTH, at("2023-12-01"), 0), at("2024-01-01"));
        assert_int_equal(grid_floor(GRID_3D, at("2017-08-17T04:00:00"), 0), at("2017-08-16"));
        assert_int_equal(grid_ceil(GRID_1H, at("2024-02-29T12:00:00.001"), 0), at("2024-02-29T13:00:00"));
        assert_int_equal(grid_floor(GRID_1D, at("2024-02-29T20:00:00"), 8 * GRID_HOUR_MS), at("2024-02-29T16:00:00"));
}

static void tape_gives_contiguous_ids_and_times_that_never_decrease(void **state)
{
        (void)state;
        struct tape tape;
        struct tape_minute minute, next;
        struct tape_trade trade;
        tape_init(&tape, 7, "BTCUSDT", 5);
        int64_t last_ms = 0, empty = 0;
        for (int64_t m = 28000000; m < 28002000; m++) {
                tape_find_minute(&tape, m, &minute);
                tape_find_minute(&tape, m + 1, &next);
                assert_int_equal(minute.first_id + minute.count, next.first_id);
                empty += minute.count == 0;
                for (int64_t k = 0; k < minute.count; k++) {
                        tape_get_trade(&tape, &minute, k, &trade);
                        assert_int_equal(trade.id, minute.first_id + k);
                        assert_int_equal(trade.time_ms / GRID_MINUTE_MS, m);
                        assert_true(trade.time_ms >= last_ms && trade.price > 0 && trade.quantity > 0);
                        last_ms = trade.time_ms;
                }
        }
        assert_true(empty > 0); // minutes without a trade do occur
}

// Adds up the bars of `small` and compares with the one of `large` at `place`.
static void check_sum(struct market *market, enum grid_interval small, enum grid_interval large, int64_t place)
{
        struct market_series fine = series(market, "BTCUSDT", small), coarse = series(market, "BTCUSDT", large);
        struct bar sum, part, whole;
        int64_t end = grid_next(large, place, 0);
        get(&coarse, place, &whole);
        bar_clear(&sum);
        for (int64_t open = place; open < end; open = grid_next(small, open, 0)) {
                get(&fine, open, &part);
                bar_add(&sum, &part);
        }
        assert_same_bar(&sum, &whole);
        assert_int_equal(whole.open_ms, place);
        assert_int_equal(whole.close_ms, end - 1);
}

static void larger_bars_are_the_sums_of_smaller_ones(void **state)
{
        (void)state;
        struct market *market = market_new(1, 8);
        check_sum(market, GRID_1S, GRID_1M, at("2024-02-29T10:07:00"));
        for (enum grid_interval large = GRID_3M; large <= GRID_1W; large++) {
                check_sum(market, GRID_1M, large, grid_floor(large, at("2024-02-29"), 0));
        }
        check_sum(market, GRID_1D, GRID_1MONTH, at("2024-02-01"));
        market_free(market);
}

static void bars_are_the_sums_of_the_trades(void **state)
{
        (void)state;
        struct market *market = market_new(1, 8);
        struct market_series minutes = series(market, "ETHUSDT", GRID_1M);
        struct tape_minute minute;
        struct tape_trade trade;
        struct bar bar;
        wide volume = 0, quote = 0, taker = 0;
        int64_t open = at("2024-02-29T10:07:00");
        get(&minutes, open, &bar);
        tape_find_minute(&minutes.symbol->tape, open / GRID_MINUTE_MS, &minute);
        for (int64_t k = 0; k < minute.count; k++) {
                tape_get_trade(&minutes.symbol->tape, &minute, k, &trade);
                volume += trade.quantity;
                quote += (wide)trade.price * trade.quantity;
                taker += trade.buyer_is_maker ? 0 : trade.quantity;
                assert_true(trade.price <= bar.high && trade.price >= bar.low);
        }
        assert_int_equal(bar.trades, minute.count);
        assert_true(bar.volume == volume && bar.taker_base == taker);
        assert_true(bar.quote_volume * BAR_SCALE == quote);
        market_free(market);
}

static void the_same_seed_makes_the_same_market(void **state)
{
        (void)state;
        struct market *one = market_new(5, 8), *two = market_new(5, 8), *other = market_new(6, 8);
        struct bar a, b, c;
        struct market_series of_two = series(two, "XYZUSDT", GRID_1D);
        get(&of_two, at("2020-01-01"), &b); // asked in another order, with warm caches
        struct market_series of_one = series(one, "XYZUSDT", GRID_1D), of_other = series(other, "XYZUSDT", GRID_1D);
        get(&of_one, at("2024-05-05"), &a);
        get(&of_two, at("2024-05-05"), &b);
        get(&of_other, at("2024-05-05"), &c);
        assert_same_bar(&a, &b);
        assert_false(a.volume == c.volume);
        market_free(one);
        market_free(two);
        market_free(other);
}

static void a_quiet_symbol_shows_its_price_and_no_volume(void **state)
{
        (void)state;
        struct market *market = market_new(1, 8);
        struct market_series minutes = series(market, "QQUSDT", GRID_1M);
        struct bar bar;
        market_set_quiet(market_find_symbol(market, "QQUSDT"));
        get(&minutes, at("2024-02-29T10:07:00"), &bar);
        assert_int_equal(bar.trades, 0);
        assert_int_equal(bar.first_id, -1);
        assert_true(bar.open > 0 && bar.open == bar.high && bar.open == bar.low && bar.open == bar.close);
        assert_true(bar.volume == 0);
        market_free(market);
}

static void a_bar_without_trades_repeats_the_close_before_it(void **state)
{
        (void)state;
        struct market *market = market_new(3, 2);
        struct market_series minutes = series(market, "BTCUSDT", GRID_1M);
        struct bar bar, before;
        int found = 0;
        for (int64_t open = at("2024-02-29"); open < at("2024-03-01"); open += GRID_MINUTE_MS) {
                get(&minutes, open, &bar);
                if (bar.trades == 0) {
                        get(&minutes, open - GRID_MINUTE_MS, &before);
                        assert_int_equal(bar.open, before.close);
                        assert_int_equal(bar.close, before.close);
                        found++;
                }
        }
        assert_true(found > 10);
        market_free(market);
}

static void a_hole_has_no_bars_and_takes_no_ids(void **state)
{
        (void)state;
        struct market *market = market_new(1, 8);
        struct market_series minutes = series(market, "BTCUSDT", GRID_1M), hours = series(market, "BTCUSDT", GRID_1H);
        int64_t from = at("2020-06-28T02:00:00"), to = at("2020-06-28T04:30:00");
        struct bar before, after, hour;
        market_add_hole(market, NULL, from, to);
        assert_false(market_get_bar(&minutes, from, MARKET_NEVER - 1, &before));
        assert_int_equal(market_next_place(&minutes, from), to);
        assert_int_equal(market_previous_place(&minutes, to - 1), from - GRID_MINUTE_MS);
        assert_int_equal(market_next_place(&hours, from), at("2020-06-28T04:00:00")); // half of it was traded
        get(&hours, at("2020-06-28T04:00:00"), &hour);
        assert_true(hour.trades > 0);
        get(&minutes, from - GRID_MINUTE_MS, &before);
        get(&minutes, to, &after);
        market_number_bar(&minutes, from - GRID_MINUTE_MS, &before);
        market_number_bar(&minutes, to, &after);
        assert_int_equal(after.first_id, before.last_id + 1);
        market_free(market);
}

static void life_begins_at_listing_and_ends_at_the_end(void **state)
{
        (void)state;
        struct market *market = market_new(1, 8);
        struct market_series days = series(market, "NEWUSDT", GRID_1D), minutes = series(market, "NEWUSDT", GRID_1M);
        struct market_symbol *symbol = market_find_symbol(market, "NEWUSDT");
        struct bar bar;
        symbol->listed_ms = at("2023-05-05T06:30:00");
        symbol->ends_ms = at("2023-06-01T03:00:00");
        assert_int_equal(market_next_place(&minutes, 0), symbol->listed_ms);
        assert_int_equal(market_next_place(&days, 0), at("2023-05-05")); // the first bar opens before the first trade
        assert_int_equal(market_previous_place(&minutes, at("2024-01-01")), symbol->ends_ms - GRID_MINUTE_MS);
        assert_int_equal(market_next_place(&minutes, symbol->ends_ms), MARKET_NEVER);
        assert_int_equal(market_previous_place(&minutes, symbol->listed_ms - 1), -MARKET_NEVER);
        get(&minutes, symbol->listed_ms, &bar);
        market_number_bar(&minutes, symbol->listed_ms, &bar);
        assert_true(bar.trades == 0 || bar.first_id == 1);
        int64_t first_trades = bar.trades;
        get(&minutes, symbol->listed_ms + GRID_MINUTE_MS, &bar);
        market_number_bar(&minutes, symbol->listed_ms + GRID_MINUTE_MS, &bar);
        assert_true(bar.trades > 0);
        assert_int_equal(bar.first_id, first_trades + 1);
        market_free(market);
}

static void the_forming_bar_grows_with_the_clock(void **state)
{
        (void)state;
        struct market *market = market_new(1, 100);
        struct market_series hours = series(market, "BTCUSDT", GRID_1H);
        int64_t open = at("2024-02-29T10:00:00");
        struct bar early, late;
        assert_false(market_get_bar(&hours, open, open - 1, &early));
        assert_true(market_get_bar(&hours, open, open + GRID_MINUTE_MS, &early));
        assert_true(market_get_bar(&hours, open, open + 30 * GRID_MINUTE_MS, &late));
        assert_true(early.trades > 0 && late.trades > early.trades);
        assert_int_equal(late.open, early.open);
        assert_int_equal(late.close_ms, open + GRID_HOUR_MS - 1);
        market_free(market);
}

static void a_shift_moves_open_times_only(void **state)
{
        (void)state;
        struct market *market = market_new(1, 8);
        struct market_series minutes = series(market, "BTCUSDT", GRID_1M);
        int64_t open = at("2018-02-09T10:00:00");
        struct bar straight, shifted;
        get(&minutes, open, &straight);
        market_add_shift(market, NULL, open, open + GRID_HOUR_MS, 14789);
        get(&minutes, open, &shifted);
        assert_int_equal(shifted.open_ms, open + 14789);
        assert_same_bar(&straight, &shifted);
        market_free(market);
}

// ---- pages ----

static size_t page(struct market *market, int64_t start, int64_t end, size_t limit, int64_t now, struct bar *bars)
{
        struct page_query query = {.series = series(market, "BTCUSDT", GRID_1M), .limit = limit, .now_ms = now};
        query.has_start = start >= 0;
        query.start_ms = start;
        query.has_end = end >= 0;
        query.end_ms = end;
        return page_fill(&query, bars);
}

static void pages_follow_binances_rule(void **state)
{
        (void)state;
        static struct bar bars[PAGE_ROWS_MAX];
        struct market *market = market_new(1, 8);
        const int64_t m = GRID_MINUTE_MS, now = at("2024-02-29T12:00:30"), forming = at("2024-02-29T12:00:00");
        // neither: the newest, the forming bar last
        assert_int_equal(page(market, -1, -1, 5, now, bars), 5);
        assert_int_equal(bars[0].open_ms, forming - 4 * m);
        assert_int_equal(bars[4].open_ms, forming);
        // start: the oldest from there on, rounded up
        assert_int_equal(page(market, forming - 100 * m + 1, -1, 5, now, bars), 5);
        assert_int_equal(bars[0].open_ms, forming - 99 * m);
        // end: the newest up to there, inclusive
        assert_int_equal(page(market, -1, forming - 10 * m, 3, now, bars), 3);
        assert_int_equal(bars[2].open_ms, forming - 10 * m);
        // both: from the start, cut at the end, both inclusive
        assert_int_equal(page(market, forming - 10 * m, forming - 7 * m, 1000, now, bars), 4);
        assert_int_equal(page(market, forming - 10 * m, forming - 10 * m, 1000, now, bars), 1);
        // a window before listing is empty; a start before listing skips ahead
        assert_int_equal(page(market, 0, at("2017-01-01"), 1000, now, bars), 0);
        assert_int_equal(page(market, 0, -1, 1, now, bars), 1);
        assert_int_equal(bars[0].open_ms, at("2017-08-17T04:00:00"));
        // the future is empty
        assert_int_equal(page(market, now + m, -1, 1000, now, bars), 0);
        assert_int_equal(page(market, forming - 1, forming - 2, 1000, now, bars), 0);
        market_free(market);
}

static void pages_jump_over_holes_and_show_shifted_bars(void **state)
{
        (void)state;
        static struct bar bars[PAGE_ROWS_MAX];
        struct market *market = market_new(1, 8);
        const int64_t m = GRID_MINUTE_MS, start = at("2024-02-01"), now = at("2024-02-29");
        market_add_hole(market, NULL, start + m, start + 100 * m);
        market_add_shift(market, NULL, start + 101 * m, start + 102 * m, 14789);
        assert_int_equal(page(market, start, -1, 3, now, bars), 3);
        assert_int_equal(bars[1].open_ms, start + 100 * m);
        assert_int_equal(bars[2].open_ms, start + 101 * m + 14789);
        assert_int_equal(page(market, start + m, start + 99 * m, 1000, now, bars), 0);
        assert_int_equal(page(market, start + 101 * m + 1, -1, 1, now, bars), 1);
        assert_int_equal(bars[0].open_ms, start + 101 * m + 14789);
        assert_int_equal(page(market, -1, start + 101 * m + 14788, 1, now, bars), 1);
        assert_int_equal(bars[0].open_ms, start + 100 * m);
        market_free(market);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(grid_opens_weeks_on_monday_and_months_on_the_first),
            cmocka_unit_test(tape_gives_contiguous_ids_and_times_that_never_decrease),
            cmocka_unit_test(larger_bars_are_the_sums_of_smaller_ones),
            cmocka_unit_test(bars_are_the_sums_of_the_trades),
            cmocka_unit_test(the_same_seed_makes_the_same_market),
            cmocka_unit_test(a_quiet_symbol_shows_its_price_and_no_volume),
            cmocka_unit_test(a_bar_without_trades_repeats_the_close_before_it),
            cmocka_unit_test(a_hole_has_no_bars_and_takes_no_ids),
            cmocka_unit_test(life_begins_at_listing_and_ends_at_the_end),
            cmocka_unit_test(the_forming_bar_grows_with_the_clock),
            cmocka_unit_test(a_shift_moves_open_times_only),
            cmocka_unit_test(pages_follow_binances_rule),
            cmocka_unit_test(pages_jump_over_holes_and_show_shifted_bars),
        };
        return cmocka_run_group_tests_name("exchange market", tests, NULL, NULL);
}
