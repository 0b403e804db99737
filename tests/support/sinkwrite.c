// SPDX-License-Identifier: Apache-2.0
// Writes rows into a MarketStore server as the writer does (workers/writer/sink.h), for tests/bench/sink.py.
//
//   sinkwrite --url http://127.0.0.1:5993 --bucket TESTUSDT/1Min/OHLCV --kind bars|trades --rows N [--save FILE]
//
// A minute between two bars, fifty trades a second. --save: the same rows as bytes, as numpy reads them, and nothing is
// written. Prints "rows N sent_seconds S cpu_seconds S proved_seconds S": all acknowledged, this process's CPU until
// then, all proved to be durable there.
//
// LINK: workers/writer/sink.c workers/writer/sinkmatch.c workers/writer/sinkparcel.c workers/writer/sinkrule.c
// LINK: workers/writer/sinkread.c workers/writer/sinkwrite.c
// LINK: -lcurl -lmsgpackc
#include "common/clock.h"
#include "common/memory.h"
#include "common/tickbucket.h"
#include "common/yearfile.h"
#include "workers/writer/sink.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS_AT_ONCE 1000 // a page of the exchange
#define BARS_BEGIN_S INT64_C(1672531200)
#define TRADES_BEGIN_S INT64_C(1709596800)
#define TRADES_PER_S 50

struct options {
        const char *url, *bucket, *save;
        bool trades;
        int64_t rows;
};

static struct options read_options(int argc, char **argv)
{
        static const struct option known[] = {{"url", required_argument, NULL, 'u'},
            {"bucket", required_argument, NULL, 'b'}, {"kind", required_argument, NULL, 'k'},
            {"rows", required_argument, NULL, 'r'}, {"save", required_argument, NULL, 's'}, {0}};
        struct options options = {0};
        int letter;

        while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
                switch (letter) {
                case 'u': options.url = optarg; break;
                case 'b': options.bucket = optarg; break;
                case 'k': options.trades = strcmp(optarg, "trades") == 0; break;
                case 'r': options.rows = strtoll(optarg, NULL, 10); break;
                case 's': options.save = optarg; break;
                default: exit(2);
                }
        }
        if (options.rows <= 0 || (options.save == NULL && (options.url == NULL || options.bucket == NULL))) {
                fputs("sinkwrite: --rows, and --save or --url and --bucket\n", stderr);
                exit(2);
        }
        return options;
}

// ---- rows ----

static uint8_t *put(uint8_t *at, const void *value, size_t bytes)
{
        memcpy(at, value, bytes);
        return at + bytes;
}

static uint8_t *put_double(uint8_t *at, double value)
{
        return put(at, &value, sizeof(value));
}

static uint8_t *put_integer(uint8_t *at, int64_t value)
{
        return put(at, &value, sizeof(value));
}

static uint8_t *put_text(uint8_t *at, const char *text)
{
        uint32_t points[16] = {0};

        for (size_t i = 0; text[i] != '\0'; i++)
                points[i] = (uint32_t)text[i];
        return put(at, points, sizeof(points));
}

static uint8_t *put_bar(uint8_t *at, int64_t i)
{
        double price = 40000 + (double)(i % 977) + (double)(i % 7) / 4, volume = (double)(i % 89) + 0.125;

        at = put_integer(at, BARS_BEGIN_S + 60 * i);
        at = put_double(put_double(put_double(put_double(at, price), price + 1.5), price - 1.25), price + 0.5);
        at = put_double(put_double(at, volume), volume * price);
        at = put_integer(at, i % 500);
        return put_double(put_double(at, (double)(i % 41)), (double)(i % 41) * price);
}

static uint8_t *put_trade(uint8_t *at, int64_t i)
{
        uint8_t maker = i & 1;
        int32_t nanoseconds = (int32_t)(i % TRADES_PER_S * (1000000000 / TRADES_PER_S));

        at = put_integer(at, TRADES_BEGIN_S + i / TRADES_PER_S);
        at = put_double(put_double(at, 40000 + (double)(i * 7919 % 9973) / 100), (double)(i * 104729 % 99991) / 1e5);
        at = put_integer(put_text(put_text(at, "BINANCE"), "SPOT"), i);
        at = put_integer(put(at, &maker, sizeof(maker)), 0);
        return put(at, &nanoseconds, sizeof(nanoseconds));
}

static uint8_t *make_rows(const struct options *options, const struct storerpc_layout *layout)
{
        uint8_t *rows = memory_resized(NULL, (size_t)options->rows, layout->row_bytes), *at = rows;

        for (int64_t i = 0; i < options->rows; i++)
                at = options->trades ? put_trade(at, i) : put_bar(at, i);
        if (at != rows + (size_t)options->rows * layout->row_bytes) {
                fputs("sinkwrite: its rows are not the bucket's\n", stderr);
                exit(1);
        }
        return rows;
}

static int save(const struct options *options, const uint8_t *rows, size_t row_bytes)
{
        FILE *file = fopen(options->save, "wb");
        size_t count = (size_t)options->rows;

        if (file == NULL || fwrite(rows, row_bytes, count, file) != count || fclose(file) != 0) {
                perror(options->save);
                return 1;
        }
        return 0;
}

// ---- writing ----

static void on_blocks(void *context, int64_t ms)
{
        (void)context;
        (void)ms;
}

static void on_away(void *context, const char *why)
{
        (void)context;
        if (why != NULL)
                fprintf(stderr, "sinkwrite: the server is away: %s\n", why);
}

static void on_renewed(void *context)
{
        (void)context;
}

static void on_lost(void *context, void *owner, enum sink_loss loss, const struct sink_shape *shape,
    const uint8_t *rows, size_t count, const char *why)
{
        (void)context;
        (void)owner;
        (void)loss;
        (void)shape;
        (void)rows;
        fprintf(stderr, "sinkwrite: %zu rows are lost: %s\n", count, why);
        exit(1);
}

static double seconds_since(mono_time begun)
{
        return (double)(mono_now().us - begun.us) / 1e6;
}

static int write_rows(
    const struct options *options, const struct sink_shape *shape, const uint8_t *rows, size_t row_bytes)
{
        struct sink_events events = {on_blocks, on_away, on_renewed, NULL};
        struct sink *sink = sink_new(options->url, &events);
        int64_t done = 0, some;

        if (sink == NULL)
                return 1;
        struct sink_target *target = sink_target_new(sink, options->bucket, shape, on_lost, NULL);
        mono_time begun = mono_now();
        clock_t before = clock();
        int result = 0;
        for (; done < options->rows && result == 0; done += some) {
                some = options->rows - done < ROWS_AT_ONCE ? options->rows - done : ROWS_AT_ONCE;
                result = sink_put(target, rows + (size_t)done * row_bytes, (size_t)some);
        }
        if (result == 0)
                result = sink_send(target);
        double sent = seconds_since(begun), cpu = (double)(clock() - before) / CLOCKS_PER_SEC;
        if (result == 0)
                result = sink_confirm(sink);
        if (result == 0)
                printf("rows %" PRId64 " sent_seconds %.6f cpu_seconds %.6f proved_seconds %.6f\n", options->rows, sent,
                    cpu, seconds_since(begun));
        sink_free(sink);
        return result != 0;
}

int main(int argc, char **argv)
{
        struct options options = read_options(argc, argv);
        struct yearfile_schema schema;
        struct sink_shape shape;

        if (options.trades)
                tick_schema(TICK_TRADE, 0, &schema);
        else
                yearfile_bar_schema(INTERVAL_1M, true, &schema);
        sinkmatch_shape_make(&schema, options.trades ? (const char *const[3]){"TradeId"} : NULL, &shape);
        uint8_t *rows = make_rows(&options, &shape.layout);
        int result = options.save != NULL ? save(&options, rows, shape.layout.row_bytes)
                                          : write_rows(&options, &shape, rows, shape.layout.row_bytes);
        free(rows);
        return result;
}
