// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/tickdump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exchange/capture.h"
#include "tests/exchange/dump.h"
#include "tests/exchange/heap.h"
#include "tests/exchange/params.h"
#include "tests/exchange/server.h"
#include "tests/exchange/ticktext.h"

#define ROWS_PER_PIECE 2000
#define DIFFS_PER_PIECE 200
#define LEVELS_MAX ((size_t)BOOK_SPAN)

enum what { WHAT_TRADES, WHAT_AGGS, WHAT_QUOTES, WHAT_DIFFS };

struct tick_dump {
        struct dump dump;
        struct ticks_symbol of;
        enum what what;
        int64_t next_id, last_id;
};

static bool find_symbol(struct exchange *exchange, const struct http_request *request, struct ticks_symbol *of)
{
        const char *name = http_find_param(request, "symbol");
        of->market = exchange->market;
        of->symbol = name != NULL ? market_find_symbol(exchange->market, name) : NULL;
        return of->symbol != NULL;
}

// ---- ranges ----

static int64_t last_at(const struct tick_dump *dump, int64_t time_ms)
{
        switch (dump->what) {
        case WHAT_TRADES: return ticks_last_trade(&dump->of, time_ms + 1);
        case WHAT_AGGS: return ticks_last_agg(&dump->of, time_ms + 1);
        default: return book_last_update(&dump->of, time_ms);
        }
}

static const char *read_range(struct exchange *exchange, const struct http_request *request, struct tick_dump *dump)
{
        const char *start = http_find_param(request, "startTime"), *end = http_find_param(request, "endTime");
        int64_t start_ms = 0, end_ms = simclock_now_ms(&exchange->clock);
        if (!find_symbol(exchange, request, &dump->of)) {
                return "symbol is missing or unknown";
        }
        if (dump->of.symbol->capture != NULL && dump->what >= WHAT_QUOTES) {
                return "the quotes and diffs of a capture are those in its file";
        }
        if ((start != NULL && !grid_parse_time(start, &start_ms)) || (end != NULL && !grid_parse_time(end, &end_ms))) {
                return "startTime and endTime are milliseconds or ISO 8601";
        }
        if (!ticks_exist(&dump->of)) {
                dump->next_id = 1;
                return NULL;
        }
        int64_t first = dump->what == WHAT_TRADES ? ticks_first_trade(&dump->of) : 1;
        int64_t from = params_number(request, "fromId", first), to = params_number(request, "toId", INT64_MAX);
        int64_t at_start = start != NULL ? last_at(dump, start_ms - 1) + 1 : first, at_end = last_at(dump, end_ms);
        dump->next_id = from > at_start ? from : at_start;
        dump->last_id = to < at_end ? to : at_end;
        return NULL;
}

// ---- pieces ----

static char *put_row(const struct tick_dump *dump, int64_t id, char *at)
{
        struct ticks_trade trade;
        struct ticks_agg agg;
        struct book_top top;
        switch (dump->what) {
        case WHAT_TRADES: return ticks_get_trade(&dump->of, id, &trade) ? ticktext_put_trade_line(at, &trade) : at;
        case WHAT_AGGS: return ticks_get_agg(&dump->of, id, &agg) ? ticktext_put_agg_line(at, &agg) : at;
        default:
                if (book_next_quote(&dump->of, id) != id) {
                        return at;
                }
                book_get_top(&dump->of, id, &top);
                return ticktext_put_quote_line(at, id, &top, book_update_time_us(&dump->of, id));
        }
}

static bool next_rows(struct dump *base, struct evbuffer *piece)
{
        static char rows[ROWS_PER_PIECE * TICKTEXT_ROW_MAX];
        struct tick_dump *dump = (struct tick_dump *)base;
        char *at = rows;
        for (int i = 0; i < ROWS_PER_PIECE && dump->next_id <= dump->last_id; i++) {
                at = put_row(dump, dump->next_id++, at);
        }
        evbuffer_add(piece, rows, (size_t)(at - rows));
        return dump->next_id <= dump->last_id;
}

static bool next_diffs(struct dump *base, struct evbuffer *piece)
{
        struct tick_dump *dump = (struct tick_dump *)base;
        struct book_changes changes = {0};
        struct evbuffer_iovec space;
        for (int i = 0; i < DIFFS_PER_PIECE && dump->next_id <= dump->last_id; i++, dump->next_id++) {
                int64_t id = dump->next_id, time_ms = book_update_time_us(&dump->of, id) / 1000;
                book_get_changes(&dump->of, id, id, &changes);
                size_t levels = changes.bid_count + changes.ask_count;
                evbuffer_reserve_space(piece, (ev_ssize_t)(TICKTEXT_ROW_MAX + levels * TICKTEXT_LEVEL_MAX), &space, 1);
                char *at = space.iov_base;
                at = ticktext_put_diff_event(at, dump->of.symbol->name, time_ms, id, id, &changes, false);
                *at++ = '\n';
                space.iov_len = (size_t)(at - (char *)space.iov_base);
                evbuffer_commit_space(piece, &space, 1);
        }
        book_changes_free(&changes);
        return dump->next_id <= dump->last_id;
}

void tickdump_begin(struct conn *conn, const struct http_request *request)
{
        static const char *const names[] = {"trades", "aggtrades", "quotes", "diffs"};
        struct tick_dump *dump = heap_zeroed(sizeof *dump);
        const char *name = strrchr(request->path, '/') + 1;
        while (strcmp(names[dump->what], name) != 0) {
                dump->what++;
        }
        const char *complaint = read_range(conn->exchange, request, dump);
        if (complaint != NULL) {
                free(dump);
                server_answer_error(conn, 400, -1, complaint);
                return;
        }
        dump->dump.next = dump->what == WHAT_DIFFS ? next_diffs : next_rows;
        dump_start(conn, dump->what == WHAT_DIFFS ? "application/json" : "text/csv", &dump->dump);
}

// ---- the book ----

static void answer(struct conn *conn, struct evbuffer *body)
{
        struct http_answer answer = {.status = 200, .body = body, .used_weight = -1, .promised_length = -1};
        server_answer(conn, &answer);
}

static void write_levels(struct evbuffer *body, int64_t id, const struct book_level *bids, size_t bid_count,
    const struct book_level *asks, size_t ask_count)
{
        char *text = heap_zeroed((bid_count + ask_count) * TICKTEXT_LEVEL_MAX + TICKTEXT_ROW_MAX);
        char *end = ticktext_put_book(text, id, bids, bid_count, asks, ask_count);
        evbuffer_add(body, text, (size_t)(end - text));
        free(text);
}

static size_t at_most(size_t count, size_t limit)
{
        return count < limit ? count : limit;
}

void tickdump_depth(struct conn *conn, const struct http_request *request)
{
        static struct book_level bids[LEVELS_MAX], asks[LEVELS_MAX];
        struct exchange *exchange = conn->exchange;
        struct ticks_symbol of;
        if (!find_symbol(exchange, request, &of)) {
                server_answer_error(conn, 400, -1, "symbol is missing or unknown");
                return;
        }
        size_t limit = at_most((size_t)params_number(request, "limit", (int64_t)LEVELS_MAX), LEVELS_MAX);
        int64_t now = simclock_now_ms(&exchange->clock), id = params_number(request, "at", -1);
        struct evbuffer *body = evbuffer_new();
        if (of.symbol->capture != NULL) {
                const struct capture_book *book = capture_find_book(of.symbol->capture, id < 0 ? INT64_MAX : id);
                if (book != NULL) {
                        write_levels(body, book->id, book->bids, at_most(book->bid_count, limit), book->asks,
                            at_most(book->ask_count, limit));
                }
        } else {
                int64_t last = ticks_exist(&of) ? book_last_update(&of, now) : 0;
                id = id < 0 || id > last ? last : id;
                size_t bid_count = book_get_bids(&of, id, limit, bids), ask_count = book_get_asks(&of, id, limit, asks);
                write_levels(body, id, bids, bid_count, asks, ask_count);
        }
        if (evbuffer_get_length(body) > 0) {
                answer(conn, body);
        } else {
                server_answer_error(conn, 404, -1, "no book was recorded so early");
        }
        evbuffer_free(body);
}

void tickdump_ids(struct conn *conn, const struct http_request *request)
{
        struct exchange *exchange = conn->exchange;
        struct ticks_symbol of;
        const char *time = http_find_param(request, "time");
        int64_t time_ms = simclock_now_ms(&exchange->clock);
        if (!find_symbol(exchange, request, &of) || (time != NULL && !grid_parse_time(time, &time_ms))) {
                server_answer_error(conn, 400, -1, "accepted: symbol, and time in milliseconds or ISO 8601");
                return;
        }
        bool there = ticks_exist(&of), book = there && of.symbol->capture == NULL;
        struct evbuffer *body = evbuffer_new();
        evbuffer_add_printf(body,
            "{\"time\":%" PRId64 ",\"first_trade\":%" PRId64 ",\"trade\":%" PRId64 ",\"agg\":%" PRId64
            ",\"update\":%" PRId64 "}",
            time_ms, there ? ticks_first_trade(&of) : 0, there ? ticks_last_trade(&of, time_ms + 1) : 0,
            there ? ticks_last_agg(&of, time_ms + 1) : 0, book ? book_last_update(&of, time_ms) : 0);
        answer(conn, body);
        evbuffer_free(body);
}
