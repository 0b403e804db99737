// SPDX-License-Identifier: Apache-2.0
// The store: what is applied, what it proves, and what is asked for next.
// LINK: workers/writer/derive.c workers/writer/derivekeep.c workers/writer/derivemake.c workers/writer/derivetick.c
// LINK: workers/writer/derivechain.c workers/writer/derivedamage.c workers/writer/deriverows.c
// LINK: workers/writer/barfiles.c workers/writer/barserver.c workers/writer/sink.c
// LINK: workers/writer/sinkparcel.c workers/writer/sinkrule.c
// LINK: -lcurl -lmsgpackc
// LINK: workers/writer/adopt.c workers/writer/apply.c workers/writer/bucketset.c workers/writer/bulk.c
// LINK: workers/writer/catalogue.c workers/writer/coverage.c workers/writer/finish.c workers/writer/gaps.c
// LINK: workers/writer/leases.c workers/writer/ledger.c workers/writer/ledgercommit.c workers/writer/ledgerload.c
// LINK: workers/writer/live.c workers/writer/openfiles.c workers/writer/plan.c workers/writer/planner.c
// LINK: workers/writer/rootlock.c workers/writer/settle.c workers/writer/store.c workers/writer/sync.c
// LINK: workers/writer/troubles.c workers/writer/verdict.c workers/writer/wanted.c workers/writer/sql.c
// LINK: workers/writer/serverstore.c workers/writer/sinkmatch.c workers/writer/ticksink.c workers/writer/tickserver.c
// LINK: workers/writer/tickserverlook.c workers/writer/tickserverdoubles.c
// LINK: workers/writer/sinkread.c workers/writer/sinkwrite.c workers/writer/tickwire.c
// LINK: workers/writer/tickadopt.c
// LINK: workers/writer/idset.c workers/writer/tickbulk.c workers/writer/tickdamage.c workers/writer/tickfiles.c
// LINK: workers/writer/tickledger.c workers/writer/ticklive.c workers/writer/tickplan.c workers/writer/tickset.c
#include "tests/unit/store_rig.h"

static void a_cold_start_asks_for_catalogue_first_bar_and_history(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        assert_true(rig_next(rig));
        assert_int_equal(rig->job.kind, JOB_CATALOG);
        struct job catalogue = rig->job;
        assert_false(rig_next(rig)); // nothing else before there is one
        rig->job = catalogue;
        static const char *const symbols[] = {"BTCUSDT"};
        rig_answer_catalogue(rig, symbols, 1, SYMBOL_TRADING);
        assert_true(rig_next(rig));
        rig_answer_listing(rig, RIG_MIN(10));
        assert_true(rig_next(rig));
        assert_int_equal(rig->job.purpose, JOB_HISTORY);
        assert_int_equal(rig->job.start_us, RIG_MIN(10));
        // With a live stream the newest minute is the stream's to bring.
        assert_int_equal(rig->job.end_us, RIG_MIN(1439));
        assert_int_equal(rig_answer(rig, 0), 1);
        assert_false(rig_next(rig));
        assert_false(store_is_complete(rig->store, rig->now_us)); // not yet synced
        assert_int_equal(store_sync(rig->store), 0);
        assert_true(store_is_complete(rig->store, rig->now_us));

        struct rig_count found = rig_rows(rig, INT64_MIN, INT64_MAX);
        assert_int_equal(found.rows, 1429);
        assert_int_equal(found.first_us, RIG_MIN(10));
        struct ledger_bucket bucket = rig_bucket(rig);
        assert_int_equal(bucket.rows, 1429);
        assert_int_equal(bucket.settled, 1429);
        assert_int_equal(bucket.wanted, 1429);
        assert_int_equal(bucket.missing, 0);
        rig_free(rig);
}

static void several_workers_share_one_bucket(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig->setup.settings.batch_size = 10; // 200 bars a job
        rig_open(rig);
        rig_introduce(rig, RIG_T0);
        assert_true(rig_next(rig));
        assert_int_equal(rig->job.end_us, RIG_MIN(200));
        assert_int_equal(rig->job.page_rows, 10);
        assert_true(rig_next(rig));
        assert_int_equal(rig->job.start_us, RIG_MIN(200));
        assert_int_equal(rig->job.end_us, RIG_MIN(400));
        rig_free(rig);
}

static void a_live_bar_is_provisional_until_rest_confirms_or_corrects_it(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig->setup.settings.backfill_enabled = false;
        rig_open(rig);
        rig_introduce(rig, RIG_T0);
        rig_live(rig, RIG_MIN(1430), 10, 0);
        assert_int_equal(rig->live_bars, 10);
        assert_int_equal(store_sync(rig->store), 0);
        struct ledger_bucket bucket = rig_bucket(rig);
        assert_int_equal(bucket.rows, 10);
        assert_int_equal(bucket.settled, 0);
        assert_int_equal(bucket.live_from_us, RIG_MIN(1430));

        assert_false(rig_next(rig)); // the oldest has not been there for a quarter of an hour
        rig->now_us = RIG_MIN(1447);
        rig_live(rig, RIG_MIN(1440), 6, 0);
        assert_true(rig_next(rig));
        assert_int_equal(rig->job.purpose, JOB_SETTLE);
        assert_int_equal(rig->job.start_us, RIG_MIN(1430));
        assert_int_equal(rig->job.end_us, RIG_MIN(1446));
        assert_int_equal(rig_answer(rig, 5), 1);
        assert_int_equal(store_sync(rig->store), 0);
        bucket = rig_bucket(rig);
        assert_int_equal(bucket.settled, 16);
        assert_int_equal(bucket.corrected, 16);
        struct rig_count found = rig_rows(rig, INT64_MIN, INT64_MAX);
        assert_int_equal(found.rows, 16);
        assert_true(found.close_last == rig_close_price(RIG_MIN(1445), 5));
        rig_free(rig);
}

static void a_replay_after_settling_changes_nothing(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_int_equal(rig_work(rig, 5), 1);
        rig_live(rig, RIG_MIN(1420), 10, 0);
        struct rig_count found = rig_rows(rig, RIG_MIN(1420), RIG_MIN(1429));
        assert_int_equal(found.rows, 10);
        assert_true(found.close_first == rig_close_price(RIG_MIN(1420), 5));
        assert_true(found.close_last == rig_close_price(RIG_MIN(1429), 5));
        assert_int_equal(atomic_load(&rig->governor->rows_refused_rank), 10);
        assert_int_equal(rig->live_bars, 0);
        rig_free(rig);
}

static void an_equal_bar_is_not_written_again(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_live(rig, RIG_MIN(1), 5, 0);
        assert_int_equal(atomic_load(&rig->governor->rows_stored), 5);
        rig_live(rig, RIG_MIN(1), 5, 0);
        assert_int_equal(atomic_load(&rig->governor->rows_stored), 5);
        rig_live(rig, RIG_MIN(2), 1, 3); // of equal rank the last wins
        assert_int_equal(atomic_load(&rig->governor->rows_stored), 6);
        struct rig_count found = rig_rows(rig, RIG_MIN(2), RIG_MIN(2));
        assert_true(found.close_first == rig_close_price(RIG_MIN(2), 3));
        rig_free(rig);
}

static void rest_s_newest_bar_is_weaker_than_the_stream_s(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig->setup.settings.realtime_enabled = false;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_int_equal(rig_work(rig, 5), 1); // the bar of 1439 closed just now
        rig_live(rig, RIG_MIN(1438), 2, 0);
        struct rig_count found = rig_rows(rig, RIG_MIN(1438), RIG_MIN(1439));
        assert_true(found.close_first == rig_close_price(RIG_MIN(1438), 5));
        assert_true(found.close_last == rig_close_price(RIG_MIN(1439), 0));
        rig_free(rig);
}

static void a_job_counts_at_its_rank_from_its_first_chunk_on(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_true(rig_next(rig));
        rig_begin(rig);
        rig_page(rig, rig->job.start_us, rig->job.end_us, rig->job.end_us, 39);
        assert_int_equal(rig_chunk(rig), 0);
        rig_live(rig, RIG_MIN(1410), 1, 0); // late: a replay
        assert_int_equal(rig_rows(rig, INT64_MIN, INT64_MAX).rows, 0);
        store_release_job(rig->store, rig->job.lease, JOB_FAILURE_STOPPED, "test");
        // What was refused is not covered: it is asked for again, from the first streamed bar on before the history.
        assert_true(rig_next(rig));
        assert_int_equal(rig->job.start_us, RIG_MIN(1410));
        assert_int_equal(rig->job.end_us, RIG_MIN(1439));
        assert_true(rig_next(rig));
        assert_int_equal(rig->job.start_us, RIG_MIN(1400));
        assert_int_equal(rig->job.end_us, RIG_MIN(1410));
        rig_free(rig);
}

static void a_discarded_job_covers_nothing_and_runs_again(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_true(rig_next(rig));
        struct job first = rig->job;
        rig_begin(rig);
        rig_page(rig, RIG_MIN(1400), RIG_MIN(1439), RIG_MIN(1439), 39);
        for (int i = 0; i < 20; i++) {
                struct kline kline = rig_kline(RIG_MIN(1400 + i), 0);

                rig_row(rig, RECORD_KLINE, &kline, sizeof(kline));
        }
        assert_int_equal(rig_chunk(rig), 0);
        assert_int_equal(rig_rows(rig, INT64_MIN, INT64_MAX).rows, 20); // they are right, so they stay
        store_release_job(rig->store, rig->job.lease, JOB_FAILURE_STOPPED, "its worker ended");
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).rows, 0);
        assert_true(rig_next(rig));
        assert_int_equal(rig->job.start_us, first.start_us);
        assert_true(rig->job.lease != first.lease);
        assert_int_equal(rig_answer(rig, 0), 1);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).rows, 39);
        rig_free(rig);
}

static void torn_answer(int rows_less, uint32_t crc_change, int chunks_more)
{
        struct rig *rig = rig_new();

        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_true(rig_next(rig));
        rig_begin(rig);
        rig_page(rig, RIG_MIN(1400), RIG_MIN(1439), RIG_MIN(1439), (uint32_t)(39 - rows_less));
        for (int i = 0; i < 39 - rows_less; i++) {
                struct kline kline = rig_kline(RIG_MIN(1400 + i), 0);

                rig_row(rig, RECORD_KLINE, &kline, sizeof(kline));
        }
        rig->rows += (uint64_t)rows_less;
        rig->crc ^= crc_change;
        rig->chunks += (uint32_t)chunks_more;
        assert_int_equal(rig_end(rig), -1);
        assert_int_equal(errno, EBADMSG);
        assert_true(rig->why[0] != '\0');
        rig_begin(rig);
        assert_int_equal(rig_chunk(rig), -1); // the lease is gone
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).rows, 0);
        rig_free(rig);
}

static void a_job_whose_rows_chunks_or_check_sum_disagree_is_discarded(void **state)
{
        (void)state;
        torn_answer(1, 0, 0);
        torn_answer(0, 1, 0);
        torn_answer(0, 0, 1);
}

static void a_page_that_ends_early_is_discarded(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_true(rig_next(rig));
        rig_begin(rig);
        rig_page(rig, RIG_MIN(1400), RIG_MIN(1439), RIG_MIN(1439), 2);
        struct kline kline = rig_kline(RIG_MIN(1400), 0);
        rig_row(rig, RECORD_KLINE, &kline, sizeof(kline));
        assert_int_equal(rig_end(rig), -1);
        assert_int_equal(errno, EBADMSG);
        rig_free(rig);
}

static void chunks_of_a_job_that_is_no_more_are_passed_over(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_true(rig_next(rig));
        struct job old = rig->job;
        rig_begin(rig);
        rig_page(rig, RIG_MIN(1400), RIG_MIN(1439), RIG_MIN(1439), 39);
        assert_int_equal(rig_chunk(rig), 0);
        store_release_job(rig->store, old.lease, JOB_FAILURE_STOPPED, "test");
        assert_true(rig_next(rig));
        // The worker had this under way when it was told.
        struct kline kline = rig_kline(RIG_MIN(1400), 9);
        rig_row(rig, RECORD_KLINE, &kline, sizeof(kline));
        assert_int_equal(rig_chunk(rig), 0);
        assert_int_equal(rig_rows(rig, INT64_MIN, INT64_MAX).rows, 0);
        assert_int_equal(rig_answer(rig, 0), 1);
        rig_free(rig);
}

static void an_old_hole_is_absent_after_one_answer(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_T0);
        assert_true(rig_next(rig));
        assert_int_equal(rig_answer_but(rig, 0, RIG_MIN(120), RIG_MIN(330)), 1);
        assert_false(rig_next(rig));
        assert_int_equal(store_sync(rig->store), 0);
        assert_true(store_is_complete(rig->store, rig->now_us));
        struct ledger_bucket bucket = rig_bucket(rig);
        assert_int_equal(bucket.explained[GAP_ABSENT], 210);
        assert_int_equal(bucket.missing, 0);
        assert_int_equal(bucket.wanted, bucket.wanted_stored + 210);
        // A bar that comes after all takes the verdict back.
        rig_live(rig, RIG_MIN(120), 1, 0);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).explained[GAP_ABSENT], 209);
        rig_free(rig);
}

static void a_young_hole_gets_no_verdict_and_is_asked_for_again_later(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_true(rig_next(rig));
        assert_int_equal(rig_answer_but(rig, 0, RIG_MIN(1432), RIG_MIN(1439)), 1);
        assert_false(rig_next(rig));
        assert_int_equal(store_sync(rig->store), 0);
        assert_false(store_is_complete(rig->store, rig->now_us));
        assert_int_equal(rig_bucket(rig).missing, 7);
        rig->now_us += 30 * US_PER_S;
        assert_true(rig_next(rig));
        assert_int_equal(rig->job.start_us, RIG_MIN(1432));
        assert_int_equal(rig_answer_but(rig, 0, RIG_MIN(1432), RIG_MIN(1439)), 1);
        assert_false(rig_next(rig));
        rig->now_us = RIG_MIN(1450); // now they are ten minutes old
        assert_true(rig_next(rig));
        assert_int_equal(rig_answer_but(rig, 0, RIG_MIN(1432), RIG_MIN(1439)), 1);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).explained[GAP_ABSENT], 7);
        rig_free(rig);
}

static void a_reconnect_opens_a_gap_that_closes_when_it_is_filled(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig->setup.settings.backfill_enabled = false;
        rig_open(rig);
        rig_introduce(rig, RIG_T0);
        rig_connect(rig, 0);
        rig_live(rig, RIG_MIN(1400), 3, 0);
        rig_connect(rig, 0);
        rig_live(rig, RIG_MIN(1403), 1, 0); // nothing was lost
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).gaps_open, 0);
        rig_connect(rig, 0);
        rig_live(rig, RIG_MIN(1410), 29, 0);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).gaps_open, 1);
        assert_int_equal(rig_bucket(rig).missing, 6);
        assert_true(rig_next(rig));
        assert_int_equal(rig->job.purpose, JOB_GAP);
        assert_int_equal(rig->job.start_us, RIG_MIN(1404));
        assert_int_equal(rig->job.end_us, RIG_MIN(1410));
        assert_int_equal(rig_answer(rig, 0), 1);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).gaps_open, 0);
        assert_int_equal(rig_bucket(rig).missing, 0);
        rig_free(rig);
}

static void a_defective_bar_is_refused_and_its_slot_stays_missing(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_true(rig_next(rig));
        rig_begin(rig);
        rig_page(rig, RIG_MIN(1400), RIG_MIN(1439), RIG_MIN(1439), 39);
        for (int i = 0; i < 39; i++) {
                struct kline kline = rig_kline(RIG_MIN(1400 + i), 0);

                if (i == 5)
                        kline.high = kline.low - 1;
                rig_row(rig, RECORD_KLINE, &kline, sizeof(kline));
        }
        assert_int_equal(rig_end(rig), 1);
        assert_false(rig_next(rig)); // not at once
        assert_int_equal(store_sync(rig->store), 0);
        struct ledger_bucket bucket = rig_bucket(rig);
        assert_int_equal(bucket.rows, 38);
        assert_int_equal(bucket.missing, 1);
        assert_int_equal(bucket.defective, 1);
        assert_int_equal(bucket.gaps_open, 1);
        assert_int_equal(atomic_load(&rig->governor->rows_defective), 1);
        char text[REASON_SIZE];
        assert_true(store_is_exhausted(rig->store, rig->now_us, text));
        assert_non_null(strstr(text, "high"));
        rig_free(rig);
}

static void an_off_grid_bar_takes_its_slot_unless_one_on_the_grid_wants_it(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1436));
        assert_true(rig_next(rig));
        rig_begin(rig);
        rig_page(rig, RIG_MIN(1436), RIG_MIN(1439), RIG_MIN(1439), 4);
        const int64_t opens[] = {RIG_MIN(1436) + 14789000, RIG_MIN(1437), RIG_MIN(1437) + 14789000, RIG_MIN(1438)};
        for (size_t i = 0; i < 4; i++) {
                struct kline kline = rig_kline(opens[i], (int)i);

                kline.close_us = kline.open_us + US_PER_MIN - 1;
                rig_row(rig, RECORD_KLINE, &kline, sizeof(kline));
        }
        assert_int_equal(rig_end(rig), 1);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).rows, 3);
        struct rig_count found = rig_rows(rig, RIG_MIN(1436), RIG_MIN(1437));
        assert_int_equal(found.rows, 2);
        assert_true(found.close_first == rig_close_price(opens[0], 0));
        assert_true(found.close_last == rig_close_price(opens[1], 1));
        rig_free(rig);
}

static void pages_may_meet_in_the_middle_of_a_slot(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_true(rig_next(rig));
        rig_begin(rig);
        // Short: its last row opens at 1409, nothing is said about what follows that row.
        rig_page(rig, RIG_MIN(1400), RIG_MIN(1439), RIG_MIN(1409) + US_PER_MS, 10);
        for (int i = 0; i < 10; i++) {
                struct kline kline = rig_kline(RIG_MIN(1400 + i), 0);

                rig_row(rig, RECORD_KLINE, &kline, sizeof(kline));
        }
        rig_page(rig, RIG_MIN(1409) + US_PER_MS, RIG_MIN(1439), RIG_MIN(1439), 29 - 5);
        for (int i = 15; i < 39; i++) {
                struct kline kline = rig_kline(RIG_MIN(1400 + i), 0);

                rig_row(rig, RECORD_KLINE, &kline, sizeof(kline));
        }
        assert_int_equal(rig_end(rig), 1);
        assert_int_equal(store_sync(rig->store), 0);
        struct ledger_bucket bucket = rig_bucket(rig);
        assert_int_equal(bucket.rows, 34);
        assert_int_equal(bucket.explained[GAP_ABSENT], 5);
        assert_int_equal(bucket.missing, 0);
        // On the grid, so that it reads back.
        rig_close(rig);
        rig_open(rig);
        rig_free(rig);
}

static void a_symbol_that_the_catalogue_does_not_know_gets_no_jobs(void **state)
{
        struct rig *rig = rig_new();
        char text[REASON_SIZE];

        (void)state;
        assert_int_equal(symbol_list_add(&rig->setup.symbols, "NOSUCH"), 0);
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_int_equal(rig_work(rig, 0), 1);
        assert_int_equal(store_sync(rig->store), 0);
        assert_false(store_is_complete(rig->store, rig->now_us));
        assert_true(store_is_exhausted(rig->store, rig->now_us, text));
        assert_non_null(strstr(text, "NOSUCH"));
        rig_free(rig);
}

static void three_crashes_on_the_same_range_quarantine_it(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        for (int i = 0; i < 3; i++) {
                for (int tenths = 0; !rig_next(rig); tenths++) {
                        assert_true(tenths < 30); // it waits a second
                        usleep(100000);
                }
                assert_int_equal(rig->job.start_us, RIG_MIN(1400));
                store_release_job(rig->store, rig->job.lease, 0, "SIGSEGV");
        }
        usleep(1100000);
        assert_false(rig_next(rig));
        assert_int_equal(store_sync(rig->store), 0);
        char text[REASON_SIZE];
        assert_true(store_is_exhausted(rig->store, rig->now_us, text));
        // Over a restart too.
        rig_close(rig);
        rig_open(rig);
        assert_true(rig_next(rig)); // the catalogue
        assert_int_equal(rig->job.kind, JOB_CATALOG);
        assert_false(rig_next(rig));
        rig_free(rig);
}

static void a_killed_worker_s_job_is_granted_again_at_once(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        for (int i = 0; i < 5; i++) {
                assert_true(rig_next(rig));
                store_release_job(rig->store, rig->job.lease, JOB_FAILURE_STOPPED, "killed");
        }
        rig_free(rig);
}

static void an_unreachable_exchange_is_asked_politely(void **state)
{
        struct rig *rig = rig_new();
        int64_t retry_ms;

        (void)state;
        rig->setup.settings.batch_size = 10;
        rig_open(rig);
        rig_introduce(rig, RIG_T0);
        assert_true(rig_next(rig));
        store_release_job(rig->store, rig->job.lease, JOB_FAILURE_NETWORK, "timeout");
        assert_false(store_next_job(rig->store, rig->now_us, &rig->job, &retry_ms));
        assert_true(retry_ms > 0 && retry_ms <= 1001);
        usleep(1100000);
        assert_true(rig_next(rig));
        mono_time begun = mono_now();
        store_release_job(rig->store, rig->job.lease, JOB_FAILURE_NETWORK, "timeout");
        usleep(1100000);
        bool granted = rig_next(rig);
        assert_false(granted && mono_since_ms(mono_now(), begun) < 2000); // two seconds this time
        rig_free(rig);
}

static void a_symbol_ends_after_a_day_away_in_every_catalogue(void **state)
{
        static const char *const both[] = {"BTCUSDT", "ETHUSDT"};
        struct rig *rig = rig_new();
        size_t count;
        uint64_t generation;

        (void)state;
        rig_open(rig);
        assert_true(rig_next(rig));
        rig_answer_catalogue(rig, both, 2, SYMBOL_TRADING);
        assert_int_equal(store_sync(rig->store), 0);
        for (int hours = 1; hours <= 26; hours++) {
                // Only the exchange's clock counts; the catalogue is due by this host's.
                rig_close(rig);
                rig_open(rig);
                rig->now_us += US_PER_HOUR;
                assert_true(rig_next(rig));
                rig_answer_catalogue(rig, both, 1, SYMBOL_TRADING);
                assert_int_equal(store_sync(rig->store), 0);
                const struct catalogue_entry *entries = store_catalogue(rig->store, &count, &generation);
                assert_int_equal(count, 2);
                assert_int_equal(entries[0].ended, 0);
                assert_int_equal(entries[1].ended, hours >= 25);
        }
        rig_free(rig);
}

static void a_range_asked_for_on_the_command_line_is_fetched_and_forgotten(void **state)
{
        struct rig *rig = rig_new();
        struct control_backfill want = {
            .symbol = "ETHUSDT", .interval = INTERVAL_1M, .start_us = RIG_T0, .end_us = RIG_MIN(60)};

        (void)state;
        rig->setup.settings.backfill_enabled = false;
        rig_open(rig);
        rig_introduce_catalogue(rig);
        assert_false(rig_next(rig));
        struct control_backfill bad = want;
        snprintf(bad.symbol, sizeof(bad.symbol), "NOSUCH");
        assert_int_equal(store_want(rig->store, &bad, rig->why), -1);
        assert_int_equal(errno, EINVAL);
        assert_int_equal(store_want(rig->store, &want, rig->why), 0);
        assert_true(rig_next(rig));
        rig_answer_listing(rig, RIG_MIN(10));
        assert_true(rig_next(rig));
        assert_string_equal(rig->job.symbol, "ETHUSDT");
        assert_int_equal(rig->job.start_us, RIG_MIN(10));
        assert_int_equal(rig->job.end_us, RIG_MIN(60));
        assert_int_equal(rig_answer(rig, 0), 1);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(store_sync(rig->store), 0);
        struct ledgerview *view = ledgerview_open(rig->setup.settings.state_directory, rig->why);
        struct ledger_bucket bucket;
        assert_int_equal(
            ledgerview_range_of(view, "ETHUSDT", INTERVAL_1M, RIG_T0, RIG_MIN(60), rig->now_us, &bucket), 1);
        assert_int_equal(bucket.wanted, 50);
        assert_int_equal(bucket.missing, 0);
        assert_int_equal(bucket.followed, 0);
        ledgerview_close(view);
        rig_free(rig);
}

static void a_template_waits_for_the_catalogue_that_fills_it(void **state)
{
        struct rig *rig = rig_new();
        struct stream_id stream = rig_stream("BTCUSDT", INTERVAL_1M);
        struct kline kline = rig_kline(RIG_MIN(1439), 0);

        (void)state;
        snprintf(rig->setup.settings.store_symbol, 64, "binance_{base}-{quote}");
        rig_open(rig);
        assert_int_equal(rig_append(rig, RECORD_KLINE, &stream, &kline, sizeof(kline)), 0);
        assert_int_equal(rig_try_live(rig), -1);
        assert_int_equal(errno, EAGAIN);
        rig_introduce(rig, RIG_MIN(1400));
        rig_live(rig, RIG_MIN(1439), 1, 0);
        assert_int_equal(rig_work(rig, 0), 1);
        assert_int_equal(store_sync(rig->store), 0);
        assert_string_equal(rig_bucket(rig).directory, "binance_BTC-USDT");
        assert_int_equal(rig_bucket(rig).rows, 40);
        rig_free(rig);
}

static void two_symbols_never_share_a_directory(void **state)
{
        static const char *const symbols[] = {"BTCEUR", "BTCUSDT"};
        struct rig *rig = rig_new();

        (void)state;
        snprintf(rig->setup.settings.store_symbol, 64, "{base}");
        assert_int_equal(symbol_list_add(&rig->setup.symbols, "BTCEUR"), 0);
        rig_open(rig);
        assert_true(rig_next(rig));
        rig_answer_catalogue(rig, symbols, 2, SYMBOL_TRADING);
        assert_true(rig_next(rig)); // for one of them
        rig_answer_listing(rig, RIG_MIN(1400));
        assert_int_equal(rig_work(rig, 0), 1);
        char text[REASON_SIZE];
        assert_int_equal(store_sync(rig->store), 0);
        assert_true(store_is_exhausted(rig->store, rig->now_us, text));
        assert_non_null(strstr(text, "same name"));
        rig_free(rig);
}

static void a_sync_is_due_soon_after_live_rows_and_later_after_bulk(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(store_sync_wait_ms(rig->store, mono_now()), -1);
        rig_live(rig, RIG_MIN(1400), 1, 0);
        mono_time now = mono_now();
        int64_t wait_ms = store_sync_wait_ms(rig->store, now);
        assert_true(wait_ms > 800 && wait_ms <= 1000);
        assert_false(store_sync_due(rig->store, now));
        assert_true(store_sync_due(rig->store, (mono_time){now.us + US_PER_S}));

        rig_introduce(rig, RIG_T0);
        assert_true(rig_next(rig));
        assert_int_equal(store_sync(rig->store), 0);
        rig_begin(rig);
        rig_page(rig, rig->job.start_us, rig->job.end_us, rig->job.end_us, 1);
        struct kline kline = rig_kline(rig->job.start_us, 0);
        rig_row(rig, RECORD_KLINE, &kline, sizeof(kline));
        assert_int_equal(rig_chunk(rig), 0);
        wait_ms = store_sync_wait_ms(rig->store, mono_now());
        assert_true(wait_ms > 9000 && wait_ms <= 10000);
        rig_free(rig);
}

static void a_one_shot_run_ends_where_it_began(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig->setup.one_shot = 1;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_int_equal(rig_work(rig, 0), 1);
        assert_int_equal(store_sync(rig->store), 0);
        rig->now_us += US_PER_HOUR;
        assert_true(store_is_complete(rig->store, rig->now_us));
        assert_int_equal(rig_bucket(rig).wanted, 40);
        assert_int_equal(rig_bucket(rig).missing, 0);
        rig_free(rig);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_cold_start_asks_for_catalogue_first_bar_and_history),
            cmocka_unit_test(several_workers_share_one_bucket),
            cmocka_unit_test(a_live_bar_is_provisional_until_rest_confirms_or_corrects_it),
            cmocka_unit_test(a_replay_after_settling_changes_nothing),
            cmocka_unit_test(an_equal_bar_is_not_written_again),
            cmocka_unit_test(rest_s_newest_bar_is_weaker_than_the_stream_s),
            cmocka_unit_test(a_job_counts_at_its_rank_from_its_first_chunk_on),
            cmocka_unit_test(a_discarded_job_covers_nothing_and_runs_again),
            cmocka_unit_test(a_job_whose_rows_chunks_or_check_sum_disagree_is_discarded),
            cmocka_unit_test(a_page_that_ends_early_is_discarded),
            cmocka_unit_test(chunks_of_a_job_that_is_no_more_are_passed_over),
            cmocka_unit_test(an_old_hole_is_absent_after_one_answer),
            cmocka_unit_test(a_young_hole_gets_no_verdict_and_is_asked_for_again_later),
            cmocka_unit_test(a_reconnect_opens_a_gap_that_closes_when_it_is_filled),
            cmocka_unit_test(a_defective_bar_is_refused_and_its_slot_stays_missing),
            cmocka_unit_test(an_off_grid_bar_takes_its_slot_unless_one_on_the_grid_wants_it),
            cmocka_unit_test(pages_may_meet_in_the_middle_of_a_slot),
            cmocka_unit_test(a_symbol_that_the_catalogue_does_not_know_gets_no_jobs),
            cmocka_unit_test(three_crashes_on_the_same_range_quarantine_it),
            cmocka_unit_test(a_killed_worker_s_job_is_granted_again_at_once),
            cmocka_unit_test(an_unreachable_exchange_is_asked_politely),
            cmocka_unit_test(a_symbol_ends_after_a_day_away_in_every_catalogue),
            cmocka_unit_test(a_range_asked_for_on_the_command_line_is_fetched_and_forgotten),
            cmocka_unit_test(a_template_waits_for_the_catalogue_that_fills_it),
            cmocka_unit_test(two_symbols_never_share_a_directory),
            cmocka_unit_test(a_sync_is_due_soon_after_live_rows_and_later_after_bulk),
            cmocka_unit_test(a_one_shot_run_ends_where_it_began),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
