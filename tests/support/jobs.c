// SPDX-License-Identifier: Apache-2.0
// Runs one backfill worker without supervisor and writer: hands it the jobs of the command line one after the other,
// takes and acknowledges its chunks, checks the counts of each JOB_END, and prints the rows. Used by tests.
//
//   jobs --worker PROGRAM --rest URL [options] JOB...
//   JOB: klines:SYMBOL:INTERVAL:START_MS:END_MS:PAGE_ROWS[:settle], catalog, listing:SYMBOL:INTERVAL,
//        trades:SYMBOL:FIRST_ID:LAST_ID:START_MS:END_MS:PAGE_ROWS[:settle], likewise aggtrades; ids -1: not known
//
// Lines on stdout: "page START END ANSWERED REQUESTED ROWS", "kline OPEN CLOSE o h l c v q n tb tq", "symbol NAME BASE
// QUOTE STATUS", "listing SYMBOL OPEN", "idpage FIRST LAST NEWEST REQUESTED ROWS", "trade ID TIME PRICE SIZE MAKER
// MICROSECONDS", "aggtrade ID FIRST LAST TIME PRICE SIZE MAKER MICROSECONDS", "end ROWS CHUNKS ANSWERED", "failed
// NUMBER TEXT"; times in microseconds. Exit 0 when every job ended (also by "failed"), 1 when something was not as it
// should be.
#include "common/ackpage.h"
#include "common/batch.h"
#include "common/child.h"
#include "common/crc32c.h"
#include "common/decimal.h"
#include "common/interval.h"
#include "common/job.h"
#include "common/memfile.h"
#include "common/memory.h"
#include "common/nnio.h"
#include "tests/support/startchild.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOT 7
#define INCARNATION 0x100001

static struct {
        const char *worker, *rest, *ca_file, *proxy, *run_directory;
        uint32_t weight;         // per minute; UINT32_MAX: no limit
        int64_t timeout_ms;      // for each job
        int64_t revoke_after_ms; // revoke the first job after this; 0: never
        int64_t
            renew_after_ms; // give each job out again after this, over a new channel, as a new writer does; 0: never
        int64_t drain_after_ms; // tell the worker to end after this much of the first job; 0: never
        bool stall;             // acknowledge nothing after OPEN
        bool quiet;             // count rows instead of printing them
        bool debug;
} options = {.ca_file = "", .proxy = "", .weight = UINT32_MAX, .timeout_ms = 120000};

static struct {
        int control, job;
        struct governor_page *governor;
        struct ack_page *acks;
        struct nnio *bulk;
        pid_t pid;
        uint64_t expected; // next batch
        uint64_t begun;    // lease of the last JOB_BEGIN
        uint64_t begun_at; // the batch it was in
        uint64_t rows, pages;
        uint32_t crc;
        bool ended, wants;
} harness = {.expected = 1};

static _Noreturn void give_up(const char *what)
{
        fprintf(stderr, "jobs: %s (%s)\n", what, strerror(errno));
        if (harness.pid > 0)
                kill(harness.pid, SIGKILL);
        exit(1);
}

static void require(bool condition, const char *what)
{
        if (!condition)
                give_up(what);
}

// ---- starting the worker ----

static int make_setup(void)
{
        struct child_setup *setup = memory_zeroed(1, sizeof(*setup));
        struct settings *s = &setup->settings;

        setup->magic = CHILD_SETUP_MAGIC;
        setup->bytes = sizeof(*setup);
        setup->class = CHILD_BACKFILL;
        setup->slot = SLOT;
        setup->incarnation = INCARNATION;
        snprintf(s->rest_url, sizeof(s->rest_url), "%s", options.rest);
        snprintf(s->ca_file, sizeof(s->ca_file), "%s", options.ca_file);
        snprintf(s->proxy, sizeof(s->proxy), "%s", options.proxy);
        snprintf(s->run_directory, sizeof(s->run_directory), "%s", options.run_directory);
        s->log_level = options.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
        int fd = memfile_create_sealed("setup", setup, sizeof(*setup));
        free(setup);
        return fd;
}

static void start_worker(void)
{
        int pair[2], governor_fd = governor_create(), acks_fd = ack_page_create(), setup_fd = make_setup();

        require(control_pair(pair) == 0 && governor_fd >= 0 && acks_fd >= 0 && setup_fd >= 0, "set-up");
        harness.governor = governor_map(governor_fd, true);
        harness.acks = ack_page_map(acks_fd, true);
        require(harness.governor != NULL && harness.acks != NULL, "pages");
        atomic_store(&harness.governor->weight_limit, options.weight);
        ack_page_publish_writer(harness.acks, 1);
        int readonly = ack_page_reopen_readonly(acks_fd);
        harness.control = pair[0];
        harness.pid = startchild(options.worker, (const int[]){pair[1], setup_fd, governor_fd, readonly});
        require(harness.pid >= 0, "fork");
        close(pair[1]);
}

static void open_channel(void)
{
        int pair[2];

        require(control_pair(pair) == 0 &&
                    control_send(harness.control, CONTROL_JOB_CHANNEL, SLOT, INCARNATION, NULL, 0, pair[1]) == 0,
            "job channel");
        close(pair[1]);
        harness.job = pair[0];
}

// ---- what the worker sends ----

static void print_kline(const struct kline *k)
{
        struct decimal d[8] = {{wide_from_int64(k->open), k->open_exponent},
            {wide_from_int64(k->high), k->high_exponent}, {wide_from_int64(k->low), k->low_exponent},
            {wide_from_int64(k->close), k->close_exponent}, {k->volume, k->volume_exponent},
            {k->quote_volume, k->quote_volume_exponent}, {k->taker_base, k->taker_base_exponent},
            {k->taker_quote, k->taker_quote_exponent}};
        char t[8][DECIMAL_TEXT_SIZE];

        for (int i = 0; i < 8; i++)
                decimal_format(d[i], t[i]);
        printf("kline %" PRId64 " %" PRId64 " %s %s %s %s %s %s %" PRId64 " %s %s\n", k->open_us, k->close_us, t[0],
            t[1], t[2], t[3], t[4], t[5], k->trades, t[6], t[7]);
}

static void print_level(int64_t time_us, const struct level *level, uint8_t maker, uint8_t microseconds)
{
        char price[DECIMAL_TEXT_SIZE], size[DECIMAL_TEXT_SIZE];

        decimal_format((struct decimal){wide_from_int64(level->price), level->price_exponent}, price);
        decimal_format((struct decimal){wide_from_int64(level->size), level->size_exponent}, size);
        printf("%" PRId64 " %s %s %u %u\n", time_us, price, size, maker, microseconds);
}

static void print_trade(const struct trade *t)
{
        printf("trade %" PRId64 " ", t->id);
        print_level(t->time_us, &t->level, t->buyer_maker, t->microseconds);
}

static void print_agg_trade(const struct agg_trade *t)
{
        printf("aggtrade %" PRId64 " %" PRId64 " %" PRId64 " ", t->id, t->first_id, t->last_id);
        print_level(t->time_us, &t->level, t->buyer_maker, t->microseconds);
}

static void take_id_page(const struct record_id_page *page)
{
        harness.pages++;
        printf("idpage %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %u\n", page->first_id, page->last_id,
            page->newest_id, page->requested_us, page->rows);
}

static void count_row(const struct record_view *record)
{
        harness.rows++;
        harness.crc = crc32c(harness.crc, record->payload, record->payload_length);
}

static void take_end(const struct record_job_end *end, uint64_t sequence)
{
        require(end->lease == harness.begun, "JOB_END of another lease");
        require(end->rows == harness.rows && end->rows_crc32c == harness.crc, "JOB_END counts other rows");
        require(end->chunks == sequence - harness.begun_at + 1, "JOB_END counts other chunks");
        printf("end %" PRIu64 " %u %" PRId64 "\n", end->rows, end->chunks, end->answered_until_us);
        harness.ended = true;
}

static void take_record(const struct record_view *record, uint64_t sequence)
{
        const struct record_page *page = record->payload;
        const struct record_symbol *symbol = record->payload;
        const struct record_listing *listing = record->payload;

        switch (record->type) {
        case RECORD_OPEN: break;
        case RECORD_JOB_BEGIN:
                harness.begun = ((const struct record_job_begin *)record->payload)->lease;
                harness.begun_at = sequence;
                harness.rows = harness.crc = 0;
                break;
        case RECORD_PAGE:
                harness.pages++;
                printf("page %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %u\n", page->start_us, page->end_us,
                    page->answered_until_us, page->requested_us, page->rows);
                break;
        case RECORD_KLINE:
                count_row(record);
                if (!options.quiet)
                        print_kline(record->payload);
                break;
        case RECORD_ID_PAGE: take_id_page(record->payload); break;
        case RECORD_TRADE:
                count_row(record);
                if (!options.quiet)
                        print_trade(record->payload);
                break;
        case RECORD_AGG_TRADE:
                count_row(record);
                if (!options.quiet)
                        print_agg_trade(record->payload);
                break;
        case RECORD_SYMBOL:
                count_row(record);
                printf("symbol %s %s %s %u\n", symbol->symbol, symbol->base, symbol->quote, symbol->status);
                break;
        case RECORD_LISTING:
                count_row(record);
                printf("listing %s %" PRId64 "\n", listing->symbol, listing->first_open_us);
                break;
        case RECORD_JOB_END: take_end(record->payload, sequence); break;
        default: give_up("a record that no backfill worker sends");
        }
}

static void take_batch(const void *bytes, size_t length)
{
        static _Alignas(8) unsigned char aligned[BATCH_BYTES_LARGE_MAX];
        struct batch_view view;
        struct record_view record;
        const char *why;

        if (batch_open(memcpy(aligned, bytes, length), length, &view, &why) != 0)
                give_up(why);
        if (view.header.sequence != harness.expected)
                return; // a repetition, or a hole that a resend closes
        while (batch_next_record(&view, &record))
                take_record(&record, view.header.sequence);
        harness.expected++;
        uint64_t durable = ack_line_durable(harness.acks, SLOT, INCARNATION);
        // Unacknowledged with this one: the bound of a job's chunks.
        require(view.header.sequence - durable <= JOB_CHUNKS_UNACKED_MAX, "too many unacknowledged chunks");
        if (view.header.sequence == 1)
                ack_line_open(harness.acks, SLOT, INCARNATION);
        if (!options.stall || view.header.sequence == 1)
                ack_line_advance(harness.acks, SLOT, view.header.sequence);
}

static void take_bulk(void)
{
        void *message;
        ssize_t length;

        while ((length = nnio_receive(harness.bulk, &message)) >= 0) {
                take_batch(message, (size_t)length);
                nnio_free(message);
        }
}

static void take_job_message(void)
{
        struct job_message message;
        ssize_t length = recv(harness.job, &message, sizeof(message), MSG_DONTWAIT);

        if (length < 0 && errno == EAGAIN)
                return;
        require(length == (ssize_t)sizeof(message), "the worker closed its job channel");
        if (message.type == JOB_WANT) {
                harness.wants = true;
        } else if (message.type == JOB_FAILED) {
                printf("failed %u %s\n", message.failure, message.text);
                harness.ended = true;
        }
}

static void take_control(void)
{
        struct control_message message;
        int result = control_receive(harness.control, &message);

        require(result == 1 || (result < 0 && errno == EAGAIN), "the worker closed its control socket");
}

static void poll_once(int timeout_ms)
{
        struct pollfd fds[] = {
            {harness.control, POLLIN, 0}, {harness.job, POLLIN, 0}, {nnio_fd(harness.bulk), POLLIN, 0}};

        poll(fds, 3, timeout_ms);
        if (fds[2].revents != 0)
                take_bulk();
        if (fds[1].revents != 0)
                take_job_message();
        if (fds[0].revents != 0)
                take_control();
}

// ---- jobs ----

// The fields from START_MS on: of klines and of ticks.
static bool parse_range(char **field, int count, struct job *job)
{
        if (count < 3)
                return false;
        job->start_us = strtoll(field[0], NULL, 10) * US_PER_MS;
        job->end_us = strtoll(field[1], NULL, 10) * US_PER_MS;
        job->page_rows = (uint32_t)strtoul(field[2], NULL, 10);
        job->purpose = count > 3 ? JOB_SETTLE : JOB_HISTORY;
        return true;
}

static bool parse_tick_job(char **field, int count, struct job *job)
{
        if (count < 7)
                return false;
        job->kind = strcmp(field[0], "trades") == 0 ? JOB_TRADES : JOB_AGG_TRADES;
        job->first_id = strtoll(field[2], NULL, 10);
        job->last_id = strtoll(field[3], NULL, 10);
        return parse_range(field + 4, count - 4, job);
}

static bool parse_bar_job(char **field, int count, struct job *job)
{
        enum interval interval;

        if (count < 3 || interval_parse(field[2], &interval) != 0)
                return false;
        job->interval = interval;
        job->kind = strcmp(field[0], "listing") == 0 ? JOB_LISTING : JOB_KLINES;
        if (job->kind == JOB_LISTING)
                return count == 3;
        return strcmp(field[0], "klines") == 0 && parse_range(field + 3, count - 3, job);
}

static bool parse_job(char *text, struct job *job)
{
        char *save, *field[8] = {0};
        int count = 0;

        for (char *f = strtok_r(text, ":", &save); f != NULL && count < 8; f = strtok_r(NULL, ":", &save))
                field[count++] = f;
        if (count == 1 && strcmp(field[0], "catalog") == 0) {
                job->kind = JOB_CATALOG;
                return true;
        }
        if (count < 2)
                return false;
        snprintf(job->symbol, sizeof(job->symbol), "%s", field[1]);
        if (strcmp(field[0], "trades") == 0 || strcmp(field[0], "aggtrades") == 0)
                return parse_tick_job(field, count, job);
        return parse_bar_job(field, count, job);
}

static void grant(struct job_message *message)
{
        mono_time start = mono_now();

        while (!harness.wants && mono_since_ms(mono_now(), start) < options.timeout_ms)
                poll_once(100);
        require(harness.wants, "the worker asks for no job");
        harness.wants = harness.ended = false;
        require(send(harness.job, message, sizeof(*message), 0) == (ssize_t)sizeof(*message), "grant");
}

static bool is_due(int64_t after_ms, mono_time start)
{
        return after_ms != 0 && mono_since_ms(mono_now(), start) >= after_ms;
}

// Does once to the running job what the options say.
static bool disturb(struct job_message *message, mono_time start)
{
        struct job_message revoke = {.type = JOB_REVOKE, .job = {.lease = message->job.lease}};

        if (is_due(options.revoke_after_ms, start)) {
                require(send(harness.job, &revoke, sizeof(revoke), 0) == (ssize_t)sizeof(revoke), "revoke");
                options.revoke_after_ms = 0;
                harness.ended = true;
        } else if (is_due(options.renew_after_ms, start)) {
                close(harness.job);
                open_channel();
                message->job.lease += 1000;
                options.stall = false; // the new writer is a better one
                ack_line_advance(harness.acks, SLOT, harness.expected - 1);
                grant(message);
        } else if (is_due(options.drain_after_ms, start)) {
                require(control_send(harness.control, CONTROL_DRAIN, SLOT, INCARNATION, NULL, 0, -1) == 0, "drain");
        } else {
                return false;
        }
        return true;
}

static void run_job(char *text, uint64_t lease)
{
        struct job_message message = {.type = JOB_GRANT, .job = {.lease = lease, .purpose = JOB_HISTORY}};
        mono_time start = mono_now();
        bool disturbed = false;

        require(parse_job(text, &message.job),
            "a job is klines:SYMBOL:INTERVAL:START_MS:END_MS:ROWS[:settle], catalog, "
            "listing:SYMBOL:INTERVAL or "
            "[agg]trades:SYMBOL:FIRST:LAST:START_MS:END_MS:ROWS[:settle]");
        grant(&message);
        // A job is over when the worker wants the next one: then JOB_END is acknowledged. One that ends wants none.
        while (!(harness.ended && (harness.wants || options.drain_after_ms != 0)) &&
               mono_since_ms(mono_now(), start) < options.timeout_ms) {
                poll_once(10);
                disturbed = disturbed || disturb(&message, start);
        }
        require(harness.ended, "the job did not end in time, or the worker wants another one before");
        fprintf(stderr, "jobs: %s: %" PRIu64 " rows in %" PRId64 " ms\n", text, harness.rows,
            mono_since_ms(mono_now(), start));
}

static void stop_worker(void)
{
        int status;

        if (options.drain_after_ms == 0)
                require(control_send(harness.control, CONTROL_DRAIN, SLOT, INCARNATION, NULL, 0, -1) == 0, "drain");
        for (int i = 0; i < 6000; i++) {
                if (waitpid(harness.pid, &status, WNOHANG) == harness.pid) {
                        require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the worker did not end with 0");
                        harness.pid = 0;
                        return;
                }
                usleep(10000);
        }
        give_up("the worker does not end");
}

static int parse_options(int argc, char **argv)
{
        int i = 1;

        for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
                const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";

                if (strcmp(name, "--stall") == 0)
                        options.stall = true;
                else if (strcmp(name, "--quiet") == 0)
                        options.quiet = true;
                else if (strcmp(name, "--debug") == 0)
                        options.debug = true;
                else if (i++, strcmp(name, "--worker") == 0)
                        options.worker = value;
                else if (strcmp(name, "--rest") == 0)
                        options.rest = value;
                else if (strcmp(name, "--ca-file") == 0)
                        options.ca_file = value;
                else if (strcmp(name, "--proxy") == 0)
                        options.proxy = value;
                else if (strcmp(name, "--weight") == 0)
                        options.weight = (uint32_t)strtoul(value, NULL, 10);
                else if (strcmp(name, "--timeout-ms") == 0)
                        options.timeout_ms = strtoll(value, NULL, 10);
                else if (strcmp(name, "--revoke-after-ms") == 0)
                        options.revoke_after_ms = strtoll(value, NULL, 10);
                else if (strcmp(name, "--renew-after-ms") == 0)
                        options.renew_after_ms = strtoll(value, NULL, 10);
                else if (strcmp(name, "--drain-after-ms") == 0)
                        options.drain_after_ms = strtoll(value, NULL, 10);
                else
                        give_up(name);
        }
        return i;
}

int main(int argc, char **argv)
{
        char directory[] = "/tmp/jobs.XXXXXX", socket[64];

        setvbuf(stdout, NULL, _IOLBF, 0);
        int first = parse_options(argc, argv);
        require(
            options.worker != NULL && options.rest != NULL && first < argc, "--worker, --rest and a job are needed");
        options.run_directory = mkdtemp(directory);
        require(options.run_directory != NULL, "run directory");
        start_worker(); // before nanomsg starts its thread
        harness.bulk = nnio_open(NNIO_PULL, options.run_directory, NNIO_BULK);
        require(harness.bulk != NULL, "bulk pipeline");
        open_channel();
        for (int i = first; i < argc; i++)
                run_job(argv[i], (uint64_t)(i - first + 1));
        stop_worker();
        fprintf(stderr, "jobs: %" PRIu64 " requests, %" PRIu64 " pages, %" PRIu64 " malformed\n",
            atomic_load(&harness.governor->vitals[SLOT].messages), harness.pages,
            atomic_load(&harness.governor->vitals[SLOT].malformed));
        nnio_close(harness.bulk);
        snprintf(socket, sizeof(socket), "%s/" NNIO_BULK, directory);
        unlink(socket);
        rmdir(directory);
        return 0;
}
