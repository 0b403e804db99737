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

// Ids before a minute. Rate times minutes plus a jitter of at most the rate never decreases, needs no walking through
// history, and leaves about one minute in (rate + 1)^2 without a trade.
static int64_t count_before_minute(const struct tape *tape, int64_t minute)
{
        int64_t rate = tape->trades_per_minute;
        uint64_t jitter = tape_hash(tape->key ^ UINT64_C(0x7261746573) ^ (uint64_t)minute * 3);
        return minute * rate + (int64_t)(jitter % (uint64_t)(rate + 1));
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
        found->first_id = count_before_minute(tape, minute);
        found->count = count_before_minute(tape, minute + 1) - found->first_id;
        found->open_ticks = walk_ticks(tape, minute);
        found->close_ticks = walk_ticks(tape, minute + 1);
}

static uint64_t trade_hash(const struct tape *tape, const struct tape_minute *minute, int64_t k)
{
        return tape_hash(tape->key ^ ((uint64_t)(minute->first_id + k) * UINT64_C(0xd6e8feb86659fd93)));
}

static int64_t trade_time(const struct tape_minute *minute, int64_t k, uint64_t hash)
{
        int64_t place = (k << 16) + (int64_t)(hash & 0xffff);
        return minute->minute * GRID_MINUTE_MS + place * GRID_MINUTE_MS / (minute->count << 16);
}

static int64_t trade_ticks(const struct tape_minute *minute, int64_t k, uint64_t hash)
{
        int64_t drift = (minute->close_ticks - minute->open_ticks) * k / minute->count;
        int64_t noise = ((int64_t)(hash >> 16 & 0xfff) - 2048) * minute->open_ticks / (INT64_C(1) << 23);
        int64_t ticks = minute->open_ticks + drift + noise;
        return ticks > 0 ? ticks : 1;
}

// Mostly small sizes, one in 64 a hundred times larger.
static int64_t trade_steps(uint64_t hash)
{
        int64_t steps = 1 + (int64_t)(hash >> 28 & 0xfff);
        return (hash >> 40 & 63) == 0 ? steps * 100 : steps;
}

static bool trade_buyer_is_maker(uint64_t hash)
{
        return (hash >> 50 & 1) != 0;
}

void tape_get_trade(const struct tape *tape, const struct tape_minute *minute, int64_t k, struct tape_trade *trade)
{
        uint64_t hash = trade_hash(tape, minute, k);
        trade->id = minute->first_id + k;
        trade->time_ms = trade_time(minute, k, hash);
        trade->price = trade_ticks(minute, k, hash) * tape->tick;
        trade->quantity = trade_steps(hash) * tape->step;
        trade->buyer_is_maker = trade_buyer_is_maker(hash);
}

void tape_sum_minute(const struct tape *tape, int64_t minute, int64_t from_ms, int64_t to_ms, struct bar *sum)
{
        struct tape_minute at;
        int64_t high = 0, low = INT64_MAX, volume = 0, quote = 0, taker_volume = 0, taker_quote = 0;
        bool whole = from_ms <= minute * GRID_MINUTE_MS && to_ms >= (minute + 1) * GRID_MINUTE_MS;
        bar_clear(sum);
        if (tape->trades_per_minute == 0) {
                return;
        }
        tape_find_minute(tape, minute, &at);
        for (int64_t k = 0; k < at.count; k++) {
                uint64_t hash = trade_hash(tape, &at, k);
                if (!whole) {
                        int64_t time = trade_time(&at, k, hash);
                        if (time < from_ms) {
                                continue;
                        }
                        if (time >= to_ms) {
                                break;
                        }
                }
                int64_t ticks = trade_ticks(&at, k, hash), steps = trade_steps(hash);
                if (sum->trades++ == 0) {
                        sum->open = ticks;
                        sum->first_id = at.first_id + k;
                }
                sum->last_id = at.first_id + k;
                sum->close = ticks;
                high = ticks > high ? ticks : high;
                low = ticks < low ? ticks : low;
                volume += steps;
                quote += ticks * steps;
                // The taker buys where the buyer is not the maker.
                taker_volume += trade_buyer_is_maker(hash) ? 0 : steps;
                taker_quote += trade_buyer_is_maker(hash) ? 0 : ticks * steps;
        }
        if (sum->trades == 0) {
                return;
        }
        int64_t quote_unit = tape->tick * tape->step / BAR_SCALE;
        sum->open *= tape->tick;
        sum->close *= tape->tick;
        sum->high = high * tape->tick;
        sum->low = low * tape->tick;
        sum->volume = (wide)volume * tape->step;
        sum->quote_volume = (wide)quote * quote_unit;
        sum->taker_base = (wide)taker_volume * tape->step;
        sum->taker_quote = (wide)taker_quote * quote_unit;
}

int64_t tape_count_before(const struct tape *tape, int64_t time_ms)
{
        struct tape_minute at;
        if (tape->trades_per_minute == 0) {
                return 0;
        }
        if (time_ms % GRID_MINUTE_MS == 0) {
                return count_before_minute(tape, time_ms / GRID_MINUTE_MS);
        }
        tape_find_minute(tape, floor_div(time_ms, GRID_MINUTE_MS), &at);
        int64_t k = 0;
        while (k < at.count && trade_time(&at, k, trade_hash(tape, &at, k)) < time_ms) {
                k++;
        }
        return at.first_id + k;
}

int64_t tape_price(const struct tape *tape, int64_t minute)
{
        return walk_ticks(tape, minute) * tape->tick;
}
