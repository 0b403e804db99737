// SPDX-License-Identifier: Apache-2.0
// Live batches, in spool order. A dead worker cannot report what it lost, so boundaries are derived here: every OPEN
// and every CONNECT that does not overlap says that the next bar may not follow the last one.
#include "common/log.h"
#include "workers/writer/apply.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/store.h"
#include "workers/writer/ticklive.h"

#include <stdio.h>

#define FUTURE_US US_PER_DAY // a bar this far ahead of the exchange's clock is none

static void count_defect(
    struct store *store, struct bucket_state *bucket, const struct kline *kline, const char *defect)
{
        char time[TIME_TEXT_SIZE];

        atomic_fetch_add_explicit(&store->governor->rows_defective, 1, memory_order_relaxed);
        if (bucket->defective++ == 0)
                log_warn("%s %s: the stream's bar of %s is refused: %s; REST is asked for it", bucket->symbol,
                    interval_name(bucket->interval), time_format_us(kline->open_us, time), defect);
        bucket_row_changed(store, bucket);
}

// The first bar after the last one: what lies between did not come.
static void follow(struct store *store, struct bucket_state *bucket, int64_t slot_us)
{
        if (bucket->live_from_us < 0)
                bucket->live_from_us = slot_us;
        if (slot_us <= bucket->live_last_us)
                return; // repeated, or out of order
        if (bucket->live_last_us >= 0) {
                int64_t expected_us = interval_next_us(bucket->interval, bucket->live_last_us);

                if (slot_us > expected_us)
                        bucket_note_gap(store, bucket, expected_us, slot_us,
                            bucket->boundary_open ? bucket->boundary_reason : "the stream did not bring it");
        }
        if (bucket->followed && !bucket->live_wanted && bucket->live) {
                bucket->live_wanted = true;
                store_require_memory(ranges_set(&bucket->wanted, bucket->live_from_us, INT64_MAX, 0));
                bucket->wanted_dirty = true;
        }
        bucket->live_last_us = slot_us;
        bucket->boundary_open = false;
        bucket->row_dirty = true;
}

static int flush(struct store *store)
{
        struct row_run *run = store->run;
        int result = apply_run_write(store, run, true);

        for (size_t i = 0; i < run->count && result == 0; i++) {
                follow(store, run->bucket, run->slots_us[i]);
                bucket_cover(store, run->bucket, run->slots_us[i], run->ends_us[i], BAR_STREAM);
                if (run->changes[i] != YEARFILE_UNCHANGED && store->events.live_bar != NULL)
                        store->events.live_bar(store->events.context, run->streams[i], run->klines[i]);
        }
        run->count = 0;
        return result < 0 ? -1 : 0;
}

static int take_kline(struct store *store, const struct record_view *record)
{
        const struct stream_id *stream = record->stream;
        const struct kline *kline = record->payload;
        struct row_run *run = store->run;

        if (stream == NULL || stream->kind != STREAM_KLINE || stream->interval >= INTERVAL_COUNT)
                return 0; // no worker of ours sends that; the intake has checked the frame
        struct bucket_state *bucket = bucketset_get(store, stream->symbol, (enum interval)stream->interval);
        const char *defect = kline_defect(kline);
        if (defect == NULL && store->exchange_us >= 0 && kline->open_us > store->exchange_us + FUTURE_US)
                defect = "it opens more than a day from now";
        if (defect != NULL) {
                count_defect(store, bucket, kline, defect);
                return 0;
        }
        int64_t slot_us = interval_floor_us(bucket->interval, kline->open_us);
        if (!apply_run_takes(run, bucket, slot_us) && flush(store) < 0)
                return -1;
        int64_t end_us = interval_next_us(bucket->interval, slot_us);
        if (apply_is_outranked(store, bucket, slot_us, RANK_STREAM, NULL) ||
            apply_is_unstorable(store, bucket, slot_us, end_us)) {
                if (flush(store) < 0)
                        return -1;
                follow(store, bucket, slot_us);
                return 0;
        }
        size_t i = run->count++;
        run->bucket = bucket;
        run->slots_us[i] = slot_us;
        run->ends_us[i] = end_us;
        run->sources[i] = BAR_STREAM;
        run->streams[i] = stream;
        run->klines[i] = kline;
        kline_to_values(kline, &run->values[i]);
        return 0;
}

static void open_boundary(struct store *store, const struct stream_id *stream, const char *reason)
{
        if (stream->kind != STREAM_KLINE || stream->interval >= INTERVAL_COUNT)
                return;
        struct bucket_state *bucket = bucketset_get(store, stream->symbol, (enum interval)stream->interval);
        if (bucket->live_last_us < 0)
                return; // nothing came yet, so nothing can be missing between
        if (bucket->boundary_open && bucket->boundary_reason[0] != '\0')
                return; // the first cause is the one to tell
        bucket->boundary_open = true;
        (void)snprintf(bucket->boundary_reason, sizeof(bucket->boundary_reason), "%s", reason);
        bucket_row_changed(store, bucket);
}

static void take_boundary(struct store *store, const struct record_view *record)
{
        const struct record_boundary *boundary = record->payload;
        char reason[REASON_SIZE], time[TIME_TEXT_SIZE] = "an unknown time";

        if (record->stream == NULL)
                return;
        if (boundary->exchange_us > 0)
                (void)time_format_us(boundary->exchange_us, time);
        (void)snprintf(reason, sizeof(reason), "%s after %s", boundary_reason_name(boundary->reason), time);
        open_boundary(store, record->stream, reason);
}

static void take_overlap(struct store *store, const struct record_view *record)
{
        if (record->stream == NULL || record->stream->kind != STREAM_KLINE ||
            record->stream->interval >= INTERVAL_COUNT)
                return;
        struct bucket_state *bucket =
            bucketset_get(store, record->stream->symbol, (enum interval)record->stream->interval);
        bucket->boundary_open = false;
        bucket_row_changed(store, bucket);
}

static int take_record(
    struct store *store, const struct batch_view *batch, const struct record_view *record, struct tick_place place)
{
        if (record->type == RECORD_KLINE)
                return take_kline(store, record);
        if (ticklive_take(store, batch, record, place))
                return 0;
        if (flush(store) < 0)
                return -1;
        switch (record->type) {
        case RECORD_OPEN:
                for (size_t i = 0; i < batch->header.streams; i++) {
                        open_boundary(store, &batch->streams[i], "its worker was started anew");
                        ticklive_boundary(store, &batch->streams[i], "its worker was started anew", place);
                }
                break;
        case RECORD_CONNECT:
                if (record->stream != NULL && ((const struct record_connect *)record->payload)->overlap == 0)
                        open_boundary(store, record->stream, "its stream was connected anew");
                break;
        case RECORD_BOUNDARY: take_boundary(store, record); break;
        case RECORD_OVERLAP: take_overlap(store, record); break;
        default: break; // FIN carries nothing for the store
        }
        return 0;
}

int store_apply_live(struct store *store, const struct batch_view *batch, int64_t spool_row)
{
        struct batch_view rest = *batch;
        struct tick_place place = {.row = spool_row};
        struct record_view record;
        int result = 0;

        store->run->count = 0;
        ticklive_begin(store, batch);
        while (result == 0 && batch_next_record(&rest, &record)) {
                place.index++;
                result = take_record(store, batch, &record, place);
        }
        if (result == 0)
                result = flush(store);
        if (result == 0)
                result = ticklive_close_over(store);
        if (result < 0)
                return -1;
        store->row_applied = spool_row;
        store_mark_dirty(store, 0, true); // the cursor moves, and the spool with it
        return 0;
}
