// SPDX-License-Identifier: Apache-2.0
// What a writer that crashed leaves to its successor: which row or chunk it was at. Real store and real spool; a crash
// is a store that is closed without a sync.
// LINK: workers/writer/serverstore.c workers/writer/sinkmatch.c workers/writer/ticksink.c workers/writer/tickserver.c
// LINK: workers/writer/tickserverlook.c workers/writer/tickserverdoubles.c
// LINK: workers/writer/sinkread.c workers/writer/sinkwrite.c workers/writer/tickwire.c
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
// LINK: workers/writer/ticksink.c
// LINK: workers/writer/tickadopt.c
// LINK: workers/writer/idset.c workers/writer/tickbulk.c workers/writer/tickdamage.c workers/writer/tickfiles.c
// LINK: workers/writer/tickledger.c workers/writer/ticklive.c workers/writer/tickplan.c workers/writer/tickset.c
// LINK: workers/writer/steps.c workers/writer/spool.c workers/writer/spoolage.c
#include "tests/unit/store_rig.h"

#include "workers/writer/steps.h"

struct writer_rig {
        struct rig *rig;
        struct child child;
        struct vitals vitals;
        struct spool *spool;
        struct steps steps;
};

static void take_over(struct writer_rig *writer, bool after_crash)
{
        writer->rig->setup.after_crash = after_crash;
        rig_open(writer->rig);
        steps_take_over(&writer->steps, &writer->child, writer->spool, writer->rig->store);
}

static void restart(struct writer_rig *writer, bool after_crash)
{
        rig_close(writer->rig);
        take_over(writer, after_crash);
}

static int set_up(void **state)
{
        struct writer_rig *writer = calloc(1, sizeof(*writer));
        char path[PATH_SIZE + 16], why[REASON_SIZE];

        assert_non_null(writer);
        writer->rig = rig_new();
        writer->child =
            (struct child){.setup = &writer->rig->setup, .governor = writer->rig->governor, .vitals = &writer->vitals};
        snprintf(path, sizeof(path), "%s/spool.db", writer->rig->setup.settings.state_directory);
        writer->spool = spool_open(path, why);
        assert_non_null(writer->spool);
        take_over(writer, false);
        *state = writer;
        return 0;
}

static int tear_down(void **state)
{
        struct writer_rig *writer = *state;

        spool_close(writer->spool);
        rig_free(writer->rig);
        free(writer);
        return 0;
}

// The job at hand: its chunk ends the writer.
static void crash_at_chunk(struct writer_rig *writer, bool own_fault)
{
        const struct job *job = store_job(writer->rig->store, writer->rig->job.lease);

        assert_non_null(job);
        steps_begin_chunk(&writer->steps, job, "chunk", 5);
        restart(writer, own_fault);
}

static bool is_kept(struct writer_rig *writer, const char *file)
{
        char path[PATH_SIZE + 64];

        snprintf(path, sizeof(path), "%s/%s", writer->rig->setup.settings.state_directory, file);
        return access(path, F_OK) == 0;
}

// Answers for the catalogue and the first bar, as far as the store asks for them. True where it wants bars next.
static bool wants_klines(struct writer_rig *writer)
{
        static const char *const symbols[] = {"BTCUSDT"};

        while (rig_next(writer->rig)) {
                if (writer->rig->job.kind == JOB_CATALOG)
                        rig_answer_catalogue(writer->rig, symbols, 1, SYMBOL_TRADING);
                else if (writer->rig->job.kind == JOB_LISTING)
                        rig_answer_listing(writer->rig, RIG_MIN(1400));
                else
                        return true;
        }
        return false;
}

static void get_to_klines(struct writer_rig *writer)
{
        for (int tenths = 0; !wants_klines(writer); tenths++) {
                assert_true(tenths < 30); // after a crash it waits a second
                usleep(100000);
        }
}

static void a_job_whose_chunk_ends_the_writer_three_times_is_left_alone(void **state)
{
        struct writer_rig *writer = *state;
        char text[REASON_SIZE];

        for (int i = 0; i < 3; i++) {
                assert_int_equal(steps_are_single(&writer->steps), i > 0);
                get_to_klines(writer);
                assert_int_equal(writer->rig->job.start_us, RIG_MIN(1400));
                assert_int_equal(is_kept(writer, "quarantine-klines-BTCUSDT-1m.batch"), i > 1);
                crash_at_chunk(writer, true);
        }
        usleep(1100000);
        assert_false(wants_klines(writer));
        assert_int_equal(store_sync(writer->rig->store), 0);
        assert_true(store_is_exhausted(writer->rig->store, writer->rig->now_us, text));
        assert_non_null(strstr(text, "the writer crashed"));
        // Over a restart that is nobody's fault, too.
        restart(writer, false);
        assert_false(wants_klines(writer));
}

static void a_killed_writer_blames_no_job(void **state)
{
        struct writer_rig *writer = *state;

        for (int i = 0; i < 4; i++) {
                get_to_klines(writer);
                crash_at_chunk(writer, false);
                assert_false(steps_are_single(&writer->steps));
        }
        get_to_klines(writer);
        assert_int_equal(rig_answer(writer->rig, 0), 1);
}

static void a_crash_behind_a_chunk_blames_nobody_but_goes_in_single_steps(void **state)
{
        struct writer_rig *writer = *state;

        for (int i = 0; i < 4; i++) {
                get_to_klines(writer);
                steps_begin_chunk(&writer->steps, store_job(writer->rig->store, writer->rig->job.lease), "chunk", 5);
                assert_int_equal(is_kept(writer, "suspect.batch"), i > 0);
                steps_end(&writer->steps);
                assert_false(is_kept(writer, "suspect.batch"));
                restart(writer, true);
                assert_true(steps_are_single(&writer->steps));
        }
        get_to_klines(writer);
}

// Else they would be kept as those of the next chunk that ends a writer.
static void bytes_of_a_chunk_during_which_it_was_killed_are_not_kept(void **state)
{
        struct writer_rig *writer = *state;

        get_to_klines(writer);
        crash_at_chunk(writer, true);
        get_to_klines(writer);
        assert_true(steps_are_single(&writer->steps));
        crash_at_chunk(writer, false); // killed by somebody else, in single steps
        assert_false(is_kept(writer, "suspect.batch"));
        get_to_klines(writer);
        crash_at_chunk(writer, true); // in full speed again, where no bytes are written
        assert_false(is_kept(writer, "quarantine-klines-BTCUSDT-1m.batch"));
}

static void a_catalogue_that_ends_the_writer_three_times_waits_a_day(void **state)
{
        struct writer_rig *writer = *state;

        for (int i = 0; i < 3; i++) {
                if (i > 0)
                        usleep(1100000);
                assert_true(rig_next(writer->rig));
                assert_int_equal(writer->rig->job.kind, JOB_CATALOG);
                crash_at_chunk(writer, true);
        }
        usleep(1100000);
        assert_false(rig_next(writer->rig) && writer->rig->job.kind == JOB_CATALOG);
}

static void a_row_that_ends_the_writer_three_times_is_set_aside(void **state)
{
        struct writer_rig *writer = *state;

        for (int i = 0; i < 3; i++) {
                assert_false(steps_row_is_quarantined(&writer->steps, 7));
                steps_begin_row(&writer->steps, 7);
                restart(writer, true);
        }
        assert_true(steps_row_is_quarantined(&writer->steps, 7));
        assert_false(steps_row_is_quarantined(&writer->steps, 8));
}

static void nonsense_in_the_page_blames_nobody(void **state)
{
        struct writer_rig *writer = *state;
        struct chunk_at_hand *chunk = &writer->rig->governor->chunk;

        memset(&chunk->job, 0xff, sizeof(chunk->job));
        atomic_store(&chunk->busy, 1);
        restart(writer, true);
        assert_int_equal(atomic_load(&chunk->busy), 0);
        get_to_klines(writer);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(
                a_job_whose_chunk_ends_the_writer_three_times_is_left_alone, set_up, tear_down),
            cmocka_unit_test_setup_teardown(a_killed_writer_blames_no_job, set_up, tear_down),
            cmocka_unit_test_setup_teardown(
                a_crash_behind_a_chunk_blames_nobody_but_goes_in_single_steps, set_up, tear_down),
            cmocka_unit_test_setup_teardown(
                bytes_of_a_chunk_during_which_it_was_killed_are_not_kept, set_up, tear_down),
            cmocka_unit_test_setup_teardown(
                a_catalogue_that_ends_the_writer_three_times_waits_a_day, set_up, tear_down),
            cmocka_unit_test_setup_teardown(a_row_that_ends_the_writer_three_times_is_set_aside, set_up, tear_down),
            cmocka_unit_test_setup_teardown(nonsense_in_the_page_blames_nobody, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
