// SPDX-License-Identifier: Apache-2.0
#include "common/pipeline.h"

#include "common/nnio.h"
#include "tests/unit/tempdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT 5
#define INCARNATION UINT64_C(0x500001)
#define RECORDS_MAX 1000000
#define ROUNDS_MAX 20000

static struct {
        char directory[64];
        struct child_setup setup;
        struct governor_page governor;
        struct child child;
        struct pipeline *pipeline;
        int64_t skipped_us; // by which the test's time runs ahead of the clock
} worker;

// What a writer does: takes exactly the next batch, drops everything else, acknowledges.
static struct {
        struct nnio *nnio;
        struct ack_page *acks;
        uint64_t incarnation;
        uint64_t newest;    // batch
        int64_t klines;     // seen; the open time of the next is this number
        uint64_t messages;  // received, doubles included
        unsigned lose_each; // loses every so manieth message, 0: none
        bool silent;        // acknowledges nothing
} writer;

static const struct stream_id stream = {.symbol = "BTCUSDT", .kind = STREAM_KLINE, .interval = INTERVAL_1M};

static void open_writer(void)
{
        writer.nnio = nnio_open(NNIO_PULL, worker.setup.settings.run_directory, NNIO_LIVE);
        assert_non_null(writer.nnio);
        ack_page_publish_writer(writer.acks, ++writer.incarnation);
}

static int set_up(void **state)
{
        int fd = ack_page_create();

        (void)state;
        memset(&worker, 0, sizeof(worker));
        memset(&writer, 0, sizeof(writer));
        writer.acks = ack_page_map(fd, true);
        close(fd);
        if (writer.acks == NULL || tempdir_make(worker.directory) != 0)
                return -1;
        worker.setup.class = CHILD_STREAM;
        worker.setup.slot = SLOT;
        worker.setup.incarnation = INCARNATION;
        snprintf(worker.setup.settings.run_directory, PATH_SIZE, "%s", worker.directory);
        worker.child = (struct child){&worker.setup, &worker.governor, writer.acks, &worker.governor.vitals[SLOT]};
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        pipeline_close(worker.pipeline);
        nnio_close(writer.nnio);
        munmap(writer.acks, sizeof(*writer.acks));
        tempdir_remove(worker.directory);
        return 0;
}

static void open_pipeline(size_t records_max)
{
        worker.pipeline = pipeline_open(&worker.child, NNIO_LIVE, records_max);
        assert_non_null(worker.pipeline);
}

static void take_batch(const void *message, size_t length)
{
        struct batch_view view;
        struct record_view record;
        struct kline kline;
        const char *why;

        assert_int_equal(batch_open(message, length, &view, &why), 0);
        assert_int_equal(view.header.slot, SLOT);
        assert_int_equal(view.header.incarnation, INCARNATION);
        if (view.header.sequence != writer.newest + 1)
                return;
        writer.newest++;
        while (batch_next_record(&view, &record)) {
                assert_int_equal(record.type == RECORD_OPEN, view.header.sequence == 1);
                if (record.type == RECORD_OPEN && !writer.silent)
                        ack_line_open(writer.acks, SLOT, INCARNATION);
                if (record.type != RECORD_KLINE)
                        continue;
                memcpy(&kline, record.payload, sizeof(kline));
                assert_int_equal(kline.open_us, writer.klines++);
        }
        if (!writer.silent)
                ack_line_advance(writer.acks, SLOT, writer.newest);
}

// Everything that has arrived. Returns the number of messages.
static unsigned run_writer(void)
{
        unsigned count = 0;
        void *message;
        ssize_t length;

        while (writer.nnio != NULL && (length = nnio_receive(writer.nnio, &message)) >= 0) {
                count++;
                writer.messages++;
                if (writer.lose_each == 0 || writer.messages % writer.lose_each != 0)
                        take_batch(message, (size_t)length);
                nnio_free(message);
        }
        return count;
}

static mono_time now(void)
{
        return (mono_time){mono_now().us + worker.skipped_us};
}

// Both ends in turns. Where nothing moves, time goes on by itself: tests need not wait for timers.
static void run_both(void)
{
        assert_int_equal(pipeline_service(worker.pipeline, now()), 0);
        struct pollfd arrival = {.fd = writer.nnio != NULL ? nnio_fd(writer.nnio) : -1, .events = POLLIN};
        if (poll(&arrival, 1, 2) <= 0)
                worker.skipped_us += 20 * US_PER_MS;
        run_writer();
}

static void run_until_acknowledged(void)
{
        for (unsigned i = 0; pipeline_pending(worker.pipeline); i++) {
                assert_true(i < ROUNDS_MAX);
                run_both();
        }
}

static int append_kline(int64_t number)
{
        struct kline kline = {.open_us = number};

        return pipeline_append(worker.pipeline, RECORD_KLINE, &stream, &kline, sizeof(kline));
}

static void records_arrive_in_order_behind_an_open_record(void **state)
{
        (void)state;
        open_writer();
        open_pipeline(RECORDS_MAX);
        for (int64_t i = 0; i < 10000; i++)
                assert_int_equal(append_kline(i), 0);
        assert_true(pipeline_pending(worker.pipeline));
        run_until_acknowledged();
        assert_int_equal(writer.klines, 10000);
        assert_int_equal(pipeline_acknowledged(worker.pipeline), pipeline_sequence(worker.pipeline));
        assert_int_equal(pipeline_window_bytes(worker.pipeline), 0);
        assert_int_equal(pipeline_window_batches(worker.pipeline), 0);
        assert_int_equal(worker.governor.vitals[SLOT].window_bytes, 0);
}

static void a_batch_is_sent_when_it_is_old_enough(void **state)
{
        (void)state;
        open_writer();
        open_pipeline(RECORDS_MAX);
        run_until_acknowledged();
        pipeline_set_flush_ms(worker.pipeline, 1000);
        append_kline(0);
        assert_int_equal(pipeline_service(worker.pipeline, now()), 0);
        assert_int_equal(pipeline_sequence(worker.pipeline), 1);
        assert_int_equal(pipeline_service(worker.pipeline, (mono_time){now().us + 1000 * US_PER_MS}), 0);
        assert_int_equal(pipeline_sequence(worker.pipeline), 2);
        append_kline(1);
        assert_int_equal(pipeline_flush(worker.pipeline), 0);
        assert_int_equal(pipeline_sequence(worker.pipeline), 3);
        run_until_acknowledged();
        assert_int_equal(writer.klines, 2);
}

static void messages_lost_in_the_middle_are_sent_again(void **state)
{
        (void)state;
        open_writer();
        open_pipeline(RECORDS_MAX);
        writer.lose_each = 5;
        for (int64_t i = 0; i < 20000; i++) {
                assert_int_equal(append_kline(i), 0);
                if (i % 500 == 0)
                        run_both();
        }
        run_until_acknowledged();
        assert_int_equal(writer.klines, 20000);
        assert_true(writer.messages > pipeline_sequence(worker.pipeline)); // there were doubles
}

static void nothing_is_lost_when_writers_come_and_go(void **state)
{
        int64_t number = 0;

        (void)state;
        open_pipeline(RECORDS_MAX); // before there is a writer
        for (unsigned life = 0; life < 5; life++) {
                open_writer();
                for (unsigned i = 0; i < 20; i++) {
                        for (unsigned k = 0; k < 300; k++)
                                assert_int_equal(append_kline(number++), 0);
                        run_both();
                }
                // Ends with messages unread, which nanomsg loses.
                for (unsigned k = 0; k < 2000; k++)
                        assert_int_equal(append_kline(number++), 0);
                assert_int_equal(pipeline_flush(worker.pipeline), 0);
                nnio_close(writer.nnio);
                writer.nnio = NULL;
                assert_int_equal(pipeline_service(worker.pipeline, now()), 0);
        }
        assert_true(writer.klines < number);
        open_writer();
        run_until_acknowledged();
        assert_int_equal(writer.klines, number);
}

static void a_new_writer_is_served_at_once(void **state)
{
        (void)state;
        open_writer();
        open_pipeline(RECORDS_MAX);
        run_until_acknowledged();
        writer.silent = true;
        append_kline(0);
        assert_int_equal(pipeline_flush(worker.pipeline), 0);
        while (writer.newest < 2)
                run_both();
        // That one died before its commit; its successor knows nothing of batch 2.
        writer.silent = false;
        writer.newest = 1;
        writer.klines = 0;
        ack_page_publish_writer(writer.acks, ++writer.incarnation);
        mono_time still = mono_now(); // no time passes: a resend by the clock would not show it
        for (unsigned i = 0; i < ROUNDS_MAX && writer.newest < 2; i++) {
                assert_int_equal(pipeline_service(worker.pipeline, still), 0);
                usleep(1000);
                run_writer();
        }
        assert_int_equal(writer.newest, 2);
}

static void without_a_writer_the_window_holds_until_it_is_full(void **state)
{
        struct record_boundary boundary = {.reason = BOUNDARY_WINDOW_FULL, .count = 1};
        int64_t number = 0;

        (void)state;
        open_pipeline(RECORDS_MAX);
        assert_true(pipeline_wants_fd(worker.pipeline));
        while (append_kline(number) == 0) {
                number++;
                if (number % 1000 == 0)
                        assert_int_equal(pipeline_service(worker.pipeline, now()), 0);
        }
        assert_int_equal(errno, ENOBUFS);
        assert_false(pipeline_has_room(worker.pipeline));
        size_t bytes = pipeline_window_bytes(worker.pipeline);
        assert_in_range(
            bytes, WINDOW_BYTES_MAX - WINDOW_RESERVED_BYTES - 1000, WINDOW_BYTES_MAX - WINDOW_RESERVED_BYTES);
        assert_int_equal(pipeline_flush(worker.pipeline), 0);
        assert_int_equal(worker.governor.vitals[SLOT].window_bytes, pipeline_window_bytes(worker.pipeline));
        // What must be said about it still fits.
        for (unsigned i = 0; i < 100; i++)
                assert_int_equal(
                    pipeline_append(worker.pipeline, RECORD_BOUNDARY, &stream, &boundary, sizeof(boundary)), 0);
        assert_int_equal(append_kline(number), -1);
        open_writer();
        run_until_acknowledged();
        assert_int_equal(writer.klines, number);
        assert_true(pipeline_has_room(worker.pipeline));
        assert_int_equal(append_kline(number), 0);
}

static void the_window_is_bounded_in_records_and_in_batches(void **state)
{
        int64_t number = 0;

        (void)state;
        open_pipeline(1000);
        while (append_kline(number) == 0)
                number++;
        assert_int_equal(number, 999); // and the open record
        pipeline_close(worker.pipeline);
        open_pipeline(RECORDS_MAX);
        pipeline_set_flush_ms(worker.pipeline, 0);
        // One record a batch while there are batches; then they gather in the one under construction, until that is
        // full.
        for (number = 0; append_kline(number) == 0; number++)
                assert_int_equal(pipeline_service(worker.pipeline, now()), 0);
        assert_int_equal(pipeline_window_batches(worker.pipeline), WINDOW_BATCHES_MAX - WINDOW_RESERVED_BATCHES);
        assert_true(number > WINDOW_BATCHES_MAX);
        assert_false(pipeline_has_room(worker.pipeline));
        struct record_fin fin = {.records = (uint64_t)number};
        assert_int_equal(pipeline_append(worker.pipeline, RECORD_FIN, NULL, &fin, sizeof(fin)), 0);
        open_writer();
        run_until_acknowledged();
        assert_int_equal(writer.klines, number);
}

static void an_impossible_acknowledgement_is_ignored(void **state)
{
        (void)state;
        open_writer();
        open_pipeline(RECORDS_MAX);
        run_until_acknowledged();
        append_kline(0);
        ack_line_advance(writer.acks, SLOT, 1000);
        assert_int_equal(pipeline_service(worker.pipeline, now()), 0);
        assert_int_equal(pipeline_acknowledged(worker.pipeline), 1);
        run_until_acknowledged();
        assert_int_equal(writer.klines, 1);
}

static void long_run_directories_work_and_sockets_are_private(void **state)
{
        char *path = worker.setup.settings.run_directory, socket_path[PATH_SIZE + 16];
        struct stat status;

        (void)state;
        for (unsigned i = 0; i < 3; i++) {
                size_t length = strlen(path);
                snprintf(path + length, PATH_SIZE - length, "/%050u", i);
                assert_int_equal(mkdir(path, 0755), 0);
        }
        open_writer();
        open_pipeline(RECORDS_MAX);
        append_kline(0);
        run_until_acknowledged();
        assert_int_equal(writer.klines, 1);
        snprintf(socket_path, sizeof(socket_path), "%s/%s", path, NNIO_LIVE);
        assert_int_equal(stat(socket_path, &status), 0);
        assert_int_equal(status.st_mode & 077, 0);
}

// nanomsg forgets its endpoint where bind() fails; the process that meets this ends anyway.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
        return "leak:nn_bipc_create";
}

static void a_second_writer_is_refused_while_the_first_lives(void **state)
{
        (void)state;
        open_writer();
        assert_null(nnio_open(NNIO_PULL, worker.directory, NNIO_LIVE));
        assert_int_equal(errno, EADDRINUSE);
}

#define WITH_PAGES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
            WITH_PAGES(records_arrive_in_order_behind_an_open_record),
            WITH_PAGES(a_batch_is_sent_when_it_is_old_enough),
            WITH_PAGES(messages_lost_in_the_middle_are_sent_again),
            WITH_PAGES(nothing_is_lost_when_writers_come_and_go),
            WITH_PAGES(a_new_writer_is_served_at_once),
            WITH_PAGES(without_a_writer_the_window_holds_until_it_is_full),
            WITH_PAGES(the_window_is_bounded_in_records_and_in_batches),
            WITH_PAGES(an_impossible_acknowledgement_is_ignored),
            WITH_PAGES(long_run_directories_work_and_sockets_are_private),
            WITH_PAGES(a_second_writer_is_refused_while_the_first_lives),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
