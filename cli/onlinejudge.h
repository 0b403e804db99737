// SPDX-License-Identifier: Apache-2.0
// What the exchange's answers say about a configuration, one line per check: "ok     clock: ..." or "wrong  ...". Pure:
// everything comes as arguments, lines go to the report's file. Used by online.c. Where something is wrong the line
// names the cure, in the words that log and `status` have for it (common/cure.h).
#ifndef CLI_ONLINEJUDGE_H
#define CLI_ONLINEJUDGE_H

#include "common/catalog.h"
#include "common/http.h"
#include "config/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct online_report {
        FILE *out;
        size_t wrong; // lines that were
};

void onlinejudge_say(struct online_report *report, bool good, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct online_host {
        const char *what;  // "REST"
        const char *url;   // as configured
        const char *proxy; // empty: none
};

// True for an answer that may be read; else it is told. `own_ms`: this host's clock.
bool onlinejudge_answer(
    struct online_report *report, const struct online_host *host, const struct http_answer *answer, int64_t own_ms);
// "REST: https://... by the proxy ... <does>, in 12 ms".
void onlinejudge_reached(
    struct online_report *report, const struct online_host *host, const char *does, int64_t took_us);
// Of a connection that was only made: told either way.
void onlinejudge_connection(
    struct online_report *report, const struct online_host *host, const struct http_answer *answer, int64_t took_us);
// Both at the same moment, in microseconds since 1970.
void onlinejudge_clock(struct online_report *report, int64_t server_us, int64_t own_us);
void onlinejudge_limit(struct online_report *report, const struct settings *settings, uint32_t exchange_limit);
void onlinejudge_symbols(struct online_report *report, const struct settings *settings, const struct catalog *catalog);

#endif
