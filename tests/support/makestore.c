// SPDX-License-Identifier: Apache-2.0
// Writes bars into a MarketStore tree as the writer would, without the writer: for tests and benches of readers.
//
//   makestore ROOT [seed] < lines        columns: all nine, or the seed's five
//   line: DIRECTORY INTERVAL OPEN_US OPEN HIGH LOW CLOSE VOLUME QUOTE_VOLUME TRADES TAKER_BASE TAKER_QUOTE
//
// Bars of a bucket ascend.
#include "common/yearfile.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 4096

static struct {
        const char *root;
        bool full;
        char directory[BUCKET_SYMBOL_SIZE];
        enum interval interval;
        struct yearfile *file;
        int64_t open_us[BATCH];
        struct bar_values bars[BATCH];
        size_t count;
} state;

static _Noreturn void give_up(const char *what, const char *why)
{
        fprintf(stderr, "makestore: %s: %s\n", what, why);
        exit(1);
}

static void flush(void)
{
        if (state.count > 0 && yearfile_write_bars(state.file, state.open_us, state.bars, state.count, NULL) != 0)
                give_up(state.directory, "cannot write");
        state.count = 0;
}

static void turn_to(const char *directory, enum interval interval, int64_t open_us)
{
        int year = yearslot_locate(bar_home_of(interval).timeframe_ns, open_us).year;
        struct yearfile_schema schema;
        char why[REASON_SIZE];

        if (state.file != NULL && state.interval == interval && yearfile_year(state.file) == year &&
            strcmp(state.directory, directory) == 0)
                return;
        flush();
        yearfile_close(state.file);
        yearfile_bar_schema(interval, state.full, &schema);
        state.file = yearfile_open_write(state.root, directory, interval, &schema, year, why);
        if (state.file == NULL)
                give_up(directory, why);
        state.interval = interval;
        snprintf(state.directory, sizeof(state.directory), "%s", directory);
}

int main(int argc, char **argv)
{
        char line[512], directory[BUCKET_SYMBOL_SIZE], name[16];
        int64_t open_us;

        if (argc < 2)
                give_up("usage", "makestore ROOT [seed]");
        state.root = argv[1];
        state.full = argc < 3 || strcmp(argv[2], "seed") != 0;
        while (fgets(line, sizeof(line), stdin) != NULL) {
                struct bar_values bar = {0};
                enum interval interval;

                if (sscanf(line, "%63s %15s %" SCNd64 " %lf %lf %lf %lf %lf %lf %" SCNd64 " %lf %lf", directory, name,
                        &open_us, &bar.open, &bar.high, &bar.low, &bar.close, &bar.volume, &bar.quote_volume,
                        &bar.trades, &bar.taker_base, &bar.taker_quote) != 12 ||
                    interval_parse(name, &interval) != 0)
                        give_up("not a bar", line);
                turn_to(directory, interval, open_us);
                if (state.count == BATCH)
                        flush();
                state.open_us[state.count] = open_us;
                state.bars[state.count++] = bar;
        }
        flush();
        yearfile_close(state.file);
        return 0;
}
