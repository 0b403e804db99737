// SPDX-License-Identifier: Apache-2.0
// Runs one stream worker against any exchange, without supervisor and writer: hands it the descriptors a supervisor
// would, takes its batches like a writer, acknowledges them and prints what they carry. For tests and benches.
//
//   harness --program build/libexec/binancefeeder/stream --url ws://127.0.0.1:9443 --symbols BTCUSDT,ETHUSDT
//           [--intervals 1m,1h] [--directory DIR] [--ca FILE] [--proxy URL] [--buffer N] [--debug]
//           [--types kline,trade,agg_trade,book_ticker,depth] [--rest URL] [--levels N] [--cadence-ms N] [--diffs]
//           [--seconds N] [--drain] [--no-acks-after N] [--acks-again-after S] [--quiet]
//
// One line per record on stdout; --quiet: counts only. After --seconds (or SIGINT, or the worker's end) a summary line
// with counts, rate, and latency from receipt to here. --drain ends the worker by CONTROL_DRAIN instead of TERM. Exit
// status: that of the worker, or 1 where a batch broke the rules (sequence, CRC, layout).
#include "common/ackpage.h"
#include "common/batch.h"
#include "common/child.h"
#include "common/clock.h"
#include "common/control.h"
#include "common/decimal.h"
#include "common/governor.h"
#include "common/log.h"
#include "common/memfile.h"
#include "common/memory.h"
#include "common/nnio.h"
#include "tests/support/startchild.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOT 7
#define INCARNATION ((UINT64_C(1) << SPAWN_BITS) | 1)
#define WRITER_INCARNATION ((UINT64_C(1) << SPAWN_BITS) | 2)

struct options {
        const char *program;
        struct child_setup *setup;
        int64_t seconds;
        bool drain, quiet;
        uint64_t no_acks_after;   // batches; 0: always acknowledge
        int64_t acks_again_after; // seconds
};

struct harness {
        struct options options;
        struct governor_page *governor;
        struct ack_page *acks;
        struct nnio *pull;
        int control;
        pid_t child;
        mono_time now; // of the batch at hand
        wall_time wall;
        mono_time start, end_at, first_bar_at, last_bar_at;
        uint64_t sequence, batches, records, bars, repeats, broken;
        struct latency_histogram latency;
        bool ending;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
        (void)signal_number;
        interrupted = 1;
}

static void die(const char *what)
{
        perror(what);
        exit(1);
}

// ---- options ----

static void add_symbols(struct symbol_list *list, char *text)
{
        for (char *name = strtok(text, ","); name != NULL; name = strtok(NULL, ",")) {
                char normal[SYMBOL_SIZE];
                const char *why;

                if (symbol_normalize(name, normal, &why) != 0 || symbol_list_add(list, normal) != 0)
                        die(name);
        }
}

static interval_set read_intervals(char *text)
{
        interval_set set = 0;

        for (char *name = strtok(text, ","); name != NULL; name = strtok(NULL, ",")) {
                enum interval interval;

                if (interval_parse(name, &interval) != 0)
                        die(name);
                set |= 1u << interval;
        }
        return set;
}

static uint32_t read_types(char *text)
{
        static const struct {
                const char *name;
                uint32_t bit;
        } types[] = {{"kline", DATA_KLINE}, {"trade", DATA_TRADE}, {"agg_trade", DATA_AGG_TRADE},
            {"book_ticker", DATA_BOOK_TICKER}, {"depth", DATA_DEPTH}};
        uint32_t set = 0;

        for (char *name = strtok(text, ","); name != NULL; name = strtok(NULL, ",")) {
                size_t i = 0;

                while (i < sizeof(types) / sizeof(types[0]) && strcmp(types[i].name, name) != 0)
                        i++;
                if (i == sizeof(types) / sizeof(types[0]))
                        die(name);
                set |= types[i].bit;
        }
        return set;
}

static void set_defaults(struct child_setup *setup)
{
        setup->magic = CHILD_SETUP_MAGIC;
        setup->bytes = sizeof(*setup);
        setup->class = CHILD_STREAM;
        setup->slot = SLOT;
        setup->incarnation = INCARNATION;
        setup->settings.stream_types = DATA_KLINE;
        setup->settings.stream_intervals = 1u << INTERVAL_1M;
        setup->settings.depth_levels = 20;
        setup->settings.depth_cadence_ms = 1000;
        setup->settings.depth_compare_ms = 900000;
        setup->settings.buffer_size = 100000;
        setup->settings.max_retries = 5;
        setup->settings.retry_delay_ms = 1000;
        setup->settings.log_level = LOG_LEVEL_INFO;
}

enum {
        OPTION_PROGRAM = 1,
        OPTION_URL,
        OPTION_SYMBOLS,
        OPTION_INTERVALS,
        OPTION_DIRECTORY,
        OPTION_CA,
        OPTION_PROXY,
        OPTION_BUFFER,
        OPTION_DEBUG,
        OPTION_SECONDS,
        OPTION_DRAIN,
        OPTION_NO_ACKS,
        OPTION_ACKS_AGAIN,
        OPTION_QUIET,
        OPTION_RETRY,
        OPTION_TYPES,
        OPTION_REST,
        OPTION_LEVELS,
        OPTION_CADENCE,
        OPTION_DIFFS
};

static const struct option long_options[] = {{"program", 1, NULL, OPTION_PROGRAM}, {"url", 1, NULL, OPTION_URL},
    {"symbols", 1, NULL, OPTION_SYMBOLS}, {"intervals", 1, NULL, OPTION_INTERVALS},
    {"directory", 1, NULL, OPTION_DIRECTORY}, {"ca", 1, NULL, OPTION_CA}, {"proxy", 1, NULL, OPTION_PROXY},
    {"buffer", 1, NULL, OPTION_BUFFER}, {"debug", 0, NULL, OPTION_DEBUG}, {"seconds", 1, NULL, OPTION_SECONDS},
    {"drain", 0, NULL, OPTION_DRAIN}, {"no-acks-after", 1, NULL, OPTION_NO_ACKS},
    {"acks-again-after", 1, NULL, OPTION_ACKS_AGAIN}, {"quiet", 0, NULL, OPTION_QUIET},
    {"retry-delay-ms", 1, NULL, OPTION_RETRY}, {"types", 1, NULL, OPTION_TYPES}, {"rest", 1, NULL, OPTION_REST},
    {"levels", 1, NULL, OPTION_LEVELS}, {"cadence-ms", 1, NULL, OPTION_CADENCE}, {"diffs", 0, NULL, OPTION_DIFFS},
    {NULL, 0, NULL, 0}};

static void take_option(struct options *options, int option, char *value)
{
        struct settings *settings = &options->setup->settings;

        switch (option) {
        case OPTION_PROGRAM: options->program = value; break;
        case OPTION_URL: snprintf(settings->stream_url, sizeof(settings->stream_url), "%s", value); break;
        case OPTION_SYMBOLS: add_symbols(&options->setup->symbols, value); break;
        case OPTION_INTERVALS: settings->stream_intervals = read_intervals(value); break;
        case OPTION_DIRECTORY: snprintf(settings->run_directory, sizeof(settings->run_directory), "%s", value); break;
        case OPTION_CA: snprintf(settings->ca_file, sizeof(settings->ca_file), "%s", value); break;
        case OPTION_PROXY: snprintf(settings->proxy, sizeof(settings->proxy), "%s", value); break;
        case OPTION_BUFFER: settings->buffer_size = (uint32_t)strtoul(value, NULL, 10); break;
        case OPTION_RETRY: settings->retry_delay_ms = (uint32_t)strtoul(value, NULL, 10); break;
        case OPTION_DEBUG: settings->log_level = LOG_LEVEL_DEBUG; break;
        case OPTION_SECONDS: options->seconds = strtoll(value, NULL, 10); break;
        case OPTION_DRAIN: options->drain = true; break;
        case OPTION_NO_ACKS: options->no_acks_after = strtoull(value, NULL, 10); break;
        case OPTION_ACKS_AGAIN: options->acks_again_after = strtoll(value, NULL, 10); break;
        case OPTION_QUIET: options->quiet = true; break;
        case OPTION_TYPES: settings->stream_types = read_types(value); break;
        case OPTION_REST: snprintf(settings->rest_url, sizeof(settings->rest_url), "%s", value); break;
        case OPTION_LEVELS: settings->depth_levels = (uint32_t)strtoul(value, NULL, 10); break;
        case OPTION_CADENCE: settings->depth_cadence_ms = strtoll(value, NULL, 10); break;
        case OPTION_DIFFS: settings->depth_diffs = true; break;
        default: exit(2);
        }
}

static void read_options(struct options *options, int argc, char **argv)
{
        int option;

        options->setup = memory_zeroed(1, sizeof(*options->setup));
        options->seconds = INT64_MAX / US_PER_S / 2;
        set_defaults(options->setup);
        while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
                take_option(options, option, optarg);
        if (options->program == NULL || options->setup->settings.stream_url[0] == '\0' ||
            options->setup->symbols.count == 0) {
                fprintf(stderr, "--program, --url and --symbols are needed; see the head of tests/support/harness.c\n");
                exit(2);
        }
}

// ---- the child ----

static void start_child(struct harness *harness)
{
        const struct child_setup *setup = harness->options.setup;
        int pair[2], fds[STARTCHILD_FDS];

        if (control_pair(pair) != 0)
                die("control_pair");
        int governor = governor_create(), acks = ack_page_create();
        harness->governor = governor_map(governor, true);
        harness->acks = ack_page_map(acks, true);
        if (harness->governor == NULL || harness->acks == NULL)
                die("pages");
        atomic_store(&harness->governor->weight_limit, 6000);
        snprintf(harness->governor->vitals[SLOT].name, SYMBOL_SIZE, "%s", setup->symbols.names[0]);
        fds[0] = pair[1];
        fds[1] = memfile_create_sealed("setup", setup, sizeof(*setup));
        fds[2] = governor;
        fds[3] = ack_page_reopen_readonly(acks);
        ack_page_publish_writer(harness->acks, WRITER_INCARNATION);
        harness->control = pair[0];
        // nanomsg must not have started its thread yet.
        harness->child = startchild(harness->options.program, fds);
        if (harness->child < 0)
                die("fork");
        for (int i = 0; i < STARTCHILD_FDS; i++)
                close(fds[i]);
}

// ---- records ----

static void print_kline(const char *stream, const struct kline *k)
{
        struct bar_values values;
        char time[TIME_TEXT_SIZE];

        kline_to_values(k, &values);
        printf("kline %s %s %.10g %.10g %.10g %.10g %.10g %.10g %" PRId64 " %.10g %.10g\n", stream,
            time_format_us(k->open_us, time), values.open, values.high, values.low, values.close, values.volume,
            values.quote_volume, values.trades, values.taker_base, values.taker_quote);
}

static void print_level(const char *name, const struct level *level)
{
        printf(" %s %.10g %.10g", name, decimal64_to_double(level->price, level->price_exponent),
            decimal64_to_double(level->size, level->size_exponent));
}

static void print_depth(const struct record_view *record)
{
        static const char *const kinds[] = {"top", "changes", "snapshot", "clear"};
        const struct depth *d = record->payload;
        const struct level *levels = (const struct level *)(d + 1);

        printf("%s %s %" PRId64 " %" PRId64 " time_us %" PRId64 " bids %u asks %u",
            d->kind < 4 ? kinds[d->kind] : "unknown", record->stream->symbol, d->first_id, d->update_id, d->time_us,
            d->bids, d->asks);
        if (d->kind == DEPTH_TOP && d->bids > 0)
                print_level("bid", &levels[0]);
        if (d->kind == DEPTH_TOP && d->asks > 0)
                print_level("ask", &levels[d->bids]);
        printf("\n");
}

// False where it is none.
static bool print_tick(const struct record_view *record)
{
        const struct trade *t = record->payload;
        const struct agg_trade *a = record->payload;
        const struct quote *q = record->payload;

        switch (record->type) {
        case RECORD_TRADE:
                printf("trade %s %" PRId64 " time_us %" PRId64, record->stream->symbol, t->id, t->time_us);
                print_level(t->buyer_maker ? "sell" : "buy", &t->level);
                break;
        case RECORD_AGG_TRADE:
                printf("agg_trade %s %" PRId64 " of %" PRId64 " to %" PRId64 " time_us %" PRId64,
                    record->stream->symbol, a->id, a->first_id, a->last_id, a->time_us);
                print_level(a->buyer_maker ? "sell" : "buy", &a->level);
                break;
        case RECORD_QUOTE:
                printf("quote %s %" PRId64 " time_us %" PRId64, record->stream->symbol, q->update_id, q->time_us);
                print_level("bid", &q->bid);
                print_level("ask", &q->ask);
                break;
        case RECORD_DEPTH: print_depth(record); return true;
        default: return false;
        }
        printf("\n");
        return true;
}

static void print_record(const struct record_view *record)
{
        char stream[SYMBOL_SIZE + 8] = "-", time[TIME_TEXT_SIZE];

        if (record->stream != NULL)
                snprintf(
                    stream, sizeof(stream), "%s/%s", record->stream->symbol, interval_name(record->stream->interval));
        if (record->type == RECORD_KLINE) {
                print_kline(stream, record->payload);
        } else if (record->type == RECORD_BOUNDARY) {
                const struct record_boundary *b = record->payload;
                printf("boundary %s %s count %u after %s\n", stream, boundary_reason_name(b->reason), b->count,
                    time_format_us(b->exchange_us, time));
        } else if (record->type == RECORD_CONNECT) {
                const struct record_connect *c = record->payload;
                printf("connect %s number %u overlap %u\n", stream, c->connection, c->overlap);
        } else if (record->type == RECORD_FIN) {
                const struct record_fin *f = record->payload;
                printf("fin records %" PRIu64 "\n", f->records);
        } else if (!print_tick(record)) {
                printf("%s %s\n", record_type_name(record->type), stream);
        }
}

// False for records that are no data. Bars: the time of their close.
static bool data_times(const struct record_view *record, int64_t *time_us, int64_t *received_ns)
{
        switch (record->type) {
        case RECORD_KLINE:
                *time_us = ((const struct kline *)record->payload)->close_us;
                *received_ns = ((const struct kline *)record->payload)->received_wall_ns;
                return true;
        case RECORD_TRADE:
                *time_us = ((const struct trade *)record->payload)->time_us;
                *received_ns = ((const struct trade *)record->payload)->received_wall_ns;
                return true;
        case RECORD_AGG_TRADE:
                *time_us = ((const struct agg_trade *)record->payload)->time_us;
                *received_ns = ((const struct agg_trade *)record->payload)->received_wall_ns;
                return true;
        case RECORD_QUOTE:
                *time_us = ((const struct quote *)record->payload)->time_us;
                *received_ns = ((const struct quote *)record->payload)->received_wall_ns;
                return true;
        case RECORD_DEPTH:
                *time_us = ((const struct depth *)record->payload)->time_us;
                *received_ns = ((const struct depth *)record->payload)->received_wall_ns;
                return true;
        default: return false;
        }
}

static void take_record(struct harness *harness, const struct record_view *record)
{
        harness->records++;
        int64_t time_us, received_ns;

        if (data_times(record, &time_us, &received_ns)) {
                if (harness->bars++ == 0) {
                        harness->first_bar_at = harness->now;
                        // Nobody asks for serverTime here, and without one the exchange's clock stands still.
                        governor_clock_sync(harness->governor, time_us, boot_now());
                }
                harness->last_bar_at = harness->now;
                latency_add(&harness->latency, (harness->wall.ns - received_ns) / 1000);
        }
        if (!harness->options.quiet)
                print_record(record);
}

static bool acknowledging(const struct harness *harness)
{
        const struct options *options = &harness->options;

        if (options->no_acks_after == 0 || harness->batches <= options->no_acks_after)
                return true;
        return options->acks_again_after > 0 &&
               mono_since_ms(mono_now(), harness->start) >= options->acks_again_after * 1000;
}

static void take_batch(struct harness *harness, const void *bytes, size_t length)
{
        struct batch_view view;
        struct record_view record;
        const char *why;

        harness->now = mono_now();
        harness->wall = wall_now();
        if (batch_open(bytes, length, &view, &why) != 0) {
                printf("broken batch: %s\n", why);
                harness->broken++;
                return;
        }
        if (view.header.sequence <= harness->sequence) {
                harness->repeats++;
        } else if (view.header.sequence != harness->sequence + 1) {
                // Refused like by the writer; it comes again.
                return;
        } else {
                harness->sequence++;
                harness->batches++;
                while (batch_next_record(&view, &record))
                        take_record(harness, &record);
                if (harness->sequence == 1)
                        ack_line_open(harness->acks, SLOT, view.header.incarnation);
        }
        if (acknowledging(harness))
                ack_line_advance(harness->acks, SLOT, harness->sequence);
}

static void take_batches(struct harness *harness)
{
        void *bytes;
        ssize_t length;

        while ((length = nnio_receive(harness->pull, &bytes)) >= 0) {
                take_batch(harness, bytes, (size_t)length);
                nnio_free(bytes);
        }
        if (acknowledging(harness) && harness->sequence > 0)
                ack_line_advance(harness->acks, SLOT, harness->sequence);
        fflush(stdout);
}

static void take_control(struct harness *harness)
{
        struct control_message message;

        while (control_receive(harness->control, &message) == 1) {
                if (!harness->options.quiet && message.header.type == CONTROL_READY)
                        printf("ready\n");
                if (!harness->options.quiet && message.header.type == CONTROL_DRAINED)
                        printf("drained\n");
        }
}

// ---- the run ----

static void end_child(struct harness *harness)
{
        harness->ending = true;
        if (!harness->options.drain)
                kill(harness->child, SIGTERM);
        else if (control_send(harness->control, CONTROL_DRAIN, SLOT, INCARNATION, NULL, 0, -1) != 0)
                die("control_send");
}

static void print_summary(const struct harness *harness)
{
        const struct vitals *vitals = &harness->governor->vitals[SLOT];
        double seconds = (double)(harness->last_bar_at.us - harness->first_bar_at.us + 1) / 1e6;

        printf("summary batches %" PRIu64 " records %" PRIu64 " bars %" PRIu64 " repeats %" PRIu64 " broken %" PRIu64
               " seconds %.1f bars/s %.0f p50_us %" PRId64 " p99_us %" PRId64 " messages %" PRIu64 " malformed %" PRIu64
               " reconnects %u connected %u degraded %u\n",
            harness->batches, harness->records, harness->bars, harness->repeats, harness->broken, seconds,
            (double)harness->bars / seconds, latency_quantile_us(&harness->latency, 0.5),
            latency_quantile_us(&harness->latency, 0.99), atomic_load(&vitals->messages),
            atomic_load(&vitals->malformed), atomic_load(&vitals->reconnects), atomic_load(&vitals->connected),
            atomic_load(&vitals->degraded));
}

static int run(struct harness *harness)
{
        int status;

        harness->start = mono_now();
        harness->end_at = (mono_time){harness->start.us + harness->options.seconds * US_PER_S};
        for (;;) {
                struct pollfd fds[] = {{nnio_fd(harness->pull), POLLIN, 0}, {harness->control, POLLIN, 0}};

                poll(fds, fds[1].fd >= 0 ? 2 : 1, 20);
                take_batches(harness);
                take_control(harness);
                if (!harness->ending && (interrupted || mono_now().us >= harness->end_at.us))
                        end_child(harness);
                if (waitpid(harness->child, &status, WNOHANG) == harness->child)
                        break;
        }
        take_batches(harness);
        print_summary(harness);
        if (harness->broken > 0)
                return 1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
        static struct harness harness;
        struct sigaction action = {.sa_handler = on_interrupt};
        char made[] = "/tmp/bf-harness-XXXXXX";
        struct settings *settings;
        bool own_directory;

        log_init("harness", LOG_LEVEL_INFO);
        read_options(&harness.options, argc, argv);
        settings = &harness.options.setup->settings;
        own_directory = settings->run_directory[0] == '\0';
        if (own_directory)
                snprintf(settings->run_directory, sizeof(settings->run_directory), "%s",
                    mkdtemp(made) != NULL ? made : "/nonexistent");
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        start_child(&harness);
        harness.pull = nnio_open(NNIO_PULL, settings->run_directory, NNIO_LIVE);
        if (harness.pull == NULL)
                die(settings->run_directory);
        int code = run(&harness);
        nnio_close(harness.pull);
        if (own_directory && chdir(settings->run_directory) == 0) {
                unlink(NNIO_LIVE);
                rmdir(settings->run_directory);
        }
        return code;
}
