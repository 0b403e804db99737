// SPDX-License-Identifier: Apache-2.0
// exchange: the simulated Binance as a whole. Everything runs in one thread on one libevent loop; this structure is
// what its parts share. main.c makes and frees it.
#ifndef BF_EXCHANGE_EXCHANGE_H
#define BF_EXCHANGE_EXCHANGE_H

#include <event2/event.h>

#include "tests/exchange/faults.h"
#include "tests/exchange/market.h"
#include "tests/exchange/options.h"
#include "tests/exchange/ratelimit.h"
#include "tests/exchange/served.h"
#include "tests/exchange/simclock.h"

struct server;
struct sessions;

struct exchange {
        const struct options *options;
        struct event_base *base;
        struct simclock clock;
        struct market *market;
        struct captures *captures; // NULL: none
        bool capture_waits;        // for the first who subscribes to it
        struct rate rate;
        struct faults *faults;
        struct served *served;
        struct server *server;
        struct sessions *sessions;
        int64_t rest_lag_ms;
        int64_t outage_until_ms; // monotonic; 0: none
        size_t outage_hole;      // the hole a halted market leaves
        bool outage_halts;
};

// One line on standard error when --verbose was given.
void exchange_log(const struct exchange *exchange, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
