// SPDX-License-Identifier: Apache-2.0
// Bars made in the store: of smaller ones, once those are all there; made anew where they change; never in the place of
// the exchange's own.
// LINK: workers/writer/barfiles.c workers/writer/barserver.c workers/writer/sink.c
// LINK: workers/writer/sinkparcel.c workers/writer/sinkrule.c
// LINK: -lcurl -lmsgpackc
// LINK: workers/writer/derive.c workers/writer/derivekeep.c workers/writer/derivemake.c workers/writer/derivetick.c
// LINK: workers/writer/derivechain.c workers/writer/derivedamage.c workers/writer/deriverows.c
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
#include "tests/unit/tick_rig.h"

#include "common/aggregate.h"
#include "common/yearheader.h"
#include "workers/writer/tickset.h"

#include <fcntl.h>
#include <unistd.h>

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

// ---- of trades ----

// Trades alone are streamed, ten a second; bars are made of them.
static struct rig *new_trade_rig(interval_set to)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        rig->setup.settings.timeframes = to;
        rig->setup.settings.stream_intervals = rig->setup.settings.backfill_intervals = 0;
        rig_open(rig);
        rig_introduce_catalogue(rig);
        return rig;
}

// Of trades [first_id, last_id] of one second or minute.
static struct bar_values expect_trades(int64_t first_id, int64_t last_id)
{
        struct aggregate aggregate = {0};
        struct bar_values values;

        for (int64_t id = first_id; id <= last_id; id++) {
                struct trade trade = make_trade(id, tick_us(id));

                assert_int_equal(aggregate_add_trade(&aggregate, &trade), 0);
        }
        assert_true(aggregate_to_values(&aggregate, &values));
        return values;
}

static void live_trades(struct rig *rig, int64_t first_id, int64_t last_id)
{
        for (int64_t id = first_id; id <= last_id; id += 400) // no more fit into a batch
                tick_live(rig, id, id + 399 < last_id ? id + 399 : last_id);
}

// Everything that waits is over, synced, and made.
static void make_all(struct rig *rig, int64_t now_us)
{
        tick_settle(rig, now_us);
        derive_all(rig);
}

static void a_bar_of_trades_is_made_when_all_are_proved(void **state)
{
        (void)state;
        struct rig *rig = new_trade_rig(SET(INTERVAL_1S) | SET(INTERVAL_1M));

        tick_live(rig, 5, 24); // from the middle of a second; the one at 2 s is not over
        make_all(rig, tick_us(60));
        assert_int_equal(rows_of(rig, INTERVAL_1S)->count, 1);
        assert_bar(rows_of(rig, INTERVAL_1S), 0, tick_us(10), expect_trades(10, 19));
        tick_live(rig, 27, 45); // 25 and 26 are missing, and second 2 with them
        make_all(rig, tick_us(90));
        assert_int_equal(rows_of(rig, INTERVAL_1S)->count, 2);
        assert_bar(rows_of(rig, INTERVAL_1S), 1, tick_us(30), expect_trades(30, 39));
        tick_live(rig, 25, 26);
        make_all(rig, tick_us(100));
        assert_int_equal(rows_of(rig, INTERVAL_1S)->count, 3);
        assert_bar(rows_of(rig, INTERVAL_1S), 1, tick_us(20), expect_trades(20, 29));
        assert_int_equal(rows_of(rig, INTERVAL_1M)->count, 0);
        live_trades(rig, 46, 1205);
        make_all(rig, tick_us(1300));
        assert_int_equal(rows_of(rig, INTERVAL_1S)->count, 119);
        assert_int_equal(rows_of(rig, INTERVAL_1M)->count, 1);
        assert_bar(rows_of(rig, INTERVAL_1M), 0, tick_us(600), expect_trades(600, 1199));
        assert_string_equal(bucket_of(rig, INTERVAL_1S).made_of, "trade");
        rig_free(rig);
}

static void what_is_missing_at_a_border_is_missing_on_both_sides(void **state)
{
        (void)state;
        struct rig *rig = new_trade_rig(SET(INTERVAL_1S));

        tick_live(rig, 5, 29);
        tick_live(rig, 31, 45);
        make_all(rig, tick_us(90));
        assert_int_equal(rows_of(rig, INTERVAL_1S)->count, 1);
        tick_live(rig, 30, 30);
        make_all(rig, tick_us(100));
        assert_int_equal(rows_of(rig, INTERVAL_1S)->count, 3);
        assert_bar(rows_of(rig, INTERVAL_1S), 2, tick_us(30), expect_trades(30, 39));
        rig_free(rig);
}

static void seconds_without_trades_take_the_close_before(void **state)
{
        (void)state;
        struct rig *rig = new_trade_rig(SET(INTERVAL_1S));
        struct bar_values quiet;

        tick_live(rig, 5, 24);
        make_all(rig, tick_us(90));
        tick_put_trade(rig, 26, tick_us(73)); // quiet from 3 s to 7 s, but for what was missed
        assert_int_equal(rig_try_live(rig), 0);
        make_all(rig, tick_us(140));
        assert_int_equal(rows_of(rig, INTERVAL_1S)->count, 1);
        tick_put_trade(rig, 25, tick_us(25));
        assert_int_equal(rig_try_live(rig), 0);
        make_all(rig, tick_us(150));
        const struct found *seconds = rows_of(rig, INTERVAL_1S);
        assert_int_equal(seconds->count, 6);
        assert_bar(seconds, 1, tick_us(20), expect_trades(20, 25));
        aggregate_quiet_values(60000.25, &quiet);
        for (size_t i = 2; i < 6; i++)
                assert_bar(seconds, i, tick_us(10 * (int64_t)i + 10), quiet);
        rig_free(rig);
}

// Two of a second change places where one time is told in milliseconds and the other in microseconds.
static void trades_count_in_the_order_of_their_ids(void **state)
{
        (void)state;
        struct rig *rig = new_trade_rig(SET(INTERVAL_1S));
        struct bar_values expected;
        struct aggregate aggregate = {0};

        tick_live(rig, 9, 9);
        for (int64_t id = 10; id < 12; id++) {
                struct trade trade = make_trade(id, id == 10 ? tick_us(10) + 456 : tick_us(10));

                assert_int_equal(aggregate_add_trade(&aggregate, &trade), 0);
                tick_put_trade(rig, id, trade.time_us);
        }
        assert_int_equal(rig_try_live(rig), 0);
        tick_put_trade(rig, 12, tick_us(20));
        assert_int_equal(rig_try_live(rig), 0);
        make_all(rig, tick_us(60));
        assert_true(aggregate_to_values(&aggregate, &expected));
        assert_bar(rows_of(rig, INTERVAL_1S), 0, tick_us(10), expected);
        rig_free(rig);
}

static void trades_that_await_the_sync_are_waited_for(void **state)
{
        (void)state;
        struct rig *rig = new_trade_rig(SET(INTERVAL_1S));

        tick_live(rig, 5, 15);
        make_all(rig, tick_us(40));
        assert_int_equal(rows_of(rig, INTERVAL_1S)->count, 0);
        tick_live(rig, 16, 45);
        assert_int_equal(store_pass_time(rig->store, tick_us(90)), 0);
        assert_int_equal(store_derive(rig->store), -1);
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(rows_of(rig, INTERVAL_1S)->count, 0);
        assert_int_equal(store_sync(rig->store), 0);
        rig_close(rig); // touched, not yet made
        rig_open(rig);
        derive_all(rig);
        assert_int_equal(rows_of(rig, INTERVAL_1S)->count, 3);
        assert_bar(rows_of(rig, INTERVAL_1S), 2, tick_us(30), expect_trades(30, 39));
        rig_free(rig);
}

static void trades_that_are_there_make_an_interval_that_is_added(void **state)
{
        (void)state;
        struct rig *rig = new_trade_rig(SET(INTERVAL_1S));

        live_trades(rig, 0, 1205);
        make_all(rig, tick_us(1300));
        assert_bar(rows_of(rig, INTERVAL_1S), 0, tick_us(0), expect_trades(0, 9)); // no trade was before the first id
        assert_int_equal(rows_of(rig, INTERVAL_1S)->count, 120);
        rig->setup.settings.timeframes = SET(INTERVAL_1M);
        store_reconfigure(rig->store, &rig->setup);
        derive_all(rig);
        assert_int_equal(rows_of(rig, INTERVAL_1M)->count, 2);
        assert_bar(rows_of(rig, INTERVAL_1M), 0, tick_us(0), expect_trades(0, 599));
        assert_bar(rows_of(rig, INTERVAL_1M), 1, tick_us(600), expect_trades(600, 1199));
        rig_free(rig);
}

// Passes until nothing is left to be made.
static int derive_passes(struct rig *rig)
{
        int passes = 1, result;

        while ((result = store_derive(rig->store)) == 1)
                passes++;
        assert_int_equal(result, 0);
        assert_int_equal(store_sync(rig->store), 0);
        return passes;
}

static void a_slot_of_many_trades_is_read_in_several_passes(void **state)
{
        (void)state;
        struct rig *rig = new_trade_rig(SET(INTERVAL_1H));

        live_trades(rig, 0, 36005);
        tick_settle(rig, tick_us(36100));
        int passes = derive_passes(rig);
        assert_true(passes > 36000 / DERIVE_ROWS_PER_PASS);
        assert_int_equal(rows_of(rig, INTERVAL_1H)->count, 1);
        assert_bar(rows_of(rig, INTERVAL_1H), 0, tick_us(0), expect_trades(0, 35999));
        rig_free(rig);
}

// The slot is half read when one of its trades turns out to be missing, and comes.
static void a_slot_that_changes_while_it_is_read_is_read_again(void **state)
{
        (void)state;
        struct rig *rig = new_trade_rig(SET(INTERVAL_1H));

        live_trades(rig, 0, 36005);
        tick_settle(rig, tick_us(36100));
        assert_int_equal(store_derive(rig->store), 1);
        struct tick_bucket *ticks = tickset_find(rig->store, "BTCUSDT", TICK_TRADE);
        tick_uncover(rig->store, ticks, 0, 100, 100);
        const struct id_range back = {0, ID_REST, 100, 100, tick_us(100), tick_us(100)};
        tick_cover(rig->store, ticks, &back);
        assert_true(derive_passes(rig) > 36000 / DERIVE_ROWS_PER_PASS);
        assert_bar(rows_of(rig, INTERVAL_1H), 0, tick_us(0), expect_trades(0, 35999));
        rig_free(rig);
}

// Overwrites the block of a second of 2024.
static void damage_second(struct rig *rig, int64_t second)
{
        char path[PATH_SIZE * 2];
        int64_t triple[3], place = YEARFILE_HEADER_BYTES + (second - RIG_T0 / US_PER_S) * (int64_t)sizeof(triple);

        snprintf(path, sizeof(path), "%s/BTCUSDT/1Sec/TRADE/2024.bin", rig->setup.settings.root_directory);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(pread(fd, triple, sizeof(triple), place), sizeof(triple));
        assert_int_equal(pwrite(fd, "damaged!", 8, triple[1]), 8);
        close(fd);
}

static void a_damaged_block_is_fetched_again_and_its_bars_are_made_then(void **state)
{
        (void)state;
        struct rig *rig = new_trade_rig(SET(INTERVAL_1M));

        live_trades(rig, 0, 1805);
        tick_settle(rig, tick_us(1900));
        damage_second(rig, tick_us(700) / US_PER_S);
        derive_all(rig);
        // What does not need it is there.
        const struct found *minutes = rows_of(rig, INTERVAL_1M);
        assert_int_equal(minutes->count, 2);
        assert_bar(minutes, 1, tick_us(1200), expect_trades(1200, 1799));
        struct tick_bucket *ticks = tickset_find(rig->store, "BTCUSDT", TICK_TRADE);
        assert_int_equal(idset_missing(&ticks->covered, 0, 0, 1805), 10);
        assert_int_equal(idset_missing(&ticks->covered, 0, 700, 709), 10);
        struct ledger_bucket bucket = bucket_of(rig, INTERVAL_1M);
        assert_int_equal(bucket.missing, 1);
        tick_live(rig, 700, 709);
        make_all(rig, tick_us(2000));
        assert_int_equal(idset_missing(&ticks->covered, 0, 0, 1805), 0);
        assert_int_equal(rows_of(rig, INTERVAL_1M)->count, 3);
        assert_bar(rows_of(rig, INTERVAL_1M), 1, tick_us(600), expect_trades(600, 1199));
        assert_int_equal(bucket_of(rig, INTERVAL_1M).missing, 0);
        rig_free(rig);
}

// Between the first and the last trade; a hole in the ids leaves its slots missing.
static void bars_of_trades_are_wanted_as_far_as_trades_are_there(void **state)
{
        (void)state;
        struct rig *rig = new_trade_rig(SET(INTERVAL_1S));

        tick_live(rig, 5, 24);
        tick_live(rig, 27, 65);
        make_all(rig, tick_us(2000));
        struct ledger_bucket bucket = bucket_of(rig, INTERVAL_1S);
        assert_int_equal(bucket.wanted, 5); // from 1 s to 6 s
        assert_int_equal(bucket.missing, 1);
        tick_live(rig, 25, 26);
        make_all(rig, tick_us(2100));
        assert_int_equal(bucket_of(rig, INTERVAL_1S).missing, 0);
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
            cmocka_unit_test(a_bar_of_trades_is_made_when_all_are_proved),
            cmocka_unit_test(what_is_missing_at_a_border_is_missing_on_both_sides),
            cmocka_unit_test(seconds_without_trades_take_the_close_before),
            cmocka_unit_test(trades_count_in_the_order_of_their_ids),
            cmocka_unit_test(trades_that_await_the_sync_are_waited_for),
            cmocka_unit_test(trades_that_are_there_make_an_interval_that_is_added),
            cmocka_unit_test(a_slot_of_many_trades_is_read_in_several_passes),
            cmocka_unit_test(a_slot_that_changes_while_it_is_read_is_read_again),
            cmocka_unit_test(a_damaged_block_is_fetched_again_and_its_bars_are_made_then),
            cmocka_unit_test(bars_of_trades_are_wanted_as_far_as_trades_are_there),
        };
        log_set_level(LOG_LEVEL_ERROR);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
