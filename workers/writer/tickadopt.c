// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/tickadopt.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/tickdecode.h"
#include "common/tickquery.h"
#include "workers/writer/tickset.h"
#include "workers/writer/ticksink.h"

#include <errno.h>

#define STEP_MS 200 // then others have their turn

enum { STOP_TIME = 1 };

struct adopting {
        struct store *store;
        struct tick_bucket *bucket;
        struct id_range run; // not yet covered; first_id -1: none
        mono_time begun;
};

struct row {
        int64_t id, time_us, received_wall_ns;
};

static int decode(enum tick_kind kind, const struct tick_run *run, size_t i, struct row *row)
{
        const unsigned char *columns = tick_run_columns(run, i);
        int64_t time_ns = tick_run_time_ns(run, i);
        struct agg_trade agg_trade;
        struct trade trade;
        int result;

        if (kind == TICK_TRADE) {
                result = tick_decode_trade(columns, time_ns, &trade);
                *row = (struct row){trade.id, trade.time_us, trade.received_wall_ns};
        } else {
                result = tick_decode_agg_trade(columns, time_ns, &agg_trade);
                *row = (struct row){agg_trade.id, agg_trade.time_us, agg_trade.received_wall_ns};
        }
        return result == 0 && row->id >= 0 && row->id < INT64_MAX ? 0 : -1;
}

static void end_run(struct adopting *adopting)
{
        if (adopting->run.first_id >= 0)
                tick_cover(adopting->store, adopting->bucket, &adopting->run);
        adopting->run.first_id = -1;
}

static void adopt_row(struct adopting *adopting, const struct row *row)
{
        struct tick_bucket *bucket = adopting->bucket;
        struct id_range *run = &adopting->run;

        if (run->first_id < 0 || row->id != run->last_id + 1) {
                end_run(adopting);
                int32_t epoch = tick_epoch_of(adopting->store, bucket, row->id, row->time_us);
                *run = (struct id_range){epoch, ID_ADOPTED, row->id, row->id, row->time_us, row->time_us};
        }
        run->last_id = row->id;
        run->last_us = row->time_us > run->last_us ? row->time_us : run->last_us;
        // From the first streamed one on, holes are to be filled.
        if (row->received_wall_ns != 0 && bucket->live_from_id < 0)
                bucket->live_from_id = row->id;
        bucket->adopted++;
}

static int take_run(void *context, const struct tick_run *run)
{
        struct adopting *adopting = context;
        bool understood = tick_decode_is_possible(adopting->bucket->kind, run->schema);
        struct row row;

        for (size_t i = 0; i < run->count && understood; i++) {
                if (decode(adopting->bucket->kind, run, i, &row) == 0)
                        adopt_row(adopting, &row);
        }
        adopting->bucket->adopt_from_us = (run->second + 1) * US_PER_S;
        return mono_since_ms(mono_now(), adopting->begun) >= STEP_MS ? STOP_TIME : 0;
}

static int finish(struct store *store, struct tick_bucket *bucket)
{
        if (bucket->adopted > 0)
                log_info("%s %s: %lld rows found that the ledger did not know; they count as stored, and what they "
                         "lack is fetched",
                    bucket->symbol, tick_group(bucket->kind), (long long)bucket->adopted);
        bucket->adopting = false;
        tick_row_changed(store, bucket);
        return 0;
}

int tickadopt_step(struct store *store, struct tick_bucket *bucket)
{
        struct adopting adopting = {.store = store, .bucket = bucket, .run = {.first_id = -1}, .begun = mono_now()};
        int64_t damaged_second = -1;
        struct tickquery query = {.root = store->root,
            .symbol = bucket->directory,
            .kind = bucket->kind,
            .end_ns = INT64_MAX,
            .damaged_second = &damaged_second};
        char why[REASON_SIZE];

        if (!tick_kind_has_ids(bucket->kind))
                return finish(store, bucket);
        for (;;) {
                query.start_ns = bucket->adopt_from_us * NS_PER_US;
                int result = tickquery_run(&query, take_run, &adopting, why), error = errno;
                end_run(&adopting);
                if (result == 0 || (result < 0 && error == ENOENT))
                        return finish(store, bucket);
                if (result == STOP_TIME) {
                        errno = EAGAIN;
                        return -1;
                }
                if (error == EINVAL)
                        return ticksink_refuse(store, bucket, why);
                errno = error;
                if (error != EBADMSG || damaged_second < 0)
                        return -1;
                log_error("%s %s: %s; its rows are fetched again", bucket->symbol, tick_group(bucket->kind), why);
                bucket->adopt_from_us = (damaged_second + 1) * US_PER_S;
        }
}
