// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/tickbulk.h"

#include "common/log.h"
#include "common/memory.h"
#include "workers/writer/tickset.h"
#include "workers/writer/ticksink.h"
#include "workers/writer/troubles.h"
#include "workers/writer/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFER_FIRST_US (20 * US_PER_S) // doubled up to the age at which a verdict is possible
#define SEARCH_PAGES_MAX 65536         // of a search: its minute of rows

static int broken(char why[REASON_SIZE], const char *what)
{
        (void)snprintf(why, REASON_SIZE, "%s", what);
        errno = EBADMSG;
        return -1;
}

bool tickbulk_is_job(const struct lease *lease)
{
        return lease->ticks.bucket != TICK_NONE;
}

static struct tick_bucket *bucket_of(const struct store *store, const struct lease *lease)
{
        return store->ticks.buckets[lease->ticks.bucket];
}

static bool is_search(const struct lease *lease)
{
        return lease->job.first_id < 0;
}

// ---- a chunk ----

void tickbulk_begin(struct store *store, const struct lease *lease)
{
        if (tickbulk_is_job(lease))
                (void)ticksink_rows(store, bucket_of(store, lease));
}

static struct record_id_page *new_page(struct tick_lease *ticks)
{
        size_t count = ticks->pages_count;

        if ((count & (count - 1)) == 0) // at powers of two
                ticks->pages = memory_resized(ticks->pages, count > 0 ? 2 * count : 1, sizeof(*ticks->pages));
        return &ticks->pages[ticks->pages_count++];
}

int tickbulk_take_page(struct lease *lease, const struct record_id_page *page, char why[REASON_SIZE])
{
        struct tick_lease *ticks = &lease->ticks;

        if (!tickbulk_is_job(lease))
                return broken(why, "a page of ids in a job that asks for none");
        if (ticks->page_rows_left != 0)
                return broken(why, "a page ended before its last row");
        if (ticks->pages_count == SEARCH_PAGES_MAX)
                return broken(why, "more pages than a job may have");
        if (page->first_id < 0 || page->last_id < page->first_id - 1 || page->last_id == INT64_MAX ||
            page->rows > REST_PAGE_ROWS_MAX || page->last_id - page->first_id + 1 < (int64_t)page->rows)
                return broken(why, "a page of ids that cannot be");
        if (!is_search(lease) && (page->first_id < lease->job.first_id || page->last_id > lease->job.last_id))
                return broken(why, "a page of ids outside its job");
        *new_page(ticks) = *page;
        ticks->page_rows_left = page->rows;
        ticks->row_id = page->first_id - 1;
        return 0;
}

static void got(struct tick_lease *ticks, int32_t epoch, int64_t id, int64_t time_us)
{
        const struct id_range range = {epoch, ID_REST, id, id, time_us, time_us};

        idset_add(&ticks->got, &range);
}

int tickbulk_take_row(
    struct store *store, struct lease *lease, uint16_t type, const void *payload, char why[REASON_SIZE])
{
        struct tick_lease *ticks = &lease->ticks;
        uint16_t expected = lease->job.kind == JOB_TRADES ? RECORD_TRADE : RECORD_AGG_TRADE;
        const struct trade *trade = payload;
        const struct agg_trade *agg_trade = payload;

        if (!tickbulk_is_job(lease) || type != expected || ticks->page_rows_left == 0)
                return broken(why, "a trade without a page");
        struct tick_bucket *bucket = bucket_of(store, lease);
        const struct record_id_page *page = &ticks->pages[ticks->pages_count - 1];
        int64_t id = type == RECORD_TRADE ? trade->id : agg_trade->id;
        int64_t time_us = type == RECORD_TRADE ? trade->time_us : agg_trade->time_us;
        if (id <= ticks->row_id || id > page->last_id)
                return broken(why, "a trade out of order, or outside its page");
        if (time_us < 0 || time_us > page->requested_us + US_PER_DAY)
                return broken(why, "a trade whose time cannot be");
        ticks->page_rows_left--;
        ticks->row_id = id;
        int32_t epoch = tick_epoch_of(store, bucket, id, time_us);
        if (!idset_contains(&ticks->got, epoch, id) && !idset_has_row(&bucket->covered, epoch, id))
                ticks->tombstones += tick_is_tombstone(bucket->kind, payload);
        got(ticks, epoch, id, time_us);
        if (idset_has_row(&bucket->covered, epoch, id))
                return 0;
        int result = type == RECORD_TRADE ? tick_rows_add_trade(store->ticks.rows[TICK_TRADE], trade)
                                          : tick_rows_add_agg_trade(store->ticks.rows[TICK_AGG_TRADE], agg_trade);
        return result == 0 ? 0 : broken(why, "a trade whose time cannot be");
}

int tickbulk_flush(struct store *store, struct lease *lease, char why[REASON_SIZE])
{
        struct tick_bucket *bucket = bucket_of(store, lease);
        struct tick_rows *rows = store->ticks.rows[bucket->kind];
        int result = tick_rows_count(rows) == 0 ? 0 : ticksink_prepare(store, bucket);

        if (result == 0 && tick_rows_count(rows) > 0)
                result = ticksink_stage(store, bucket, rows);
        if (result < 0 && errno == EFBIG) {
                // The same again would not fit either.
                (void)tick_trouble_add(store, bucket, TROUBLE_DEFECTIVE, is_search(lease) ? 0 : lease->job.first_id,
                    is_search(lease) ? INT64_MAX : lease->job.last_id,
                    "a second has more trades than one block can hold (64 MiB of rows); they are not stored");
                return broken(why, "more trades in one second than can be stored");
        }
        if (result < 0)
                return -1;
        if (result > 0)
                return broken(why, bucket->why);
        atomic_fetch_add_explicit(&store->governor->rows_stored, tick_rows_count(rows), memory_order_relaxed);
        tick_rows_clear(rows);
        return 0;
}

// ---- a complete job ----

// Asks for ids again later, each time nothing came after twice the time.
static void defer(struct store *store, struct tick_bucket *bucket, int64_t first_id, int64_t last_id)
{
        int64_t delay_us = bucket->deferred_delay_us > 0 ? bucket->deferred_delay_us * 2 : DEFER_FIRST_US;

        if (delay_us > VERDICT_AGE_US)
                delay_us = VERDICT_AGE_US;
        if (bucket->deferred_first_id <= bucket->deferred_last_id && bucket->deferred_until_us > store->exchange_us) {
                // Two young holes: the later retry serves both.
                first_id = bucket->deferred_first_id < first_id ? bucket->deferred_first_id : first_id;
                last_id = bucket->deferred_last_id > last_id ? bucket->deferred_last_id : last_id;
        }
        bucket->deferred_first_id = first_id;
        bucket->deferred_last_id = last_id;
        bucket->deferred_delay_us = delay_us;
        bucket->deferred_until_us = store->exchange_us + delay_us;
        tick_replan(bucket);
}

// When the id after `id` was traded, as far as it is known; else the time of the request.
static int64_t time_after(const struct tick_bucket *bucket, int32_t epoch, int64_t id, int64_t requested_us)
{
        size_t i = idset_find(&bucket->covered, epoch, id);

        while (i < bucket->covered.count && bucket->covered.items[i].epoch == epoch) {
                if (bucket->covered.items[i].source != ID_ABSENT)
                        return bucket->covered.items[i].first_us;
                i++;
        }
        return requested_us;
}

// Ids of the page that it answered without.
static void judge_page(struct store *store, struct tick_bucket *bucket, const struct record_id_page *page)
{
        int32_t epoch = tick_epoch_newest(bucket);
        int64_t from = page->first_id, first_id, last_id;

        while (from <= page->last_id && idset_hole(&bucket->covered, epoch, from, page->last_id, &first_id, &last_id)) {
                int64_t after_us = time_after(bucket, epoch, last_id, page->requested_us);

                if (page->requested_us - after_us >= VERDICT_AGE_US) {
                        const struct id_range range = {epoch, ID_ABSENT, first_id, last_id, after_us, after_us};

                        tick_cover(store, bucket, &range);
                        log_info("%s %s: the exchange has no ids %lld to %lld", bucket->symbol,
                            tick_group(bucket->kind), (long long)first_id, (long long)last_id);
                } else {
                        defer(store, bucket, first_id, last_id);
                }
                from = last_id + 1;
        }
}

static void cover_got(struct store *store, struct lease *lease, struct tick_bucket *bucket)
{
        struct tick_lease *ticks = &lease->ticks;

        for (size_t i = 0; i < ticks->got.count; i++)
                tick_cover(store, bucket, &ticks->got.items[i]);
        bucket->tombstones += (int64_t)ticks->tombstones;
        if (ticks->got.count > 0)
                bucket->deferred_delay_us = 0;
}

// The newest id that is known to exist, from what the pages say.
static void note_newest(const struct tick_lease *ticks, struct tick_bucket *bucket)
{
        for (size_t i = 0; i < ticks->pages_count; i++) {
                if (ticks->pages[i].newest_id > bucket->newest_id && ticks->pages[i].newest_id < INT64_MAX)
                        bucket->newest_id = ticks->pages[i].newest_id;
        }
}

// What a search found: the first id in its time or after, and whether any lies in it. False: the exchange has nothing
// from its begin on.
static bool found_of(const struct tick_lease *ticks, int64_t *first_id, int64_t *last_id)
{
        const struct record_id_page *first = &ticks->pages[0];

        *first_id = first->first_id;
        *last_id = first->first_id - 1;
        for (size_t i = 0; i < ticks->pages_count; i++) {
                if (ticks->pages[i].last_id > *last_id)
                        *last_id = ticks->pages[i].last_id;
        }
        return *last_id >= *first_id || first->newest_id >= *first_id;
}

static void finish_search(struct store *store, struct lease *lease, struct tick_bucket *bucket)
{
        int64_t first_id, last_id;
        bool found = found_of(&lease->ticks, &first_id, &last_id);

        tick_trouble_clear(store, bucket, 0, INT64_MAX);
        if (lease->ticks.task == TICK_TASK_FIRST) {
                bucket->history_empty = !found;
                bucket->history_first_id = found ? first_id : -1;
        } else if (found) {
                bucket->history_last_id = last_id;
                if (last_id > bucket->newest_id)
                        bucket->newest_id = last_id;
        } else {
                bucket->end_open = true;
        }
        if (!found)
                bucket->ended_us = lease->ticks.pages[0].requested_us;
}

static void finish_ids(struct store *store, struct lease *lease, struct tick_bucket *bucket)
{
        const struct tick_lease *ticks = &lease->ticks;
        int64_t answered_id = lease->job.first_id - 1, requested_us = 0;

        for (size_t i = 0; i < ticks->pages_count; i++) {
                if (ticks->pages[i].last_id > answered_id)
                        answered_id = ticks->pages[i].last_id;
                requested_us = ticks->pages[i].requested_us;
        }
        tick_trouble_clear(store, bucket, lease->job.first_id, lease->job.last_id);
        if (answered_id == lease->job.last_id)
                return;
        // The exchange's newest id has been met. What is known to lie behind it is asked for again.
        bucket->ended_us = requested_us;
        if (bucket->end_open)
                bucket->history_last_id = answered_id;
        int64_t known_id = tick_covered_last(bucket);
        if (known_id > answered_id)
                defer(store, bucket, answered_id + 1, known_id < lease->job.last_id ? known_id : lease->job.last_id);
}

int tickbulk_finish(struct store *store, struct lease *lease, char why[REASON_SIZE])
{
        struct tick_bucket *bucket = bucket_of(store, lease);
        const struct tick_lease *ticks = &lease->ticks;

        if (ticks->page_rows_left != 0)
                return broken(why, "the job ended before the last row of a page");
        if (ticks->pages_count == 0)
                return broken(why, "a job of trades without a page");
        cover_got(store, lease, bucket);
        note_newest(ticks, bucket);
        for (size_t i = 0; i < ticks->pages_count; i++)
                judge_page(store, bucket, &ticks->pages[i]);
        if (is_search(lease))
                finish_search(store, lease, bucket);
        else
                finish_ids(store, lease, bucket);
        if (bucket->symbol_known && !bucket->refused)
                tick_set_why(store, bucket, "");
        tick_row_changed(store, bucket);
        return 0;
}

// ---- otherwise ----

static void note_refusal(struct tick_bucket *bucket, const struct lease *lease, const char *text)
{
        for (size_t i = 0; i < bucket->gaps_count; i++) {
                struct tick_gap *gap = &bucket->gaps[i];

                if (gap->dropped || gap->first_id > lease->job.last_id || gap->last_id < lease->job.first_id ||
                    (gap->state != GAP_OPEN && gap->state != GAP_REPAIRING))
                        continue;
                (void)snprintf(gap->evidence, sizeof(gap->evidence), "the exchange refuses it: %.120s", text);
                gap->dirty = bucket->gaps_dirty = true;
        }
}

void tickbulk_release(struct store *store, const struct lease *lease, uint32_t failure, const char *text)
{
        struct tick_bucket *bucket = bucket_of(store, lease);
        int64_t first_id = is_search(lease) ? 0 : lease->job.first_id;
        int64_t last_id = is_search(lease) ? INT64_MAX : lease->job.last_id;
        const struct tick_trouble *trouble;
        char why[REASON_SIZE];

        switch (failure) {
        case JOB_FAILURE_STOPPED: return;
        case JOB_FAILURE_REFUSED:
                (void)tick_trouble_add(store, bucket, TROUBLE_REFUSED, first_id, last_id, text);
                note_refusal(bucket, lease, text);
                break;
        case JOB_FAILURE_SYMBOL: (void)tick_trouble_add(store, bucket, TROUBLE_SYMBOL, 0, INT64_MAX, text); break;
        case 0:
                trouble = tick_trouble_add(store, bucket, TROUBLE_CRASH, first_id, last_id, text);
                if (trouble->attempts >= CRASHES_MAX)
                        log_error("%s %s ids %lld to %lld: quarantined, for they ended %u processes (%s); tried "
                                  "again daily",
                            bucket->symbol, tick_group(bucket->kind), (long long)first_id, (long long)last_id,
                            trouble->attempts, text);
                return;
        default: (void)tick_trouble_add(store, bucket, TROUBLE_NETWORK, first_id, last_id, text); return;
        }
        (void)snprintf(why, sizeof(why), "the exchange refuses it: %.100s; asked again hourly", text);
        tick_set_why(store, bucket, why);
}

void tickbulk_free(struct store *store, struct lease *lease)
{
        struct tick_bucket *bucket = bucket_of(store, lease);

        bucket->leases--;
        tick_replan(bucket);
        free(lease->ticks.pages);
        idset_free(&lease->ticks.got);
}
