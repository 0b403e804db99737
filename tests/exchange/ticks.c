// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/ticks.h"

#include <stdlib.h>

#include "tests/exchange/heap.h"

// Trading without interruption, [from_ms, to_ms): which tape ids it has, and the exchange's id of its first ones.
struct stretch {
        int64_t from_ms, to_ms;
        int64_t tape_trade, tape_agg;
        int64_t first_trade, first_agg, trades, aggs;
};

struct ticks {
        uint64_t generation;
        int64_t listed_ms, ends_ms;
        const struct ticks_trade *recorded;
        size_t recorded_count;
        const struct ticks_agg *recorded_aggs;
        size_t recorded_agg_count;
        struct tape_minute minute; // the one asked for last
        bool minute_known;
        size_t count;
        struct stretch stretches[];
};

// ---- stretches ----

static struct ticks *with_room(struct ticks *ticks, size_t count)
{
        size_t capacity = 1;
        while (capacity < count) {
                capacity *= 2;
        }
        return heap_grow(ticks, sizeof *ticks + capacity * sizeof ticks->stretches[0], 1);
}

static void add_stretch(struct market_symbol *symbol, int64_t from_ms, int64_t to_ms)
{
        struct ticks *ticks = symbol->ticks = with_room(symbol->ticks, symbol->ticks->count + 1);
        struct stretch *stretch = &ticks->stretches[ticks->count];
        const struct stretch *before = ticks->count > 0 ? stretch - 1 : NULL;
        *stretch = (struct stretch){.from_ms = from_ms, .to_ms = to_ms};
        stretch->tape_trade = tape_count_before(&symbol->tape, from_ms);
        stretch->tape_agg = tape_aggs_before(&symbol->tape, from_ms);
        stretch->first_trade = before != NULL ? before->first_trade + before->trades : 1;
        stretch->first_agg = before != NULL ? before->first_agg + before->aggs : 1;
        bool ends = to_ms != MARKET_NEVER;
        stretch->trades = ends ? tape_count_before(&symbol->tape, to_ms) - stretch->tape_trade : INT64_MAX / 2;
        stretch->aggs = ends ? tape_aggs_before(&symbol->tape, to_ms) - stretch->tape_agg : INT64_MAX / 2;
        ticks->count++;
}

static void find_stretches(const struct ticks_symbol *of)
{
        struct market_symbol *symbol = of->symbol;
        const struct market_series series = {of->market, symbol, GRID_1S, 0};
        symbol->ticks->count = 0;
        symbol->ticks->generation = market_generation(of->market);
        symbol->ticks->listed_ms = symbol->listed_ms;
        symbol->ticks->ends_ms = symbol->ends_ms;
        for (int64_t at = market_open_from(&series, symbol->listed_ms); at < symbol->ends_ms;) {
                int64_t until = market_open_until(&series, at, MARKET_NEVER);
                add_stretch(symbol, at, until);
                at = market_open_from(&series, until);
        }
}

static struct ticks *new_ticks(struct market_symbol *symbol)
{
        symbol->ticks = heap_zeroed(sizeof *symbol->ticks + sizeof symbol->ticks->stretches[0]);
        return symbol->ticks;
}

static struct ticks *get(const struct ticks_symbol *of)
{
        struct ticks *ticks = of->symbol->ticks;
        bool stale = ticks == NULL || ticks->listed_ms != of->symbol->listed_ms ||
                     ticks->ends_ms != of->symbol->ends_ms || ticks->generation != market_generation(of->market);
        if (stale && (ticks == NULL || ticks->recorded == NULL)) {
                if (ticks == NULL) {
                        new_ticks(of->symbol);
                }
                find_stretches(of);
        }
        return of->symbol->ticks;
}

void ticks_set_recorded(struct market_symbol *symbol, const struct ticks_trade *trades, size_t trade_count,
    const struct ticks_agg *aggs, size_t agg_count)
{
        struct ticks *ticks = symbol->ticks != NULL ? symbol->ticks : new_ticks(symbol);
        ticks->recorded = trades;
        ticks->recorded_count = trade_count;
        ticks->recorded_aggs = aggs;
        ticks->recorded_agg_count = agg_count;
}

bool ticks_exist(const struct ticks_symbol *of)
{
        const struct ticks *ticks = of->symbol->ticks;
        bool recorded = ticks != NULL && ticks->recorded != NULL;
        return recorded || (of->symbol->tape.trades_per_minute > 0 && !market_has_replay(of->symbol));
}

// The last stretch that begins before `before_ms`, or NULL.
static const struct stretch *stretch_before(const struct ticks *ticks, int64_t before_ms)
{
        size_t i = ticks->count;
        while (i > 0 && ticks->stretches[i - 1].from_ms >= before_ms) {
                i--;
        }
        return i > 0 ? &ticks->stretches[i - 1] : NULL;
}

// ---- which ids there are ----

static int64_t last_recorded(const struct ticks *ticks, int64_t before_ms)
{
        size_t low = 0, high = ticks->recorded_count;
        while (low < high) {
                size_t middle = (low + high) / 2;
                if (ticks->recorded[middle].time_us / 1000 < before_ms) {
                        low = middle + 1;
                } else {
                        high = middle;
                }
        }
        return ticks->recorded[0].id + (int64_t)low - 1;
}

static int64_t last_recorded_agg(const struct ticks *ticks, int64_t before_ms)
{
        size_t low = 0, high = ticks->recorded_agg_count;
        while (low < high) {
                size_t middle = (low + high) / 2;
                if (ticks->recorded_aggs[middle].time_us / 1000 < before_ms) {
                        low = middle + 1;
                } else {
                        high = middle;
                }
        }
        return ticks->recorded_aggs[0].id + (int64_t)low - 1;
}

int64_t ticks_first_trade(const struct ticks_symbol *of)
{
        const struct ticks *ticks = get(of);
        return ticks->recorded != NULL ? ticks->recorded[0].id : 1;
}

int64_t ticks_first_agg(const struct ticks_symbol *of)
{
        (void)of;
        return 1;
}

int64_t ticks_last_trade(const struct ticks_symbol *of, int64_t before_ms)
{
        const struct ticks *ticks = get(of);
        if (ticks->recorded != NULL) {
                return last_recorded(ticks, before_ms);
        }
        const struct stretch *stretch = ticks_exist(of) ? stretch_before(ticks, before_ms) : NULL;
        if (stretch == NULL) {
                return 0;
        }
        if (before_ms >= stretch->to_ms) {
                return stretch->first_trade + stretch->trades - 1;
        }
        return stretch->first_trade + tape_count_before(&of->symbol->tape, before_ms) - stretch->tape_trade - 1;
}

int64_t ticks_last_agg(const struct ticks_symbol *of, int64_t before_ms)
{
        const struct ticks *ticks = get(of);
        if (ticks->recorded != NULL) {
                return last_recorded_agg(ticks, before_ms);
        }
        const struct stretch *stretch = ticks_exist(of) ? stretch_before(ticks, before_ms) : NULL;
        if (stretch == NULL) {
                return 0;
        }
        if (before_ms >= stretch->to_ms) {
                return stretch->first_agg + stretch->aggs - 1;
        }
        return stretch->first_agg + tape_aggs_before(&of->symbol->tape, before_ms) - stretch->tape_agg - 1;
}

// ---- one of them ----

static const struct tape_minute *find_minute(struct ticks *ticks, const struct tape *tape, int64_t minute)
{
        if (!ticks->minute_known || ticks->minute.minute != minute) {
                tape_find_minute(tape, minute, &ticks->minute);
                ticks->minute_known = true;
        }
        return &ticks->minute;
}

static bool has_trade(const struct tape_minute *minute, int64_t tape_id)
{
        return tape_id >= minute->first_id && tape_id < minute->first_id + minute->count;
}

static bool has_agg(const struct tape_minute *minute, int64_t tape_id)
{
        return tape_id >= minute->first_agg && tape_id < minute->first_agg + minute->agg_count;
}

bool ticks_get_trade(const struct ticks_symbol *of, int64_t id, struct ticks_trade *trade)
{
        struct ticks *ticks = get(of);
        const struct tape *tape = &of->symbol->tape;
        struct tape_trade found;
        if (ticks->recorded != NULL) {
                size_t index = (size_t)(id - ticks->recorded[0].id);
                bool there = id >= ticks->recorded[0].id && index < ticks->recorded_count;
                *trade = ticks->recorded[there ? index : 0];
                return there;
        }
        size_t i = ticks->count;
        while (i > 0 && ticks->stretches[i - 1].first_trade > id) {
                i--;
        }
        const struct stretch *stretch = i > 0 ? &ticks->stretches[i - 1] : NULL;
        if (stretch == NULL || id - stretch->first_trade >= stretch->trades || !ticks_exist(of)) {
                return false;
        }
        int64_t tape_id = stretch->tape_trade + id - stretch->first_trade;
        const struct tape_minute *minute = &ticks->minute;
        if (!ticks->minute_known || !has_trade(minute, tape_id)) {
                minute = find_minute(ticks, tape, tape_minute_of_trade(tape, tape_id));
        }
        tape_get_trade(tape, minute, tape_id - minute->first_id, &found);
        *trade = (struct ticks_trade){id, found.time_us, found.price, found.quantity, found.buyer_is_maker};
        return true;
}

// When the aggregate after this one comes. The tape always has one; the stretch may end before it.
static int64_t next_agg_us(
    const struct tape *tape, const struct stretch *stretch, const struct tape_minute *minute, int64_t tape_id)
{
        struct tape_agg next;
        struct tape_minute other;
        if (!has_agg(minute, tape_id + 1)) {
                tape_find_minute(tape, tape_minute_of_agg(tape, tape_id + 1), &other);
                minute = &other;
        }
        tape_get_agg(tape, minute, tape_id + 1 - minute->first_agg, &next);
        bool closed = stretch->to_ms != MARKET_NEVER && next.time_us >= stretch->to_ms * 1000;
        return closed ? stretch->to_ms * 1000 - 1 : next.time_us;
}

bool ticks_get_agg(const struct ticks_symbol *of, int64_t id, struct ticks_agg *agg)
{
        struct ticks *ticks = get(of);
        const struct tape *tape = &of->symbol->tape;
        struct tape_agg found;
        if (ticks->recorded != NULL) {
                bool there = id >= 1 && id <= (int64_t)ticks->recorded_agg_count;
                *agg = ticks->recorded_aggs[there ? id - 1 : 0];
                return there;
        }
        size_t i = ticks->count;
        while (i > 0 && ticks->stretches[i - 1].first_agg > id) {
                i--;
        }
        const struct stretch *stretch = i > 0 ? &ticks->stretches[i - 1] : NULL;
        if (stretch == NULL || id - stretch->first_agg >= stretch->aggs || !ticks_exist(of)) {
                return false;
        }
        int64_t tape_id = stretch->tape_agg + id - stretch->first_agg;
        const struct tape_minute *minute = &ticks->minute;
        if (!ticks->minute_known || !has_agg(minute, tape_id)) {
                minute = find_minute(ticks, tape, tape_minute_of_agg(tape, tape_id));
        }
        tape_get_agg(tape, minute, tape_id - minute->first_agg, &found);
        int64_t first = stretch->first_trade + minute->first_id + found.first_trade - stretch->tape_trade;
        *agg = (struct ticks_agg){.id = id, .first_id = first, .last_id = first + found.trades - 1};
        agg->time_us = found.time_us;
        agg->price = tape_agg_price(tape, &found);
        agg->quantity = tape_agg_quantity(tape, minute, &found);
        agg->bid_ticks = found.bid_ticks;
        agg->buyer_is_maker = found.buyer_is_maker;
        agg->next_us = next_agg_us(tape, stretch, minute, tape_id);
        return true;
}

// ---- pages ----

void ticks_find_page(const struct ticks_symbol *of, int64_t from_id, int64_t start_ms, int64_t end_ms, int64_t last_id,
    int64_t limit, int64_t *from, int64_t *to)
{
        int64_t first = ticks_first_agg(of), last = last_id;
        if (from_id > first) {
                first = from_id;
        }
        if (start_ms >= 0) {
                int64_t at_start = ticks_last_agg(of, start_ms) + 1;
                first = at_start > first ? at_start : first;
        }
        if (end_ms >= 0) {
                int64_t at_end = ticks_last_agg(of, end_ms + 1);
                last = at_end < last ? at_end : last;
        }
        bool oldest = from_id >= 0 || start_ms >= 0;
        *from = oldest || last - limit + 1 < first ? first : last - limit + 1;
        *to = last - *from < limit ? last : *from + limit - 1;
}

// ---- recorded trades ----

size_t ticks_aggregate(const struct ticks_trade *trades, size_t count, struct ticks_agg *aggs)
{
        size_t made = 0;
        for (size_t i = 0; i < count; i++) {
                struct ticks_agg *last = made > 0 ? &aggs[made - 1] : NULL;
                const struct ticks_trade *trade = &trades[i];
                if (last != NULL && last->price == trade->price && last->buyer_is_maker == trade->buyer_is_maker &&
                    last->time_us / 1000 == trade->time_us / 1000) {
                        last->quantity += trade->quantity;
                        last->last_id = trade->id;
                        continue;
                }
                aggs[made] = (struct ticks_agg){.id = (int64_t)made + 1,
                    .first_id = trade->id,
                    .last_id = trade->id,
                    .time_us = trade->time_us,
                    .price = trade->price,
                    .quantity = trade->quantity,
                    .buyer_is_maker = trade->buyer_is_maker};
                made++;
        }
        return made;
}
