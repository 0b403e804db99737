// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/json.c workers/stream/frame.c workers/stream/fields.c workers/stream/trade.c
// LINK: workers/stream/depthevent.c workers/stream/kline.c
// The stream worker's parsers alone, over frames in memory. For benches.
//
//   parsebench --type kline|trade|agg_trade|book_ticker|depth --symbol BTCUSDT --frames FILE [--seconds N]
//
// FILE: one frame a line, as wsdrain records them; klines of 1s. A line on stdout: frames read, bytes, CPU seconds,
// levels of depth. Exit status 1 where a frame is refused.
#include "common/interval.h"
#include "workers/stream/depthevent.h"
#include "workers/stream/frame.h"
#include "workers/stream/kline.h"
#include "workers/stream/trade.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINES_MAX 100000

struct bench {
        const char *symbol;
        const char *(*read)(struct json *data, const char *symbol);
        struct span lines[LINES_MAX];
        size_t lines_count;
        double seconds;
        unsigned long long frames, bytes, levels;
};

static struct bench bench = {.symbol = "BTCUSDT", .seconds = 2};

static const char *read_trade(struct json *data, const char *symbol)
{
        struct trade trade;
        int64_t event_us;

        return trade_read_event(data, symbol, &trade, &event_us);
}

static const char *read_agg_trade(struct json *data, const char *symbol)
{
        struct agg_trade trade;
        int64_t event_us;

        return agg_trade_read_event(data, symbol, &trade, &event_us);
}

static const char *read_quote(struct json *data, const char *symbol)
{
        struct quote quote;

        return quote_read_event(data, symbol, &quote);
}

static const char *read_depth(struct json *data, const char *symbol)
{
        static struct depth_message message;
        const char *why = depth_read_event(data, symbol, &message);

        bench.levels += (unsigned long long)message.head.bids + message.head.asks;
        return why;
}

static const char *read_kline(struct json *data, const char *symbol)
{
        static struct stream_id id = {.kind = STREAM_KLINE, .interval = INTERVAL_1S};
        struct kline_event event;

        if (id.symbol[0] == '\0')
                snprintf(id.symbol, sizeof(id.symbol), "%s", symbol);
        return kline_read_event(data, &id, &event);
}

static const struct {
        const char *name;
        const char *(*read)(struct json *data, const char *symbol);
} types[] = {{"trade", read_trade}, {"agg_trade", read_agg_trade}, {"book_ticker", read_quote}, {"depth", read_depth},
    {"kline", read_kline}};

static void read_lines(const char *path)
{
        FILE *file = fopen(path, "r");
        char *line = NULL;
        size_t size = 0;
        ssize_t length;

        if (file == NULL) {
                perror(path);
                exit(1);
        }
        while (bench.lines_count < LINES_MAX && (length = getline(&line, &size, file)) > 1)
                bench.lines[bench.lines_count++] = (struct span){strndup(line, (size_t)length - 1), (size_t)length - 1};
        free(line);
        fclose(file);
}

static void read_options(int argc, char **argv)
{
        static const struct option options[] = {
            {"type", 1, NULL, 't'}, {"symbol", 1, NULL, 's'}, {"frames", 1, NULL, 'f'}, {"seconds", 1, NULL, 'n'}, {0}};
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                switch (option) {
                case 't':
                        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
                                if (strcmp(types[i].name, optarg) == 0)
                                        bench.read = types[i].read;
                        }
                        break;
                case 's': bench.symbol = optarg; break;
                case 'f': read_lines(optarg); break;
                case 'n': bench.seconds = atof(optarg); break;
                default: exit(2);
                }
        }
        if (bench.read == NULL || bench.lines_count == 0) {
                fprintf(stderr, "--type and --frames are needed; see the head of tests/support/parsebench.c\n");
                exit(2);
        }
}

static void read_frame(struct span line)
{
        struct frame frame;
        const char *why = "no event";

        frame_open(&frame, line.at, line.length);
        if (frame.kind == FRAME_EVENT) {
                struct json data = frame.data;

                why = bench.read(&data, bench.symbol);
                if (why == NULL)
                        why = frame_close(&frame, &data);
        }
        if (why != NULL) {
                fprintf(stderr, "%s: %.*s\n", why, (int)line.length, line.at);
                exit(1);
        }
        bench.frames++;
        bench.bytes += line.length;
}

static double cpu_s(void)
{
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
        read_options(argc, argv);
        double begun = cpu_s(), used;
        do {
                for (size_t i = 0; i < bench.lines_count; i++)
                        read_frame(bench.lines[i]);
                used = cpu_s() - begun;
        } while (used < bench.seconds);
        printf("frames %llu bytes %llu cpu_seconds %.6f levels %llu\n", bench.frames, bench.bytes, used, bench.levels);
        return 0;
}
