// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/finish.h"

#include "common/log.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/catalogue.h"
#include "workers/writer/derive.h"
#include "workers/writer/leases.h"
#include "workers/writer/tickbulk.h"
#include "workers/writer/troubles.h"
#include "workers/writer/verdict.h"
#include "workers/writer/wanted.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LISTING_AGAIN_S 3600           // a symbol without any bar may get its first
#define DEFER_FIRST_US (20 * US_PER_S) // doubled up to the age at which a verdict is possible

// ---- klines ----

// The slots that a page speaks for. It may begin and end behind a bar (a page that follows a short one), so in the
// middle of that bar's slot: the slot where it begins has its bar from the page before, the one where it ends is not
// yet said.
static struct range slots_of(const struct bucket_state *bucket, const struct record_page *page)
{
        return (struct range){interval_floor_us(bucket->interval, page->start_us),
            interval_floor_us(bucket->interval, page->answered_until_us), 0};
}

// Asks for a young hole again later, each time nothing came after twice the time: a halted symbol costs six requests an
// hour. `open_ended`: nothing behind it is worth asking for either.
static void defer(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us, bool open_ended)
{
        int64_t delay_us = bucket->deferred_delay_us > 0 ? bucket->deferred_delay_us * 2 : DEFER_FIRST_US;

        if (delay_us > VERDICT_AGE_US)
                delay_us = VERDICT_AGE_US;
        if (bucket->deferred.start_us < bucket->deferred.end_us && bucket->deferred_until_us > store->exchange_us) {
                // Two young holes: the later retry serves both.
                start_us = bucket->deferred.start_us < start_us ? bucket->deferred.start_us : start_us;
                end_us = bucket->deferred.end_us > end_us ? bucket->deferred.end_us : end_us;
        }
        bucket->deferred = (struct range){start_us, open_ended ? INT64_MAX : end_us, 0};
        bucket->deferred_delay_us = delay_us;
        bucket->deferred_until_us = store->exchange_us + delay_us;
        bucket_replan(bucket);
}

static void explain(
    struct store *store, struct bucket_state *bucket, const struct record_page *page, const struct verdict *verdict)
{
        char asked[TIME_TEXT_SIZE], from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE], evidence[REASON_SIZE];

        if (verdict->kind == VERDICT_BEFORE_LISTING) {
                (void)snprintf(evidence, sizeof(evidence), "the first bar of %s opens %s", bucket->symbol,
                    time_format_us(bucket->first_bar_us, from));
                bucket_explain(store, bucket, verdict->start_us, verdict->end_us, GAP_BEFORE_LISTING,
                    page->requested_us, evidence);
                return;
        }
        (void)snprintf(evidence, sizeof(evidence), "REST answered [%s, %s) without it, asked %s",
            time_format_us(page->start_us, from), time_format_us(page->answered_until_us, until),
            time_format_us(page->requested_us, asked));
        bucket_explain(store, bucket, verdict->start_us, verdict->end_us, GAP_ABSENT, page->requested_us, evidence);
}

static void judge_hole(
    struct store *store, struct bucket_state *bucket, const struct record_page *page, const struct range *hole)
{
        struct verdict verdicts[VERDICT_KINDS];
        size_t count = verdict_split(
            bucket->interval, hole->start_us, hole->end_us, bucket->first_bar_us, page->requested_us, verdicts);

        for (size_t i = 0; i < count; i++) {
                if (verdicts[i].kind != VERDICT_YOUNG)
                        explain(store, bucket, page, &verdicts[i]);
                else
                        defer(store, bucket, verdicts[i].start_us, verdicts[i].end_us,
                            verdicts[i].end_us >= slots_of(bucket, page).end_us);
        }
}

// Open times of the page that it says nothing about although it should.
static void judge_page(struct store *store, const struct lease *lease, const struct record_page *page)
{
        struct bucket_state *bucket = store->buckets[lease->bucket];
        struct range slots = slots_of(bucket, page);
        struct ranges holes = {0}, native = {0};

        derive_native_covered(bucket, &native);
        store_require_memory(ranges_set(&holes, slots.start_us, slots.end_us, 0));
        store_require_memory(ranges_subtract(&holes, &lease->got));
        store_require_memory(ranges_subtract(&holes, &lease->refused));
        store_require_memory(ranges_subtract(&holes, &native));
        for (size_t i = 0; i < holes.count; i++)
                judge_hole(store, bucket, page, &holes.items[i]);
        ranges_free(&holes);
        ranges_free(&native);
}

// Bars that were streamed, or made here where the exchange's are wanted, and that REST answers without, although they
// are old: kept, and asked for again in a day.
static void note_unconfirmed(struct store *store, const struct lease *lease, const struct record_page *page)
{
        struct bucket_state *bucket = store->buckets[lease->bucket];
        int64_t old_us = interval_floor_us(bucket->interval, page->requested_us - VERDICT_AGE_US);
        struct range slots = slots_of(bucket, page);
        struct ranges bars = {0};
        char from[TIME_TEXT_SIZE];

        store_require_memory(ranges_copy(&bars, &bucket->covered));
        store_require_memory(ranges_clip(&bars, slots.start_us, slots.end_us < old_us ? slots.end_us : old_us));
        store_require_memory(ranges_subtract(&bars, &lease->got));
        for (size_t i = 0; i < bars.count; i++) {
                bool made = bars.items[i].tag == BAR_DERIVED;

                if (!made && !bar_source_is_provisional(bars.items[i].tag))
                        continue;
                (void)trouble_add(store, bucket, TROUBLE_UNCONFIRMED, bars.items[i].start_us, bars.items[i].end_us,
                    made ? "REST answers without a bar that smaller ones made"
                         : "REST answers without a bar that the stream brought");
                log_warn("%s %s: REST has no bar of %s although %s; that is kept, REST is asked again in a day",
                    bucket->symbol, interval_name(bucket->interval), time_format_us(bars.items[i].start_us, from),
                    made ? "one was made of smaller bars" : "the stream brought it");
        }
        ranges_free(&bars);
}

static void note_refused(struct store *store, const struct lease *lease)
{
        struct bucket_state *bucket = store->buckets[lease->bucket];
        struct ranges holes = {0};

        if (lease->defective == 0)
                return;
        bucket->defective += (int64_t)lease->defective;
        bucket_row_changed(store, bucket);
        log_warn("%s %s: %s%s; asked for again hourly", bucket->symbol, interval_name(bucket->interval), lease->defect,
            lease->defective > 1 ? ", and more of its kind" : "");
        store_require_memory(ranges_copy(&holes, &lease->refused));
        store_require_memory(ranges_subtract(&holes, &bucket->covered));
        store_require_memory(ranges_subtract(&holes, &bucket->explained_ranges)); // unstorable ones
        for (size_t i = 0; i < holes.count; i++) {
                int64_t start_us = holes.items[i].start_us, end_us = holes.items[i].end_us;

                (void)trouble_add(store, bucket, TROUBLE_DEFECTIVE, start_us, end_us, lease->defect);
                bucket_note_gap(store, bucket, start_us, end_us, lease->defect);
        }
        ranges_free(&holes);
}

static void cover_got(struct store *store, const struct lease *lease)
{
        struct bucket_state *bucket = store->buckets[lease->bucket];

        for (size_t i = 0; i < lease->got.count; i++) {
                const struct range *got = &lease->got.items[i];

                bucket_cover(store, bucket, got->start_us, got->end_us, (enum bar_source)got->tag);
        }
        if (lease->corrected == 0)
                return;
        bucket->corrected += (int64_t)lease->corrected;
        bucket_row_changed(store, bucket);
        log_info("%s %s: REST corrected %llu bars that were stored before", bucket->symbol,
            interval_name(bucket->interval), (unsigned long long)lease->corrected);
}

static void finish_klines(struct store *store, const struct lease *lease)
{
        struct bucket_state *bucket = store->buckets[lease->bucket];
        int64_t answered_us = lease->job.start_us;

        for (size_t i = 0; i < lease->pages_count; i++) {
                if (lease->pages[i].answered_until_us > answered_us)
                        answered_us = lease->pages[i].answered_until_us;
        }
        trouble_clear(store, bucket, lease->job.start_us, answered_us);
        cover_got(store, lease);
        for (size_t i = 0; i < lease->pages_count; i++) {
                judge_page(store, lease, &lease->pages[i]);
                note_unconfirmed(store, lease, &lease->pages[i]);
        }
        note_refused(store, lease);
        // An answer that says nothing would be asked for again at once.
        if (answered_us == lease->job.start_us)
                defer(store, bucket, lease->job.start_us, lease->job.end_us, false);
        if (bucket->symbol_known && !bucket->refused && lease->got.count > 0)
                bucket_set_why(store, bucket, "");
}

// ---- catalogue and listing ----

static int finish_catalogue(struct store *store, const struct lease *lease, char why[REASON_SIZE])
{
        struct catalogue *catalogue = &store->catalogue;
        bool first = catalogue->generation == 0;

        if (lease->symbols_count == 0) {
                (void)snprintf(why, REASON_SIZE, "the exchange's catalogue holds no symbol");
                errno = EBADMSG;
                return -1;
        }
        size_t skipped = catalogue_replace(catalogue, lease->symbols, lease->symbols_count, store->exchange_us);
        if (catalogue->count == 0) {
                (void)snprintf(why, REASON_SIZE, "none of the catalogue's %zu names is usable", lease->symbols_count);
                errno = EBADMSG;
                return -1;
        }
        catalogue->failures = catalogue->crashes = 0;
        catalogue->next_at = (mono_time){mono_now().us + CATALOGUE_PERIOD_S * US_PER_S};
        if (first || skipped > 0)
                log_info("the exchange's catalogue has %zu symbols%s", catalogue->count,
                    skipped > 0 ? "; names other than A-Z and 0-9 are skipped" : "");
        wanted_refresh_all(store);
        return 0;
}

static int finish_listing(struct store *store, const struct lease *lease, char why[REASON_SIZE])
{
        struct bucket_state *bucket = store->buckets[lease->bucket];
        int64_t first_us = lease->listing.first_open_us;

        if (!lease->listing_seen || first_us < LEDGER_FIRST_BAR_NONE) {
                (void)snprintf(why, REASON_SIZE, "the first bar was not told");
                errno = EBADMSG;
                return -1;
        }
        bucket->first_bar_us = first_us;
        bucket->listing_failures = bucket->listing_crashes = 0;
        bucket->listing_retry_at = (mono_time){mono_now().us + LISTING_AGAIN_S * US_PER_S};
        if (bucket->symbol_known && !bucket->refused)
                bucket_set_why(store, bucket, "");
        bucket_row_changed(store, bucket);
        wanted_refresh(store, bucket);
        return 0;
}

int finish_job(struct store *store, struct lease *lease, char why[REASON_SIZE])
{
        int result = 0;

        switch (lease->job.kind) {
        case JOB_CATALOG: result = finish_catalogue(store, lease, why); break;
        case JOB_LISTING: result = finish_listing(store, lease, why); break;
        case JOB_TRADES:
        case JOB_AGG_TRADES: result = tickbulk_finish(store, lease, why); break;
        default:
                if (store->buckets[lease->bucket]->refused) {
                        // Its rows were not written, so nothing may be concluded from what is not there.
                        (void)snprintf(why, REASON_SIZE, "%s", store->buckets[lease->bucket]->why);
                        errno = EBADMSG;
                        return -1;
                }
                finish_klines(store, lease);
        }
        if (result < 0)
                return -1;
        store->network_failures = 0;
        store->work_dirty = true;
        store_mark_dirty(store, 0, true);
        lease_end(store, lease);
        return 0;
}
