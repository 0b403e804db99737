// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/derivedamage.h"

#include "common/clock.h"
#include "common/log.h"
#include "workers/writer/tickset.h"

#include <errno.h>

#define DAMAGED_MAX 1024 // seconds in a row that are passed over

struct neighbour {
        enum tick_kind kind;
        struct derive_rows *rows;
        int64_t id;
};

static int take_neighbour(void *context, const struct tick_run *run)
{
        struct neighbour *neighbour = context;

        if (deriverows_decode(neighbour->rows, neighbour->kind, run) == 0)
                neighbour->id = neighbour->rows->events[0].id;
        return 0;
}

// The id of the last trade before a second, or of the first one after it, other damaged ones passed over; -1: none.
static int64_t find_neighbour(
    const struct store *store, const struct tick_bucket *ticks, struct derive_rows *rows, int64_t second, bool after)
{
        struct neighbour neighbour = {ticks->kind, rows, -1};
        char why[REASON_SIZE];

        for (int tries = 0; tries < DAMAGED_MAX; tries++) {
                struct tickquery query = deriverows_query(store, ticks, INT64_MIN, second * US_PER_S);

                if (after) {
                        query.start_ns = (second + 1) * US_PER_S * NS_PER_US;
                        query.end_ns = INT64_MAX;
                }
                query.limit = 1;
                query.limit_from_start = after;
                query.damaged_second = &second;
                if (tickquery_run(&query, take_neighbour, &neighbour, why) == 0 || errno != EBADMSG)
                        break;
        }
        return neighbour.id;
}

void derivedamage_uncover(struct store *store, struct tick_bucket *ticks, struct derive_rows *rows, int32_t epoch,
    int64_t second, const char *why)
{
        int64_t first_id = find_neighbour(store, ticks, rows, second, false) + 1;
        int64_t next_id = find_neighbour(store, ticks, rows, second, true);
        int64_t last_id = next_id >= 0 ? next_id - 1 : tick_covered_last(ticks);

        log_error("%s %s: %s; ids %lld to %lld count as missing and are fetched again", ticks->symbol,
            tick_group(ticks->kind), why, (long long)first_id, (long long)last_id);
        if (first_id <= last_id)
                tick_uncover(store, ticks, epoch, first_id, last_id);
}
