// SPDX-License-Identifier: Apache-2.0
#include "config/derivation.h"

#include "common/aggregate.h"

#include <string.h>

interval_set derivation_native(const struct settings *settings)
{
        interval_set native = 0;
        if ((settings->stream_types & DATA_KLINE) != 0)
                native |= settings->stream_intervals;
        if ((settings->backfill_data & DATA_KLINE) != 0)
                native |= settings->backfill_intervals;
        return native;
}

static enum aggregate_from streamed_ticks(const struct settings *settings)
{
        if ((settings->stream_types & DATA_KLINE) != 0)
                return AGGREGATE_UNSAID;
        if ((settings->stream_types & DATA_TRADE) != 0)
                return AGGREGATE_TRADE;
        return (settings->stream_types & DATA_AGG_TRADE) != 0 ? AGGREGATE_AGG_TRADE : AGGREGATE_UNSAID;
}

uint32_t derivation_source(const struct settings *settings)
{
        enum aggregate_from ticks = streamed_ticks(settings);
        interval_set native = derivation_native(settings);
        if (ticks != AGGREGATE_UNSAID)
                return ticks;
        return native == 0 ? AGGREGATE_UNSAID : AGGREGATE_BARS + (uint32_t)__builtin_ctz(native);
}

static void resolve_one(uint32_t from, interval_set to, bool check, enum interval interval, struct derivation *made)
{
        *made = (struct derivation){from < AGGREGATE_BARS ? (enum aggregate_from)from : AGGREGATE_BARS,
            from < AGGREGATE_BARS ? INTERVAL_1S : (enum interval)(from - AGGREGATE_BARS), check};
        for (unsigned smaller = 0; smaller < interval; smaller++)
                if ((to >> smaller & 1) != 0 && aggregate_is_multiple(interval, (enum interval)smaller)) {
                        made->from = AGGREGATE_BARS;
                        made->interval = (enum interval)smaller;
                }
}

static void resolve_block(uint32_t from, interval_set to, bool check, struct derivation of[INTERVAL_COUNT])
{
        for (unsigned i = 0; i < INTERVAL_COUNT; i++)
                if ((to >> i & 1) != 0 && of[i].from == AGGREGATE_UNSAID)
                        resolve_one(from, to, check, (enum interval)i, &of[i]);
}

void derivation_resolve(const struct settings *settings, struct derivation of[INTERVAL_COUNT])
{
        enum aggregate_from ticks = streamed_ticks(settings);
        memset(of, 0, INTERVAL_COUNT * sizeof *of);
        for (size_t i = 0; i < AGGREGATES_MAX && settings->aggregates[i].to != 0; i++) {
                const struct aggregation *block = &settings->aggregates[i];
                uint32_t from = block->from != AGGREGATE_UNSAID ? block->from : derivation_source(settings);
                if (from != AGGREGATE_UNSAID)
                        resolve_block(from, block->to, block->check, of);
        }
        if (ticks != AGGREGATE_UNSAID)
                resolve_block(ticks, settings->timeframes, false, of);
}
