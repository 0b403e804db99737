// SPDX-License-Identifier: Apache-2.0
// A second with more trades than one block may hold: what was stored before stays, the rest is told, asked for by id,
// and told again, without harm.
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

#define SECOND_US (TICKS_T0 + 10 * US_PER_S) // in which all of them were made
#define LEFT 10                              // rows for which there is room in the end
#define MORE 2000                            // that come then

static int64_t crowded_us(int64_t id)
{
        return SECOND_US + id; // a microsecond each
}

static void put_live(struct rig *rig, const struct trade *trade)
{
        struct stream_id stream = tick_stream(STREAM_TRADE);

        if (rig_append(rig, RECORD_TRADE, &stream, trade, sizeof(*trade)) == 0)
                return;
        assert_int_equal(rig_try_live(rig), 0);
        assert_int_equal(store_pass_time(rig->store, rig->now_us), 0);
        tick_put(rig, STREAM_TRADE, RECORD_TRADE, trade, sizeof(*trade));
}

// Trades [first_id, last_id] of the one second are streamed, and others later show that it is over.
static void crowd(struct rig *rig, int64_t first_id, int64_t last_id)
{
        rig->now_us = SECOND_US;
        for (int64_t id = first_id; id <= last_id; id++) {
                struct trade trade = make_trade(id, crowded_us(id));
                put_live(rig, &trade);
        }
        assert_int_equal(rig_try_live(rig), 0);
        tick_settle(rig, SECOND_US + 60 * US_PER_S);
}

static int64_t rows_of_a_block(enum tick_kind kind)
{
        struct yearfile_schema schema;
        struct tick_layout layout;

        tick_schema(kind, 5, &schema);
        tick_layout_make(kind, &schema, &layout);
        return TICK_BLOCK_BYTES_MAX / (int64_t)layout.row_bytes;
}

struct defects {
        int count;
        struct ledger_trouble trouble;
};

static int tell_defect(void *context, const struct ledger_trouble *trouble)
{
        struct defects *defects = context;

        if (strcmp(trouble->kind, "defective") == 0) {
                defects->count++;
                defects->trouble = *trouble;
        }
        return 0;
}

static struct ledger_trouble defect_of(const struct rig *rig)
{
        struct defects defects = {.count = 0};
        char why[REASON_SIZE];
        struct ledgerview *view = ledgerview_open(rig->setup.settings.state_directory, why);

        assert_non_null(view);
        assert_int_equal(ledgerview_each_trouble(view, tell_defect, &defects), 0);
        ledgerview_close(view);
        assert_int_equal(defects.count, 1);
        return defects.trouble;
}

// Answers the job with all its trades, a page a chunk. Returns 1 where it is done, or -1: a chunk was refused.
static int answer_crowded(struct rig *rig)
{
        int64_t id = rig->job.first_id;

        rig_begin(rig);
        while (id <= rig->job.last_id) {
                int64_t end = id + rig->job.page_rows - 1;

                end = end < rig->job.last_id ? end : rig->job.last_id;
                tick_page(rig, id, end, rig->job.last_id + 1, (uint32_t)(end - id + 1));
                for (; id <= end; id++)
                        tick_page_row(rig, id, crowded_us(id));
                rig->chunks++;
                if (rig_chunk(rig) < 0)
                        return -1;
        }
        return rig_end(rig);
}

static void rows_that_do_not_fit_are_told_and_the_others_stay(void **state)
{
        struct rig *rig = tick_rig_new(DATA_TRADE, 0);
        int64_t fit = rows_of_a_block(TICK_TRADE) - LEFT;

        (void)state;
        rig_open(rig);
        assert_false(tick_next(rig));
        crowd(rig, 0, fit - 1);
        assert_int_equal(tick_told_of(rig, TICK_TRADE).tick.rows, fit);
        assert_int_equal(tick_told_of(rig, TICK_TRADE).tick.defective, 0);
        crowd(rig, fit, fit + MORE - 1);
        tick_live(rig, fit + MORE, fit + MORE); // ids are missing before it
        tick_settle(rig, tick_us(fit + MORE) + 60 * US_PER_S);
        struct tick_told told = tick_told_of(rig, TICK_TRADE);
        assert_int_equal(told.tick.defective, MORE);
        assert_int_equal(told.tick.missing, MORE);
        assert_int_equal(told.tick.rows, fit + 1);
        assert_int_equal(atomic_load(&rig->governor->rows_defective), MORE);
        assert_int_equal(tick_rows_of(rig, TICK_TRADE).count, fit + 1);

        // They are asked for by id, come, and do not fit any better.
        assert_true(tick_next(rig));
        assert_int_equal(answer_crowded(rig), -1);
        assert_non_null(strstr(rig->why, "more trades in one second than can be stored"));
        assert_int_equal(store_sync(rig->store), 0);
        struct ledger_trouble trouble = defect_of(rig);
        assert_int_equal(trouble.first_id, fit);
        assert_int_equal(trouble.last_id, fit + MORE - 1);
        assert_non_null(strstr(trouble.text, "64 MiB of rows"));
        tick_restart(rig);
        usleep(1100000); // after a lost answer it would ask again
        assert_false(tick_next(rig));
        struct tick_seen seen = tick_rows_of(rig, TICK_TRADE);
        assert_int_equal(seen.count, fit + 1);
        assert_true(seen.ascending);
        rig_free(rig);
}

static void put_tops(struct rig *rig, int64_t first_id, int64_t last_id)
{
        for (int64_t id = first_id; id <= last_id; id++) {
                tick_put_depth(rig, STREAM_DEPTH, DEPTH_TOP, 0, id, crowded_us(id));
                if (id % 200 == 0) // a batch holds no more of them than that
                        assert_int_equal(rig_try_live(rig), 0);
        }
        assert_int_equal(rig_try_live(rig), 0);
}

static void without_ids_they_are_lost_with_their_second(void **state)
{
        struct rig *rig = tick_rig_new(DATA_DEPTH, 0);
        int64_t fit = rows_of_a_block(TICK_DEPTH) - LEFT;

        (void)state;
        rig_open(rig);
        assert_false(tick_next(rig));
        rig->now_us = SECOND_US;
        put_tops(rig, 1, fit);
        tick_settle(rig, SECOND_US + 60 * US_PER_S);
        assert_int_equal(tick_told_of(rig, TICK_DEPTH).gaps, 0);
        put_tops(rig, fit + 1, fit + MORE);
        tick_put_depth(rig, STREAM_DEPTH, DEPTH_TOP, 0, fit + MORE + 1, SECOND_US + US_PER_S); // in the next second
        assert_int_equal(rig_try_live(rig), 0);
        tick_settle(rig, SECOND_US + 70 * US_PER_S);
        struct tick_told told = tick_told_of(rig, TICK_DEPTH);
        assert_int_equal(told.tick.defective, MORE);
        assert_int_equal(told.tick.rows, fit + 1);
        assert_int_equal(tick_rows_of(rig, TICK_DEPTH).count, fit + 1);
        assert_int_equal(told.gaps, 1);
        assert_int_equal(told.gap.state, GAP_LOST);
        assert_int_equal(told.gap.start_us, SECOND_US);
        assert_int_equal(told.gap.end_us, SECOND_US + US_PER_S - 1);
        assert_non_null(strstr(told.gap.evidence, "too many in one second"));
        rig_free(rig);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test(rows_that_do_not_fit_are_told_and_the_others_stay),
            cmocka_unit_test(without_ids_they_are_lost_with_their_second),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
