// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/market.h"

#include <stdlib.h>
#include <string.h>

#include "tests/exchange/heap.h"

#define LISTED_BY_DEFAULT_MS INT64_C(1502942400000) // 2017-08-17T04:00, when Binance's first symbols began
#define CACHED_HOURS 1024                           // six weeks
#define CACHED_DAYS 4096                            // eleven years
#define UPDATES_PER_AGG 8                           // what BTCUSDT does on an ordinary day
#define QUOTES_PER_AGG 3

struct hole {
        const struct market_symbol *symbol; // NULL: all
        int64_t from_ms, to_ms;
};

struct shift {
        const struct market_symbol *symbol;
        int64_t from_ms, to_ms, offset_ms;
};

struct market {
        uint64_t seed;
        int trades_per_minute;
        int64_t updates_per_agg, quotes_per_agg;
        uint64_t generation;
        struct market_symbol **symbols;
        size_t symbol_count;
        struct hole *holes;
        size_t hole_count;
        struct shift *shifts;
        size_t shift_count;
        int64_t shift_max_ms;
};

// Sums of whole hours or days of the bare tape. They know nothing of holes, so nothing ever makes them stale. A slot
// serves every index that is the same modulo the size: years of history may be asked for, memory stays bounded.
struct cache {
        size_t size;
        struct cached {
                int64_t index_plus_one; // 0: empty
                struct bar sum;
        } * slots;
};

struct market_private {
        struct bar *replay[GRID_COUNT];
        size_t replay_count[GRID_COUNT];
        bool replayed;
        struct cache hours, days;
};

struct market *market_new(uint64_t seed, int trades_per_minute)
{
        struct market *market = heap_zeroed(sizeof *market);
        market->seed = seed;
        market->trades_per_minute = trades_per_minute;
        market_set_book_rates(market, UPDATES_PER_AGG, QUOTES_PER_AGG);
        return market;
}

void market_set_book_rates(struct market *market, int64_t updates, int64_t quotes)
{
        market->updates_per_agg = updates > 0 ? updates : 1;
        market->quotes_per_agg = quotes < 1 ? 1 : quotes < market->updates_per_agg ? quotes : market->updates_per_agg;
}

uint64_t market_generation(const struct market *market)
{
        return market->generation;
}

static void symbol_free(struct market_symbol *symbol)
{
        for (int i = 0; i < GRID_COUNT; i++) {
                free(symbol->private->replay[i]);
        }
        free(symbol->private->hours.slots);
        free(symbol->private->days.slots);
        free(symbol->private);
        free(symbol->ticks);
        free(symbol->name);
        free(symbol->base);
        free(symbol->quote);
        free(symbol->status);
        free(symbol);
}

void market_free(struct market *market)
{
        for (size_t i = 0; i < market->symbol_count; i++) {
                symbol_free(market->symbols[i]);
        }
        free(market->symbols);
        free(market->holes);
        free(market->shifts);
        free(market);
}

// ---- symbols ----

static size_t quote_length(const char *name)
{
        static const char *const quotes[] = {
            "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "TRY"};
        size_t length = strlen(name);
        for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++) {
                size_t tail = strlen(quotes[i]);
                if (length > tail && strcmp(name + length - tail, quotes[i]) == 0) {
                        return tail;
                }
        }
        return length > 3 ? 3 : 0;
}

struct market_symbol *market_add_symbol(struct market *market, const char *name)
{
        struct market_symbol *symbol = market_find_symbol(market, name);
        if (symbol != NULL) {
                return symbol;
        }
        symbol = heap_zeroed(sizeof *symbol);
        symbol->private = heap_zeroed(sizeof *symbol->private);
        symbol->private->hours.size = CACHED_HOURS;
        symbol->private->days.size = CACHED_DAYS;
        size_t split = strlen(name) - quote_length(name);
        symbol->name = heap_string(name, strlen(name));
        symbol->base = heap_string(name, split);
        symbol->quote = heap_string(name + split, strlen(name) - split);
        symbol->status = heap_string("TRADING", 7);
        symbol->listed_ms = LISTED_BY_DEFAULT_MS;
        symbol->ends_ms = MARKET_NEVER;
        symbol->updates_per_agg = market->updates_per_agg;
        symbol->quotes_per_agg = market->quotes_per_agg;
        tape_init(&symbol->tape, market->seed, name, market->trades_per_minute);
        market->symbols = heap_grow(market->symbols, market->symbol_count + 1, sizeof *market->symbols);
        market->symbols[market->symbol_count++] = symbol;
        return symbol;
}

struct market_symbol *market_find_symbol(const struct market *market, const char *name)
{
        for (size_t i = 0; i < market->symbol_count; i++) {
                if (strcmp(market->symbols[i]->name, name) == 0) {
                        return market->symbols[i];
                }
        }
        return NULL;
}

size_t market_symbol_count(const struct market *market)
{
        return market->symbol_count;
}

struct market_symbol *market_symbol_at(const struct market *market, size_t index)
{
        return market->symbols[index];
}

void market_set_status(struct market_symbol *symbol, const char *status)
{
        free(symbol->status);
        symbol->status = heap_string(status, strlen(status));
}

void market_set_quiet(struct market_symbol *symbol)
{
        symbol->tape.trades_per_minute = 0;
}

void market_set_replay(struct market_symbol *symbol, enum grid_interval interval, struct bar *bars, size_t count)
{
        free(symbol->private->replay[interval]);
        symbol->private->replay[interval] = bars;
        symbol->private->replay_count[interval] = count;
        symbol->private->replayed = true;
}

bool market_has_replay(const struct market_symbol *symbol)
{
        return symbol->private->replayed;
}

// ---- holes and shifts ----

size_t market_add_hole(struct market *market, const struct market_symbol *symbol, int64_t from_ms, int64_t to_ms)
{
        market->holes = heap_grow(market->holes, market->hole_count + 1, sizeof *market->holes);
        market->holes[market->hole_count] = (struct hole){symbol, from_ms, to_ms};
        market->generation++;
        return market->hole_count++;
}

void market_end_hole(struct market *market, size_t hole, int64_t to_ms)
{
        market->holes[hole].to_ms = to_ms;
        market->generation++;
}

void market_add_shift(
    struct market *market, const struct market_symbol *symbol, int64_t from_ms, int64_t to_ms, int64_t offset_ms)
{
        market->shifts = heap_grow(market->shifts, market->shift_count + 1, sizeof *market->shifts);
        market->shifts[market->shift_count++] = (struct shift){symbol, from_ms, to_ms, offset_ms};
        market->shift_max_ms = offset_ms > market->shift_max_ms ? offset_ms : market->shift_max_ms;
}

int64_t market_shift_max(const struct market *market)
{
        return market->shift_max_ms;
}

static int64_t larger(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static bool hole_concerns(const struct hole *hole, const struct market_symbol *symbol)
{
        return hole->symbol == NULL || hole->symbol == symbol;
}

int64_t market_open_from(const struct market_series *series, int64_t time_ms)
{
        const struct market *market = series->market;
        time_ms = larger(time_ms, series->symbol->listed_ms);
        for (bool moved = true; moved;) {
                moved = false;
                for (size_t i = 0; i < market->hole_count; i++) {
                        const struct hole *hole = &market->holes[i];
                        if (hole_concerns(hole, series->symbol) && hole->from_ms <= time_ms && time_ms < hole->to_ms) {
                                time_ms = hole->to_ms;
                                moved = true;
                        }
                }
        }
        return time_ms;
}

// The same backwards: the last millisecond at or before `time_ms` at which trading was possible.
static int64_t skip_closed_back(const struct market_series *series, int64_t time_ms)
{
        const struct market *market = series->market;
        time_ms = smaller(time_ms, series->symbol->ends_ms - 1);
        for (bool moved = true; moved;) {
                moved = false;
                for (size_t i = 0; i < market->hole_count; i++) {
                        const struct hole *hole = &market->holes[i];
                        if (hole_concerns(hole, series->symbol) && hole->from_ms <= time_ms && time_ms < hole->to_ms) {
                                time_ms = hole->from_ms - 1;
                                moved = true;
                        }
                }
        }
        return time_ms;
}

int64_t market_open_until(const struct market_series *series, int64_t time_ms, int64_t limit_ms)
{
        const struct market *market = series->market;
        limit_ms = smaller(limit_ms, series->symbol->ends_ms);
        for (size_t i = 0; i < market->hole_count; i++) {
                const struct hole *hole = &market->holes[i];
                if (hole_concerns(hole, series->symbol) && hole->from_ms > time_ms) {
                        limit_ms = smaller(limit_ms, hole->from_ms);
                }
        }
        return limit_ms;
}

// Is there any moment in [from_ms, to_ms) at which the symbol could trade?
static bool window_is_open(const struct market_series *series, int64_t from_ms, int64_t to_ms)
{
        int64_t open = market_open_from(series, from_ms);
        return open < to_ms && open < series->symbol->ends_ms;
}

// ---- sums of the tape ----

static const struct bar *sum_cached(
    const struct market_symbol *symbol, struct cache *cache, int64_t index, int64_t minutes)
{
        struct bar minute;
        if (cache->slots == NULL) {
                cache->slots = heap_zeroed(cache->size * sizeof *cache->slots);
        }
        struct cached *slot = &cache->slots[(size_t)index % cache->size];
        if (slot->index_plus_one != index + 1) {
                bar_clear(&slot->sum);
                for (int64_t m = index * minutes; m < (index + 1) * minutes; m++) {
                        tape_sum_minute(&symbol->tape, m, m * GRID_MINUTE_MS, (m + 1) * GRID_MINUTE_MS, &minute);
                        bar_add(&slot->sum, &minute);
                }
                slot->index_plus_one = index + 1;
        }
        return &slot->sum;
}

// Adds the tape's trades in [from_ms, to_ms): whole days, then hours, minutes, and what is left of a minute.
static void sum_tape(const struct market_symbol *symbol, int64_t from_ms, int64_t to_ms, struct bar *sum)
{
        struct market_private *private = symbol->private;
        struct bar part;
        while (from_ms < to_ms) {
                int64_t until;
                if (from_ms % GRID_DAY_MS == 0 && from_ms + GRID_DAY_MS <= to_ms) {
                        until = from_ms + GRID_DAY_MS;
                        bar_add(sum, sum_cached(symbol, &private->days, from_ms / GRID_DAY_MS, 24 * 60));
                } else if (from_ms % GRID_HOUR_MS == 0 && from_ms + GRID_HOUR_MS <= to_ms) {
                        until = from_ms + GRID_HOUR_MS;
                        bar_add(sum, sum_cached(symbol, &private->hours, from_ms / GRID_HOUR_MS, 60));
                } else {
                        int64_t minute = from_ms / GRID_MINUTE_MS;
                        until = smaller((minute + 1) * GRID_MINUTE_MS, to_ms);
                        tape_sum_minute(&symbol->tape, minute, from_ms, until, &part);
                        bar_add(sum, &part);
                }
                from_ms = until;
        }
}

// How many trades really happened before `time_ms`: those of the tape less those before listing and inside holes.
static int64_t trades_before(const struct market_series *series, int64_t time_ms)
{
        const struct tape *tape = &series->symbol->tape;
        int64_t count = 0;
        for (int64_t at = market_open_from(series, series->symbol->listed_ms); at < time_ms;) {
                int64_t until = market_open_until(series, at, time_ms);
                if (until <= at) {
                        break;
                }
                count += tape_count_before(tape, until) - tape_count_before(tape, at);
                at = market_open_from(series, until);
        }
        return count;
}

// The price of the last trade before `time_ms`. Before the first one, and where nobody trades: the walk's price.
static int64_t last_price(const struct market_series *series, int64_t time_ms)
{
        const struct market_symbol *symbol = series->symbol;
        struct tape_trade trade;
        struct tape_minute minute;
        int64_t at = time_ms - 1;
        while (symbol->tape.trades_per_minute > 0) {
                at = skip_closed_back(series, at);
                if (at < symbol->listed_ms) {
                        break;
                }
                tape_find_minute(&symbol->tape, at / GRID_MINUTE_MS, &minute);
                for (int64_t k = minute.count - 1; k >= 0; k--) {
                        tape_get_trade(&symbol->tape, &minute, k, &trade);
                        if (trade.time_ms <= at && trade.time_ms >= symbol->listed_ms &&
                            skip_closed_back(series, trade.time_ms) == trade.time_ms) {
                                return trade.price;
                        }
                }
                at = minute.minute * GRID_MINUTE_MS - 1;
        }
        return tape_price(&symbol->tape, symbol->listed_ms / GRID_MINUTE_MS);
}

static void sum_window(const struct market_series *series, int64_t from_ms, int64_t to_ms, struct bar *bar)
{
        bar_clear(bar);
        for (int64_t at = market_open_from(series, from_ms); at < to_ms && at < series->symbol->ends_ms;) {
                int64_t until = market_open_until(series, at, to_ms);
                sum_tape(series->symbol, at, until, bar);
                at = market_open_from(series, until);
        }
        if (bar->trades == 0) {
                bar_set_flat(bar, last_price(series, from_ms));
        }
}

// ---- replayed bars ----

// The first index whose bar opens at or after `time_ms`.
static size_t replay_find(const struct bar *bars, size_t count, int64_t time_ms)
{
        size_t low = 0, high = count;
        while (low < high) {
                size_t middle = (low + high) / 2;
                if (bars[middle].open_ms < time_ms) {
                        low = middle + 1;
                } else {
                        high = middle;
                }
        }
        return low;
}

static int64_t replay_next(const struct market_series *series, int64_t time_ms)
{
        const struct market_private *private = series->symbol->private;
        const struct bar *bars = private->replay[series->interval];
        size_t count = private->replay_count[series->interval];
        for (size_t i = replay_find(bars, count, time_ms); i < count; i++) {
                if (window_is_open(series, bars[i].open_ms, bars[i].close_ms + 1)) {
                        return bars[i].open_ms;
                }
        }
        return MARKET_NEVER;
}

static int64_t replay_previous(const struct market_series *series, int64_t time_ms)
{
        const struct market_private *private = series->symbol->private;
        const struct bar *bars = private->replay[series->interval];
        size_t i = replay_find(bars, private->replay_count[series->interval], time_ms + 1);
        while (i > 0) {
                i--;
                if (window_is_open(series, bars[i].open_ms, bars[i].close_ms + 1)) {
                        return bars[i].open_ms;
                }
        }
        return -MARKET_NEVER;
}

// A recorded bar cannot tell how it looked half way: until it closes it shows its open price and no trades, so that
// nobody can store a forming bar unnoticed.
static bool replay_get(const struct market_series *series, int64_t place_ms, int64_t now_ms, struct bar *bar)
{
        const struct market_private *private = series->symbol->private;
        const struct bar *bars = private->replay[series->interval];
        size_t count = private->replay_count[series->interval];
        size_t i = replay_find(bars, count, place_ms);
        if (i == count || bars[i].open_ms != place_ms || place_ms > now_ms) {
                return false;
        }
        *bar = bars[i];
        if (bar->close_ms >= now_ms) {
                struct bar whole = *bar;
                bar_clear(bar);
                bar->open_ms = whole.open_ms;
                bar->close_ms = whole.close_ms;
                bar_set_flat(bar, whole.open);
        }
        return true;
}

// ---- series ----

int64_t market_next_place(const struct market_series *series, int64_t time_ms)
{
        if (series->symbol->private->replayed) {
                return replay_next(series, time_ms);
        }
        int64_t place = grid_ceil(series->interval, time_ms, series->zone_ms);
        for (;;) {
                int64_t open = market_open_from(series, place);
                if (open >= series->symbol->ends_ms || open == MARKET_NEVER) {
                        return MARKET_NEVER;
                }
                int64_t next = grid_next(series->interval, place, series->zone_ms);
                if (open < next) {
                        return place;
                }
                place = grid_floor(series->interval, open, series->zone_ms);
        }
}

int64_t market_previous_place(const struct market_series *series, int64_t time_ms)
{
        if (series->symbol->private->replayed) {
                return replay_previous(series, time_ms);
        }
        int64_t place = grid_floor(series->interval, time_ms, series->zone_ms);
        for (;;) {
                int64_t last = grid_next(series->interval, place, series->zone_ms) - 1;
                int64_t open = skip_closed_back(series, last);
                if (open < series->symbol->listed_ms) {
                        return -MARKET_NEVER;
                }
                if (open >= place) {
                        return place;
                }
                place = grid_floor(series->interval, open, series->zone_ms);
        }
}

static void apply_shift(const struct market_series *series, struct bar *bar)
{
        const struct market *market = series->market;
        int64_t place = bar->open_ms;
        for (size_t i = 0; i < market->shift_count; i++) {
                const struct shift *shift = &market->shifts[i];
                if ((shift->symbol == NULL || shift->symbol == series->symbol) && shift->from_ms <= place &&
                    place < shift->to_ms) {
                        bar->open_ms += shift->offset_ms;
                        bar->close_ms += shift->offset_ms;
                }
        }
}

bool market_get_bar(const struct market_series *series, int64_t place_ms, int64_t now_ms, struct bar *bar)
{
        if (series->symbol->private->replayed) {
                if (!replay_get(series, place_ms, now_ms, bar)) {
                        return false;
                }
                apply_shift(series, bar);
                return true;
        }
        int64_t next = grid_next(series->interval, place_ms, series->zone_ms);
        int64_t until = smaller(next, now_ms + 1);
        if (until <= place_ms || !window_is_open(series, place_ms, until)) {
                return false;
        }
        sum_window(series, place_ms, until, bar);
        bar->open_ms = place_ms;
        bar->close_ms = next - 1;
        apply_shift(series, bar);
        return true;
}

void market_number_bar(const struct market_series *series, int64_t place_ms, struct bar *bar)
{
        if (bar->trades > 0 && !series->symbol->private->replayed) {
                bar->first_id = trades_before(series, place_ms) + 1;
                bar->last_id = bar->first_id + bar->trades - 1;
        }
}
