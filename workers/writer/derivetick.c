// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/derivetick.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "workers/writer/adopt.h"
#include "workers/writer/apply.h"
#include "workers/writer/derivechain.h"
#include "workers/writer/derivedamage.h"
#include "workers/writer/derivekeep.h"
#include "workers/writer/deriverows.h"
#include "workers/writer/tickfiles.h"
#include "workers/writer/tickset.h"
#include "workers/writer/ticksink.h"

#include <errno.h>
#include <stdlib.h>

#define BAR_COLUMNS 9 // trades tell them all

// The query was ended by us.
enum { STOP_BUDGET = 1, STOP_FAILED };

struct derivetick_partial {
        int64_t slot_us, end_us;
        int64_t next_us; // trades before are in
        int32_t epoch;
        struct aggregate aggregate;
        bool broken, close_known;
        double close;
        int64_t last_id;
};

struct making {
        struct store *store;
        struct bucket_state *bucket;
        struct tick_bucket *ticks;
        size_t *left;
        struct derive_chain chain;
        int64_t slot_us, end_us; // at hand
        struct aggregate aggregate;
        bool broken; // the slot at hand cannot be made
        bool close_known;
        double close;    // of the last trade before
        int64_t last_id; // read, -1: none
        int64_t next_us; // trades from here on have not been read yet
        struct derive_rows rows;
        int error;              // errno of STOP_FAILED
        int64_t damaged_second; // told last, -1: none
};

// ---- blocks that no index points to yet ----

struct pending {
        const struct tick_bucket *ticks;
        int64_t start_second, end_second;
        int64_t first_second; // found
};

static int note_pending(void *context, const struct tick_bucket *bucket, int year, const struct tick_triple *triple)
{
        struct pending *pending = context;

        (void)year;
        if (bucket == pending->ticks && triple->second >= pending->start_second &&
            triple->second < pending->end_second && triple->second < pending->first_second)
                pending->first_second = triple->second;
        return 0;
}

// The first of them in [start_us, end_us), whole seconds; INT64_MAX: there is none.
static int64_t first_pending_us(const struct making *making, int64_t start_us, int64_t end_us)
{
        struct pending pending = {making->ticks, start_us / US_PER_S, end_us / US_PER_S, INT64_MAX};

        (void)tickfiles_each_pending(making->store, note_pending, &pending);
        return pending.first_second != INT64_MAX ? pending.first_second * US_PER_S : INT64_MAX;
}

// ---- slots ----

struct last_seen {
        struct making *making;
        int64_t time_us; // -1: there is none
};

// All of its second, for the last one by id is wanted.
static int take_last(void *context, const struct tick_run *run)
{
        struct last_seen *last = context;

        if (deriverows_decode(&last->making->rows, last->making->ticks->kind, run) < 0)
                return 0;
        last->time_us = run->second * US_PER_S;
        last->making->close = deriverows_price(last->making->ticks->kind, &last->making->rows.events[run->count - 1]);
        return 0;
}

// The close before the slot at hand, from the last trade's second. Returns 0, or -1 with errno (EAGAIN: a later one may
// await the sync).
static int find_close(struct making *making)
{
        struct tickquery query = deriverows_query(making->store, making->ticks, INT64_MIN, making->slot_us);
        struct tickquery_search search = {0};
        struct last_seen last = {making, -1};
        char why[REASON_SIZE];
        int result;

        query.limit = 1;
        while ((result = tickquery_find_start(&query, &search, SIZE_MAX, why)) == 1)
                continue;
        if (result == 0) {
                query.start_ns -= query.start_ns % (US_PER_S * NS_PER_US);
                query.limit = query.skip = 0;
                result = tickquery_run(&query, take_last, &last, why);
        }
        if (result < 0)
                return -1;
        if (first_pending_us(making, last.time_us < 0 ? 0 : last.time_us, making->slot_us) != INT64_MAX) {
                errno = EAGAIN;
                return -1;
        }
        making->close_known = last.time_us >= 0;
        making->broken = making->broken || !making->close_known;
        return 0;
}

// Keeps the bar of the slot at hand. Returns 0, or -1 with errno.
static int end_slot(struct making *making)
{
        struct bucket_state *bucket = making->bucket;
        bool own = derive_has_own(bucket, making->slot_us);
        struct bar_values values;

        if ((own && !bucket->made.check) || making->broken ||
            (!own && apply_is_unstorable(making->store, bucket, making->slot_us, making->end_us)))
                return 0;
        if (!aggregate_to_values(&making->aggregate, &values)) {
                if (!making->close_known && find_close(making) < 0)
                        return -1;
                aggregate_quiet_values(making->close, &values);
        }
        if (making->broken)
                return 0; // nothing was traded before
        if (own)
                return derive_compare_own(making->store, bucket, making->slot_us, &values, BAR_COLUMNS,
                    making->ticks->kind == TICK_TRADE ? "trades" : "aggregate trades");
        return derive_keep(making->store, bucket, making->slot_us, making->end_us, &values);
}

// Ends slots up to the one that `time_us` lies in. Returns 0 or how the query is to be stopped.
static int advance(struct making *making, int64_t time_us)
{
        while (making->end_us <= time_us) {
                if (end_slot(making) < 0) {
                        making->error = errno;
                        return STOP_FAILED;
                }
                making->slot_us = making->end_us;
                making->end_us = interval_next_us(making->bucket->interval, making->slot_us);
                making->aggregate = (struct aggregate){0};
                making->broken = false;
                *making->left -= *making->left > 0;
                if (*making->left == 0)
                        return STOP_BUDGET;
        }
        return 0;
}

// Between the last trade that was read and this one ids are missing after all: times of ranges that were cut apart say
// more than is there.
static bool has_hole(const struct making *making, int64_t id)
{
        return making->last_id >= 0 && id > making->last_id + 1 &&
               idset_missing(&making->ticks->covered, making->chain.epoch, making->last_id + 1, id - 1) > 0;
}

static int take_run(void *context, const struct tick_run *run)
{
        struct making *making = context;
        int64_t time_us = run->second * US_PER_S;
        bool understood = deriverows_decode(&making->rows, making->ticks->kind, run) == 0;
        bool hole = understood && has_hole(making, making->rows.events[0].id);

        // No slot between is proved then, the one at hand included.
        if (hole)
                making->broken = true;
        int result = 0;
        while (result == 0 && making->end_us <= time_us) {
                result = advance(making, making->end_us);
                making->broken = making->broken || hole;
        }
        if (result != 0)
                return result;
        making->broken = making->broken || !understood;
        for (size_t i = 0; i < run->count && understood; i++) {
                const struct derive_event *event = &making->rows.events[i];

                if (has_hole(making, event->id) || deriverows_add(&making->aggregate, making->ticks->kind, event) < 0)
                        making->broken = true;
                making->last_id = event->id;
                making->close = deriverows_price(making->ticks->kind, event);
                making->close_known = true;
        }
        *making->left -= run->count < *making->left ? run->count : *making->left;
        making->next_us = time_us + US_PER_S;
        return *making->left == 0 && making->next_us < making->end_us ? STOP_BUDGET : 0;
}

// ---- slots that take several passes ----

void derivetick_forget(struct bucket_state *bucket, int64_t start_us, int64_t end_us)
{
        if (bucket->partial == NULL || bucket->partial->slot_us >= end_us || bucket->partial->end_us <= start_us)
                return;
        free(bucket->partial);
        bucket->partial = NULL;
}

// Goes on where the last pass stopped in the slot at hand, or begins it.
static void resume(struct making *making)
{
        const struct derivetick_partial *partial = making->bucket->partial;

        making->aggregate = (struct aggregate){0};
        making->broken = making->close_known = false;
        making->last_id = -1;
        making->next_us = making->slot_us;
        if (partial == NULL || partial->slot_us != making->slot_us || partial->epoch != making->chain.epoch)
                return;
        making->aggregate = partial->aggregate;
        making->broken = partial->broken;
        making->close_known = partial->close_known;
        making->close = partial->close;
        making->last_id = partial->last_id;
        making->next_us = partial->next_us;
}

// What has been read of the slot at hand is kept for the next pass.
static void suspend(struct making *making)
{
        struct bucket_state *bucket = making->bucket;

        derivetick_forget(bucket, INT64_MIN, INT64_MAX);
        if (making->next_us <= making->slot_us)
                return;
        bucket->partial = memory_zeroed(1, sizeof(*bucket->partial));
        *bucket->partial = (struct derivetick_partial){.slot_us = making->slot_us,
            .end_us = making->end_us,
            .next_us = making->next_us,
            .epoch = making->chain.epoch,
            .aggregate = making->aggregate,
            .broken = making->broken,
            .close_known = making->close_known,
            .close = making->close,
            .last_id = making->last_id};
}

// ---- stretches ----

static void note_unreadable(struct making *making, int error, int64_t second, const char *why)
{
        struct bucket_state *bucket = making->bucket;

        if (error == EBADMSG && second >= 0) {
                if (second != making->damaged_second)
                        derivedamage_uncover(
                            making->store, making->ticks, &making->rows, making->chain.epoch, second, why);
                making->damaged_second = second;
        } else if (!bucket->unreadable_told) {
                bucket->unreadable_told = true;
                log_warn("%s %s: bars cannot be made of its trades: %s", bucket->symbol,
                    interval_name(bucket->interval), why);
        }
}

static bool is_unreadable(int error)
{
        return error == EBADMSG || error == EINVAL || error == ENOENT;
}

// Makes the slots of [*done_us, end_us), which are proved. Returns 0, or -1 with errno; *done_us is the first slot that
// was not ended.
static int make_stretch(struct making *making, int64_t *done_us, int64_t end_us)
{
        int64_t damaged_second = -1;
        char why[REASON_SIZE];

        making->slot_us = *done_us;
        making->end_us = interval_next_us(making->bucket->interval, making->slot_us);
        resume(making);
        struct tickquery query = deriverows_query(making->store, making->ticks, making->next_us, end_us);
        query.damaged_second = &damaged_second;
        making->store->run->count = 0;
        int result = tickquery_run(&query, take_run, making, why), error = errno;
        if (result == 0)
                result = advance(making, end_us);
        if (result == STOP_FAILED) {
                errno = making->error; // what was made before is made again
                return -1;
        }
        if (derive_flush(making->store) < 0)
                return -1;
        *done_us = making->slot_us;
        suspend(making);
        if (result >= 0)
                return 0;
        if (is_unreadable(error))
                note_unreadable(making, error, damaged_second, why);
        errno = error;
        return -1;
}

// The next slots of [*done_us, end_us) that are proved and whose trades can be read; *done_us is moved to their first,
// and *end_us to the last one's end. Returns 0 (there may be none), or -1 with EAGAIN.
static int find_stretch(struct making *making, int64_t *done_us, int64_t *end_us)
{
        enum interval interval = making->bucket->interval;
        bool found = derivechain_find(making->bucket, making->ticks, *done_us, &making->chain);

        if (found && making->chain.start_us > *done_us)
                *done_us = interval_ceil_us(interval, making->chain.start_us);
        if (!found || *done_us >= *end_us) {
                *done_us = *end_us;
                return 0;
        }
        int64_t proved_us = interval_floor_us(interval, making->chain.end_us);
        *end_us = proved_us < *end_us ? proved_us : *end_us;
        int64_t pending_us = first_pending_us(making, *done_us, *end_us);
        if (pending_us < *end_us)
                *end_us = interval_floor_us(interval, pending_us);
        if (*done_us < *end_us)
                return 0;
        errno = EAGAIN;
        return -1;
}

static int make_slots(struct making *making, const struct range *range, int64_t *done_us)
{
        bool one_alone = false; // the next slot: somewhere behind it rows cannot be read

        while (*done_us<range->end_us && * making->left> 0) {
                int64_t end_us = range->end_us;

                if (find_stretch(making, done_us, &end_us) < 0)
                        return -1;
                if (one_alone && *done_us < end_us)
                        end_us = interval_next_us(making->bucket->interval, *done_us);
                int result = *done_us < end_us ? make_stretch(making, done_us, end_us) : 0;
                if (result < 0 && !is_unreadable(errno))
                        return -1;
                *making->left -= result < 0 && *making->left > 0;
                if (result < 0 && one_alone)
                        *done_us = end_us; // this is the one
                one_alone = result < 0 && !one_alone;
        }
        return 0;
}

int derivetick_make(struct store *store, struct bucket_state *bucket, struct tick_bucket *ticks,
    const struct range *range, size_t *left, int64_t *done_us)
{
        struct making making = {.store = store, .bucket = bucket, .ticks = ticks, .left = left, .damaged_second = -1};
        int result = ticks->covered.count == 0 || !bucket->symbol_known ? 1 : ticksink_prepare(store, ticks);

        *done_us = range->start_us;
        if (result == 0)
                result = bucket_prepare(store, bucket);
        if (result != 0) {
                *done_us = result < 0 ? range->start_us : range->end_us;
                return result < 0 ? -1 : 0;
        }
        store->run->count = 0;
        result = make_slots(&making, range, done_us);
        int saved_errno = errno;
        deriverows_free(&making.rows);
        errno = saved_errno;
        return result;
}
