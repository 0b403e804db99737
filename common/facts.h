// SPDX-License-Identifier: Apache-2.0
// Figures of a running instance, read from its governor page in one go: request weight, connections, ban, spool. What
// progress and `status` show of them; a plain value. Reading never fails, for the page outlives its instance.
#ifndef COMMON_FACTS_H
#define COMMON_FACTS_H

#include "common/governor.h"

#include <stdint.h>

#define UNREACHABLE_FEW 3 // requests without an answer before it is worth a word

struct facts {
        uint32_t weight_used, weight_budget; // of this minute; budget: our share of the limit, 0: no limit
        uint32_t connections;                // in the last five minutes
        uint32_t streams, streams_connected;
        int64_t ban_s;
        uint32_t ban_status, unreachable;
        uint64_t spool_batches, spool_bytes;
        int64_t p50_us, p99_us, p999_us;
        bool disk_full;
        uint64_t rows_fetched; // by the backfill workers that run at present
};

// Request weight a minute that is ours to spend; 0: no limit.
uint32_t facts_weight_budget(const struct governor_page *page);
void facts_read(const struct governor_page *page, struct facts *facts);
// True while requests cannot be made.
bool facts_is_hindered(const struct facts *facts);

#endif
