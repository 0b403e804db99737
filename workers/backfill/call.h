// SPDX-License-Identifier: Apache-2.0
// One REST request from the wish to a usable answer: it waits for the shared budget, is sent, is judged (answer.h), and
// is repeated after a backoff, or after a ban that every process on this address keeps. Used by the jobs and by
// clocksync.c. Owns its HTTP request; counts in the governor page and in this worker's vitals.
//
// It gives up after REST_ATTEMPTS_MAX answers that were of no use in a row; bans do not count, a job outlives them.
// Failures of all calls slow the whole worker down, so that a job that is granted again does not knock at once.
#ifndef BACKFILL_CALL_H
#define BACKFILL_CALL_H

#include "common/clock.h"
#include "common/governor.h"
#include "common/http.h"
#include "common/rest.h"

#include <stddef.h>
#include <stdint.h>

// What the calls of a worker share.
struct caller {
        struct event_base *base;
        struct http *http;
        struct governor_page *governor;
        struct vitals *vitals;
        const char *base_url;
        uint32_t failures;    // answers of no use in a row
        uint32_t restricted;  // HTTP 451 in a row
        mono_time hold_until; // nothing is sent before
};

struct call_answer {
        const char *body;
        size_t length;
        int64_t requested_us;    // exchange time when it was sent; -1: unknown
        boot_time sent, arrived; // this host's
};

// Parts of the budget, in thousandths.
#define SHARE_WHOLE 1000
#define SHARE_SETTLE 200

enum call_end { CALL_DONE, CALL_UNREACHABLE, CALL_REFUSED, CALL_NO_SYMBOL };

struct call_handler {
        // Reads a 200 answer. Returns 0, or -1 with the reason in `why`: it is asked again.
        int (*take)(void *context, const struct call_answer *answer, char why[REASON_SIZE]);
        // Exactly once per call_start() unless cancelled. `text` says why where it is not CALL_DONE.
        void (*ended)(void *context, enum call_end end, const char *text);
        void *context;
};

struct call;

struct call *call_new(struct caller *caller, const struct call_handler *handler); // NULL: out of memory, logged
void call_free(struct call *call);
// `share_permille` of the budget at most. The call must not be under way.
void call_start(struct call *call, const struct rest_query *query, uint32_t share_permille);
void call_cancel(struct call *call);

#endif
