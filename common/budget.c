// SPDX-License-Identifier: Apache-2.0
#include "common/budget.h"

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"

static uint32_t word_period(uint64_t word)
{
        return (uint32_t)(word >> 32);
}

static uint32_t word_used(uint64_t word)
{
        return (uint32_t)word;
}

static uint64_t make_word(uint32_t period, uint64_t used)
{
        return (uint64_t)period << 32 | (used < UINT32_MAX ? used : UINT32_MAX);
}

static int64_t divide_up(int64_t a, int64_t b)
{
        return (a + b - 1) / b;
}

static int64_t wait_ms(int64_t us)
{
        return us <= US_PER_MS ? 1 : divide_up(us, US_PER_MS);
}

struct budget_time budget_time_at(int64_t real_us, int64_t period_us)
{
        REQUIRE(real_us >= 0 && period_us > 0);
        return (struct budget_time){(uint32_t)(real_us / period_us), real_us % period_us};
}

// The present as the word has it, and what was used in it.
static uint32_t enter_period(uint64_t word, struct budget_time *now)
{
        if (word_period(word) > now->period)
                *now = (struct budget_time){word_period(word), 0};
        return word_period(word) == now->period ? word_used(word) : 0;
}

uint32_t budget_used(uint64_t word, struct budget_time now)
{
        return enter_period(word, &now);
}

int64_t budget_take(const struct budget_rule *rule, struct budget_time now, uint32_t amount, uint64_t *word)
{
        uint32_t permille = rule->utilization_permille < BUDGET_UTILIZATION_MAX_PERMILLE
                                ? rule->utilization_permille
                                : BUDGET_UTILIZATION_MAX_PERMILLE;
        int64_t limit = (int64_t)rule->limit * rule->share_permille / 1000, budget = limit * permille / 1000;
        int64_t used = enter_period(*word, &now), after = used + amount;

        bool alone = amount > budget && used == 0;
        if (rule->limit != BUDGET_UNLIMITED && !alone) {
                if (after > budget)
                        return wait_ms(rule->period_us - now.elapsed_us);
                // What a full period, the burst of the next and its first second take together stays below the limit.
                int64_t burst = budget * BUDGET_BURST_PERMILLE / 1000;
                int64_t headroom = limit - budget - divide_up(budget * US_PER_S, rule->period_us);
                if (burst > headroom)
                        burst = headroom > 0 ? headroom : 0;
                // After this time as much is allowed; before the period's end, for after <= budget.
                int64_t due_us = divide_up((after - burst) * rule->period_us, budget);
                if (due_us > now.elapsed_us)
                        return wait_ms(due_us - now.elapsed_us);
        }
        *word = make_word(now.period, (uint64_t)after);
        return 0;
}

bool budget_raise(uint32_t period, uint32_t used, uint64_t *word)
{
        if (word_period(*word) != period || used <= word_used(*word))
                return false;
        *word = make_word(period, used);
        return true;
}

int64_t budget_connect(
    uint32_t limit, bool reconnect, int64_t period_us, struct budget_time now, int64_t spacing_ms, uint64_t *word)
{
        uint32_t margin = (uint32_t)(1000 / spacing_ms), used = enter_period(*word, &now);
        uint32_t allowed = reconnect ? limit - margin : limit - limit / 3 - margin;

        if (used >= allowed)
                return wait_ms(period_us - now.elapsed_us);
        *word = make_word(now.period, (uint64_t)used + 1);
        return 0;
}

// Into [-30 s, 30 s): of the minute only the phase matters, an exchange whose clock stands in another year has one too.
static int64_t wrap_phase_us(int64_t us)
{
        int64_t within = (us + US_PER_MIN / 2) % US_PER_MIN;

        return (within < 0 ? within + US_PER_MIN : within) - US_PER_MIN / 2;
}

int64_t budget_align_us(int64_t phase_us, bool aligned, int64_t our_us, int64_t date_s)
{
        // Cut to seconds and on its way since then, a date proves that the exchange is at least this far; how much
        // further, up to a second, no answer says alone.
        int64_t least_us = wrap_phase_us(date_s % 60 * US_PER_S - our_us % US_PER_MIN);

        if (!aligned)
                return wrap_phase_us(least_us + US_PER_S / 2);
        int64_t ahead_us = wrap_phase_us(phase_us - least_us);
        if (ahead_us < 0)
                return least_us;
        // A late answer looks like an exchange that is behind: back only in steps.
        if (ahead_us > 2 * US_PER_S)
                return wrap_phase_us(phase_us - (ahead_us - US_PER_S) / 8);
        return phase_us;
}

int64_t budget_ban_us(uint32_t status, int64_t retry_after_s, struct budget_time minute)
{
        int64_t seconds = retry_after_s, least = BAN_SECONDS_MIN;

        switch (status) {
        case 418: least = seconds > 0 ? BAN_SECONDS_MIN : BAN_UNNAMED_S; break;
        case 403: least = BAN_FORBIDDEN_S; break;
        case 451: least = BAN_RESTRICTED_S_MIN; break;
        default:
                // The counter that was exceeded is that of the minute; a second more, for the minutes may differ.
                if (seconds <= 0)
                        seconds = divide_up(US_PER_MIN - minute.elapsed_us, US_PER_S) + 1;
        }
        if (seconds < least)
                seconds = least;
        return (seconds < BAN_SECONDS_MAX ? seconds : BAN_SECONDS_MAX) * US_PER_S;
}
