// SPDX-License-Identifier: Apache-2.0
// Bars made in the store: of smaller ones, once those are all there; made anew where they change; never in the place of
// the exchange's own.
// LINK: workers/writer/barfiles.c workers/writer/barserver.c workers/writer/sink.c workers/writer/sinkhttp.c
// LINK: workers/writer/sinkparcel.c workers/writer/sinkrpc.c workers/writer/sinkrule.c workers/gateway/msgpackwalk.c
// LINK: -lcurl -lmsgpackc
// LINK: workers/writer/derive.c workers/writer/derivemake.c
// LINK: workers/writer/adopt.c workers/writer/apply.c workers/writer/bucketset.c workers/writer/bulk.c
// LINK: workers/writer/catalogue.c workers/writer/coverage.c workers/writer/finish.c workers/writer/gaps.c
// LINK: workers/writer/leases.c workers/writer/ledger.c workers/writer/ledgercommit.c workers/writer/ledgerload.c
// LINK: workers/writer/live.c workers/writer/openfiles.c workers/writer/plan.c workers/writer/planner.c
// LINK: workers/writer/rootlock.c workers/writer/settle.c workers/writer/store.c workers/writer/sync.c
// LINK: workers/writer/troubles.c workers/writer/verdict.c workers/writer/wanted.c workers/writer/sql.c
// LINK: workers/writer/idset.c workers/writer/tickbulk.c workers/writer/tickdamage.c workers/writer/tickfiles.c
// LINK: workers/writer/tickledger.c workers/writer/ticklive.c workers/writer/tickplan.c workers/writer/tickset.c
#include "tests/unit/store_rig.h"

#include "common/aggregate.h"

static struct rig *new_rig(interval_set to, bool check)
{
        struct rig *rig = rig_new();

        rig->setup.settings.aggregates[0].from = AGGREGATE_BARS + INTERVAL_1M;
        rig->setup.settings.aggregates[0].to = to;
        rig->setup.settings.aggregates[0].check = check;
        return rig;
}

// Nothing is fetched: bars come by stream alone.
static struct rig *new_live_rig(interval_set to, bool check)
{
        struct rig *rig = new_rig(to, check);

        rig->setup.settings.backfill_enabled = false;
        rig->setup.settings.backfill_data = 0;
        rig_open(rig);
        rig_introduce_catalogue(rig);
        return rig;
}

static void derive_all(struct rig *rig)
{
        int result;

        while ((result = store_derive(rig->store)) == 1)
                continue;
        assert_int_equal(result, 0);
        assert_int_equal(store_sync(rig->store), 0);
}

struct found {
        size_t count;
        int64_t open_us[2048];
        struct bar_values bars[2048];
};

static int take_rows(void *context, const int64_t *open_us, const struct bar_values *bars, size_t count)
{
        struct found *found = context;

        for (size_t i = 0; i < count; i++, found->count++) {
                assert_true(found->count < 2048);
                found->open_us[found->count] = open_us[i];
                found->bars[found->count] = bars[i];
        }
        return 0;
}

static const struct found *rows_of(struct rig *rig, enum interval interval)
{
        static struct found found;
        char why[REASON_SIZE];
        struct barquery query = {.root = rig->setup.settings.root_directory,
            .symbol = "BTCUSDT",
            .interval = interval,
            .start_us = INT64_MIN,
            .end_us = INT64_MAX};

        found.count = 0;
        if (barquery_run(&query, take_rows, &found, why, sizeof(why)) < 0 && errno != ENOENT)
                fail_msg("barquery: %s", why);
        return &found;
}

// A bar of these minutes, less [hole_start, hole_end).
static struct bar_values expect(int64_t open_us, int minutes, int flavour, int hole_start, int hole_end)
{
        struct aggregate aggregate = {0};
        struct bar_values values;

        for (int i = 0; i < minutes; i++) {
                struct kline kline = rig_kline(open_us + i * US_PER_MIN, flavour);

                kline_to_values(&kline, &values);
                if (i < hole_start || i >= hole_end)
                        assert_int_equal(aggregate_add_bar(&aggregate, &values), 0);
        }
        assert_true(aggregate_to_values(&aggregate, &values));
        return values;
}

static void assert_bar(const struct found *found, size_t i, int64_t open_us, struct bar_values values)
{
        assert_true(i < found->count);
        assert_int_equal(found->open_us[i], open_us);
        assert_memory_equal(&found->bars[i], &values, sizeof(values));
}

static struct ledger_bucket bucket_of(struct rig *rig, enum interval interval)
{
        struct ledger_bucket bucket = {0};
        char why[REASON_SIZE];
        struct ledgerview *view = ledgerview_open(rig->setup.settings.state_directory, why);

        assert_non_null(view);
        assert_int_equal(ledgerview_bucket_of(view, "BTCUSDT", interval, rig->now_us, &bucket), 1);
        ledgerview_close(view);
        return bucket;
}

#define SET(interval) (1u << (interval))

static void a_bar_is_made_when_all_its_parts_are_there(void **state)
{
        (void)state;
        struct rig *rig = new_live_rig(SET(INTERVAL_5M) | SET(INTERVAL_15M), false);

        rig_live(rig, RIG_MIN(3), 7, 0); // from the middle of a bar
        derive_all(rig);
        assert_int_equal(rows_of(rig, INTERVAL_5M)->count, 1);
        assert_bar(rows_of(rig, INTERVAL_5M), 0, RIG_MIN(5), expect(RIG_MIN(5), 5, 0, 0, 0));
        rig_live(rig, RIG_MIN(10), 19, 0);
        derive_all(rig);
        assert_int_equal(rows_of(rig, INTERVAL_5M)->count, 4);
        assert_int_equal(rows_of(rig, INTERVAL_15M)->count, 0);
        rig_live(rig, RIG_MIN(29), 1, 0);
        derive_all(rig);
        assert_bar(rows_of(rig, INTERVAL_5M), 4, RIG_MIN(25), expect(RIG_MIN(25), 5, 0, 0, 0));
        assert_int_equal(rows_of(rig, INTERVAL_15M)->count, 1);
        assert_bar(rows_of(rig, INTERVAL_15M), 0, RIG_MIN(15), expect(RIG_MIN(15), 15, 0, 0, 0));

        struct ledger_bucket bucket = bucket_of(rig, INTERVAL_5M);
        assert_string_equal(bucket.made_of, "1m");
        assert_true(bucket.followed && bucket.rows == 5 && bucket.settled == 5);
        rig_free(rig);
}

static void a_late_or_corrected_row_makes_its_bars_anew(void **state)
{
        (void)state;
        struct rig *rig = new_live_rig(SET(INTERVAL_5M) | SET(INTERVAL_15M), false);

        rig_live(rig, RIG_MIN(0), 7, 0);
        rig_live(rig, RIG_MIN(8), 7, 0);
        derive_all(rig);
        assert_int_equal(rows_of(rig, INTERVAL_5M)->count, 2);
        rig_live(rig, RIG_MIN(7), 1, 0);
        derive_all(rig);
        assert_int_equal(rows_of(rig, INTERVAL_5M)->count, 3);
        assert_bar(rows_of(rig, INTERVAL_15M), 0, RIG_MIN(0), expect(RIG_MIN(0), 15, 0, 0, 0));
        uint64_t stored = atomic_load(&rig->governor->rows_stored);
        rig_live(rig, RIG_MIN(10), 5, 9); // every close is another
        derive_all(rig);
        assert_bar(rows_of(rig, INTERVAL_5M), 2, RIG_MIN(10), expect(RIG_MIN(10), 5, 9, 0, 0));
        assert_true(rows_of(rig, INTERVAL_15M)->bars[0].close == rig_close_price(RIG_MIN(14), 9));
        assert_int_equal(atomic_load(&rig->governor->rows_stored) - stored, 7); // five rows and what they touch
        rig_free(rig);
}

static void history_makes_bars_and_its_holes_are_told(void **state)
{
        (void)state;
        struct rig *rig = new_rig(SET(INTERVAL_5M) | SET(INTERVAL_1H) | SET(INTERVAL_1D), false);

        rig->now_us = RIG_MIN(1441); // a streamed bar's minute is the stream's to bring
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(242)); // listed at 04:02
        for (int jobs = 0; rig_next(rig); jobs++)
                assert_int_equal(rig_answer_but(rig, 0, RIG_MIN(303), RIG_MIN(372)), 1);
        assert_false(store_is_complete(rig->store, rig->now_us));
        derive_all(rig);
        const struct found *fives = rows_of(rig, INTERVAL_5M);
        assert_bar(fives, 0, RIG_MIN(240), expect(RIG_MIN(240), 5, 0, 0, 2));
        assert_bar(fives, 12, RIG_MIN(300), expect(RIG_MIN(300), 5, 0, 3, 5));
        assert_bar(fives, 13, RIG_MIN(370), expect(RIG_MIN(370), 5, 0, 0, 2));
        assert_int_equal(fives->count, 240 - 13);
        assert_int_equal(rows_of(rig, INTERVAL_1H)->count, 20);
        assert_bar(rows_of(rig, INTERVAL_1H), 1, RIG_MIN(300), expect(RIG_MIN(300), 60, 0, 3, 60));
        assert_bar(rows_of(rig, INTERVAL_1D), 0, RIG_MIN(0), expect(RIG_MIN(242), 1198, 0, 61, 130));
        assert_true(store_is_complete(rig->store, rig->now_us));
        struct ledger_bucket bucket = bucket_of(rig, INTERVAL_5M);
        assert_int_equal(bucket.wanted, 240);
        assert_int_equal(bucket.wanted_stored, 227);
        assert_int_equal(bucket.explained[GAP_ABSENT], 13);
        assert_int_equal(bucket.missing, 0);
        rig_free(rig);
}

static void a_killed_writer_forgets_nothing_that_is_touched(void **state)
{
        (void)state;
        struct rig *rig = new_live_rig(SET(INTERVAL_5M) | SET(INTERVAL_15M), false);

        rig_live(rig, RIG_MIN(0), 15, 0);
        assert_int_equal(store_sync(rig->store), 0); // touched, not yet made
        rig_close(rig);
        rig_open(rig);
        derive_all(rig);
        assert_int_equal(rows_of(rig, INTERVAL_5M)->count, 3);
        assert_int_equal(rows_of(rig, INTERVAL_15M)->count, 1);
        rig_live(rig, RIG_MIN(0), 5, 4); // corrected, not yet made anew
        assert_int_equal(store_sync(rig->store), 0);
        rig_close(rig);
        rig_open(rig);
        derive_all(rig);
        assert_bar(rows_of(rig, INTERVAL_5M), 0, RIG_MIN(0), expect(RIG_MIN(0), 5, 4, 0, 0));
        // Corrected and made, but killed before the ledger knew: the spool has it again.
        rig_live(rig, RIG_MIN(10), 5, 9);
        while (store_derive(rig->store) == 1)
                continue;
        rig_close(rig);
        rig_open(rig);
        rig_live(rig, RIG_MIN(10), 5, 9);
        derive_all(rig);
        assert_bar(rows_of(rig, INTERVAL_5M), 2, RIG_MIN(10), expect(RIG_MIN(10), 5, 9, 0, 0));
        assert_true(rows_of(rig, INTERVAL_15M)->bars[0].close == rig_close_price(RIG_MIN(14), 9));
        rig_free(rig);
}

static void an_interval_that_is_added_later_is_made_of_what_is_there(void **state)
{
        (void)state;
        struct rig *rig = new_live_rig(SET(INTERVAL_5M), false);

        rig_live(rig, RIG_MIN(0), 30, 0);
        derive_all(rig);
        rig->setup.settings.aggregates[0].to |= SET(INTERVAL_30M);
        store_reconfigure(rig->store, &rig->setup);
        derive_all(rig);
        assert_bar(rows_of(rig, INTERVAL_30M), 0, RIG_MIN(0), expect(RIG_MIN(0), 30, 0, 0, 0));
        rig->setup.settings.aggregates[0].to = 0; // and no more
        store_reconfigure(rig->store, &rig->setup);
        rig_live(rig, RIG_MIN(30), 30, 0);
        derive_all(rig);
        assert_int_equal(rows_of(rig, INTERVAL_30M)->count, 1);
        assert_false(bucket_of(rig, INTERVAL_30M).followed);
        rig_free(rig);
}

static void live_five(struct rig *rig, int64_t open_us, const struct kline *minute)
{
        struct stream_id stream = rig_stream("BTCUSDT", INTERVAL_5M);
        struct kline kline = *minute;

        kline.open_us = open_us;
        kline.close_us = open_us + 5 * US_PER_MIN - 1;
        assert_int_equal(rig_append(rig, RECORD_KLINE, &stream, &kline, sizeof(kline)), 0);
        assert_int_equal(rig_try_live(rig), 0);
}

static int take_difference(void *context, const struct ledger_difference *difference)
{
        *(struct ledger_difference *)context = *difference;
        return 0;
}

static struct ledger_difference difference_of(struct rig *rig)
{
        struct ledger_difference difference = {0};
        char why[REASON_SIZE];
        struct ledgerview *view = ledgerview_open(rig->setup.settings.state_directory, why);

        assert_non_null(view);
        assert_int_equal(ledgerview_each_difference(view, "BTCUSDT", take_difference, &difference), 0);
        ledgerview_close(view);
        return difference;
}

static void the_exchanges_own_wins_and_differences_are_recorded(void **state)
{
        (void)state;
        struct rig *rig = new_live_rig(SET(INTERVAL_5M) | SET(INTERVAL_15M), true);
        struct kline own = rig_kline(RIG_MIN(5), 0);

        rig_live(rig, RIG_MIN(0), 15, 0);
        derive_all(rig);
        live_five(rig, RIG_MIN(5), &own);
        derive_all(rig);
        struct bar_values values;
        kline_to_values(&own, &values);
        assert_bar(rows_of(rig, INTERVAL_5M), 1, RIG_MIN(5), values);
        assert_int_equal(bucket_of(rig, INTERVAL_5M).differences, 1);
        struct ledger_difference difference = difference_of(rig);
        assert_int_equal(difference.open_us, RIG_MIN(5));
        assert_non_null(strstr(difference.text, "Trades 35 not 7"));
        // The larger bar is made of the exchange's, and its own parts no longer change it.
        assert_int_equal(rows_of(rig, INTERVAL_15M)->bars[0].trades, 77);
        rig_live(rig, RIG_MIN(5), 5, 3);
        derive_all(rig);
        assert_bar(rows_of(rig, INTERVAL_5M), 1, RIG_MIN(5), values);
        assert_int_equal(bucket_of(rig, INTERVAL_5M).differences, 1);
        rig_free(rig);
}

static void a_made_bar_does_not_stand_for_one_that_is_wanted_of_the_exchange(void **state)
{
        (void)state;
        struct rig *rig = new_rig(SET(INTERVAL_5M), false);
        int fives = 0;

        rig->now_us = RIG_MIN(1441);
        rig->setup.settings.backfill_intervals |= SET(INTERVAL_5M);
        rig_open(rig);
        rig_introduce_catalogue(rig);
        for (int i = 0; i < 2; i++) {
                assert_true(rig_next(rig));
                rig_answer_listing(rig, RIG_T0);
        }
        while (rig_next(rig) && fives == 0) {
                fives += rig->job.interval == INTERVAL_5M;
                if (rig->job.interval == INTERVAL_1M)
                        assert_int_equal(rig_answer(rig, 0), 1);
                derive_all(rig);
        }
        assert_int_equal(fives, 1);
        struct ledger_bucket bucket = bucket_of(rig, INTERVAL_5M);
        assert_true(bucket.rows > 0);
        assert_int_equal(bucket.wanted_stored, 0);
        assert_int_equal(bucket.missing, 288);
        rig_free(rig);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_bar_is_made_when_all_its_parts_are_there),
            cmocka_unit_test(a_late_or_corrected_row_makes_its_bars_anew),
            cmocka_unit_test(history_makes_bars_and_its_holes_are_told),
            cmocka_unit_test(a_killed_writer_forgets_nothing_that_is_touched),
            cmocka_unit_test(an_interval_that_is_added_later_is_made_of_what_is_there),
            cmocka_unit_test(the_exchanges_own_wins_and_differences_are_recorded),
            cmocka_unit_test(a_made_bar_does_not_stand_for_one_that_is_wanted_of_the_exchange),
        };
        log_set_level(LOG_LEVEL_ERROR);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
