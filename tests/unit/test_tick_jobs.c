// SPDX-License-Identifier: Apache-2.0
// Trades that are missing: found by their ids, asked for by id, accounted for; history, new numberings, refusals.
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
#include "common/snapshot.h"
#include "tests/unit/tick_rig.h"

#include <sqlite3.h>

#define MINUTES(n) ((n)*US_PER_MIN)

static void a_hole_is_asked_for_by_id_and_filled(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        (void)state;
        rig_open(rig);
        assert_false(tick_next(rig));
        tick_live(rig, 100, 119);
        tick_connect(rig, STREAM_TRADE, 0);
        tick_live(rig, 150, 159);
        tick_settle(rig, tick_us(200));
        struct tick_told told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.tick.wanted, 60);
        assert_int_equal(told.tick.missing, 30);
        assert_int_equal(told.gap.state, GAP_OPEN);
        assert_false(tick_next(rig)); // it is younger than ten seconds: rows may be out of order
        rig->now_us = tick_us(150) + 11 * US_PER_S;
        assert_false(store_is_complete(rig->store, rig->now_us));
        assert_true(tick_next(rig));
        assert_int_equal(rig->job.kind, JOB_TRADES);
        assert_int_equal(rig->job.purpose, JOB_GAP);
        assert_int_equal(rig->job.first_id, 120);
        assert_int_equal(rig->job.last_id, 149);
        assert_string_equal(rig->job.symbol, "BTCUSDT");
        struct job job = rig->job;
        assert_false(tick_next(rig)); // it is under way
        rig->job = job;
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(tick_told_of(rig, TICK_TRADE).gap.state, GAP_REPAIRING);
        assert_int_equal(tick_answer(rig, 1000), 1);
        assert_false(store_is_complete(rig->store, rig->now_us)); // not yet synced
        assert_int_equal(store_sync(rig->store), 0);
        assert_true(store_is_complete(rig->store, rig->now_us));
        assert_ids(rig, 100, 159);
        told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.tick.rows, 60);
        assert_int_equal(told.tick.missing, 0);
        assert_int_equal(told.gap.state, GAP_FILLED);
        assert_false(tick_next(rig));
        tick_restart(rig);
        assert_false(tick_next(rig));
        assert_ids(rig, 100, 159);
        rig_free(rig);
}

static void ids_out_of_order_are_no_gap(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        (void)state;
        rig_open(rig);
        tick_live(rig, 0, 3);
        tick_live(rig, 6, 9);
        tick_live(rig, 4, 5);
        tick_settle(rig, tick_us(90));
        assert_int_equal(tick_told_of(rig, TICK_TRADE).gaps, 0);
        assert_ids(rig, 0, 9);
        rig_free(rig);
}

static void rows_of_a_job_count_when_it_is_complete(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        (void)state;
        rig->setup.settings.batch_size = 10;
        rig_open(rig);
        tick_live(rig, 0, 0);
        tick_live(rig, 31, 31);
        tick_settle(rig, tick_us(200));
        assert_true(tick_next(rig));
        rig_begin(rig);
        tick_page(rig, 1, 10, 50, 10);
        for (int64_t id = 1; id <= 10; id++)
                tick_page_row(rig, id, tick_us(id));
        assert_int_equal(rig_chunk(rig), 0);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(tick_told_of(rig, TICK_TRADE).tick.rows, 2);
        store_release_job(rig->store, rig->job.lease, JOB_FAILURE_STOPPED, "test");
        assert_true(tick_next(rig));
        assert_int_equal(rig->job.first_id, 1);
        assert_int_equal(rig->job.last_id, 30);
        assert_int_equal(tick_answer(rig, 50), 1);
        assert_int_equal(store_sync(rig->store), 0);
        assert_ids(rig, 0, 31); // those of the first trial are there once
        rig_free(rig);
}

static void a_broken_chunk_discards_the_job(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        (void)state;
        rig_open(rig);
        tick_live(rig, 0, 0);
        tick_live(rig, 31, 31);
        tick_settle(rig, tick_us(200));
        assert_true(tick_next(rig));
        rig_begin(rig);
        tick_page(rig, 1, 30, 50, 30);
        tick_page_row(rig, 5, tick_us(5));
        tick_page_row(rig, 4, tick_us(4));
        assert_int_equal(rig_chunk(rig), -1);
        assert_int_equal(errno, EBADMSG);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(tick_told_of(rig, TICK_TRADE).tick.missing, 30);
        rig_free(rig);
}

// What `status` is told of ids that the exchange does not have.
static void assert_told_as_absent(const struct rig *rig, int64_t first_id, int64_t last_id)
{
        struct snapshot snapshot;

        snapshot_take(&rig->setup.settings, NULL, &snapshot);
        assert_int_equal(snapshot.tick_gaps_count, 1);
        assert_int_equal(snapshot.tick_gaps[0].state, GAP_ABSENT);
        assert_int_equal(snapshot.tick_gaps[0].kind, TICK_TRADE);
        assert_string_equal(snapshot.tick_gaps[0].symbol, snapshot.ticks[0].symbol);
        assert_int_equal(snapshot.tick_gaps[0].first_id, first_id);
        assert_int_equal(snapshot.tick_gaps[0].last_id, last_id);
        assert_string_not_equal(snapshot.tick_gaps[0].evidence, "");
        snapshot_free(&snapshot);
}

static void ids_that_do_not_exist_are_explained_when_they_are_old(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        (void)state;
        rig_open(rig);
        tick_live(rig, 0, 0);
        tick_live(rig, 31, 31);
        tick_settle(rig, tick_us(200));
        assert_true(tick_next(rig));
        assert_int_equal(tick_answer_but(rig, 1000, 10, 19), 1); // REST may lag
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(tick_told_of(rig, TICK_TRADE).tick.missing, 10);
        assert_false(tick_next(rig)); // asked again a little later
        rig->now_us += 30 * US_PER_S;
        assert_true(tick_next(rig));
        assert_int_equal(rig->job.first_id, 10);
        assert_int_equal(rig->job.last_id, 19);
        assert_int_equal(tick_answer_but(rig, 1000, 10, 19), 1);
        rig->now_us = tick_us(31) + MINUTES(11);
        assert_true(tick_next(rig));
        assert_int_equal(tick_answer_but(rig, 1000, 10, 19), 1);
        assert_int_equal(store_sync(rig->store), 0);
        struct tick_told told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.tick.missing, 0);
        assert_int_equal(told.tick.absent, 10);
        assert_int_equal(told.tick.rows, 22);
        assert_int_equal(told.gap.state, GAP_FILLED);
        assert_true(store_is_complete(rig->store, rig->now_us));
        assert_told_as_absent(rig, 10, 19);
        // One of them comes after all.
        tick_live(rig, 12, 12);
        tick_settle(rig, rig->now_us);
        assert_int_equal(tick_told_of(rig, TICK_TRADE).tick.absent, 9);
        rig_free(rig);
}

static void what_lies_behind_the_newest_id_of_rest_is_asked_for_again(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        (void)state;
        rig_open(rig);
        tick_live(rig, 0, 0);
        tick_live(rig, 31, 31);
        tick_settle(rig, tick_us(31) + MINUTES(20));
        assert_true(tick_next(rig));
        assert_int_equal(tick_answer(rig, 15), 1);
        assert_int_equal(store_sync(rig->store), 0);
        struct tick_told told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.tick.absent, 0);
        assert_int_equal(told.tick.missing, 15);
        rig->now_us += MINUTES(1);
        assert_true(tick_next(rig));
        assert_int_equal(rig->job.first_id, 16);
        rig_free(rig);
}

static void a_refusal_leaves_the_gap_open_with_its_reason(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);
        char text[REASON_SIZE];

        (void)state;
        rig_open(rig);
        tick_live(rig, 0, 0);
        tick_live(rig, 31, 31);
        tick_settle(rig, tick_us(200));
        assert_true(tick_next(rig));
        store_release_job(rig->store, rig->job.lease, JOB_FAILURE_REFUSED, "HTTP 404: no such endpoint");
        assert_false(tick_next(rig));
        assert_int_equal(store_sync(rig->store), 0);
        struct tick_told told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.gap.state, GAP_OPEN);
        assert_non_null(strstr(told.gap.evidence, "HTTP 404: no such endpoint"));
        assert_non_null(strstr(told.tick.why, "HTTP 404: no such endpoint"));
        assert_true(store_is_exhausted(rig->store, rig->now_us, text));
        assert_non_null(strstr(text, "HTTP 404"));
        tick_restart(rig);
        assert_false(tick_next(rig)); // the trouble is in the ledger
        rig_free(rig);
}

static void behind_a_boundary_new_ids_are_asked_for(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        (void)state;
        rig_open(rig);
        assert_false(tick_next(rig)); // the catalogue
        tick_live(rig, 0, 9);
        tick_settle(rig, tick_us(100));
        tick_connect(rig, STREAM_TRADE, 0);
        assert_false(tick_next(rig));
        rig->now_us += 15 * US_PER_S;
        assert_true(tick_next(rig));
        assert_int_equal(rig->job.first_id, 10);
        assert_int_equal(tick_answer(rig, 20), 1);
        assert_int_equal(store_sync(rig->store), 0);
        assert_ids(rig, 0, 20);
        rig->now_us += MINUTES(2);
        assert_false(tick_next(rig));
        rig_free(rig);
}

// ---- history ----

static struct rig *history_of(int64_t seconds, bool one_shot)
{
        struct rig *rig = tick_rig_new(0, DATA_TRADE);

        rig->setup.one_shot = one_shot;
        rig->setup.settings.batch_size = 100; // 2,000 ids a job
        rig->now_us = TICKS_T0 + seconds * US_PER_S;
        rig_open(rig);
        return rig;
}

static void history_is_found_by_time_and_fetched_by_id(void **state)
{
        struct rig *rig = history_of(1000, true); // ids 0 to 9,999
        int64_t fetched = 0;

        (void)state;
        assert_true(tick_next(rig));
        assert_int_equal(rig->job.first_id, -1);
        assert_int_equal(rig->job.start_us, TICKS_T0);
        assert_int_equal(rig->job.end_us, TICKS_T0 + US_PER_MIN);
        assert_int_equal(tick_answer_search(rig, 20000), 1);
        assert_false(tick_next(rig)); // its end is too young for REST
        assert_false(store_is_complete(rig->store, rig->now_us));
        rig->now_us += 11 * US_PER_S;
        assert_true(tick_next(rig));
        assert_int_equal(rig->job.first_id, -1);
        assert_int_equal(rig->job.end_us, TICKS_T0 + 1000 * US_PER_S);
        assert_int_equal(tick_answer_search(rig, 20000), 1);
        assert_true(tick_next(rig));
        struct job first = rig->job;
        assert_int_equal(first.purpose, JOB_HISTORY);
        assert_int_equal(first.first_id, 600);
        assert_int_equal(first.last_id, 2599);
        assert_true(tick_next(rig)); // others at the same time
        assert_int_equal(rig->job.first_id, 2600);
        assert_int_equal(tick_answer(rig, 20000), 1);
        rig->job = first;
        assert_int_equal(tick_answer(rig, 20000), 1);
        for (; tick_next(rig); fetched++)
                assert_int_equal(tick_answer(rig, 20000), 1);
        assert_int_equal(fetched, 3);
        assert_int_equal(store_sync(rig->store), 0);
        assert_true(store_is_complete(rig->store, rig->now_us));
        assert_ids(rig, 0, 9999);
        struct tick_told told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.tick.wanted, 10000);
        assert_int_equal(told.tick.rows, 10000);
        assert_int_equal(told.tick.missing, 0);
        rig_free(rig);
}

static void a_history_that_has_begun_goes_on_after_a_restart(void **state)
{
        struct rig *rig = history_of(1000, false);

        (void)state;
        rig->setup.settings.backfill_end_us = TICKS_T0 + 900 * US_PER_S;
        store_reconfigure(rig->store, &rig->setup);
        assert_true(tick_next(rig));
        assert_int_equal(tick_answer_search(rig, 20000), 1);
        assert_true(tick_next(rig));
        assert_int_equal(tick_answer_search(rig, 20000), 1);
        assert_true(tick_next(rig));
        assert_int_equal(tick_answer(rig, 20000), 1);
        assert_int_equal(store_sync(rig->store), 0);
        tick_restart(rig);
        int jobs = 0;
        for (; tick_next(rig); jobs++) {
                assert_true(rig->job.first_id >= 2600);
                assert_int_equal(tick_answer(rig, 20000), 1);
        }
        assert_int_equal(jobs, 3);
        assert_int_equal(store_sync(rig->store), 0);
        assert_ids(rig, 0, 8999);
        assert_true(store_is_complete(rig->store, rig->now_us));
        rig_free(rig);
}

static void a_history_without_trades_is_complete(void **state)
{
        struct rig *rig = history_of(1000, true);

        (void)state;
        rig->now_us += 20 * US_PER_S;
        assert_true(tick_next(rig));
        assert_int_equal(tick_answer_search(rig, -1), 1);
        assert_false(tick_next(rig));
        assert_int_equal(store_sync(rig->store), 0);
        assert_true(store_is_complete(rig->store, rig->now_us));
        rig_free(rig);
}

static void a_history_that_begins_after_its_end_is_complete(void **state)
{
        struct rig *rig = tick_rig_new(0, DATA_TRADE);

        (void)state;
        rig->setup.one_shot = true;
        rig->setup.settings.backfill_start_us = rig->now_us + MINUTES(60);
        rig_open(rig);
        assert_false(tick_next(rig));
        assert_int_equal(store_sync(rig->store), 0);
        assert_true(store_is_complete(rig->store, rig->now_us));
        assert_true(tick_told_of(rig, TICK_TRADE).tick.known);
        rig_free(rig);
}

static void a_history_ends_with_the_newest_id(void **state)
{
        struct rig *rig = history_of(1000, true);

        (void)state;
        assert_true(tick_next(rig));
        assert_int_equal(tick_answer_search(rig, 3000), 1);
        rig->now_us += 20 * US_PER_S;
        assert_true(tick_next(rig));
        assert_int_equal(rig->job.first_id, -1);
        assert_int_equal(tick_answer_search(rig, 3000), 1); // nothing in the last minute, and nothing behind it
        int jobs = 0;
        for (; tick_next(rig); jobs++)
                assert_int_equal(tick_answer(rig, 3000), 1);
        assert_true(jobs <= 4);
        assert_int_equal(store_sync(rig->store), 0);
        assert_ids(rig, 0, 3000);
        assert_true(store_is_complete(rig->store, rig->now_us));
        rig_free(rig);
}

static void history_meets_the_stream(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, DATA_TRADE);

        (void)state;
        rig_open(rig);
        rig->now_us = TICKS_T0 + 100 * US_PER_S;
        tick_live(rig, 1000, 1009);
        tick_settle(rig, tick_us(1200));
        assert_true(tick_next(rig));
        assert_int_equal(tick_answer_search(rig, 1300), 1);
        while (tick_next(rig))
                assert_int_equal(rig->job.first_id < 0 ? tick_answer_search(rig, 1300) : tick_answer(rig, 1300), 1);
        assert_int_equal(store_sync(rig->store), 0);
        struct tick_told told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.tick.first_id, 0);
        assert_int_equal(told.tick.missing, 0);
        assert_true(store_is_complete(rig->store, rig->now_us));
        rig_free(rig);
}

// ---- numberings ----

static void an_old_id_that_is_much_newer_begins_a_new_numbering(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        (void)state;
        rig_open(rig);
        tick_live(rig, 5000, 5009);
        tick_live(rig, 5020, 5029);
        tick_put_trade(rig, 7, tick_us(5029) + 2 * US_PER_HOUR);
        tick_put_trade(rig, 8, tick_us(5029) + 2 * US_PER_HOUR + 1);
        tick_put_trade(rig, 11, tick_us(5029) + 2 * US_PER_HOUR + 2);
        assert_int_equal(rig_try_live(rig), 0);
        tick_settle(rig, tick_us(5029) + 2 * US_PER_HOUR + 5 * US_PER_S);
        assert_int_equal(store_sync(rig->store), 0);
        struct tick_told told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.tick.rows, 23);
        assert_int_equal(told.tick.first_id, 7);
        assert_int_equal(told.tick.last_id, 11);
        assert_int_equal(told.tick.missing, 2);
        assert_int_equal(told.tick.lost_ids, 10); // 5010 to 5019 cannot be had any more
        assert_int_equal(told.states, 1u << GAP_LOST | 1u << GAP_OPEN);
        tick_restart(rig);
        rig->now_us += MINUTES(1);
        assert_true(tick_next(rig));
        assert_int_equal(rig->job.first_id, 9);
        assert_int_equal(rig->job.last_id, 10);
        tick_live(rig, 5005, 5005); // a row of the older one, repeated
        tick_settle(rig, rig->now_us + US_PER_S);
        told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.tick.rows, 23);
        assert_int_equal(told.gaps, 2);
        rig_free(rig);
}

// ---- aggregate trades ----

static void tombstones_are_covered_and_make_no_row(void **state)
{
        struct rig *rig = tick_rig_new(DATA_AGG_TRADE, 0);
        struct stream_id stream = tick_stream(STREAM_AGG_TRADE);
        struct agg_trade trade = {.level = {.price = 100, .size = 1}};

        (void)state;
        rig_open(rig);
        for (int64_t id = 0; id < 20; id++) {
                if (id >= 5 && id < 15)
                        continue;
                trade.id = id;
                trade.first_id = trade.last_id = 2 * id;
                trade.time_us = tick_us(id);
                assert_int_equal(rig_append(rig, RECORD_AGG_TRADE, &stream, &trade, sizeof(trade)), 0);
        }
        assert_int_equal(rig_try_live(rig), 0);
        tick_settle(rig, tick_us(200));
        assert_true(tick_next(rig));
        assert_int_equal(rig->job.kind, JOB_AGG_TRADES);
        rig_begin(rig);
        tick_page(rig, 5, 14, 19, 10);
        for (int64_t id = 5; id < 15; id++) {
                bool tombstone = id == 8 || id == 9;

                trade.id = id;
                trade.first_id = trade.last_id = tombstone ? -1 : 2 * id;
                trade.level.price = tombstone ? 0 : 100;
                trade.time_us = tick_us(id);
                tick_row(rig, RECORD_AGG_TRADE, &trade, sizeof(trade));
        }
        assert_int_equal(rig_end(rig), 1);
        assert_int_equal(store_sync(rig->store), 0);
        struct tick_told told = tick_told_of(rig, TICK_AGG_TRADE);
        assert_int_equal(told.tick.rows, 18);
        assert_int_equal(told.tick.missing, 0);
        assert_int_equal(tick_rows_of(rig, TICK_AGG_TRADE).count, 18);
        assert_false(tick_next(rig));
        rig_free(rig);
}

// ---- the ledger ----

static void a_ledger_from_before_there_were_ticks_is_taken_over(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);
        char path[PATH_SIZE], why[REASON_SIZE];
        sqlite3 *db;

        (void)state;
        rig_open(rig);
        assert_false(tick_next(rig));
        assert_int_equal(store_sync(rig->store), 0);
        rig_close(rig);
        snprintf(path, sizeof(path), "%.480s/ledger.db", rig->setup.settings.state_directory);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(
            sqlite3_exec(db,
                "UPDATE meta SET value = 1 WHERE key = 'version'; DROP TABLE tick_buckets; DROP TABLE tick_epochs;"
                "DROP TABLE tick_ids; DROP TABLE tick_gaps; DROP TABLE tick_troubles; DROP TABLE tick_triples;",
                NULL, NULL, NULL),
            SQLITE_OK);
        sqlite3_close(db);
        struct tick_told told = {.kind = TICK_TRADE};
        struct ledgerview *view = ledgerview_open(rig->setup.settings.state_directory, why);
        assert_non_null(view);
        assert_int_equal(ledgerview_each_tick(view, tick_tell, &told), 0);
        assert_false(told.found);
        ledgerview_close(view);
        rig_open(rig);
        tick_live(rig, 0, 9);
        tick_settle(rig, tick_us(60));
        assert_int_equal(tick_told_of(rig, TICK_TRADE).tick.rows, 10);
        rig_free(rig);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_hole_is_asked_for_by_id_and_filled),
            cmocka_unit_test(ids_out_of_order_are_no_gap),
            cmocka_unit_test(rows_of_a_job_count_when_it_is_complete),
            cmocka_unit_test(a_broken_chunk_discards_the_job),
            cmocka_unit_test(ids_that_do_not_exist_are_explained_when_they_are_old),
            cmocka_unit_test(what_lies_behind_the_newest_id_of_rest_is_asked_for_again),
            cmocka_unit_test(a_refusal_leaves_the_gap_open_with_its_reason),
            cmocka_unit_test(behind_a_boundary_new_ids_are_asked_for),
            cmocka_unit_test(history_is_found_by_time_and_fetched_by_id),
            cmocka_unit_test(a_history_that_has_begun_goes_on_after_a_restart),
            cmocka_unit_test(a_history_without_trades_is_complete),
            cmocka_unit_test(a_history_that_begins_after_its_end_is_complete),
            cmocka_unit_test(a_history_ends_with_the_newest_id),
            cmocka_unit_test(history_meets_the_stream),
            cmocka_unit_test(an_old_id_that_is_much_newer_begins_a_new_numbering),
            cmocka_unit_test(a_ledger_from_before_there_were_ticks_is_taken_over),
            cmocka_unit_test(tombstones_are_covered_and_make_no_row),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
