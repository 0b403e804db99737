// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/tape.h"

#include <string.h>

#include "tests/exchange/grid.h"

// splitmix64's finaliser.
uint64_t tape_hash(uint64_t value)
{
        value += UINT64_C(0x9e3779b97f4a7c15);
        value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
        return value ^ (value >> 31);
}

static int64_t floor_div(int64_t a, int64_t b)
{
        int64_t q = a / b;
        return a % b < 0 ? q - 1 : q;
}

// What people expect of well-known symbols; all others are drawn from their name.
static const struct {
        const char *symbol;
        int64_t base_ticks, tick, step;
} known[] = {
    {"BTCUSDT", 6000000, 1000000, 1000},
    {"ETHUSDT", 300000, 1000000, 10000},
    {"BNBUSDT", 4000, 10000000, 100000},
    {"ETHBTC", 5000, 1000, 100000},
};

void tape_init(struct tape *tape, uint64_t seed, const char *symbol, int trades_per_minute)
{
        uint64_t key = tape_hash(seed);
        for (const char *c = symbol; *c != '\0'; c++) {
                key = tape_hash(key ^ (uint64_t)(unsigned char)*c);
        }
        *tape = (struct tape){.key = key, .tick = 10000, .step = 1000000, .trades_per_minute = trades_per_minute};
        tape->base_ticks = 2000 + (int64_t)(key % 5000000);
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
                if (strcmp(known[i].symbol, symbol) == 0) {
                        tape->base_ticks = known[i].base_ticks;
                        tape->tick = known[i].tick;
                        tape->step = known[i].step;
                }
        }
}

// Of the trades, one in four follows another one in the same aggregate.
static int64_t extra_rate(const struct tape *tape)
{
        return tape->trades_per_minute / 4;
}

static int64_t agg_rate(const struct tape *tape)
{
        return tape->trades_per_minute - extra_rate(tape);
}

// Aggregates before a minute. Rate times minutes plus a jitter of at most the rate never decreases, needs no walking
// through history, and leaves about one minute in (rate + 1)^2 without any.
static int64_t aggs_before_minute(const struct tape *tape, int64_t minute)
{
        int64_t rate = agg_rate(tape);
        uint64_t jitter = tape_hash(tape->key ^ UINT64_C(0x7261746573) ^ (uint64_t)minute * 3);
        return minute * rate + (int64_t)(jitter % (uint64_t)(rate + 1));
}

// Trades before a minute, given its aggregates: the extra ones follow the aggregates' jitter, so that a minute without
// aggregates has no trades either.
static int64_t trades_before_minute(const struct tape *tape, int64_t minute, int64_t aggs)
{
        int64_t jitter = aggs - minute * agg_rate(tape);
        return aggs + minute * extra_rate(tape) + jitter * extra_rate(tape) / agg_rate(tape);
}

// Value noise: random values on lattices of several spacings, linear between them, weighted so that slow waves are
// tall. The amplitudes (in 1/65536 of the price) add up to well below one, so the price stays positive.
static const struct {
        int64_t spacing_minutes, amplitude;
} waves[] = {{3, 30}, {17, 90}, {101, 260}, {1009, 900}, {10007, 3600}, {100003, 16000}};

static int64_t walk_ticks(const struct tape *tape, int64_t minute)
{
        int64_t sum = 0; // in 1/65536 * 1/65536
        for (size_t i = 0; i < sizeof waves / sizeof waves[0]; i++) {
                int64_t spacing = waves[i].spacing_minutes;
                int64_t knot = floor_div(minute, spacing);
                int64_t within = minute - knot * spacing;
                uint64_t salt = tape->key + (uint64_t)spacing * UINT64_C(0x100000001b3);
                int64_t left = (int64_t)(tape_hash(salt ^ (uint64_t)knot) >> 47) - 65536;
                int64_t right = (int64_t)(tape_hash(salt ^ (uint64_t)(knot + 1)) >> 47) - 65536;
                sum += (left * (spacing - within) + right * within) / spacing * waves[i].amplitude;
        }
        int64_t ticks = tape->base_ticks + tape->base_ticks * (sum >> 12) / (INT64_C(1) << 20);
        return ticks > 0 ? ticks : 1;
}

void tape_find_minute(const struct tape *tape, int64_t minute, struct tape_minute *found)
{
        found->minute = minute;
        found->first_agg = aggs_before_minute(tape, minute);
        found->first_id = trades_before_minute(tape, minute, found->first_agg);
        int64_t next = aggs_before_minute(tape, minute + 1);
        found->agg_count = next - found->first_agg;
        found->count = trades_before_minute(tape, minute + 1, next) - found->first_id;
        found->open_ticks = walk_ticks(tape, minute);
        found->close_ticks = walk_ticks(tape, minute + 1);
}

// Counts before a minute lie between rate * minute and rate * (minute + 1): only two minutes can have an id.
int64_t tape_minute_of_agg(const struct tape *tape, int64_t id)
{
        int64_t minute = floor_div(id, agg_rate(tape));
        return aggs_before_minute(tape, minute) <= id ? minute : minute - 1;
}

int64_t tape_minute_of_trade(const struct tape *tape, int64_t id)
{
        int64_t minute = floor_div(id, tape->trades_per_minute);
        return trades_before_minute(tape, minute, aggs_before_minute(tape, minute)) <= id ? minute : minute - 1;
}

// ---- aggregates ----

// The extra trades of eight aggregates all belong to the first of them: most aggregates have one trade, some several.
#define BLOCK 8

static int64_t extras_before_block(const struct tape_minute *minute, int64_t block)
{
        int64_t agg = block * BLOCK < minute->agg_count ? block * BLOCK : minute->agg_count;
        return (minute->count - minute->agg_count) * agg / minute->agg_count;
}

static int64_t first_trade_of(const struct tape_minute *minute, int64_t j)
{
        return j + extras_before_block(minute, (j + BLOCK - 1) / BLOCK);
}

static int64_t agg_of_trade(const struct tape_minute *minute, int64_t k)
{
        int64_t block = k * minute->agg_count / minute->count / BLOCK; // right, or one off
        while (block > 0 && first_trade_of(minute, block * BLOCK) > k) {
                block--;
        }
        while ((block + 1) * BLOCK < minute->agg_count && first_trade_of(minute, (block + 1) * BLOCK) <= k) {
                block++;
        }
        int64_t extras = extras_before_block(minute, block + 1) - extras_before_block(minute, block);
        int64_t within = k - first_trade_of(minute, block * BLOCK);
        return block * BLOCK + (within > extras ? within - extras : 0);
}

static uint64_t agg_hash(const struct tape *tape, int64_t id)
{
        return tape_hash(tape->key ^ UINT64_C(0x6f7264657273) ^ ((uint64_t)id * UINT64_C(0xc2b2ae3d27d4eb4f)));
}

static int64_t agg_time_us(const struct tape_minute *minute, int64_t j, uint64_t hash)
{
        int64_t place = (j << 16) + (int64_t)(hash & 0xffff);
        return minute->minute * GRID_MINUTE_MS * 1000 + place * (GRID_MINUTE_MS * 1000) / (minute->agg_count << 16);
}

static bool agg_buyer_is_maker(uint64_t hash)
{
        return (hash >> 50 & 1) != 0;
}

// Swings within a minute: a random height every WAVE aggregates, straight lines between them.
#define WAVE 64

static int64_t wave_height(const struct tape *tape, const struct tape_minute *minute, int64_t knot)
{
        int64_t height = minute->open_ticks / 16384 + 1;
        uint64_t hash = tape_hash(tape->key ^ UINT64_C(0x77617665) ^ (uint64_t)(minute->first_agg + knot * WAVE));
        return knot == 0 ? 0 : (int64_t)(hash % (uint64_t)(2 * height + 1)) - height;
}

// The best bid when the j-th aggregate comes: drift, swing, and a tick up or down every fourth aggregate.
static int64_t bid_ticks(const struct tape *tape, const struct tape_minute *minute, int64_t j)
{
        int64_t drift = (minute->close_ticks - minute->open_ticks) * j / minute->agg_count;
        int64_t knot = j / WAVE, within = j % WAVE;
        int64_t left = wave_height(tape, minute, knot), right = wave_height(tape, minute, knot + 1);
        int64_t swing = (left * (WAVE - within) + right * within) / WAVE;
        int64_t jitter = (int64_t)(agg_hash(tape, (minute->first_agg + j) / 4 * 4) >> 52 & 3) - 1;
        int64_t ticks = minute->open_ticks + drift + swing + jitter;
        return ticks > 0 ? ticks : 1;
}

void tape_get_agg(const struct tape *tape, const struct tape_minute *minute, int64_t j, struct tape_agg *agg)
{
        uint64_t hash = agg_hash(tape, minute->first_agg + j);
        agg->id = minute->first_agg + j;
        agg->first_trade = first_trade_of(minute, j);
        agg->trades = (j + 1 < minute->agg_count ? first_trade_of(minute, j + 1) : minute->count) - agg->first_trade;
        agg->time_us = agg_time_us(minute, j, hash);
        agg->bid_ticks = bid_ticks(tape, minute, j);
        agg->buyer_is_maker = agg_buyer_is_maker(hash);
}

// Who sells to the best bid finds a buyer who is the maker; who buys pays the best ask.
static int64_t agg_ticks(const struct tape_agg *agg)
{
        return agg->bid_ticks + (agg->buyer_is_maker ? 0 : 1);
}

int64_t tape_agg_price(const struct tape *tape, const struct tape_agg *agg)
{
        return agg_ticks(agg) * tape->tick;
}

// ---- trades ----

// Mostly small sizes, one in 64 a hundred times larger.
static int64_t trade_steps(const struct tape *tape, int64_t id)
{
        uint64_t hash = tape_hash(tape->key ^ ((uint64_t)id * UINT64_C(0xd6e8feb86659fd93)));
        int64_t steps = 1 + (int64_t)(hash >> 28 & 0xfff);
        return (hash >> 40 & 63) == 0 ? steps * 100 : steps;
}

int64_t tape_agg_quantity(const struct tape *tape, const struct tape_minute *minute, const struct tape_agg *agg)
{
        int64_t steps = 0;
        for (int64_t k = 0; k < agg->trades; k++) {
                steps += trade_steps(tape, minute->first_id + agg->first_trade + k);
        }
        return steps * tape->step;
}

void tape_get_trade(const struct tape *tape, const struct tape_minute *minute, int64_t k, struct tape_trade *trade)
{
        struct tape_agg agg;
        tape_get_agg(tape, minute, agg_of_trade(minute, k), &agg);
        trade->id = minute->first_id + k;
        trade->time_us = agg.time_us;
        trade->time_ms = agg.time_us / 1000;
        trade->price = tape_agg_price(tape, &agg);
        trade->quantity = trade_steps(tape, trade->id) * tape->step;
        trade->buyer_is_maker = agg.buyer_is_maker;
}

// ---- sums ----

// Of aggregates in a row: in ticks and steps, which 64 bits hold for a minute.
struct sums {
        int64_t open, high, low, close, volume, quote, taker_volume, taker_quote, trades, first, last;
};

static void add_agg(
    struct sums *sums, const struct tape *tape, const struct tape_minute *minute, const struct tape_agg *agg)
{
        int64_t ticks = agg_ticks(agg), steps = tape_agg_quantity(tape, minute, agg) / tape->step;
        if (sums->trades == 0) {
                sums->open = sums->low = ticks;
                sums->first = minute->first_id + agg->first_trade;
        }
        sums->high = ticks > sums->high ? ticks : sums->high;
        sums->low = ticks < sums->low ? ticks : sums->low;
        sums->close = ticks;
        sums->volume += steps;
        sums->quote += ticks * steps;
        // The taker buys where the buyer is not the maker.
        sums->taker_volume += agg->buyer_is_maker ? 0 : steps;
        sums->taker_quote += agg->buyer_is_maker ? 0 : ticks * steps;
        sums->trades += agg->trades;
        sums->last = minute->first_id + agg->first_trade + agg->trades - 1;
}

// The first aggregate of the minute at or after `time_ms`, or agg_count.
static int64_t find_agg(const struct tape *tape, const struct tape_minute *minute, int64_t time_ms)
{
        int64_t low = 0, high = minute->agg_count;
        while (low < high) {
                int64_t middle = (low + high) / 2;
                if (agg_time_us(minute, middle, agg_hash(tape, minute->first_agg + middle)) < time_ms * 1000) {
                        low = middle + 1;
                } else {
                        high = middle;
                }
        }
        return low;
}

void tape_sum_minute(const struct tape *tape, int64_t minute, int64_t from_ms, int64_t to_ms, struct bar *sum)
{
        struct tape_minute at;
        struct tape_agg agg;
        struct sums sums = {0};
        bar_clear(sum);
        if (tape->trades_per_minute == 0) {
                return;
        }
        tape_find_minute(tape, minute, &at);
        bool from_begin = from_ms <= minute * GRID_MINUTE_MS, to_end = to_ms >= (minute + 1) * GRID_MINUTE_MS;
        int64_t end = to_end ? at.agg_count : find_agg(tape, &at, to_ms);
        for (int64_t j = from_begin ? 0 : find_agg(tape, &at, from_ms); j < end; j++) {
                tape_get_agg(tape, &at, j, &agg);
                add_agg(&sums, tape, &at, &agg);
        }
        if (sums.trades == 0) {
                return;
        }
        int64_t quote_unit = tape->tick * tape->step / BAR_SCALE;
        sum->trades = sums.trades;
        sum->first_id = sums.first;
        sum->last_id = sums.last;
        sum->open = sums.open * tape->tick;
        sum->close = sums.close * tape->tick;
        sum->high = sums.high * tape->tick;
        sum->low = sums.low * tape->tick;
        sum->volume = (wide)sums.volume * tape->step;
        sum->quote_volume = (wide)sums.quote * quote_unit;
        sum->taker_base = (wide)sums.taker_volume * tape->step;
        sum->taker_quote = (wide)sums.taker_quote * quote_unit;
}

int64_t tape_aggs_before(const struct tape *tape, int64_t time_ms)
{
        struct tape_minute at;
        if (tape->trades_per_minute == 0) {
                return 0;
        }
        if (time_ms % GRID_MINUTE_MS == 0) {
                return aggs_before_minute(tape, time_ms / GRID_MINUTE_MS);
        }
        tape_find_minute(tape, floor_div(time_ms, GRID_MINUTE_MS), &at);
        return at.first_agg + find_agg(tape, &at, time_ms);
}

int64_t tape_count_before(const struct tape *tape, int64_t time_ms)
{
        struct tape_minute at;
        if (tape->trades_per_minute == 0) {
                return 0;
        }
        tape_find_minute(tape, floor_div(time_ms, GRID_MINUTE_MS), &at);
        int64_t j = time_ms % GRID_MINUTE_MS == 0 ? 0 : find_agg(tape, &at, time_ms);
        return at.first_id + (j == 0 ? 0 : j < at.agg_count ? first_trade_of(&at, j) : at.count);
}

int64_t tape_price(const struct tape *tape, int64_t minute)
{
        return walk_ticks(tape, minute) * tape->tick;
}
