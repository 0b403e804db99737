// SPDX-License-Identifier: Apache-2.0
// What is committed piece by piece reads back as a whole.
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

#include "workers/writer/bucketset.h"
#include "workers/writer/ledger.h"
#include "workers/writer/storestate.h"
#include "workers/writer/troubles.h"

#include <sqlite3.h>

static void expect_same_ranges(const struct ranges *a, const struct ranges *b)
{
        assert_int_equal(a->count, b->count);
        for (size_t i = 0; i < a->count; i++) {
                assert_int_equal(a->items[i].start_us, b->items[i].start_us);
                assert_int_equal(a->items[i].end_us, b->items[i].end_us);
                assert_int_equal(a->items[i].tag, b->items[i].tag);
        }
}

static void change_at_random(struct store *store, struct bucket_state *bucket)
{
        int64_t start_us = RIG_MIN(rand() % 300), end_us = start_us + (1 + rand() % 40) * US_PER_MIN;

        switch (rand() % 4) {
        case 0: bucket_uncover(store, bucket, start_us, end_us); break;
        case 1: bucket_explain(store, bucket, start_us, end_us, GAP_ABSENT, RIG_T0, "REST answered without it"); break;
        default: bucket_cover(store, bucket, start_us, end_us, (enum bar_source)(rand() % BAR_SOURCES)); break;
        }
}

static void random_changes_and_commits_read_back_the_same(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        srand(4);
        rig_open(rig);
        for (int round = 0; round < 20; round++) {
                struct bucket_state *bucket = bucketset_get(rig->store, "BTCUSDT", INTERVAL_1M);

                bucket->looked_at = true;
                bucket_row_changed(rig->store, bucket);
                for (int i = 0; i < 60; i++) {
                        change_at_random(rig->store, bucket);
                        if (rand() % 5 == 0)
                                assert_int_equal(store_sync(rig->store), 0);
                }
                assert_int_equal(store_sync(rig->store), 0);
                struct ranges covered = {0}, explained = {0};
                assert_int_equal(ranges_copy(&covered, &bucket->covered), 0);
                assert_int_equal(ranges_copy(&explained, &bucket->explained_ranges), 0);
                rig_close(rig);
                rig_open(rig);
                bucket = bucketset_get(rig->store, "BTCUSDT", INTERVAL_1M);
                expect_same_ranges(&bucket->covered, &covered);
                expect_same_ranges(&bucket->explained_ranges, &explained);
                assert_int_equal(bucket->explained.count, explained.count);
                ranges_free(&covered);
                ranges_free(&explained);
        }
        rig_free(rig);
}

static void a_boundary_that_waits_for_its_first_bar_outlives_a_restart(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_live(rig, RIG_MIN(1400), 1, 0);
        rig_connect(rig, 0);
        assert_int_equal(store_sync(rig->store), 0);
        rig_close(rig);
        rig_open(rig);
        const struct bucket_state *bucket = bucketset_get(rig->store, "BTCUSDT", INTERVAL_1M);
        assert_true(bucket->boundary_open);
        assert_string_equal(bucket->boundary_reason, "its stream was connected anew");
        assert_int_equal(bucket->live_last_us, RIG_MIN(1400));
        rig_live(rig, RIG_MIN(1405), 1, 0);
        assert_false(bucket->boundary_open);
        assert_int_equal(bucket->notes.count, 1);
        assert_string_equal(bucket->notes.items[0].evidence, "its stream was connected anew");
        rig_free(rig);
}

static void a_failed_commit_leaves_everything_for_the_next(void **state)
{
        struct rig *rig = rig_new();
        char path[PATH_SIZE + 32];
        sqlite3 *other;

        (void)state;
        rig_open(rig);
        rig_live(rig, RIG_MIN(1400), 3, 0);
        snprintf(path, sizeof(path), "%s/ledger.db", rig->setup.settings.state_directory);
        assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(store_sync(rig->store), -1); // somebody else writes to it, for five seconds and longer
        assert_int_equal(store_cursor(rig->store), 0);
        assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(other);
        assert_true(store_sync_due(rig->store, (mono_time){mono_now().us + 2 * US_PER_S}));
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(store_cursor(rig->store), 1);
        assert_int_equal(rig_bucket(rig).rows, 3);
        rig_free(rig);
}

static void troubles_keep_their_wait_over_a_restart(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        struct bucket_state *bucket = bucketset_get(rig->store, "BTCUSDT", INTERVAL_1M);
        (void)trouble_add(rig->store, bucket, TROUBLE_REFUSED, RIG_T0, RIG_MIN(5), "HTTP 400 -1100");
        assert_int_equal(store_sync(rig->store), 0);
        rig_close(rig);
        rig_open(rig);
        bucket = bucketset_get(rig->store, "BTCUSDT", INTERVAL_1M);
        assert_int_equal(bucket->troubles_count, 1);
        assert_string_equal(bucket->troubles[0].text, "HTTP 400 -1100");
        int64_t wait_ms = mono_since_ms(bucket->troubles[0].retry_at, mono_now());
        assert_true(wait_ms > 3500000 && wait_ms <= 3600000);
        trouble_clear(rig->store, bucket, RIG_T0, RIG_MIN(1));
        assert_int_equal(store_sync(rig->store), 0);
        rig_close(rig);
        rig_open(rig);
        assert_int_equal(bucketset_get(rig->store, "BTCUSDT", INTERVAL_1M)->troubles_count, 0);
        rig_free(rig);
}

static void endpoints_are_told_apart_by_host(void **state)
{
        (void)state;
        assert_string_equal(ledger_endpoint_class("https://api.binance.com"), "mainnet");
        assert_string_equal(ledger_endpoint_class("https://data-api.binance.vision/"), "mainnet");
        assert_string_equal(ledger_endpoint_class("https://testnet.binance.vision"), "testnet");
        assert_string_equal(ledger_endpoint_class("https://api.binance.com.example.org"), "custom");
        assert_string_equal(ledger_endpoint_class("https://api.binance.co"), "custom");
        assert_string_equal(ledger_endpoint_class("http://127.0.0.1:8080"), "custom");
}

static void waits_for_a_retry_grow_as_they_should(void **state)
{
        (void)state;
        assert_int_equal(trouble_delay_s(TROUBLE_NETWORK, 1), 1);
        assert_int_equal(trouble_delay_s(TROUBLE_NETWORK, 4), 8);
        assert_int_equal(trouble_delay_s(TROUBLE_NETWORK, 40), 300);
        assert_int_equal(trouble_delay_s(TROUBLE_CRASH, 2), 1);
        assert_int_equal(trouble_delay_s(TROUBLE_CRASH, 3), 86400);
        assert_int_equal(trouble_delay_s(TROUBLE_REFUSED, 1), 3600);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(random_changes_and_commits_read_back_the_same),
            cmocka_unit_test(a_boundary_that_waits_for_its_first_bar_outlives_a_restart),
            cmocka_unit_test(a_failed_commit_leaves_everything_for_the_next),
            cmocka_unit_test(troubles_keep_their_wait_over_a_restart),
            cmocka_unit_test(endpoints_are_told_apart_by_host),
            cmocka_unit_test(waits_for_a_retry_grow_as_they_should),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
