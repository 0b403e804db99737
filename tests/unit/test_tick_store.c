// SPDX-License-Identifier: Apache-2.0
// Ticks in the store: each id once, whatever is repeated, reordered or restarted; what is lost is said.
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
#include "tests/unit/tick_rig.h"

static void a_second_is_written_once_it_is_over(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        (void)state;
        rig_open(rig);
        tick_live(rig, 0, 9);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(tick_rows_of(rig, TICK_TRADE).count, 0);
        assert_int_equal(store_cursor(rig->store), 0); // they are only in memory
        tick_live(rig, 10, 29);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(tick_rows_of(rig, TICK_TRADE).count, 0);
        tick_live(rig, 30, 30); // three seconds behind the first: it has been over for two
        assert_int_equal(store_sync(rig->store), 0);
        assert_ids(rig, 0, 9);
        assert_int_equal(store_cursor(rig->store), 1);
        tick_settle(rig, tick_us(70));
        assert_ids(rig, 0, 30);
        assert_int_equal(store_cursor(rig->store), 3);
        struct tick_told told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.tick.rows, 31);
        assert_int_equal(told.tick.first_id, 0);
        assert_int_equal(told.tick.last_id, 30);
        assert_int_equal(told.tick.wanted, 31);
        assert_int_equal(told.tick.missing, 0);
        assert_int_equal(told.tick.first_us, tick_us(0));
        assert_int_equal(told.tick.last_us, tick_us(30));
        assert_int_equal(told.gaps, 0);
        rig_free(rig);
}

static void everything_is_written_before_the_end(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        (void)state;
        rig_open(rig);
        tick_live(rig, 0, 25);
        assert_int_equal(store_pass_time(rig->store, INT64_MAX), 0);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(store_cursor(rig->store), 1);
        tick_restart(rig);
        assert_ids(rig, 0, 25);
        rig_free(rig);
}

static void repeated_and_reordered_rows_are_there_once(void **state)
{
        static const int order[] = {0, 2, 1, 1, 4, 3, 2, 5, 12, 11, 5, 10, 9, 8, 7, 6, 0};
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        (void)state;
        rig_open(rig);
        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
                tick_put_trade(rig, order[i], tick_us(order[i]));
        assert_int_equal(rig_try_live(rig), 0);
        tick_settle(rig, tick_us(60));
        assert_ids(rig, 0, 12);
        tick_live(rig, 0, 12); // again, when all is stored
        tick_live(rig, 20, 20);
        tick_settle(rig, tick_us(80));
        tick_live(rig, 13, 19); // late: their seconds are written
        tick_settle(rig, tick_us(90));
        assert_ids(rig, 0, 20);
        struct tick_told told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.tick.rows, 21);
        assert_int_equal(told.tick.missing, 0);
        assert_int_equal(told.tick.gaps_open, 0);
        rig_free(rig);
}

// A script of batches, applied with a restart before each step in turn: whatever was applied and not synced is applied
// again.
static void play(struct rig *rig, int step)
{
        switch (step) {
        case 0: tick_live(rig, 0, 12); break;
        case 1: tick_connect(rig, STREAM_TRADE, 0); break;
        case 2: tick_live(rig, 15, 44); break; // 13 and 14 are missing
        case 3: tick_live(rig, 13, 13); break; // late
        case 4: tick_live(rig, 40, 60); break;
        default: tick_live(rig, 61, 99); break;
        }
}

#define STEPS 6

static void play_with_restart(int restart_before, bool sync_before)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);

        rig_open(rig);
        for (int step = 0; step < STEPS; step++) {
                if (step == restart_before) {
                        if (sync_before)
                                assert_int_equal(store_sync(rig->store), 0);
                        tick_restart(rig);
                        // The spool gives out again what lies behind the cursor.
                        int64_t rows = rig->row;
                        rig->row = store_cursor(rig->store);
                        for (int again = (int)rig->row; again < rows; again++)
                                play(rig, again);
                }
                play(rig, step);
        }
        tick_settle(rig, tick_us(200));
        struct tick_seen seen = tick_rows_of(rig, TICK_TRADE);
        assert_int_equal(seen.count, 99); // 14 never came
        assert_int_equal(seen.sum, 99 * 100 / 2 - 14);
        struct tick_told told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.tick.rows, 99);
        assert_int_equal(told.tick.missing, 1);
        assert_int_equal(told.gaps, 1);
        assert_int_equal(told.gap.first_id, 13);
        assert_int_equal(told.gap.last_id, 14);
        assert_int_equal(told.gap.state, GAP_OPEN);
        assert_string_equal(told.gap.evidence, "its stream was connected anew");
        rig_free(rig);
}

static void a_restart_anywhere_changes_nothing(void **state)
{
        (void)state;
        for (int step = 0; step < STEPS; step++) {
                play_with_restart(step, false);
                play_with_restart(step, true);
        }
}

static void a_batch_that_fails_half_way_is_applied_again(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE | DATA_BOOK_TICKER, 0);

        (void)state;
        snprintf(rig->setup.settings.store_symbol, sizeof(rig->setup.settings.store_symbol), "x_{base}");
        rig_open(rig);
        tick_put_trade(rig, 0, tick_us(0));
        tick_put_quote(rig, 5, tick_us(0));
        tick_put_trade(rig, 50, tick_us(50));
        struct batch_view view = rig_seal(rig);
        rig->row++;
        for (int i = 0; i < 3; i++) {
                // The directory's name is not known yet, so nothing can be written.
                assert_int_equal(store_apply_live(rig->store, &view, rig->row), -1);
                assert_int_equal(errno, EAGAIN);
        }
        rig_introduce_catalogue(rig);
        assert_int_equal(store_apply_live(rig->store, &view, rig->row), 0);
        tick_settle(rig, tick_us(100));
        assert_int_equal(tick_told_of(rig, TICK_TRADE).tick.rows, 2);
        assert_int_equal(tick_told_of(rig, TICK_QUOTE).tick.rows, 1);
        rig_free(rig);
}

static void what_waits_is_bounded(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);
        struct stream_id stream = tick_stream(STREAM_TRADE);
        int64_t id = 0;

        (void)state;
        rig_open(rig);
        // All of one second, which is not over; it is written nevertheless.
        while (atomic_load(&rig->governor->rows_stored) == 0) {
                struct trade trade = make_trade(id, TICKS_T0);

                while (rig_append(rig, RECORD_TRADE, &stream, &trade, sizeof(trade)) == 0)
                        trade = make_trade(++id, TICKS_T0);
                assert_int_equal(rig_try_live(rig), 0);
                assert_true(id * (int64_t)sizeof(trade) < TICK_WAITING_BYTES_MAX);
        }
        assert_true(id * 3 * (int64_t)sizeof(struct trade) > TICK_WAITING_BYTES_MAX);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(store_cursor(rig->store), rig->row);
        assert_int_equal(tick_told_of(rig, TICK_TRADE).tick.rows, id);
        rig_free(rig);
}

// ---- quotes and books ----

static void what_lies_between_two_connections_is_lost(void **state)
{
        struct rig *rig = tick_rig_new(DATA_BOOK_TICKER, 0);

        (void)state;
        rig_open(rig);
        tick_connect(rig, STREAM_QUOTE, 0); // the first one loses nothing
        for (int i = 0; i < 10; i++)
                tick_put_quote(rig, 100 + 3 * i, tick_us(i));
        assert_int_equal(rig_try_live(rig), 0);
        tick_connect(rig, STREAM_QUOTE, 0);
        tick_put_quote(rig, 500, tick_us(50));
        tick_put_quote(rig, 501, tick_us(51));
        assert_int_equal(rig_try_live(rig), 0);
        tick_settle(rig, tick_us(100));
        struct tick_seen seen = tick_rows_of(rig, TICK_QUOTE);
        assert_int_equal(seen.count, 12);
        assert_true(seen.ascending);
        struct tick_told told = tick_told_of(rig, TICK_QUOTE);
        assert_int_equal(told.tick.rows, 12);
        assert_int_equal(told.gaps, 1);
        assert_int_equal(told.gap.state, GAP_LOST);
        assert_int_equal(told.gap.start_us, tick_us(9));
        assert_int_equal(told.gap.end_us, tick_us(50));
        assert_int_equal(told.tick.lost_spans, 1);
        assert_int_equal(told.tick.lost_us, 4100 * US_PER_MS);
        rig_free(rig);
}

// Overwrites the bucket's file, so that it is nobody's.
static void spoil_quotes(const struct rig *rig)
{
        char path[2 * PATH_SIZE];
        int length = snprintf(path, sizeof(path), "%s/BTCUSDT/1Sec/QUOTE/2024.bin", rig->setup.settings.root_directory);

        assert_in_range(length, 1, sizeof(path) - 1);
        FILE *file = fopen(path, "r+");
        assert_non_null(file);
        for (int i = 0; i < 4096; i++)
                assert_int_not_equal(fputc('x', file), EOF);
        assert_int_equal(fclose(file), 0);
}

static void what_comes_while_a_bucket_is_refused_is_lost_in_one_span(void **state)
{
        struct rig *rig = tick_rig_new(DATA_BOOK_TICKER, 0);

        (void)state;
        rig_open(rig);
        tick_put_quote(rig, 1, tick_us(0));
        assert_int_equal(rig_try_live(rig), 0);
        tick_settle(rig, tick_us(100));
        assert_int_equal(tick_told_of(rig, TICK_QUOTE).tick.rows, 1);
        rig_close(rig);
        spoil_quotes(rig);
        rig_open(rig);
        for (int second = 100; second < 103; second++) {
                tick_put_quote(rig, second, TICKS_T0 + second * US_PER_S);
                assert_int_equal(rig_try_live(rig), 0);
                tick_settle(rig, TICKS_T0 + (second + 30) * US_PER_S);
        }
        struct tick_told told = tick_told_of(rig, TICK_QUOTE);
        assert_int_equal(told.tick.rows, 1);
        assert_int_equal(told.gaps, 1);
        assert_int_equal(told.gap.state, GAP_LOST);
        assert_int_equal(told.gap.start_us, TICKS_T0 + 100 * US_PER_S);
        assert_int_equal(told.gap.end_us, TICKS_T0 + 103 * US_PER_S - 1);
        assert_string_equal(told.gap.evidence, "the bucket was refused when they came");
        rig_free(rig);
}

static void a_planned_renewal_and_a_known_update_lose_nothing(void **state)
{
        struct record_boundary boundary = {.reason = BOUNDARY_DISCONNECT};
        struct rig *rig = tick_rig_new(DATA_BOOK_TICKER, 0);

        (void)state;
        rig_open(rig);
        tick_put_quote(rig, 1, tick_us(0));
        assert_int_equal(rig_try_live(rig), 0);
        tick_connect(rig, STREAM_QUOTE, 1);
        tick_put_quote(rig, 2, tick_us(20));
        // Both connections have shown an update: what was feared did not happen.
        tick_put(rig, STREAM_QUOTE, RECORD_BOUNDARY, &boundary, sizeof(boundary));
        tick_put(rig, STREAM_QUOTE, RECORD_OVERLAP, NULL, 0);
        tick_put_quote(rig, 3, tick_us(30));
        tick_put(rig, STREAM_QUOTE, RECORD_BOUNDARY, &boundary, sizeof(boundary));
        tick_put_quote(rig, 3, tick_us(31)); // the same again, on another connection
        tick_put_quote(rig, 4, tick_us(32));
        assert_int_equal(rig_try_live(rig), 0);
        tick_settle(rig, tick_us(100));
        assert_int_equal(tick_rows_of(rig, TICK_QUOTE).count, 4);
        assert_int_equal(tick_told_of(rig, TICK_QUOTE).gaps, 0);
        rig_free(rig);
}

static void play_book(struct rig *rig, int step)
{
        struct record_boundary boundary = {.reason = BOUNDARY_MISSED};

        switch (step) {
        case 0:
                tick_put_depth(rig, STREAM_DEPTH_DIFF, DEPTH_SNAPSHOT, 0, 100, tick_us(0));
                tick_put_depth(rig, STREAM_DEPTH_DIFF, DEPTH_CHANGES, 99, 105, tick_us(1));
                tick_put_depth(rig, STREAM_DEPTH, DEPTH_TOP, 0, 105, tick_us(5));
                break;
        case 1:
                tick_put_depth(rig, STREAM_DEPTH_DIFF, DEPTH_CHANGES, 106, 110, tick_us(12));
                tick_put_depth(rig, STREAM_DEPTH_DIFF, DEPTH_CHANGES, 111, 120, tick_us(24));
                tick_put_depth(rig, STREAM_DEPTH_DIFF, DEPTH_CHANGES, 111, 120, tick_us(24)); // repeated
                break;
        case 2:
                tick_put_depth(rig, STREAM_DEPTH_DIFF, DEPTH_CLEAR, 0, 120, tick_us(24));
                tick_put(rig, STREAM_DEPTH_DIFF, RECORD_BOUNDARY, &boundary, sizeof(boundary));
                tick_put(rig, STREAM_DEPTH, RECORD_BOUNDARY, &boundary, sizeof(boundary));
                break;
        case 3: // an older snapshot than the last change: its changes come again
                tick_put_depth(rig, STREAM_DEPTH_DIFF, DEPTH_SNAPSHOT, 0, 115, tick_us(40));
                tick_put_depth(rig, STREAM_DEPTH_DIFF, DEPTH_CHANGES, 112, 118, tick_us(41));
                break;
        case 4:
                tick_put_depth(rig, STREAM_DEPTH_DIFF, DEPTH_CHANGES, 119, 125, tick_us(52));
                tick_put_depth(rig, STREAM_DEPTH, DEPTH_TOP, 0, 125, tick_us(60));
                break;
        default: tick_put_depth(rig, STREAM_DEPTH_DIFF, DEPTH_CHANGES, 126, 130, tick_us(95)); break;
        }
        assert_int_equal(rig_try_live(rig), 0);
}

static void play_book_with_restart(int restart_before, bool sync_before)
{
        struct rig *rig = tick_rig_new(DATA_DEPTH, 0);

        rig_open(rig);
        for (int step = 0; step < STEPS; step++) {
                if (step == restart_before) {
                        if (sync_before)
                                assert_int_equal(store_sync(rig->store), 0);
                        tick_restart(rig);
                        int64_t rows = rig->row;
                        rig->row = store_cursor(rig->store);
                        for (int again = (int)rig->row; again < rows; again++)
                                play_book(rig, again);
                }
                play_book(rig, step);
        }
        tick_settle(rig, tick_us(200));
        // Two rows of each snapshot and change, one of the clearing.
        assert_int_equal(tick_rows_of(rig, TICK_DEPTH_DIFF).count, 2 * 8 + 1);
        assert_int_equal(tick_rows_of(rig, TICK_DEPTH).count, 2);
        struct tick_told told = tick_told_of(rig, TICK_DEPTH_DIFF);
        assert_int_equal(told.tick.rows, 17);
        assert_int_equal(told.gaps, 0); // the snapshot is older than the last change: nothing lies between
        told = tick_told_of(rig, TICK_DEPTH);
        assert_int_equal(told.tick.rows, 2);
        assert_int_equal(told.gaps, 1);
        assert_int_equal(told.gap.start_us, tick_us(5));
        assert_int_equal(told.gap.end_us, tick_us(60));
        rig_free(rig);
}

static void a_book_can_be_rebuilt_whatever_is_restarted(void **state)
{
        (void)state;
        for (int step = 0; step < STEPS; step++) {
                play_book_with_restart(step, false);
                play_book_with_restart(step, true);
        }
}

static void put_book_and_trade(struct rig *rig)
{
        tick_put_depth(rig, STREAM_DEPTH_DIFF, DEPTH_SNAPSHOT, 0, 100, tick_us(0));
        tick_put_depth(rig, STREAM_DEPTH_DIFF, DEPTH_CHANGES, 101, 105, tick_us(1));
        tick_put_trade(rig, 7, tick_us(50));
        assert_int_equal(rig_try_live(rig), 0);
}

// Another bucket's row keeps the cursor before the batch, which is applied again.
static void what_a_bucket_has_looked_at_is_passed_over_at_a_replay(void **state)
{
        struct rig *rig = tick_rig_new(DATA_DEPTH | DATA_TRADE, 0);

        (void)state;
        rig_open(rig);
        put_book_and_trade(rig);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(store_cursor(rig->store), 0);
        assert_int_equal(tick_told_of(rig, TICK_DEPTH_DIFF).tick.rows, 4);
        tick_restart(rig);
        rig->row = store_cursor(rig->store);
        put_book_and_trade(rig);
        tick_settle(rig, tick_us(100));
        assert_int_equal(tick_told_of(rig, TICK_DEPTH_DIFF).tick.rows, 4);
        assert_int_equal(tick_rows_of(rig, TICK_DEPTH_DIFF).count, 4);
        assert_int_equal(tick_told_of(rig, TICK_TRADE).tick.rows, 1);
        rig_free(rig);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_second_is_written_once_it_is_over),
            cmocka_unit_test(everything_is_written_before_the_end),
            cmocka_unit_test(repeated_and_reordered_rows_are_there_once),
            cmocka_unit_test(a_restart_anywhere_changes_nothing),
            cmocka_unit_test(a_batch_that_fails_half_way_is_applied_again),
            cmocka_unit_test(what_waits_is_bounded),
            cmocka_unit_test(what_lies_between_two_connections_is_lost),
            cmocka_unit_test(what_comes_while_a_bucket_is_refused_is_lost_in_one_span),
            cmocka_unit_test(a_planned_renewal_and_a_known_update_lose_nothing),
            cmocka_unit_test(what_a_bucket_has_looked_at_is_passed_over_at_a_replay),
            cmocka_unit_test(a_book_can_be_rebuilt_whatever_is_restarted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
