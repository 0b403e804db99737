// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/book.h"

#include <stdlib.h>

#include "tests/exchange/heap.h"

// Prices up to NEAR ticks from the touch are renewed every NEAR updates and mostly have orders; those further away
// every FAR updates, and one in four has orders. Both are powers of two.
#define NEAR 64
#define FAR 8192
// Update i renews the prices p = i * STRIDE modulo the period; BACK is the inverse of STRIDE modulo both periods.
#define STRIDE 3277
#define BACK 5
#define MOVE_MAX 24 // ticks: a larger move of the touch is looked at price by price

struct state {
        const struct tape *tape;
        int64_t id, bid;                  // the best bid in ticks; the best ask is the next tick
        int64_t bid_version, ask_version; // of the quantities at the touch
};

// The state after update `id`, when the touch is where it is after that update.
static struct state state_with(const struct market_symbol *symbol, int64_t id, int64_t bid)
{
        int64_t turn = id > 0 ? (id - 1) % symbol->updates_per_agg : 0, last = symbol->quotes_per_agg - 1;
        int64_t number = id > 0 ? (id - 1) / symbol->updates_per_agg + 1 : 0;
        int64_t quotes = number * symbol->quotes_per_agg + (turn < last ? turn : last);
        return (struct state){
            .tape = &symbol->tape, .id = id, .bid = bid, .bid_version = quotes / 2, .ask_version = (quotes + 1) / 2};
}

static struct state state_at(const struct ticks_symbol *of, int64_t id)
{
        const struct market_symbol *symbol = of->symbol;
        struct ticks_agg agg;
        int64_t bid = tape_price(&symbol->tape, symbol->listed_ms / GRID_MINUTE_MS) / symbol->tape.tick;
        if (id > 0 && ticks_get_agg(of, (id - 1) / symbol->updates_per_agg + 1, &agg)) {
                bid = agg.bid_ticks;
        }
        return state_with(symbol, id, bid);
}

// The state one update later. Only the first update of an aggregate moves the touch.
static struct state state_after(const struct ticks_symbol *of, const struct state *state)
{
        bool moves = state->id % of->symbol->updates_per_agg == 0;
        return moves ? state_at(of, state->id + 1) : state_with(of->symbol, state->id + 1, state->bid);
}

// ---- quantities, in steps ----

static uint64_t level_hash(const struct state *state, int64_t price, int64_t version)
{
        return tape_hash(state->tape->key ^ (uint64_t)price * UINT64_C(0x9e3779b97f4a7c15) ^
                         (uint64_t)version * UINT64_C(0xc2b2ae3d27d4eb4f));
}

// How often a price has been renewed up to this update.
static int64_t version_of(const struct state *state, int64_t price, int64_t period)
{
        return (state->id + period - (price * BACK & (period - 1))) / period;
}

static int64_t touch_quantity(const struct state *state, int64_t price, int64_t version)
{
        return 1 + (int64_t)(level_hash(state, price, version + (INT64_C(1) << 40)) % 4000);
}

static int64_t resting_quantity(const struct state *state, int64_t price, int64_t distance)
{
        bool near = distance < NEAR;
        uint64_t hash = level_hash(state, price, version_of(state, price, near ? NEAR : FAR));
        bool empty = near ? (hash & 3) == 0 : (hash & 3) != 0;
        return empty ? 0 : 1 + (int64_t)((hash >> 8) % (near ? 10000 : 50000));
}

static int64_t bid_quantity(const struct state *state, int64_t price)
{
        int64_t distance = state->bid - price;
        if (distance < 0 || distance >= BOOK_SPAN || price < 1) {
                return 0;
        }
        return distance == 0 ? touch_quantity(state, price, state->bid_version)
                             : resting_quantity(state, price, distance);
}

static int64_t ask_quantity(const struct state *state, int64_t price)
{
        int64_t distance = price - state->bid - 1;
        if (distance < 0 || distance >= BOOK_SPAN) {
                return 0;
        }
        return distance == 0 ? touch_quantity(state, price, state->ask_version)
                             : resting_quantity(state, price, distance);
}

static struct book_level level_of(const struct state *state, int64_t price, int64_t quantity)
{
        return (struct book_level){price * state->tape->tick, quantity * state->tape->step};
}

// ---- updates ----

static int64_t update_time_us(const struct market_symbol *symbol, const struct ticks_agg *agg, int64_t turn)
{
        return agg->time_us + (agg->next_us - agg->time_us) * turn / symbol->updates_per_agg;
}

int64_t book_update_time_us(const struct ticks_symbol *of, int64_t id)
{
        struct ticks_agg agg;
        int64_t updates = of->symbol->updates_per_agg;
        if (id <= 0 || !ticks_get_agg(of, (id - 1) / updates + 1, &agg)) {
                return of->symbol->listed_ms * 1000;
        }
        return update_time_us(of->symbol, &agg, (id - 1) % updates);
}

int64_t book_last_update(const struct ticks_symbol *of, int64_t now_ms)
{
        struct ticks_agg agg;
        int64_t updates = of->symbol->updates_per_agg, number = ticks_last_agg(of, now_ms + 1), turn = updates - 1;
        if (number == 0 || !ticks_get_agg(of, number, &agg)) {
                return 0;
        }
        while (turn > 0 && update_time_us(of->symbol, &agg, turn) / 1000 > now_ms) {
                turn--;
        }
        return (number - 1) * updates + turn + 1;
}

int64_t book_next_quote(const struct ticks_symbol *of, int64_t id)
{
        int64_t updates = of->symbol->updates_per_agg, turn = (id - 1) % updates;
        return turn < of->symbol->quotes_per_agg ? id : id + updates - turn;
}

void book_get_top(const struct ticks_symbol *of, int64_t id, struct book_top *top)
{
        struct state state = state_at(of, id);
        top->bid = level_of(&state, state.bid, bid_quantity(&state, state.bid));
        top->ask = level_of(&state, state.bid + 1, ask_quantity(&state, state.bid + 1));
}

size_t book_get_bids(const struct ticks_symbol *of, int64_t id, size_t limit, struct book_level *levels)
{
        struct state state = state_at(of, id);
        size_t count = 0;
        for (int64_t price = state.bid; price > state.bid - BOOK_SPAN && price > 0 && count < limit; price--) {
                int64_t quantity = bid_quantity(&state, price);
                if (quantity > 0) {
                        levels[count++] = level_of(&state, price, quantity);
                }
        }
        return count;
}

size_t book_get_asks(const struct ticks_symbol *of, int64_t id, size_t limit, struct book_level *levels)
{
        struct state state = state_at(of, id);
        size_t count = 0;
        for (int64_t price = state.bid + 1; price <= state.bid + BOOK_SPAN && count < limit; price++) {
                int64_t quantity = ask_quantity(&state, price);
                if (quantity > 0) {
                        levels[count++] = level_of(&state, price, quantity);
                }
        }
        return count;
}

// ---- changes ----

// A diff has every level that changed at any time within it, even if it changed back: whoever took a snapshot in the
// middle has the value from between.

struct step {
        struct state before, after;
        struct book_changes *changes;
};

static void add_price(int64_t **prices, size_t *count, size_t *room, int64_t price)
{
        if (*count == *room) {
                *room = 2 * *room + 256;
                *prices = heap_grow(*prices, *room, sizeof **prices);
        }
        (*prices)[(*count)++] = price;
}

// This price may have changed.
static void look_at(const struct step *step, int64_t price)
{
        struct book_changes *changes = step->changes;
        if (bid_quantity(&step->before, price) != bid_quantity(&step->after, price)) {
                add_price(&changes->bid_prices, &changes->bid_price_count, &changes->bid_price_room, price);
        }
        if (ask_quantity(&step->before, price) != ask_quantity(&step->after, price)) {
                add_price(&changes->ask_prices, &changes->ask_price_count, &changes->ask_price_room, price);
        }
}

static void look_at_range(const struct step *step, int64_t from, int64_t to)
{
        for (int64_t price = from; price <= to; price++) {
                look_at(step, price);
        }
}

// The prices within [from, to] that this update renews.
static void look_at_renewed(const struct step *step, int64_t period, int64_t from, int64_t to)
{
        int64_t wanted = step->after.id * STRIDE & (period - 1);
        for (int64_t price = from + ((wanted - from) & (period - 1)); price <= to; price += period) {
                look_at(step, price);
        }
}

// When the touch moves, so do the border between the sides, those between near and far, and both ends.
static void look_at_move(const struct step *step)
{
        int64_t a = step->before.bid, b = step->after.bid, low = a < b ? a : b, high = a < b ? b : a;
        if (high - low <= MOVE_MAX) {
                look_at_range(step, low - NEAR, high - NEAR + 1);
                look_at_range(step, low, high + 1);
                look_at_range(step, low + NEAR, high + NEAR + 1);
        } else {
                look_at_range(step, low - NEAR, high + NEAR + 1);
        }
        if (high - low < BOOK_SPAN) {
                look_at_range(step, low - BOOK_SPAN, high - BOOK_SPAN);
                look_at_range(step, low + BOOK_SPAN, high + BOOK_SPAN);
        } else { // nothing of the old book remains
                look_at_range(step, low - BOOK_SPAN, low + BOOK_SPAN);
                look_at_range(step, high - BOOK_SPAN, high + BOOK_SPAN);
        }
}

static void look_at_step(const struct step *step)
{
        int64_t bid = step->after.bid;
        if (bid != step->before.bid) {
                look_at_move(step);
        }
        look_at(step, bid);
        look_at(step, bid + 1);
        look_at_renewed(step, NEAR, bid - NEAR, bid + NEAR + 1);
        look_at_renewed(step, FAR, bid - BOOK_SPAN, bid + BOOK_SPAN);
}

static int ascending(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
        return (x > y) - (x < y);
}

// Sorts and drops what is there twice. Few prices are the rule, and qsort is slow for few.
static size_t sort_prices(int64_t *prices, size_t count)
{
        if (count > 128) {
                qsort(prices, count, sizeof *prices, ascending);
        } else {
                for (size_t i = 1; i < count; i++) {
                        int64_t price = prices[i];
                        size_t j = i;
                        for (; j > 0 && prices[j - 1] > price; j--) {
                                prices[j] = prices[j - 1];
                        }
                        prices[j] = price;
                }
        }
        size_t kept = 0;
        for (size_t i = 0; i < count; i++) {
                if (kept == 0 || prices[kept - 1] != prices[i]) {
                        prices[kept++] = prices[i];
                }
        }
        return kept;
}

static void write_levels(const struct state *state, struct book_changes *changes)
{
        changes->bid_count = sort_prices(changes->bid_prices, changes->bid_price_count);
        changes->ask_count = sort_prices(changes->ask_prices, changes->ask_price_count);
        changes->bids = heap_grow(changes->bids, changes->bid_count, sizeof *changes->bids);
        changes->asks = heap_grow(changes->asks, changes->ask_count, sizeof *changes->asks);
        for (size_t i = 0; i < changes->bid_count; i++) {
                int64_t price = changes->bid_prices[changes->bid_count - 1 - i];
                changes->bids[i] = level_of(state, price, bid_quantity(state, price));
        }
        for (size_t i = 0; i < changes->ask_count; i++) {
                int64_t price = changes->ask_prices[i];
                changes->asks[i] = level_of(state, price, ask_quantity(state, price));
        }
}

void book_get_changes(const struct ticks_symbol *of, int64_t from, int64_t to, struct book_changes *changes)
{
        struct step step = {.after = state_at(of, from - 1), .changes = changes};
        changes->bid_price_count = changes->ask_price_count = 0;
        while (step.after.id < to) {
                step.before = step.after;
                step.after = state_after(of, &step.before);
                look_at_step(&step);
        }
        write_levels(&step.after, changes);
}

void book_changes_free(struct book_changes *changes)
{
        free(changes->bids);
        free(changes->asks);
        free(changes->bid_prices);
        free(changes->ask_prices);
        *changes = (struct book_changes){0};
}
