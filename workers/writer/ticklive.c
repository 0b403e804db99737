// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/ticklive.h"

#include "common/log.h"
#include "common/memory.h"
#include "common/ticktime.h"
#include "workers/writer/tickfiles.h"
#include "workers/writer/tickset.h"
#include "workers/writer/ticksink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINGER_S 2                 // exchange time after a second's end until it is written
#define FUTURE_US US_PER_DAY       // a row this far ahead of the exchange's clock is none
#define CLOCK_AHEAD_US US_PER_HOUR // and this far ahead its time does not count as now
#define ALIGNMENT 8                // of payloads in `waiting`

// ---- places ----

static bool is_behind(struct tick_place a, struct tick_place b)
{
        return a.row > b.row || (a.row == b.row && a.index > b.index);
}

// False where this record of the bucket was looked at before.
static bool look_at(struct store *store, struct tick_bucket *bucket, struct tick_place place)
{
        if (store->ticks.aside)
                return true;
        if (!is_behind(place, bucket->seen))
                return false;
        bucket->seen = place;
        bucket->row_dirty = true;
        return true;
}

void ticklive_begin(struct store *store, const struct batch_view *batch)
{
        struct ticks *ticks = &store->ticks;

        if (ticks->by_stream == NULL)
                ticks->by_stream = memory_zeroed(BATCH_STREAMS_MAX, sizeof(struct tick_bucket *));
        memset(ticks->by_stream, 0, batch->header.streams * sizeof(struct tick_bucket *));
}

static struct tick_bucket *bucket_of(
    struct store *store, const struct batch_view *batch, const struct stream_id *stream, enum tick_kind kind)
{
        size_t index = (size_t)(stream - batch->streams);

        if (store->ticks.by_stream[index] == NULL)
                store->ticks.by_stream[index] = tickset_get(store, stream->symbol, kind);
        return store->ticks.by_stream[index];
}

// ---- waiting rows ----

static void put_waiting(
    struct store *store, struct tick_bucket *bucket, struct tick_waiting *row, const void *payload, size_t length)
{
        size_t padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        size_t needed = bucket->waiting_used + sizeof(*row) + padded;

        if (needed > bucket->waiting_capacity) {
                size_t capacity = bucket->waiting_capacity > 0 ? 2 * bucket->waiting_capacity : 4096;

                bucket->waiting_capacity = capacity > needed ? capacity : needed;
                bucket->waiting = memory_resized(bucket->waiting, bucket->waiting_capacity, 1);
        }
        row->length = (uint32_t)padded;
        memcpy(bucket->waiting + bucket->waiting_used, row, sizeof(*row));
        memcpy(bucket->waiting + bucket->waiting_used + sizeof(*row), payload, length);
        bucket->waiting_used = needed;
        store->ticks.waiting_bytes += sizeof(*row) + padded;
        bucket->waiting_rows += row->rows;
        if (row->second < bucket->oldest_second)
                bucket->oldest_second = row->second;
}

static void wait_for_second(struct store *store, struct tick_bucket *bucket, struct tick_waiting *row,
    struct tick_place place, const struct record_view *record)
{
        row->place = place;
        row->second = tick_second_of(row->time_us * 1000);
        row->last_id_before = bucket->last_id;
        put_waiting(store, bucket, row, record->payload, record->payload_length);
        if (row->time_us > store->ticks.clock_us &&
            (store->exchange_us < 0 || row->time_us <= store->exchange_us + CLOCK_AHEAD_US))
                store->ticks.clock_us = row->time_us;
}

// True where a row of this time is refused.
static bool refuse_time(struct store *store, struct tick_bucket *bucket, int64_t time_us)
{
        char time[TIME_TEXT_SIZE];

        if (time_us >= 0 && time_us < INT64_MAX / 1000 - US_PER_DAY &&
            (store->exchange_us < 0 || time_us <= store->exchange_us + FUTURE_US))
                return false;
        atomic_fetch_add_explicit(&store->governor->rows_defective, 1, memory_order_relaxed);
        if (bucket->defective++ == 0)
                log_warn("%s %s: a row of %s is refused: its time cannot be", bucket->symbol, tick_group(bucket->kind),
                    time_format_us(time_us, time));
        tick_row_changed(store, bucket);
        return true;
}

// ---- trades and aggregate trades ----

static void note_hole(struct store *store, struct tick_bucket *bucket, int32_t epoch, int64_t id, int64_t time_us)
{
        struct tick_gap gap = {.epoch = epoch,
            .state = GAP_OPEN,
            .first_id = bucket->last_id + 1,
            .last_id = id - 1,
            .start_us = bucket->last_us,
            .end_us = time_us,
            .found_us = time_us};

        (void)snprintf(gap.evidence, sizeof(gap.evidence), "%s",
            bucket->boundary_open ? bucket->boundary_reason : "the stream did not bring it");
        if (idset_missing(&bucket->covered, epoch, gap.first_id, gap.last_id) > 0)
                tick_note_gap(store, bucket, &gap);
}

static void follow_id(struct store *store, struct tick_bucket *bucket, int32_t epoch, int64_t id, int64_t time_us)
{
        if (epoch != tick_epoch_newest(bucket))
                return;
        if (bucket->live_from_id < 0) {
                bucket->live_from_id = id;
                tick_row_changed(store, bucket);
        }
        if (time_us > bucket->last_us)
                bucket->last_us = time_us;
        if (id <= bucket->last_id)
                return; // repeated, or out of order
        if (bucket->last_id >= 0 && id > bucket->last_id + 1)
                note_hole(store, bucket, epoch, id, time_us);
        bucket->last_id = id;
        bucket->boundary_open = false;
}

static void take_id(struct store *store, struct tick_bucket *bucket, struct tick_place place,
    const struct record_view *record, int64_t id, int64_t time_us)
{
        struct tick_waiting row = {.id = id, .time_us = time_us, .rows = 1};

        if (id < 0 || id == INT64_MAX || refuse_time(store, bucket, time_us))
                return;
        row.epoch = tick_epoch_of(store, bucket, id, time_us);
        bool was_there = idset_has_row(&bucket->covered, row.epoch, id);
        follow_id(store, bucket, row.epoch, id, time_us);
        if (!was_there)
                wait_for_second(store, bucket, &row, place, record);
}

// ---- quotes and books ----

static void note_lost(struct store *store, struct tick_bucket *bucket, int64_t id, int64_t time_us, const char *reason)
{
        struct tick_gap gap = {.state = GAP_LOST,
            .first_id = bucket->last_id,
            .last_id = id,
            .start_us = bucket->last_us,
            .end_us = time_us,
            .found_us = time_us};

        if (bucket->last_us < 0 || time_us <= bucket->last_us)
                return;
        (void)snprintf(gap.evidence, sizeof(gap.evidence), "%s", reason);
        tick_note_gap(store, bucket, &gap);
}

static void follow_update(struct tick_bucket *bucket, int64_t id, int64_t time_us)
{
        bucket->last_id = id;
        if (time_us > bucket->last_us)
                bucket->last_us = time_us;
        bucket->boundary_open = false;
}

// An update that was had before, unless the numbering has begun anew.
static bool is_repeated(const struct tick_bucket *bucket, int64_t id, int64_t time_us)
{
        return bucket->last_id >= 0 && id <= bucket->last_id && time_us <= bucket->last_us + TICK_EPOCH_US;
}

static void take_update(struct store *store, struct tick_bucket *bucket, struct tick_place place,
    const struct record_view *record, int64_t id, int64_t time_us)
{
        struct tick_waiting row = {.id = id, .time_us = time_us, .rows = 1};

        if (refuse_time(store, bucket, time_us))
                return;
        if (is_repeated(bucket, id, time_us)) {
                // The stream stands where it stood before: nothing is missing between.
                bucket->boundary_open = false;
                return;
        }
        if (bucket->boundary_open)
                note_lost(store, bucket, id, time_us, bucket->boundary_reason);
        wait_for_second(store, bucket, &row, place, record);
        bucket->rows++;
        follow_update(bucket, id, time_us);
}

// A snapshot is the book whatever was known of it before: changes go on behind its id, be it lower than the last.
static void take_changes(
    struct store *store, struct tick_bucket *bucket, struct tick_place place, const struct record_view *record)
{
        struct depth depth;

        memcpy(&depth, record->payload, sizeof(depth));
        struct tick_waiting row = {.id = depth.update_id, .time_us = depth.time_us};
        row.rows = depth.kind == DEPTH_CLEAR ? 1 : (uint32_t)depth.bids + depth.asks;
        if (refuse_time(store, bucket, depth.time_us))
                return;
        if (depth.kind == DEPTH_CHANGES) {
                if (is_repeated(bucket, depth.update_id, depth.time_us)) {
                        bucket->boundary_open = false;
                        return;
                }
                bool follows = bucket->last_id < 0 || depth.first_id <= bucket->last_id + 1;
                if (bucket->boundary_open || !follows)
                        note_lost(store, bucket, depth.update_id, depth.time_us,
                            bucket->boundary_open ? bucket->boundary_reason : "changes are missing");
        } else if (depth.kind == DEPTH_SNAPSHOT && depth.update_id > bucket->last_id) {
                note_lost(store, bucket, depth.update_id, depth.time_us,
                    bucket->boundary_open ? bucket->boundary_reason : "the book was begun anew");
        }
        wait_for_second(store, bucket, &row, place, record);
        bucket->rows += row.rows;
        if (depth.kind != DEPTH_CLEAR)
                follow_update(bucket, depth.update_id, depth.time_us);
}

// ---- records ----

static void take_row(
    struct store *store, struct tick_bucket *bucket, struct tick_place place, const struct record_view *record)
{
        const struct trade *trade = record->payload;
        const struct agg_trade *agg_trade = record->payload;
        const struct quote *quote = record->payload;
        const struct depth *depth = record->payload;

        switch (bucket->kind) {
        case TICK_TRADE: take_id(store, bucket, place, record, trade->id, trade->time_us); break;
        case TICK_AGG_TRADE: take_id(store, bucket, place, record, agg_trade->id, agg_trade->time_us); break;
        case TICK_QUOTE: take_update(store, bucket, place, record, quote->update_id, quote->time_us); break;
        case TICK_DEPTH:
                if (depth->kind == DEPTH_TOP)
                        take_update(store, bucket, place, record, depth->update_id, depth->time_us);
                break;
        case TICK_DEPTH_DIFF:
                if (depth->kind > DEPTH_TOP && depth->kind <= DEPTH_CLEAR)
                        take_changes(store, bucket, place, record);
                break;
        case TICK_KINDS: break;
        }
}

void ticklive_boundary(struct store *store, const struct stream_id *stream, const char *reason, struct tick_place place)
{
        enum tick_kind kind;

        if (!tick_kind_of_stream(stream->kind, &kind))
                return;
        struct tick_bucket *bucket = tickset_get(store, stream->symbol, kind);
        if (!look_at(store, bucket, place) || bucket->last_us < 0)
                return; // nothing came yet, so nothing can be missing between
        if (bucket->boundary_open)
                return; // the first cause is the one to tell
        bucket->boundary_open = true;
        bucket->boundary_us = store->exchange_us > store->ticks.clock_us ? store->exchange_us : store->ticks.clock_us;
        (void)snprintf(bucket->boundary_reason, sizeof(bucket->boundary_reason), "%s", reason);
        tick_row_changed(store, bucket);
}

static void take_boundary(struct store *store, const struct record_view *record, struct tick_place place)
{
        const struct record_boundary *boundary = record->payload;
        char reason[REASON_SIZE], time[TIME_TEXT_SIZE] = "an unknown time";

        if (boundary->exchange_us > 0)
                (void)time_format_us(boundary->exchange_us, time);
        (void)snprintf(reason, sizeof(reason), "%s after %s", boundary_reason_name(boundary->reason), time);
        ticklive_boundary(store, record->stream, reason, place);
}

bool ticklive_take(
    struct store *store, const struct batch_view *batch, const struct record_view *record, struct tick_place place)
{
        enum tick_kind kind;

        if (record->stream == NULL || !tick_kind_of_stream(record->stream->kind, &kind))
                return false;
        struct tick_bucket *bucket = bucket_of(store, batch, record->stream, kind);
        switch (record->type) {
        case RECORD_CONNECT:
                if (((const struct record_connect *)record->payload)->overlap == 0)
                        ticklive_boundary(store, record->stream, "its stream was connected anew", place);
                return true;
        case RECORD_BOUNDARY: take_boundary(store, record, place); return true;
        case RECORD_OVERLAP:
                if (look_at(store, bucket, place)) {
                        bucket->boundary_open = false;
                        tick_row_changed(store, bucket);
                }
                return true;
        case RECORD_TRADE:
        case RECORD_AGG_TRADE:
        case RECORD_QUOTE:
        case RECORD_DEPTH:
                if (record_fits_stream(record->type, record->stream->kind) && look_at(store, bucket, place))
                        take_row(store, bucket, place, record);
                return true;
        default: return false;
        }
}

// ---- closing seconds ----

static int encode(struct tick_rows *rows, const struct tick_bucket *bucket, const unsigned char *payload)
{
        const void *event = payload;

        switch (bucket->kind) {
        case TICK_TRADE: return tick_rows_add_trade(rows, event);
        case TICK_AGG_TRADE: return tick_rows_add_agg_trade(rows, event);
        case TICK_QUOTE: return tick_rows_add_quote(rows, event);
        case TICK_DEPTH:
        case TICK_DEPTH_DIFF:
                return tick_rows_add_depth(
                    rows, event, (const struct level *)(const void *)(payload + sizeof(struct depth)));
        case TICK_KINDS: break;
        }
        return 0;
}

// Ids of rows that follow each other are covered in one go.
static void cover_row(
    struct store *store, struct tick_bucket *bucket, const struct tick_waiting *row, struct id_range *run)
{
        bool joins = run->first_id >= 0 && run->epoch == row->epoch && run->last_id + 1 == row->id;

        if (!joins && run->first_id >= 0)
                tick_cover(store, bucket, run);
        if (!joins)
                *run = (struct id_range){row->epoch, ID_STREAM, row->id, row->id, row->time_us, row->time_us};
        run->last_id = row->id;
        if (row->time_us < run->first_us)
                run->first_us = row->time_us;
        if (row->time_us > run->last_us)
                run->last_us = row->time_us;
}

static void account_row(struct store *store, struct tick_bucket *bucket, const struct tick_waiting *row,
    const unsigned char *payload, struct id_range *run)
{
        if (!tick_kind_has_ids(bucket->kind)) {
                if (bucket->first_us < 0 || row->time_us < bucket->first_us)
                        bucket->first_us = row->time_us;
                return;
        }
        if (tick_is_tombstone(bucket->kind, payload) && !idset_has_row(&bucket->covered, row->epoch, row->id))
                bucket->tombstones++;
        cover_row(store, bucket, row, run);
}

// Takes rows of seconds before `until` out of `waiting`; `stored`: they are in the file.
static void drop_waiting(struct store *store, struct tick_bucket *bucket, int64_t until, bool stored)
{
        struct id_range run = {.first_id = -1};
        size_t kept = 0, step;
        struct tick_waiting row;

        bucket->oldest_second = INT64_MAX;
        for (size_t at = 0; at < bucket->waiting_used; at += step) {
                unsigned char *from = bucket->waiting + at;

                memcpy(&row, from, sizeof(row));
                step = sizeof(row) + row.length;
                if (row.second >= until) {
                        memmove(bucket->waiting + kept, from, step);
                        kept += step;
                        if (row.second < bucket->oldest_second)
                                bucket->oldest_second = row.second;
                        continue;
                }
                bucket->waiting_rows -= row.rows;
                if (stored)
                        account_row(store, bucket, &row, from + sizeof(row), &run);
                else if (!tick_kind_has_ids(bucket->kind))
                        bucket->rows -= row.rows;
        }
        if (run.first_id >= 0)
                tick_cover(store, bucket, &run);
        store->ticks.waiting_bytes -= bucket->waiting_used - kept;
        bucket->waiting_used = kept;
        tick_row_changed(store, bucket);
}

// Rows of the seconds [from, until) will not be stored. Those with ids are asked for later; others cannot be had again.
static void tell_lost(struct store *store, struct tick_bucket *bucket, int64_t from, int64_t until, const char *why)
{
        struct tick_gap gap = tick_gap_begin(store, GAP_LOST);
        struct tick_waiting row;

        if (tick_kind_has_ids(bucket->kind))
                return;
        for (size_t at = 0; at < bucket->waiting_used; at += sizeof(row) + row.length) {
                memcpy(&row, bucket->waiting + at, sizeof(row));
                if (row.second < from || row.second >= until)
                        continue;
                gap.epoch = row.epoch;
                tick_gap_cover(&gap, row.id, row.second * US_PER_S, (row.second + 1) * US_PER_S - 1);
        }
        (void)snprintf(gap.evidence, sizeof(gap.evidence), "%s", why);
        if (gap.end_us >= 0)
                tick_note_lost(store, bucket, &gap);
}

static void refuse_second(struct store *store, struct tick_bucket *bucket, int64_t second, size_t rows)
{
        static const char why[] = "too many in one second: more than 64 MiB";

        tell_lost(store, bucket, second, second + 1, why);
        atomic_fetch_add_explicit(&store->governor->rows_defective, rows, memory_order_relaxed);
        bucket->defective += (int64_t)rows;
        log_error("%s %s: %zu rows could not be stored: %s", bucket->symbol, tick_group(bucket->kind), rows, why);
}

// The bucket is given up: status and log say why, the ledger when.
static void drop_refused(struct store *store, struct tick_bucket *bucket, int64_t until)
{
        tell_lost(store, bucket, INT64_MIN, until, "the bucket was refused when they came");
        drop_waiting(store, bucket, until, false);
}

// Puts the rows of seconds before `until` on their way. Returns 0, 1 (the bucket is given up), or -1 with errno;
// *count: of the rows.
static int stage_before(struct store *store, struct tick_bucket *bucket, int64_t until, size_t *count)
{
        struct tick_rows *rows = ticksink_rows(store, bucket);
        struct tick_waiting row;

        for (size_t at = 0; at < bucket->waiting_used; at += sizeof(row) + row.length) {
                memcpy(&row, bucket->waiting + at, sizeof(row));
                if (row.second < until)
                        (void)encode(rows, bucket, bucket->waiting + at + sizeof(row)); // its time was checked
        }
        *count = tick_rows_count(rows);
        int64_t before = store->ticks.appended_bytes;
        int result = ticksink_stage(store, bucket, rows);
        int saved = errno;
        tickfiles_note_growth(store, store->ticks.appended_bytes - before);
        errno = saved;
        return result;
}

// As stage_before(), and takes them out of what waits.
static int close_seconds(struct store *store, struct tick_bucket *bucket, int64_t until, size_t *count)
{
        int result = stage_before(store, bucket, until, count);

        if (result < 0)
                return -1;
        if (result > 0) {
                drop_refused(store, bucket, until);
                return 0;
        }
        atomic_fetch_add_explicit(&store->governor->rows_stored, *count, memory_order_relaxed);
        drop_waiting(store, bucket, until, true);
        return 0;
}

// One of them has more rows than a block may have: the others must not suffer.
static int close_second_by_second(struct store *store, struct tick_bucket *bucket, int64_t until)
{
        while (bucket->oldest_second < until) {
                int64_t second = bucket->oldest_second;
                size_t count;

                if (close_seconds(store, bucket, second + 1, &count) == 0)
                        continue;
                if (errno != EFBIG)
                        return -1;
                refuse_second(store, bucket, second, count);
                drop_waiting(store, bucket, second + 1, false);
        }
        return 0;
}

static int close_bucket(struct store *store, struct tick_bucket *bucket, int64_t until)
{
        int result = ticksink_prepare(store, bucket);
        size_t count;

        if (result < 0)
                return -1;
        if (result > 0) {
                drop_refused(store, bucket, until);
                return 0;
        }
        result = close_seconds(store, bucket, until, &count);
        return result < 0 && errno == EFBIG ? close_second_by_second(store, bucket, until) : result;
}

static int close_before(struct store *store, int64_t until)
{
        for (size_t i = 0; i < store->ticks.count; i++) {
                struct tick_bucket *bucket = store->ticks.buckets[i];

                if (bucket->oldest_second < until && close_bucket(store, bucket, until) < 0)
                        return -1;
        }
        return 0;
}

int ticklive_close_over(struct store *store)
{
        struct ticks *ticks = &store->ticks;
        int64_t second = ticks->clock_us >= 0 ? ticks->clock_us / US_PER_S - LINGER_S : INT64_MIN;

        if (ticks->waiting_bytes > TICK_WAITING_BYTES_MAX)
                return close_before(store, INT64_MAX);
        if (second <= ticks->closed_second)
                return 0;
        if (close_before(store, second) < 0)
                return -1;
        ticks->closed_second = second;
        return 0;
}

int ticklive_close_all(struct store *store)
{
        return close_before(store, INT64_MAX);
}

// ---- for the ledger ----

int64_t ticklive_cursor(const struct store *store)
{
        int64_t cursor = store->row_applied;

        for (size_t i = 0; i < store->ticks.count; i++) {
                const struct tick_bucket *bucket = store->ticks.buckets[i];
                struct tick_waiting row;

                if (bucket->waiting_used == 0)
                        continue;
                memcpy(&row, bucket->waiting, sizeof(row));
                if (row.place.row - 1 < cursor)
                        cursor = row.place.row - 1;
        }
        return cursor > store->row_durable ? cursor : store->row_durable;
}

void ticklive_durable(const struct tick_bucket *bucket, struct tick_place *seen, int64_t *last_id, int64_t *rows)
{
        struct tick_waiting first;

        *seen = bucket->seen;
        *last_id = bucket->last_id;
        *rows = bucket->rows;
        if (bucket->waiting_used == 0)
                return;
        memcpy(&first, bucket->waiting, sizeof(first));
        *seen = (struct tick_place){first.place.row, first.place.index - 1};
        if (tick_kind_has_ids(bucket->kind))
                return; // the ids that are covered tell which rows are there
        *last_id = first.last_id_before;
        *rows -= bucket->waiting_rows;
}
