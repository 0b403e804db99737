// SPDX-License-Identifier: Apache-2.0
// The intake between a real pipeline and a real spool, without a store thread.
// LINK: workers/writer/intake.c workers/writer/spool.c workers/writer/spoolage.c workers/writer/sql.c
// LINK: workers/writer/ballast.c workers/writer/handover.c workers/writer/marks.c
#include "workers/writer/intake.h"

#include "common/nnio.h"
#include "common/pipeline.h"
#include "tests/unit/tempdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOT 5
#define INCARNATION UINT64_C(0x500001)
#define BURST_BATCHES 300
#define DEADLINE_MS 20000

static struct {
        char directory[64];
        struct child_setup setup;
        struct governor_page governor;
        struct ack_page *acks;
        struct child child; // of the writer; the worker's differs in nothing that matters here
        struct ballast ballast;
        struct handover handover;
        struct spool *spool;
        struct event_base *base;
        struct intake *intake;
        struct pipeline *worker;
} rig;

static int set_up(void **state)
{
        char path[128], why[REASON_SIZE];
        struct event_config *config = event_config_new();
        int fd = ack_page_create();

        (void)state;
        memset(&rig, 0, sizeof(rig));
        rig.acks = ack_page_map(fd, true);
        (void)close(fd);
        assert_true(rig.acks != NULL && tempdir_make(rig.directory) == 0 && handover_init(&rig.handover) == 0);
        rig.setup = (struct child_setup){.class = CHILD_STREAM, .slot = SLOT, .incarnation = INCARNATION};
        rig.setup.settings.spool_bytes_max = SPOOL_BYTES_MAX;
        snprintf(rig.setup.settings.run_directory, PATH_SIZE, "%s", rig.directory);
        rig.child = (struct child){&rig.setup, &rig.governor, rig.acks, &rig.governor.vitals[SLOT]};
        snprintf(path, sizeof(path), "%s/ballast", rig.directory);
        assert_int_equal(ballast_open(&rig.ballast, path, 4096), 0);
        snprintf(path, sizeof(path), "%s/spool.db", rig.directory);
        rig.spool = spool_open(path, why);
        assert_non_null(rig.spool);
        assert_int_equal(event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER), 0);
        rig.base = event_base_new_with_config(config);
        event_config_free(config);
        assert_int_equal(event_base_priority_init(rig.base, 2), 0);
        rig.intake = intake_open(&rig.child, rig.spool, &rig.ballast, &rig.handover, rig.base);
        assert_non_null(rig.intake);
        rig.worker = pipeline_open(&rig.child, NNIO_LIVE, MESSAGE_BUFFER_MAX);
        assert_non_null(rig.worker);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        pipeline_close(rig.worker);
        intake_close(rig.intake);
        event_base_free(rig.base);
        spool_close(rig.spool);
        ballast_release(&rig.ballast);
        (void)munmap(rig.acks, sizeof(*rig.acks));
        tempdir_remove(rig.directory);
        return 0;
}

static void send_trade(int64_t id)
{
        static const struct stream_id stream = {.symbol = "BTCUSDT", .kind = STREAM_TRADE};
        struct trade trade = {.id = id, .received_wall_ns = wall_now().ns, .level = {.price = 1, .size = 1}};

        assert_int_equal(pipeline_append(rig.worker, RECORD_TRADE, &stream, &trade, sizeof(trade)), 0);
        assert_int_equal(pipeline_flush(rig.worker), 0);
}

static uint64_t durable(void)
{
        return ack_line_durable(rig.acks, SLOT, INCARNATION);
}

static void run_until_durable(uint64_t batch)
{
        mono_time begun = mono_now();

        while (durable() < batch && mono_since_ms(mono_now(), begun) < DEADLINE_MS) {
                assert_int_equal(pipeline_service(rig.worker, mono_now()), 0);
                (void)event_base_loop(rig.base, EVLOOP_NONBLOCK);
        }
        assert_int_equal(durable(), batch);
}

static uint64_t measured(void)
{
        uint64_t total = 0;

        for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
                total += atomic_load(&rig.governor.receive_to_durable.counts[i]);
        return total;
}

// Waiting for others that may come would be the larger part of what it takes.
static void test_a_batch_that_comes_alone_is_durable_with_the_event_that_brings_it(void **state)
{
        mono_time begun = mono_now();

        (void)state;
        assert_true(intake_is_quiet(rig.intake)); // the worker's first batch has not been looked for
        while (intake_is_quiet(rig.intake) && mono_since_ms(mono_now(), begun) < DEADLINE_MS) {
                assert_int_equal(pipeline_service(rig.worker, mono_now()), 0);
                (void)event_base_loop(rig.base, EVLOOP_NONBLOCK);
        }
        assert_int_equal(durable(), 1);
}

static void test_what_comes_close_together_is_durable_once_each_and_measured_once_each(void **state)
{
        uint64_t rows, bytes;

        (void)state;
        for (int64_t id = 1; id <= BURST_BATCHES; id++)
                send_trade(id);
        run_until_durable(1 + BURST_BATCHES);
        spool_size(rig.spool, &rows, &bytes);
        assert_int_equal(rows, 1 + BURST_BATCHES);
        assert_int_equal(spool_newest_row(rig.spool), 1 + BURST_BATCHES);
        assert_int_equal(measured(), BURST_BATCHES);
}

// Commits come too often then for one that only deletes; what is applied goes with them all the same.
static void test_what_is_applied_is_deleted_while_more_comes(void **state)
{
        uint64_t rows, bytes;

        (void)state;
        for (int64_t id = 1; id <= BURST_BATCHES; id++) {
                send_trade(id);
                run_until_durable(1 + (uint64_t)id);
                atomic_store(&rig.handover.row_durable, id);
                intake_upkeep(rig.intake);
        }
        spool_size(rig.spool, &rows, &bytes);
        assert_in_range(rows, 1, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(
                test_a_batch_that_comes_alone_is_durable_with_the_event_that_brings_it, set_up, tear_down),
            cmocka_unit_test_setup_teardown(
                test_what_comes_close_together_is_durable_once_each_and_measured_once_each, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_what_is_applied_is_deleted_while_more_comes, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
