// SPDX-License-Identifier: Apache-2.0
// Backfill chunks. Rows go into the year files as they come; what they prove is accounted for at JOB_END, when chunks,
// rows and CRC agree. A chunk that fails for lack of room is applied again as a whole: its counts are taken back.
#include "common/crc32c.h"
#include "common/log.h"
#include "workers/writer/apply.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/finish.h"
#include "workers/writer/leases.h"
#include "workers/writer/store.h"
#include "workers/writer/tickbulk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_MAX (JOB_PAGES_MAX * 8) // a worker asks again behind short answers
#define SYMBOL_ROWS_MAX 20000         // of a catalogue

static int broken(char why[REASON_SIZE], const char *what)
{
        (void)snprintf(why, REASON_SIZE, "%s", what);
        errno = EBADMSG;
        return -1;
}

// ---- klines ----

static bool is_offgrid(const struct kline *kline, int64_t slot_us)
{
        return kline->open_us != slot_us;
}

static void note_offgrid(struct store *store, struct lease *lease, int64_t slot_us, int64_t true_us, bool displaced)
{
        if (store->offgrid_count == store->offgrid_capacity) {
                size_t capacity = store->offgrid_capacity > 0 ? store->offgrid_capacity * 2 : 64;
                struct offgrid *offgrid = realloc(store->offgrid, capacity * sizeof(*offgrid));

                store_require_memory(offgrid != NULL ? 0 : -1);
                store->offgrid = offgrid;
                store->offgrid_capacity = capacity;
        }
        store->offgrid[store->offgrid_count++] =
            (struct offgrid){store->buckets[lease->bucket]->id, slot_us, true_us, displaced};
        store_mark_dirty(store, 0, false);
}

// The off-grid bar that was written to this slot has made room for one on the grid.
static void displace(struct store *store, struct lease *lease, int64_t slot_us)
{
        int64_t bucket_id = store->buckets[lease->bucket]->id;

        for (size_t i = store->offgrid_count; i-- > 0;) {
                if (store->offgrid[i].bucket_id == bucket_id && store->offgrid[i].slot_us == slot_us) {
                        store->offgrid[i].displaced = true;
                        return;
                }
        }
        note_offgrid(store, lease, slot_us, OFFGRID_TIME_KEPT, true);
}

static void account_row(struct store *store, struct lease *lease, const struct row_run *run, size_t i)
{
        const struct bucket_state *bucket = run->bucket;
        int64_t slot_us = run->slots_us[i];
        size_t covered = ranges_find(&bucket->covered, slot_us);

        if (run->changes[i] == YEARFILE_REWRITTEN && bar_source_rank(run->sources[i]) >= RANK_REST &&
            covered < bucket->covered.count && bucket->covered.items[covered].start_us <= slot_us &&
            bar_source_is_provisional(bucket->covered.items[covered].tag))
                lease->corrected++;
        if (is_offgrid(run->klines[i], slot_us)) {
                store_require_memory(ranges_set(&lease->offgrid_slots, slot_us, run->ends_us[i], 0));
                note_offgrid(store, lease, slot_us, run->klines[i]->open_us, false);
        } else if (ranges_contain(&lease->offgrid_slots, slot_us)) {
                store_require_memory(ranges_remove(&lease->offgrid_slots, slot_us, run->ends_us[i]));
                displace(store, lease, slot_us);
        }
}

static int flush(struct store *store, struct lease *lease)
{
        struct row_run *run = store->run;
        int result = apply_run_write(store, run, false);

        for (size_t i = 0, first = 0; i < run->count && result == 0; i++) {
                bool last = i + 1 == run->count || run->slots_us[i + 1] != run->ends_us[i] ||
                            run->sources[i + 1] != run->sources[i];

                account_row(store, lease, run, i);
                if (!last)
                        continue;
                store_require_memory(
                    ranges_set(&lease->got, run->slots_us[first], run->ends_us[i], (int32_t)run->sources[i]));
                first = i + 1;
        }
        run->count = 0;
        return result < 0 ? -1 : 0;
}

// The slot of a refused bar stays missing; where it cannot be told, nothing is concluded from this page's holes.
static void refuse_row(struct store *store, struct lease *lease, int64_t open_us, const char *defect)
{
        const struct record_page *page = &lease->pages[lease->pages_count - 1];
        enum interval interval = store->buckets[lease->bucket]->interval;
        char time[TIME_TEXT_SIZE];
        bool placed = open_us >= page->start_us && open_us < page->end_us;
        int64_t start_us = interval_floor_us(interval, placed ? open_us : page->start_us);
        int64_t end_us = placed ? interval_next_us(interval, start_us) : interval_ceil_us(interval, page->end_us);

        store_require_memory(ranges_set(&lease->refused, start_us, end_us, 0));
        atomic_fetch_add_explicit(&store->governor->rows_defective, 1, memory_order_relaxed);
        if (lease->defective++ == 0)
                (void)snprintf(lease->defect, sizeof(lease->defect), "the bar of %s was refused: %s",
                    time_format_us(open_us, time), defect);
}

// Where two bars meet in a slot the one on the grid wins. True where this row is to be left out.
static bool is_displaced(struct store *store, struct lease *lease, const struct kline *kline, int64_t slot_us)
{
        if (!is_offgrid(kline, slot_us) || !ranges_contain(&lease->got, slot_us) ||
            ranges_contain(&lease->offgrid_slots, slot_us))
                return false;
        note_offgrid(store, lease, slot_us, kline->open_us, true);
        return true;
}

static int take_kline(struct store *store, struct lease *lease, const struct kline *kline, char why[REASON_SIZE])
{
        if (lease->page_rows_left == 0 || lease->job.kind != JOB_KLINES)
                return broken(why, "a bar without a page");
        lease->page_rows_left--;
        const struct record_page *page = &lease->pages[lease->pages_count - 1];
        struct bucket_state *bucket = store->buckets[lease->bucket];
        struct row_run *run = store->run;
        const char *defect = kline_defect(kline);
        int64_t slot_us = defect == NULL ? interval_floor_us(bucket->interval, kline->open_us) : 0;
        if (defect == NULL && (kline->open_us < page->start_us || kline->open_us >= page->end_us))
                defect = "it lies outside the range that was asked for";
        if (defect != NULL) {
                refuse_row(store, lease, kline->open_us, defect);
                return 0;
        }
        if (!apply_run_takes(run, bucket, slot_us) && flush(store, lease) < 0)
                return -1;
        int64_t end_us = interval_next_us(bucket->interval, slot_us);
        bool recent = end_us + US_PER_MIN > page->requested_us;
        if (apply_is_unstorable(store, bucket, slot_us, end_us)) {
                store_require_memory(ranges_set(&lease->refused, slot_us, end_us, 0));
                return 0;
        }
        if (apply_is_outranked(store, bucket, slot_us, recent ? RANK_REST_RECENT : RANK_REST, lease) ||
            is_displaced(store, lease, kline, slot_us))
                return 0;
        size_t i = run->count++;
        run->bucket = bucket;
        run->slots_us[i] = slot_us;
        run->ends_us[i] = end_us;
        run->sources[i] = recent ? BAR_REST_RECENT : BAR_REST;
        run->klines[i] = kline;
        kline_to_values(kline, &run->values[i]);
        return 0;
}

static int take_page(struct lease *lease, const struct record_page *page, char why[REASON_SIZE])
{
        if (lease->job.kind != JOB_KLINES)
                return broken(why, "a page in a job that asks for none");
        if (lease->page_rows_left != 0)
                return broken(why, "a page ended before its last row");
        if (lease->pages_count == PAGES_MAX)
                return broken(why, "more pages than a job may have");
        if (page->start_us < lease->job.start_us || page->end_us > lease->job.end_us ||
            page->start_us >= page->end_us || page->answered_until_us < page->start_us ||
            page->answered_until_us > page->end_us || page->rows > lease->job.page_rows)
                return broken(why, "a page outside its job");
        if (lease->pages == NULL) {
                lease->pages = calloc(PAGES_MAX, sizeof(*lease->pages));
                store_require_memory(lease->pages != NULL ? 0 : -1);
        }
        lease->pages[lease->pages_count++] = *page;
        lease->page_rows_left = page->rows;
        return 0;
}

// ---- catalogue and listing ----

static int take_symbol(struct lease *lease, const struct record_symbol *row, char why[REASON_SIZE])
{
        if (lease->job.kind != JOB_CATALOG)
                return broken(why, "a symbol in a job that asks for none");
        if (lease->symbols_count == SYMBOL_ROWS_MAX)
                return broken(why, "more symbols than an exchange has");
        if (lease->symbols_count == lease->symbols_capacity) {
                size_t capacity = lease->symbols_capacity > 0 ? lease->symbols_capacity * 2 : 512;
                struct record_symbol *symbols = realloc(lease->symbols, capacity * sizeof(*symbols));

                store_require_memory(symbols != NULL ? 0 : -1);
                lease->symbols = symbols;
                lease->symbols_capacity = capacity;
        }
        lease->symbols[lease->symbols_count++] = *row;
        return 0;
}

static int take_listing(struct lease *lease, const struct record_listing *listing, char why[REASON_SIZE])
{
        if (lease->job.kind != JOB_LISTING || strncmp(listing->symbol, lease->job.symbol, SYMBOL_SIZE) != 0 ||
            listing->interval != lease->job.interval)
                return broken(why, "the first bar of something that was not asked for");
        lease->listing = *listing;
        lease->listing_seen = true;
        return 0;
}

// ---- the job ----

static int take_begin(struct lease *lease, const struct record_job_begin *begin, char why[REASON_SIZE])
{
        if (begin->lease != lease->job.lease)
                return lease->begun ? broken(why, "another job begins inside it") : 0;
        if (lease->begun)
                return broken(why, "the job begins twice");
        lease->begun = true;
        return 0;
}

// Returns 1 where the job is complete.
static int take_end(struct store *store, struct lease *lease, const struct record_job_end *end, char why[REASON_SIZE])
{
        if (end->lease != lease->job.lease)
                return broken(why, "the end of another job");
        if (lease->page_rows_left != 0)
                return broken(why, "the job ended before the last row of a page");
        if (end->chunks != lease->chunks || end->rows != lease->rows || end->rows_crc32c != lease->rows_crc32c) {
                (void)snprintf(why, REASON_SIZE, "of %u chunks and %llu rows %u and %llu arrived%s", end->chunks,
                    (unsigned long long)end->rows, lease->chunks, (unsigned long long)lease->rows,
                    end->rows == lease->rows ? ", their check sums differ" : "");
                errno = EBADMSG;
                return -1;
        }
        return finish_job(store, lease, why) == 0 ? 1 : -1;
}

static void count_row(struct lease *lease, const struct record_view *record)
{
        lease->rows++;
        lease->rows_crc32c = crc32c(lease->rows_crc32c, record->payload, record->payload_length);
}

static int flush_all(struct store *store, struct lease *lease, char why[REASON_SIZE])
{
        return tickbulk_is_job(lease) ? tickbulk_flush(store, lease, why) : flush(store, lease);
}

static int take_record(
    struct store *store, struct lease *lease, const struct record_view *record, char why[REASON_SIZE])
{
        if (record->type == RECORD_JOB_BEGIN)
                return take_begin(lease, record->payload, why);
        if (!lease->begun)
                return 0; // what is left of a job that is no more
        switch (record->type) {
        case RECORD_KLINE: count_row(lease, record); return take_kline(store, lease, record->payload, why);
        case RECORD_SYMBOL: count_row(lease, record); return take_symbol(lease, record->payload, why);
        case RECORD_LISTING: count_row(lease, record); return take_listing(lease, record->payload, why);
        case RECORD_PAGE: return take_page(lease, record->payload, why);
        case RECORD_ID_PAGE: return tickbulk_take_page(lease, record->payload, why);
        case RECORD_TRADE:
        case RECORD_AGG_TRADE:
                count_row(lease, record);
                return tickbulk_take_row(store, lease, record->type, record->payload, why);
        case RECORD_JOB_END:
                if (flush_all(store, lease, why) < 0)
                        return -1;
                return take_end(store, lease, record->payload, why);
        default: return 0; // OPEN and FIN concern the pipeline
        }
}

static int take_batch(struct store *store, struct lease *lease, const struct batch_view *batch, char why[REASON_SIZE])
{
        struct batch_view rest = *batch;
        struct record_view record;
        int result = 0;

        store->run->count = 0;
        tickbulk_begin(store, lease);
        lease->chunks++;
        while (result == 0 && batch_next_record(&rest, &record))
                result = take_record(store, lease, &record, why);
        if (result == 0)
                result = flush_all(store, lease, why);
        return result;
}

int store_apply_bulk(struct store *store, uint64_t id, const struct batch_view *batch, char why[REASON_SIZE])
{
        struct lease *lease = lease_find(store, id);

        if (lease == NULL)
                return broken(why, "no such job is under way");
        const struct lease before = *lease;
        if (!lease->begun)
                lease->chunks = 0; // chunks before JOB_BEGIN are another job's
        int result = take_batch(store, lease, batch, why);
        int saved = errno;
        if (result == 0 && !lease->begun)
                lease->chunks = 0;
        if (result < 0 && saved == EBADMSG) {
                // Like a failed request: again after a moment, later each time it happens.
                store_release_job(store, id, JOB_FAILURE_STALLED, why);
        } else if (result < 0) {
                (void)snprintf(why, REASON_SIZE, "%s", strerror(saved));
                // Its memory may have moved and grown; only the counts go back.
                lease->begun = before.begun;
                lease->chunks = before.chunks;
                lease->rows = before.rows;
                lease->rows_crc32c = before.rows_crc32c;
                lease->pages_count = before.pages_count;
                lease->page_rows_left = before.page_rows_left;
                lease->symbols_count = before.symbols_count;
                lease->ticks.pages_count = before.ticks.pages_count;
                lease->ticks.page_rows_left = before.ticks.page_rows_left;
                lease->ticks.row_id = before.ticks.row_id;
                lease->defective = before.defective;
                lease->corrected = before.corrected;
        }
        errno = saved;
        return result;
}
