// SPDX-License-Identifier: Apache-2.0
// The ledger as the command line sees it, beside the writer and after it.
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

#include <fcntl.h>

static struct ledgerview *view_of(struct rig *rig)
{
        struct ledgerview *view = ledgerview_open(rig->setup.settings.state_directory, rig->why);

        if (view == NULL)
                fail_msg("ledgerview_open: %s", rig->why);
        return view;
}

static void no_ledger_is_said_so(void **state)
{
        struct rig *rig = rig_new();
        char path[PATH_SIZE + 32];

        (void)state;
        assert_null(ledgerview_open(rig->setup.settings.state_directory, rig->why));
        assert_int_equal(errno, ENOENT);
        assert_non_null(strstr(rig->why, "no ledger"));
        snprintf(path, sizeof(path), "%s/ledger.db", rig->setup.settings.state_directory);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_int_equal(write(fd, "rubbish, and rather a lot of it", 31), 31);
        close(fd);
        assert_null(ledgerview_open(rig->setup.settings.state_directory, rig->why));
        assert_int_equal(errno, EINVAL);
        rig_free(rig);
}

struct seen {
        int count;
        char first[REASON_SIZE];
        int64_t bars;
};

static int see_gap(void *context, const struct ledger_gap *gap)
{
        struct seen *seen = context;

        if (seen->count++ == 0)
                snprintf(seen->first, sizeof(seen->first), "%s", gap->evidence);
        seen->bars += gap->bars;
        return 0;
}

static int see_bucket(void *context, const struct ledger_bucket *bucket)
{
        struct seen *seen = context;

        if (seen->count++ == 0)
                snprintf(seen->first, sizeof(seen->first), "%s", bucket->symbol);
        return 0;
}

static int see_symbol(void *context, const struct catalogue_entry *entry)
{
        struct seen *seen = context;

        if (seen->count++ == 0)
                snprintf(seen->first, sizeof(seen->first), "%s/%s", entry->base, entry->quote);
        return 0;
}

static int see_trouble(void *context, const struct ledger_trouble *trouble)
{
        struct seen *seen = context;

        if (seen->count++ == 0)
                snprintf(seen->first, sizeof(seen->first), "%s: %.100s", trouble->kind, trouble->text);
        return 0;
}

static int stop_at_once(void *context, const struct ledger_bucket *bucket)
{
        (void)context;
        (void)bucket;
        return 42;
}

// Two symbols; BTCUSDT has 39 bars with a hole of five, five streamed ones after a gap of three, ETHUSDT nothing yet.
static struct rig *example(void)
{
        struct rig *rig = rig_new();

        assert_int_equal(symbol_list_add(&rig->setup.symbols, "ETHUSDT"), 0);
        rig_open(rig);
        rig_introduce_catalogue(rig);
        while (rig_next(rig)) {
                if (strcmp(rig->job.symbol, "BTCUSDT") != 0)
                        store_release_job(rig->store, rig->job.lease, JOB_FAILURE_SYMBOL, "HTTP 400 -1121");
                else if (rig->job.kind == JOB_LISTING)
                        rig_answer_listing(rig, RIG_MIN(1400));
                else
                        assert_int_equal(rig_answer_but(rig, 0, RIG_MIN(1410), RIG_MIN(1415)), 1);
        }
        rig_connect(rig, 0);
        rig_live(rig, RIG_MIN(1439), 1, 0);
        rig_connect(rig, 0);
        rig->now_us = RIG_MIN(1449);
        rig_live(rig, RIG_MIN(1443), 5, 0);
        assert_int_equal(store_sync(rig->store), 0);
        return rig;
}

static void check_example(struct rig *rig)
{
        struct ledgerview *view = view_of(rig);
        struct ledger_bucket bucket;
        struct ledger_totals totals;
        struct ledger_meta meta;
        struct seen gaps = {0}, open = {0}, buckets = {0}, symbols = {0};
        struct ranges set = {0};

        assert_int_equal(ledgerview_bucket_of(view, "BTCUSDT", INTERVAL_1M, rig->now_us, &bucket), 1);
        assert_string_equal(bucket.directory, "BTCUSDT");
        assert_true(bucket.followed && bucket.live);
        assert_int_equal(bucket.first_us, RIG_MIN(1400));
        assert_int_equal(bucket.last_us, RIG_MIN(1447));
        assert_int_equal(bucket.rows, 40);
        assert_int_equal(bucket.settled, 34);
        assert_int_equal(bucket.wanted, 48); // up to the bar of 1447, which closed a minute ago
        assert_int_equal(bucket.wanted_stored, 40);
        assert_int_equal(bucket.explained[GAP_ABSENT], 5);
        assert_int_equal(bucket.missing, 3);
        assert_int_equal(bucket.gaps_open, 1);
        assert_int_equal(ledgerview_bucket_of(view, "BTCUSDT", INTERVAL_1H, rig->now_us, &bucket), 0);

        assert_int_equal(ledgerview_missing(view, "BTCUSDT", INTERVAL_1M, rig->now_us, &set), 1);
        assert_int_equal(set.count, 1);
        assert_int_equal(set.items[0].start_us, RIG_MIN(1440));
        assert_int_equal(set.items[0].end_us, RIG_MIN(1443));
        assert_int_equal(ledgerview_coverage(view, "BTCUSDT", INTERVAL_1M, &set), 1);
        assert_int_equal(set.items[0].tag, BAR_REST);
        assert_int_equal(set.items[set.count - 1].tag, BAR_STREAM);
        ranges_free(&set);

        assert_int_equal(ledgerview_totals(view, rig->now_us, &totals), 0);
        assert_int_equal(totals.buckets, 2);
        assert_int_equal(totals.symbols, 2);
        assert_int_equal(totals.rows, 40);
        assert_int_equal(totals.missing, 3);
        assert_int_equal(totals.hindered, 1);
        assert_false(totals.known);

        assert_int_equal(ledgerview_each_gap(view, NULL, 1u << GAP_ABSENT, see_gap, &gaps), 0);
        assert_int_equal(gaps.count, 1);
        assert_int_equal(gaps.bars, 5);
        assert_non_null(strstr(gaps.first, "REST answered"));
        assert_int_equal(ledgerview_each_gap(view, "BTCUSDT", 1u << GAP_OPEN, see_gap, &open), 0);
        assert_int_equal(open.count, 1);
        assert_int_equal(open.bars, 3);
        assert_string_equal(open.first, "its stream was connected anew");

        assert_int_equal(ledgerview_each_bucket(view, rig->now_us, see_bucket, &buckets), 0);
        assert_int_equal(buckets.count, 2);
        assert_string_equal(buckets.first, "BTCUSDT");
        assert_int_equal(ledgerview_each_bucket(view, rig->now_us, stop_at_once, NULL), 42);
        assert_int_equal(ledgerview_each_symbol(view, see_symbol, &symbols), 0);
        assert_int_equal(symbols.count, 2);
        assert_string_equal(symbols.first, "BTC/USDT");

        assert_int_equal(ledgerview_meta(view, &meta), 0);
        assert_string_equal(meta.market, "spot");
        assert_string_equal(meta.endpoint_class, "custom");
        assert_int_equal(meta.catalogue_generation, 1);
        assert_int_equal(meta.cursor, rig->row);
        ledgerview_close(view);
}

static void figures_add_up_beside_the_writer_and_after_it(void **state)
{
        struct rig *rig = example();
        char path[PATH_SIZE + 32];

        (void)state;
        check_example(rig);
        rig_close(rig);
        check_example(rig);
        // Even where the -shm is gone and cannot be made.
        snprintf(path, sizeof(path), "%s/ledger.db-shm", rig->setup.settings.state_directory);
        (void)unlink(path);
        check_example(rig);
        rig_free(rig);
}

static void a_range_is_accounted_for_by_itself(void **state)
{
        struct rig *rig = example();
        struct ledgerview *view = view_of(rig);
        struct ledger_bucket bucket;

        (void)state;
        assert_int_equal(
            ledgerview_range_of(view, "BTCUSDT", INTERVAL_1M, RIG_T0, RIG_MIN(1412), rig->now_us, &bucket), 1);
        assert_int_equal(bucket.wanted, 12);
        assert_int_equal(bucket.wanted_stored, 10);
        assert_int_equal(bucket.explained[GAP_ABSENT], 2);
        assert_int_equal(bucket.missing, 0);
        ledgerview_close(view);
        rig_free(rig);
}

static void a_reader_sees_each_commit_and_holds_none_up(void **state)
{
        struct rig *rig = example();
        struct ledgerview *view = view_of(rig);
        struct ledger_bucket bucket;

        (void)state;
        for (int i = 0; i < 5; i++) {
                rig_live(rig, RIG_MIN(1448 + i), 1, 0);
                assert_int_equal(store_sync(rig->store), 0);
                assert_int_equal(ledgerview_bucket_of(view, "BTCUSDT", INTERVAL_1M, rig->now_us, &bucket), 1);
                assert_int_equal(bucket.rows, 41 + i);
        }
        ledgerview_close(view);
        rig_free(rig);
}

static void troubles_say_what_is_wrong(void **state)
{
        struct rig *rig = rig_new();
        struct seen troubles = {0};

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_true(rig_next(rig));
        store_release_job(rig->store, rig->job.lease, JOB_FAILURE_REFUSED, "HTTP 400 -1100");
        assert_int_equal(store_sync(rig->store), 0);
        struct ledgerview *view = view_of(rig);
        assert_int_equal(ledgerview_each_trouble(view, see_trouble, &troubles), 0);
        assert_int_equal(troubles.count, 1);
        assert_string_equal(troubles.first, "refused: HTTP 400 -1100");
        assert_non_null(strstr(rig_bucket(rig).why, "-1100"));
        ledgerview_close(view);
        rig_free(rig);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(no_ledger_is_said_so),
            cmocka_unit_test(figures_add_up_beside_the_writer_and_after_it),
            cmocka_unit_test(a_range_is_accounted_for_by_itself),
            cmocka_unit_test(a_reader_sees_each_commit_and_holds_none_up),
            cmocka_unit_test(troubles_say_what_is_wrong),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
