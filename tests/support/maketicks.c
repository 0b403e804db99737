// SPDX-License-Identifier: Apache-2.0
// Writes ticks into a MarketStore tree as the writer would, without the writer: for tests and benches of readers.
//
//   maketicks ROOT < lines
//   t SYMBOL TIME_US RECEIVED_NS ID PRICE SIZE MAKER                      a trade
//   a SYMBOL TIME_US RECEIVED_NS ID FIRST LAST PRICE SIZE MAKER           an aggregate trade
//   q SYMBOL TIME_US RECEIVED_NS UPDATE BID SIZE ASK SIZE                 a quote
//   KIND SYMBOL TIME_US RECEIVED_NS FIRST UPDATE BIDS ASKS PRICE SIZE ... a book; KIND: top, changes, snapshot, clear
//
// Prices are whole hundredths, sizes whole 1e-8ths. Rows are stored a bucket at a time, TWICE_ROWS of them twice, as
// they are when a batch is sent again: each must be there once.
#include "common/tickfile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 4096
#define TWICE_ROWS 512
#define LEVELS 20
#define LINE_BYTES 4096

static const char *root;

// What is gathered: one bucket's rows.
static struct {
        char symbol[BUCKET_SYMBOL_SIZE];
        struct tick_rows *rows;
        size_t count;
        size_t batches;
} state;

static _Noreturn void give_up(const char *what, const char *why)
{
        fprintf(stderr, "maketicks: %s: %s\n", what, why);
        exit(1);
}

static void refuse_damage(void *context, const struct tickfile *file, int64_t second, const char *what)
{
        (void)context;
        (void)second;
        give_up(tickfile_name(file), what);
}

static void store_once(void)
{
        const struct tick_rows *rows = state.rows;
        char why[REASON_SIZE] = "";

        for (int year = tick_rows_next_year(rows, 0); year > 0; year = tick_rows_next_year(rows, year + 1)) {
                struct tickfile *file =
                    tickfile_open_write(root, state.symbol, tick_rows_kind(rows), tick_rows_levels(rows), year, why);

                if (file == NULL || tickfile_stage(file, rows, refuse_damage, NULL, why) != 0)
                        give_up(state.symbol, why);
                if (tickfile_commit(file) != 0)
                        give_up(state.symbol, "cannot commit");
                tickfile_close(file);
        }
}

static void flush(void)
{
        if (state.count == 0)
                return;
        store_once();
        if (state.batches++ == 0 || state.count <= TWICE_ROWS)
                store_once();
        tick_rows_clear(state.rows);
        state.count = 0;
}

static struct tick_rows *rows_of(const char *symbol, enum tick_kind kind)
{
        if (state.rows == NULL || strcmp(state.symbol, symbol) != 0 || tick_rows_kind(state.rows) != kind) {
                flush();
                if (state.rows != NULL)
                        tick_rows_free(state.rows);
                state.rows = tick_rows_new(kind, LEVELS);
                state.batches = 0;
                snprintf(state.symbol, sizeof(state.symbol), "%s", symbol);
        }
        if (state.count == BATCH)
                flush();
        state.count++;
        return state.rows;
}

static int64_t next_number(char **at)
{
        char *end;
        long long number = strtoll(*at, &end, 10);

        if (end == *at)
                give_up("not a number", *at);
        *at = end;
        return number;
}

static struct level next_level(char **at)
{
        int64_t price = next_number(at), size = next_number(at);

        return (struct level){.price = price, .size = size, .price_exponent = -2, .size_exponent = -8};
}

static int add_trade(const char *symbol, char *at)
{
        int64_t time_us = next_number(&at), received_ns = next_number(&at), id = next_number(&at);
        struct trade trade = {.id = id, .time_us = time_us, .received_wall_ns = received_ns, .level = next_level(&at)};

        trade.buyer_maker = next_number(&at) != 0;
        return tick_rows_add_trade(rows_of(symbol, TICK_TRADE), &trade);
}

static int add_agg_trade(const char *symbol, char *at)
{
        int64_t time_us = next_number(&at), received_ns = next_number(&at), id = next_number(&at);
        int64_t first_id = next_number(&at), last_id = next_number(&at);
        struct agg_trade trade = {.id = id,
            .first_id = first_id,
            .last_id = last_id,
            .time_us = time_us,
            .received_wall_ns = received_ns,
            .level = next_level(&at)};

        trade.buyer_maker = next_number(&at) != 0;
        return tick_rows_add_agg_trade(rows_of(symbol, TICK_AGG_TRADE), &trade);
}

static int add_quote(const char *symbol, char *at)
{
        int64_t time_us = next_number(&at), received_ns = next_number(&at), update = next_number(&at);
        struct level bid = next_level(&at), ask = next_level(&at);
        struct quote quote = {
            .update_id = update, .time_us = time_us, .received_wall_ns = received_ns, .bid = bid, .ask = ask};

        return tick_rows_add_quote(rows_of(symbol, TICK_QUOTE), &quote);
}

static int add_depth(const char *symbol, enum depth_kind kind, char *at)
{
        static struct level levels[2 * LEVELS];
        int64_t time_us = next_number(&at), received_ns = next_number(&at);
        int64_t first = next_number(&at), update = next_number(&at), bids = next_number(&at), asks = next_number(&at);
        struct depth depth = {.first_id = first,
            .update_id = update,
            .time_us = time_us,
            .received_wall_ns = received_ns,
            .kind = (uint8_t)kind};

        if (bids < 0 || bids > LEVELS || asks < 0 || asks > LEVELS)
                give_up(symbol, "too many levels");
        depth.bids = (uint16_t)bids;
        depth.asks = (uint16_t)asks;
        for (int64_t i = 0; i < bids + asks; i++)
                levels[i] = next_level(&at);
        return tick_rows_add_depth(rows_of(symbol, kind == DEPTH_TOP ? TICK_DEPTH : TICK_DEPTH_DIFF), &depth, levels);
}

static int add_line(char *line)
{
        static const char *const books[] = {"top", "changes", "snapshot", "clear"}; // as enum depth_kind
        char kind[16], symbol[BUCKET_SYMBOL_SIZE];
        int used = 0;

        if (sscanf(line, "%15s %63s%n", kind, symbol, &used) != 2)
                give_up("not a line", line);
        if (strcmp(kind, "t") == 0)
                return add_trade(symbol, line + used);
        if (strcmp(kind, "a") == 0)
                return add_agg_trade(symbol, line + used);
        if (strcmp(kind, "q") == 0)
                return add_quote(symbol, line + used);
        for (int i = DEPTH_TOP; i <= DEPTH_CLEAR; i++) {
                if (strcmp(kind, books[i]) == 0)
                        return add_depth(symbol, (enum depth_kind)i, line + used);
        }
        give_up("not a kind", kind);
}

int main(int argc, char **argv)
{
        char line[LINE_BYTES];

        if (argc != 2)
                give_up("usage", "maketicks ROOT");
        root = argv[1];
        while (fgets(line, sizeof(line), stdin) != NULL) {
                if (add_line(line) != 0)
                        give_up("refused", line);
        }
        flush();
        if (state.rows != NULL)
                tick_rows_free(state.rows);
        return 0;
}
