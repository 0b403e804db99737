// SPDX-License-Identifier: Apache-2.0
// The lines about a running instance that run and backfill both show: request weight, connections, ban, spool.
#ifndef CLI_FACTS_H
#define CLI_FACTS_H

#include "common/governor.h"

#include <stdint.h>

struct screen;

#define UNREACHABLE_FEW 3 // requests without an answer before it is worth a word

struct facts {
        uint32_t weight_used, weight_budget; // of this minute; budget: our share of the limit, 0: no limit
        uint32_t connections;                // in the last five minutes
        uint32_t streams, streams_connected;
        int64_t ban_s;
        uint32_t ban_status, unreachable;
        uint64_t spool_batches, spool_bytes;
        int64_t p50_us, p99_us;
        bool disk_full;
        uint64_t rows_fetched; // by the backfill workers that run at present
};

void facts_read(const struct governor_page *page, struct facts *facts);
// "weight 312 of 5,400 this minute · 3 of 3 streams connected · ..." into the panel, and a line for what hinders.
// `working`: history is being fetched.
void facts_draw(const struct facts *facts, bool working, struct screen *screen);
// True while requests cannot be made.
bool facts_is_hindered(const struct facts *facts);

#endif
