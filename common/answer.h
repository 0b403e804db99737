// SPDX-License-Identifier: Apache-2.0
// What an HTTP answer of Binance means for the request and for everybody on this address. Pure. Called by
// workers/backfill/call.c. The rules are Binance's (rest-api.md, errors.md): 429 and 418 with Retry-After stop this
// address; 403 is its firewall and lifts after five minutes; 451 is geography; a code of the "internal error" family is
// worth repeating, every other one is not.
#ifndef COMMON_ANSWER_H
#define COMMON_ANSWER_H

#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum answer_verdict {
        ANSWER_OK,      // 200 and a body that may be JSON
        ANSWER_RETRY,   // again, after a backoff
        ANSWER_BAN,     // nobody may ask for `ban_seconds`, then again
        ANSWER_REFUSED, // asking again will not help
        ANSWER_SYMBOL,  // −1121: there is no such symbol
};

struct answer_input {
        int status;        // 0: nothing came
        const char *error; // below HTTP; NULL: the body is complete
        const char *body;
        size_t length;
        int64_t retry_after_s; // -1: absent
        int64_t now_ms;        // exchange time, or this host's where unknown: only to read the end in a ban's text
        uint32_t restricted;   // HTTP 451 answers in a row before this one
        const char *may_lack;  // the endpoint, where hosts exist that do not have it, else NULL
        bool public_host;      // a host of public market data alone: it lacks such an endpoint, and says so by 403 too
};

struct answer {
        enum answer_verdict verdict;
        bool malformed;      // the exchange or something before it sent what it never should
        int code;            // of Binance's error body, 0: none
        uint32_t ban_status; // 429, 418, 403 or 451
        int64_t ban_seconds;
        char text[REASON_SIZE]; // why, for a log line; empty for OK
};

void answer_judge(const struct answer_input *input, struct answer *answer);

#endif
