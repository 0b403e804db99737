// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/deriverows.h"

#include "common/clock.h"
#include "common/memory.h"
#include "common/tickdecode.h"

#include <stdlib.h>

struct tickquery deriverows_query(
    const struct store *store, const struct tick_bucket *ticks, int64_t start_us, int64_t end_us)
{
        return (struct tickquery){.root = store->root,
            .symbol = ticks->directory,
            .kind = ticks->kind,
            .start_ns = start_us == INT64_MIN ? INT64_MIN : start_us * NS_PER_US,
            .end_ns = end_us * NS_PER_US - 1};
}

static int decode(enum tick_kind kind, const struct tick_run *run, size_t i, struct derive_event *event)
{
        const unsigned char *columns = tick_run_columns(run, i);
        int result;

        if (kind == TICK_TRADE) {
                result = tick_decode_trade(columns, tick_run_time_ns(run, i), &event->of.trade);
                event->id = event->of.trade.id;
        } else {
                result = tick_decode_agg_trade(columns, tick_run_time_ns(run, i), &event->of.agg_trade);
                event->id = event->of.agg_trade.id;
        }
        return result;
}

static int by_id(const void *left, const void *right)
{
        const struct derive_event *a = left, *b = right;

        return (a->id > b->id) - (a->id < b->id);
}

int deriverows_decode(struct derive_rows *rows, enum tick_kind kind, const struct tick_run *run)
{
        bool ascending = true;

        if (!tick_decode_is_possible(kind, run->schema))
                return -1;
        if (run->count > rows->capacity) {
                rows->events = memory_resized(rows->events, run->count, sizeof(*rows->events));
                rows->capacity = run->count;
        }
        for (size_t i = 0; i < run->count; i++) {
                if (decode(kind, run, i, &rows->events[i]) < 0)
                        return -1;
                ascending = ascending && (i == 0 || rows->events[i - 1].id < rows->events[i].id);
        }
        if (!ascending)
                qsort(rows->events, run->count, sizeof(*rows->events), by_id);
        return 0;
}

int deriverows_add(struct aggregate *aggregate, enum tick_kind kind, const struct derive_event *event)
{
        return kind == TICK_TRADE ? aggregate_add_trade(aggregate, &event->of.trade)
                                  : aggregate_add_agg_trade(aggregate, &event->of.agg_trade);
}

double deriverows_price(enum tick_kind kind, const struct derive_event *event)
{
        const struct level *level = kind == TICK_TRADE ? &event->of.trade.level : &event->of.agg_trade.level;

        return decimal64_to_double(level->price, level->price_exponent);
}

void deriverows_free(struct derive_rows *rows)
{
        free(rows->events);
}
