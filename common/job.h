// SPDX-License-Identifier: Apache-2.0
// Backfill jobs: what the writer grants to a backfill worker over their SEQPACKET pair. The worker asks (WANT) when it
// is free; without work the question stays open and nobody polls. EOF on either side frees the lease. The data goes
// over the bulk pipeline: JOB_BEGIN, PAGE and rows, JOB_END.
#ifndef COMMON_JOB_H
#define COMMON_JOB_H

#include "common/limits.h"

#include <stdint.h>

enum job_message_type { JOB_WANT = 1, JOB_GRANT, JOB_FAILED, JOB_REVOKE };
enum job_kind {
        JOB_KLINES = 1,
        JOB_CATALOG,
        JOB_LISTING,
        JOB_TRADES,     // by id (historicalTrades)
        JOB_AGG_TRADES, // by id, or from a time on while the first id is unknown
};
enum job_purpose { JOB_HISTORY = 1, JOB_GAP, JOB_SETTLE, JOB_UPKEEP };

struct job {
        uint64_t lease;
        uint32_t kind;    // enum job_kind
        uint32_t purpose; // enum job_purpose; settling uses at most a fifth of the budget
        char symbol[SYMBOL_SIZE];
        uint32_t interval;        // enum interval
        uint32_t page_rows;       // rows per request
        int64_t start_us, end_us; // open times [start_us, end_us)
        // Trades and aggregate trades: ids [first_id, last_id], both wanted. first_id -1: the ids are not known yet;
        // the worker finds those of exchange times [start_us, end_us) (aggTrades by time; trades by an aggregate's
        // first id).
        int64_t first_id, last_id;
};

enum job_failure {
        JOB_FAILURE_NETWORK = 1, // no or a broken answer after the retries: ask again later
        JOB_FAILURE_REFUSED,     // HTTP 4xx with a code: asking again will not help (`text` says why)
        JOB_FAILURE_SYMBOL,      // −1121: no such symbol
        JOB_FAILURE_STALLED,     // the writer did not acknowledge
        JOB_FAILURE_STOPPED,     // the worker ends
};

struct job_message {
        uint32_t type;    // enum job_message_type
        uint32_t failure; // enum job_failure
        struct job job;
        char text[REASON_SIZE];
};

#endif
