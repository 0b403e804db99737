// SPDX-License-Identifier: Apache-2.0
// How many requests and connections may start now: the arithmetic behind common/governor.h. Pure functions of a word,
// a rule and a time; the words themselves, shared by all processes, are the governor page's.
//
// A word is {period number << 32 | used in that period}. Time is real time in microseconds (not the exchange's clock in
// a test, which may run fast), cut into periods as the exchange cuts it: minutes, and five minutes.
#ifndef COMMON_BUDGET_H
#define COMMON_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_UNLIMITED UINT32_MAX
#define BUDGET_WHOLE_PERMILLE 1000
// The exchange's periods and ours may differ by a second, so what the end of one and the first second of the next may
// take together must fit into one limit. Nearer to the limit than this, that is impossible.
#define BUDGET_UTILIZATION_MAX_PERMILLE 960
#define BUDGET_BURST_PERMILLE 100 // of the budget may be used at once at a period's begin

struct budget_rule {
        uint32_t limit;                // of the exchange, per period; BUDGET_UNLIMITED: count only
        uint32_t utilization_permille; // our share of it
        uint32_t share_permille;       // this caller's share of ours; BUDGET_WHOLE_PERMILLE: all
        int64_t period_us;
};

struct budget_time {
        uint32_t period;    // number of the period
        int64_t elapsed_us; // in it
};

struct budget_time budget_time_at(int64_t real_us, int64_t period_us);

// Takes `amount` from the word's period. Use is paced: after a first burst, what was used may not run ahead of the
// time. A request that is larger than the whole budget goes alone in its period. A word whose period is ahead of `now`
// (our clock stepped back) is taken as the present: periods never run backwards.
// Returns 0 and changes *word, or the milliseconds (at least 1, at most to the end of the period) after which it fits.
int64_t budget_take(const struct budget_rule *rule, struct budget_time now, uint32_t amount, uint64_t *word);
// What `word` says was used in the period `now`.
uint32_t budget_used(uint64_t word, struct budget_time now);
// The exchange says that `used` was used in `period`. Only upwards, only while that is the word's period.
// Returns whether *word changed.
bool budget_raise(uint32_t period, uint32_t used, uint64_t *word);

// Takes one of `limit` connections per period; a third of them, and what a second could add where periods differ, is
// kept for reconnects. Returns as budget_take().
int64_t budget_connect(
    uint32_t limit, bool reconnect, int64_t period_us, struct budget_time now, int64_t spacing_ms, uint64_t *word);

// The phase of the exchange's minute against ours, within half a minute, corrected by a Date header: `date_s` is its
// time cut to seconds, `our_us` ours without phase when the answer arrived. `aligned`: `phase_us` came from a header.
int64_t budget_align_us(int64_t phase_us, bool aligned, int64_t our_us, int64_t date_s);

// How long REST must rest after `status` (429, 418, 403, 451) with `retry_after_s` (0 or less: absent).
int64_t budget_ban_us(uint32_t status, int64_t retry_after_s, struct budget_time minute);

#endif
