// SPDX-License-Identifier: Apache-2.0
// The simulated exchange's trades, aggregates and order books: one market, told in several ways that must agree.
// LINK: tests/exchange/ticks.c tests/exchange/book.c tests/exchange/ticktext.c tests/exchange/market.c
// LINK: tests/exchange/tape.c tests/exchange/grid.c tests/exchange/bar.c tests/exchange/heap.c tests/exchange/text.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exchange/book.h"
#include "tests/exchange/ticktext.h"

#define LEVELS_MAX ((size_t)BOOK_SPAN)

static int64_t at(const char *text)
{
        int64_t time_ms;
        assert_true(grid_parse_time(text, &time_ms));
        return time_ms;
}

static struct ticks_symbol add(struct market *market, const char *name)
{
        return (struct ticks_symbol){market, market_add_symbol(market, name)};
}

static struct ticks_trade trade_of(const struct ticks_symbol *of, int64_t id)
{
        struct ticks_trade trade;
        assert_true(ticks_get_trade(of, id, &trade));
        return trade;
}

static struct ticks_agg agg_of(const struct ticks_symbol *of, int64_t id)
{
        struct ticks_agg agg;
        assert_true(ticks_get_agg(of, id, &agg));
        return agg;
}

// ---- trades and aggregates ----

static void check_aggregates(const struct ticks_symbol *of, int64_t from, int64_t to)
{
        int64_t next = agg_of(of, from).first_id, sizes = 0;
        for (int64_t id = from; id < to; id++) {
                struct ticks_agg agg = agg_of(of, id);
                int64_t quantity = 0;
                assert_int_equal(agg.first_id, next);
                assert_true(agg.last_id >= agg.first_id);
                for (int64_t t = agg.first_id; t <= agg.last_id; t++) {
                        struct ticks_trade trade = trade_of(of, t);
                        assert_int_equal(trade.price, agg.price);
                        assert_int_equal(trade.time_us, agg.time_us);
                        assert_int_equal(trade.buyer_is_maker, agg.buyer_is_maker);
                        quantity += trade.quantity;
                }
                assert_int_equal(agg.quantity, quantity);
                assert_true(agg.next_us >= agg.time_us);
                sizes |= agg.last_id - agg.first_id;
                next = agg.last_id + 1;
        }
        assert_true(sizes > 0); // some have several trades
}

static void aggregates_are_trades_of_one_order(void **state)
{
        (void)state;
        struct market *quiet = market_new(1, 8), *busy = market_new(1, 20000);
        struct ticks_symbol slow = add(quiet, "BTCUSDT"), fast = add(busy, "ETHUSDT");
        check_aggregates(&slow, 1, 3000);
        int64_t id = ticks_last_agg(&fast, at("2024-02-29T10:07:00"));
        check_aggregates(&fast, id - 5000, id + 20000); // across the begin of a minute
        market_free(quiet);
        market_free(busy);
}

static void ids_and_times_agree(void **state)
{
        (void)state;
        struct market *market = market_new(2, 40);
        struct ticks_symbol of = add(market, "BTCUSDT");
        for (int64_t time = at("2024-02-29T10:00:00"); time < at("2024-02-29T10:20:00"); time += 777) {
                int64_t trade = ticks_last_trade(&of, time), agg = ticks_last_agg(&of, time);
                assert_true(trade_of(&of, trade).time_us < time * 1000);
                assert_true(trade_of(&of, trade + 1).time_us >= time * 1000);
                assert_true(agg_of(&of, agg).time_us < time * 1000);
                assert_true(agg_of(&of, agg + 1).time_us >= time * 1000);
                assert_int_equal(agg_of(&of, agg).last_id, trade);
                int64_t update = book_last_update(&of, time);
                assert_true(book_update_time_us(&of, update) / 1000 <= time);
                assert_true(book_update_time_us(&of, update + 1) / 1000 > time);
        }
        market_free(market);
}

// A bar from its trades, asked for one by one.
static void sum_trades(const struct ticks_symbol *of, int64_t from_ms, int64_t to_ms, struct bar *bar)
{
        bar_clear(bar);
        for (int64_t id = ticks_last_trade(of, from_ms) + 1; id <= ticks_last_trade(of, to_ms); id++) {
                struct ticks_trade trade = trade_of(of, id);
                wide quote = (wide)trade.price * trade.quantity / BAR_SCALE;
                struct bar one = {.open = trade.price, .high = trade.price, .low = trade.price, .close = trade.price};
                one.volume = trade.quantity;
                one.quote_volume = quote;
                one.taker_base = trade.buyer_is_maker ? 0 : trade.quantity;
                one.taker_quote = trade.buyer_is_maker ? 0 : quote;
                one.trades = 1;
                one.first_id = one.last_id = id;
                bar_add(bar, &one);
        }
}

static void check_bars(const struct ticks_symbol *of, enum grid_interval interval, int64_t from, int64_t to)
{
        const struct market_series series = {of->market, of->symbol, interval, 0};
        struct bar bar, sum;
        for (int64_t open = from; open < to; open = grid_next(interval, open, 0)) {
                if (!market_get_bar(&series, open, MARKET_NEVER - 1, &bar)) {
                        continue;
                }
                market_number_bar(&series, open, &bar);
                sum_trades(of, open, grid_next(interval, open, 0), &sum);
                assert_int_equal(bar.trades, sum.trades);
                assert_int_equal(bar.first_id, sum.first_id);
                assert_int_equal(bar.last_id, sum.last_id);
                assert_true(bar.volume == sum.volume && bar.quote_volume == sum.quote_volume);
                assert_true(bar.taker_base == sum.taker_base && bar.taker_quote == sum.taker_quote);
                if (sum.trades > 0) {
                        assert_true(bar.open == sum.open && bar.high == sum.high);
                        assert_true(bar.low == sum.low && bar.close == sum.close);
                }
        }
}

static void bars_are_the_sums_of_the_trades_by_id(void **state)
{
        (void)state;
        struct market *market = market_new(3, 50);
        struct ticks_symbol of = add(market, "BTCUSDT");
        int64_t from = at("2024-02-29T10:00:00");
        market_add_hole(market, NULL, at("2020-06-28T02:00:00"), at("2020-06-28T04:30:00"));
        market_add_hole(market, of.symbol, from + 90500, from + 200700);
        check_bars(&of, GRID_1S, from, from + 5 * GRID_MINUTE_MS);
        check_bars(&of, GRID_1M, from, from + 30 * GRID_MINUTE_MS);
        check_bars(&of, GRID_1H, from, from + 2 * GRID_HOUR_MS);
        market_free(market);
}

static void holes_take_no_ids_and_life_ends(void **state)
{
        (void)state;
        struct market *market = market_new(1, 600);
        struct ticks_symbol of = add(market, "NEWUSDT");
        struct ticks_agg agg;
        int64_t listed = at("2023-05-05T06:30:00"), from = listed + 100300, to = listed + 300700,
                ends = listed + 600000;
        of.symbol->listed_ms = listed;
        of.symbol->ends_ms = ends;
        int64_t before = ticks_last_trade(&of, from), update = book_last_update(&of, from - 1);
        market_add_hole(market, of.symbol, from, to);
        assert_int_equal(ticks_last_trade(&of, from), before); // the past stays as it was
        assert_int_equal(ticks_last_trade(&of, to), before);
        assert_true(trade_of(&of, before).time_us < from * 1000);
        assert_true(trade_of(&of, before + 1).time_us >= to * 1000);
        assert_true(book_last_update(&of, to - 1) >= update); // an order's updates come before the hole, or with it
        assert_true(book_update_time_us(&of, book_last_update(&of, to - 1)) < from * 1000);
        assert_true(trade_of(&of, 1).time_us >= listed * 1000);
        assert_int_equal(agg_of(&of, 1).first_id, 1);
        int64_t last = ticks_last_agg(&of, MARKET_NEVER);
        assert_true(agg_of(&of, last).time_us < ends * 1000);
        assert_false(ticks_get_agg(&of, last + 1, &agg));
        assert_false(ticks_get_agg(&of, 0, &agg));
        assert_int_equal(agg_of(&of, last).last_id, ticks_last_trade(&of, MARKET_NEVER));
        market_free(market);
}

static void a_wipe_begins_the_ids_anew(void **state)
{
        (void)state;
        struct market *market = market_new(1, 600);
        struct ticks_symbol of = add(market, "BTCUSDT");
        int64_t now = at("2024-02-29T10:00:00");
        struct ticks_trade old = trade_of(&of, ticks_last_trade(&of, now) + 1);
        assert_true(old.id > 1000000);
        of.symbol->listed_ms = now;
        struct ticks_trade first = trade_of(&of, 1);
        assert_int_equal(first.time_us, old.time_us);
        assert_int_equal(first.price, old.price);
        assert_int_equal(book_last_update(&of, now - 1), 0);
        market_free(market);
}

static void quiet_symbols_have_no_ticks_but_a_book(void **state)
{
        (void)state;
        struct market *market = market_new(1, 8);
        struct ticks_symbol of = add(market, "QQUSDT");
        struct book_level bids[5], asks[5];
        market_set_quiet(of.symbol);
        assert_false(ticks_exist(&of));
        assert_int_equal(book_get_bids(&of, 0, 5, bids), 5);
        assert_int_equal(book_get_asks(&of, 0, 5, asks), 5);
        assert_true(bids[0].price < asks[0].price);
        market_free(market);
}

static void pages_of_aggregates_follow_binances_rule(void **state)
{
        (void)state;
        struct market *market = market_new(1, 60);
        struct ticks_symbol of = add(market, "BTCUSDT");
        int64_t now = at("2024-02-29T10:00:00"), last = ticks_last_agg(&of, now), from, to;
        ticks_find_page(&of, -1, -1, -1, last, 500, &from, &to); // the newest
        assert_int_equal(from, last - 499);
        assert_int_equal(to, last);
        ticks_find_page(&of, last - 3, -1, -1, last, 500, &from, &to); // fromId is inclusive
        assert_int_equal(from, last - 3);
        assert_int_equal(to, last);
        ticks_find_page(&of, 0, -1, -1, last, 1, &from, &to);
        assert_int_equal(from, 1);
        assert_int_equal(to, 1);
        ticks_find_page(&of, last + 1, -1, -1, last, 500, &from, &to); // the future is empty
        assert_true(to < from);
        int64_t time = agg_of(&of, last - 1000).time_us / 1000;
        ticks_find_page(&of, -1, time, -1, last, 10, &from, &to); // the oldest from the start on, inclusive
        assert_true(agg_of(&of, from).time_us / 1000 == time && agg_of(&of, from - 1).time_us / 1000 < time);
        assert_int_equal(to, from + 9);
        ticks_find_page(&of, -1, -1, time, last, 10, &from, &to); // the newest up to the end, inclusive
        assert_true(agg_of(&of, to).time_us / 1000 == time && agg_of(&of, to + 1).time_us / 1000 > time);
        assert_int_equal(from, to - 9);
        ticks_find_page(&of, -1, time, time, last, 1000, &from, &to);
        assert_true(from <= last - 1000 && last - 1000 <= to && to - from < 10);
        market_free(market);
}

static void recorded_trades_are_grouped_by_price_side_and_millisecond(void **state)
{
        (void)state;
        const struct ticks_trade trades[] = {
            {10, 1000000, 5, 1, true},
            {11, 1000900, 5, 2, true},
            {12, 1000900, 6, 3, true},
            {13, 1000900, 6, 4, false},
            {14, 1001000, 6, 5, false},
            {15, 1001000, 6, 6, false},
        };
        struct ticks_agg aggs[6];
        assert_int_equal(ticks_aggregate(trades, 6, aggs), 4);
        assert_int_equal(aggs[0].quantity, 3);
        assert_int_equal(aggs[0].last_id, 11);
        assert_int_equal(aggs[1].first_id, 12);
        assert_int_equal(aggs[3].id, 4);
        assert_int_equal(aggs[3].quantity, 11);
        assert_int_equal(aggs[3].last_id, 15);
}

// ---- the book ----

struct side {
        struct book_level levels[LEVELS_MAX];
        size_t count;
};

static struct side bids, asks, true_bids, true_asks;

// As a client does it: absolute quantities, 0 deletes.
static void set_level(struct side *side, int direction, const struct book_level *level)
{
        size_t i = 0;
        while (i < side->count && (side->levels[i].price - level->price) * direction < 0) {
                i++;
        }
        bool there = i < side->count && side->levels[i].price == level->price;
        if (level->quantity == 0) {
                if (there) {
                        side->count--;
                        memmove(side->levels + i, side->levels + i + 1, (side->count - i) * sizeof side->levels[0]);
                }
                return;
        }
        if (!there) {
                memmove(side->levels + i + 1, side->levels + i, (side->count - i) * sizeof side->levels[0]);
                side->count++;
        }
        side->levels[i] = *level;
}

static void snapshot(const struct ticks_symbol *of, int64_t id, struct side *to_bids, struct side *to_asks)
{
        to_bids->count = book_get_bids(of, id, LEVELS_MAX, to_bids->levels);
        to_asks->count = book_get_asks(of, id, LEVELS_MAX, to_asks->levels);
        assert_true(to_bids->levels[0].price < to_asks->levels[0].price);
}

static void apply(const struct book_changes *changes)
{
        for (size_t i = 0; i < changes->bid_count; i++) {
                assert_true(i == 0 || changes->bids[i].price < changes->bids[i - 1].price);
                set_level(&bids, -1, &changes->bids[i]);
        }
        for (size_t i = 0; i < changes->ask_count; i++) {
                assert_true(i == 0 || changes->asks[i].price > changes->asks[i - 1].price);
                set_level(&asks, 1, &changes->asks[i]);
        }
}

static void assert_true_book(const struct ticks_symbol *of, int64_t id)
{
        struct book_top top;
        snapshot(of, id, &true_bids, &true_asks);
        assert_int_equal(bids.count, true_bids.count);
        assert_int_equal(asks.count, true_asks.count);
        assert_memory_equal(bids.levels, true_bids.levels, bids.count * sizeof bids.levels[0]);
        assert_memory_equal(asks.levels, true_asks.levels, asks.count * sizeof asks.levels[0]);
        book_get_top(of, id, &top);
        assert_memory_equal(&top.bid, &bids.levels[0], sizeof top.bid);
        assert_memory_equal(&top.ask, &asks.levels[0], sizeof top.ask);
}

// Windows of `step` updates, the first of which began before the snapshot was taken.
static void check_diffs(const struct ticks_symbol *of, int64_t from, int64_t to, int64_t step)
{
        struct book_changes changes = {0};
        snapshot(of, from, &bids, &asks);
        for (int64_t id = from - step / 2; id < to; id += step) {
                book_get_changes(of, id, id + step - 1, &changes);
                apply(&changes);
                assert_true_book(of, id + step - 1);
        }
        book_changes_free(&changes);
}

static void diffs_make_the_book_exactly(void **state)
{
        (void)state;
        struct market *market = market_new(4, 600);
        struct ticks_symbol btc = add(market, "BTCUSDT"), small = add(market, "SMALLUSDT");
        int64_t begin = book_last_update(&btc, at("2024-02-29T10:00:00"));
        check_diffs(&btc, begin - 300, begin + 600, 1); // across the begin of a minute
        check_diffs(&btc, begin - 3000, begin + 30000, 43);
        check_diffs(&btc, begin, begin + 60000, 3601);
        int64_t other = book_last_update(&small, at("2024-02-29T10:00:00"));
        check_diffs(&small, other, other + 2000, 17);
        market_free(market);
}

static void the_book_jumps_over_a_hole(void **state)
{
        (void)state;
        struct market *market = market_new(4, 60);
        struct ticks_symbol of = add(market, "BTCUSDT");
        int64_t from = at("2024-02-01");
        market_add_hole(market, NULL, from, at("2024-03-01")); // the price is quite another one after a month
        int64_t id = book_last_update(&of, from);
        check_diffs(&of, id - 50, id + 50, 7);
        market_free(market);
}

static void a_low_price_has_no_bids_below_a_tick(void **state)
{
        (void)state;
        struct market *market = market_new(4, 60);
        struct ticks_symbol of = add(market, "TINYUSDT");
        of.symbol->tape.base_ticks = 40;
        check_diffs(&of, 1000, 1500, 3);
        assert_true(bids.count > 0 && bids.levels[bids.count - 1].price >= of.symbol->tape.tick);
        market_free(market);
}

static void trades_happen_at_the_touch(void **state)
{
        (void)state;
        struct market *market = market_new(5, 600);
        struct ticks_symbol of = add(market, "BTCUSDT");
        struct book_top top;
        int64_t updates = of.symbol->updates_per_agg, moved = 0, last_bid = 0;
        for (int64_t id = 5000; id < 9000; id++) {
                struct ticks_agg agg = agg_of(&of, id);
                int64_t update = (id - 1) * updates + 1;
                assert_int_equal(book_update_time_us(&of, update), agg.time_us);
                book_get_top(&of, update, &top);
                assert_int_equal(agg.price, agg.buyer_is_maker ? top.bid.price : top.ask.price);
                moved += top.bid.price != last_bid;
                last_bid = top.bid.price;
        }
        assert_true(moved > 1000 && moved < 4000); // it moves, and it rests
        market_free(market);
}

static void quotes_are_told_exactly_when_the_touch_changes(void **state)
{
        (void)state;
        struct market *market = market_new(5, 600);
        market_set_book_rates(market, 10, 4);
        struct ticks_symbol of = add(market, "BTCUSDT");
        struct book_top top, last;
        book_get_top(&of, 2000, &last);
        int64_t quotes = 0;
        for (int64_t id = 2001; id < 6001; id++) {
                book_get_top(&of, id, &top);
                bool told = book_next_quote(&of, id) == id;
                assert_true(told || memcmp(&top, &last, sizeof top) == 0);
                quotes += told;
                last = top;
        }
        assert_int_equal(quotes, 4 * 400);
        market_free(market);
}

// ---- words ----

static void events_and_rows_read_as_binances(void **state)
{
        (void)state;
        char text[TICKTEXT_ROW_MAX];
        const struct ticks_trade trade = {12345, 1672515782135999, 123456700, 10000000000, true};
        const struct ticks_agg agg = {.id = 26129,
            .first_id = 100,
            .last_id = 105,
            .time_us = 1672515782136000,
            .price = 1633102,
            .quantity = 470443515};
        *ticktext_put_trade_event(text, "BNBBTC", &trade, false) = '\0';
        assert_string_equal(text,
            "{\"e\":\"trade\",\"E\":1672515782136,\"s\":\"BNBBTC\",\"t\":12345,\"p\":\"1.23456700\","
            "\"q\":\"100.00000000\",\"T\":1672515782135,\"m\":true,\"M\":true}");
        *ticktext_put_trade_event(text, "BNBBTC", &trade, true) = '\0';
        assert_non_null(strstr(text, "\"T\":1672515782135999,"));
        *ticktext_put_trade_row(text, &trade, false) = '\0';
        assert_string_equal(text,
            "{\"id\":12345,\"price\":\"1.23456700\",\"qty\":\"100.00000000\",\"quoteQty\":"
            "\"123.45670000\",\"time\":1672515782135,\"isBuyerMaker\":true,\"isBestMatch\":true}");
        *ticktext_put_agg_row(text, &agg, false, false) = '\0';
        assert_string_equal(text, "{\"a\":26129,\"p\":\"0.01633102\",\"q\":\"4.70443515\",\"f\":100,\"l\":105,"
                                  "\"T\":1672515782136,\"m\":false,\"M\":true}");
        *ticktext_put_agg_row(text, &agg, false, true) = '\0';
        assert_string_equal(text, "{\"a\":26129,\"p\":\"0\",\"q\":\"0\",\"f\":-1,\"l\":-1,\"T\":1672515782136,"
                                  "\"m\":false,\"M\":true}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(aggregates_are_trades_of_one_order),
            cmocka_unit_test(ids_and_times_agree),
            cmocka_unit_test(bars_are_the_sums_of_the_trades_by_id),
            cmocka_unit_test(holes_take_no_ids_and_life_ends),
            cmocka_unit_test(a_wipe_begins_the_ids_anew),
            cmocka_unit_test(quiet_symbols_have_no_ticks_but_a_book),
            cmocka_unit_test(pages_of_aggregates_follow_binances_rule),
            cmocka_unit_test(recorded_trades_are_grouped_by_price_side_and_millisecond),
            cmocka_unit_test(diffs_make_the_book_exactly),
            cmocka_unit_test(the_book_jumps_over_a_hole),
            cmocka_unit_test(a_low_price_has_no_bids_below_a_tick),
            cmocka_unit_test(trades_happen_at_the_touch),
            cmocka_unit_test(quotes_are_told_exactly_when_the_touch_changes),
            cmocka_unit_test(events_and_rows_read_as_binances),
        };
        return cmocka_run_group_tests_name("exchange ticks", tests, NULL, NULL);
}
