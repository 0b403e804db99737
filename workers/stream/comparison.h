// SPDX-License-Identifier: Apache-2.0
// Asks REST whether a silent connection misses something: has the symbol that was heard last been traded since? One
// request at a time, under the budget that all processes of this address share. A halted symbol has not, for days, and
// its connection is left alone; where there are trades, the connection is renewed. Owned by worker.c, asked by
// carrier.c; never fails, it is asked again.
#ifndef WORKERS_STREAM_COMPARISON_H
#define WORKERS_STREAM_COMPARISON_H

#include "common/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;
struct carrier;
struct ws_get;

enum comparison_verdict { COMPARISON_NOTHING_NEWER, COMPARISON_AHEAD, COMPARISON_UNANSWERED };

struct comparison {
        struct worker *worker;
        struct carrier *asking; // NULL: nothing is under way
        struct ws_get *get;
        const char *symbol;
        uint32_t minute;    // in which the request began
        mono_time given_up; // the request has failed then
        unsigned attempts;
};

// Asks for trades of `symbol` after exchange time `since_us`; carrier_take_comparison() is called with the verdict,
// from the loop. False: not now (one is under way, or the budget is used up).
bool comparison_ask(
    struct comparison *comparison, struct carrier *carrier, const char *symbol, int64_t since_us, mono_time now);
// Gives up what takes too long; every few seconds.
void comparison_step(struct comparison *comparison, mono_time now);
// No more requests: the worker ends.
void comparison_stop(struct comparison *comparison);

// What an answer says (pure): a list of trades, of which any is news. Returns NULL and the verdict, or what is wrong.
const char *comparison_read(const char *body, size_t length, enum comparison_verdict *verdict);

#endif
