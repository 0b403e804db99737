// SPDX-License-Identifier: Apache-2.0
// The exchange's clock, by GET /api/v3/time: the governor page learns its offset for all processes. Used by main.c at
// start, while idle, and before a job whose clock is old. Owns one call.
#ifndef BACKFILL_CLOCKSYNC_H
#define BACKFILL_CLOCKSYNC_H

#include "workers/backfill/call.h"

#include <stdbool.h>

#define CLOCK_IDLE_S 30 // an idle worker reads the clock this often
#define CLOCK_JOB_S 10  // a job begins with a clock no older than this

struct clocksync;

// `changed` is called when a synchronisation has ended.
struct clocksync *clocksync_new(struct caller *caller, void (*changed)(void *context), void *context);
void clocksync_free(struct clocksync *clocksync);

// Asks unless it is asking already.
void clocksync_start(struct clocksync *clocksync);
bool clocksync_is_running(const struct clocksync *clocksync);
// Why the last one failed; empty when it did not.
const char *clocksync_error(const struct clocksync *clocksync);
// Whether any process has synchronised within the last `age_s` seconds.
bool clocksync_is_fresh(const struct governor_page *governor, int64_t age_s);

#endif
