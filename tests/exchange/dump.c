// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/dump.h"

#include <stdlib.h>
#include <string.h>

#include "tests/exchange/heap.h"
#include "tests/exchange/params.h"
#include "tests/exchange/server.h"
#include "tests/exchange/text.h"

#define ROWS_PER_PIECE 2000

struct kline_dump {
        struct dump dump;
        struct market_series series;
        int64_t cursor_ms, start_ms, end_ms, now_ms;
        bool json, any;
};

static const char *read_request(struct exchange *exchange, const struct http_request *request, struct kline_dump *dump)
{
        const char *symbol = http_find_param(request, "symbol"), *interval = http_find_param(request, "interval");
        const char *start = http_find_param(request, "startTime"), *end = http_find_param(request, "endTime");
        const char *format = http_find_param(request, "format");
        dump->series.market = exchange->market;
        dump->series.symbol = symbol != NULL ? market_find_symbol(exchange->market, symbol) : NULL;
        dump->now_ms = simclock_now_ms(&exchange->clock);
        dump->end_ms = dump->now_ms;
        dump->json = format != NULL && strcmp(format, "json") == 0;
        if (dump->series.symbol == NULL) {
                return "symbol is missing or unknown";
        }
        if (interval == NULL || !grid_parse_interval(interval, &dump->series.interval)) {
                return "interval is missing or none of Binance's sixteen";
        }
        if ((start != NULL && !grid_parse_time(start, &dump->start_ms)) ||
            (end != NULL && !grid_parse_time(end, &dump->end_ms))) {
                return "startTime and endTime are milliseconds or ISO 8601";
        }
        dump->cursor_ms = dump->start_ms - market_shift_max(exchange->market);
        return NULL;
}

// The next closed bar; false at the end.
static bool next_bar(struct kline_dump *dump, struct bar *bar)
{
        for (;;) {
                int64_t place = market_next_place(&dump->series, dump->cursor_ms);
                if (place > dump->now_ms || place > dump->end_ms ||
                    !market_get_bar(&dump->series, place, dump->now_ms, bar)) {
                        return false;
                }
                dump->cursor_ms = place + 1;
                if (bar->close_ms < dump->now_ms && bar->open_ms >= dump->start_ms && bar->open_ms <= dump->end_ms) {
                        return true;
                }
        }
}

static char *put_bar(struct kline_dump *dump, const struct bar *bar, char *at)
{
        if (!dump->json) {
                return text_put_csv(at, bar);
        }
        at = text_put_string(at, dump->any ? ",\n" : "[\n");
        dump->any = true;
        return text_put_row(at, bar, 0);
}

static bool next_bars(struct dump *base, struct evbuffer *piece)
{
        static char rows[ROWS_PER_PIECE * TEXT_ROW_MAX + 8];
        struct kline_dump *dump = (struct kline_dump *)base;
        struct bar bar;
        char *at = rows;
        int count = 0;
        while (count < ROWS_PER_PIECE && next_bar(dump, &bar)) {
                at = put_bar(dump, &bar, at);
                count++;
        }
        if (count < ROWS_PER_PIECE && dump->json) {
                at = text_put_string(at, dump->any ? "]\n" : "[]\n");
        }
        evbuffer_add(piece, rows, (size_t)(at - rows));
        return count == ROWS_PER_PIECE;
}

void dump_begin(struct conn *conn, const struct http_request *request)
{
        struct kline_dump *dump = heap_zeroed(sizeof *dump);
        const char *complaint = read_request(conn->exchange, request, dump);
        if (complaint != NULL) {
                free(dump);
                server_answer_error(conn, 400, -1, complaint);
                return;
        }
        dump->dump.next = next_bars;
        dump_start(conn, dump->json ? "application/json" : "text/csv", &dump->dump);
}

// ---- any dump ----

void dump_start(struct conn *conn, const char *type, struct dump *dump)
{
        struct evbuffer *out = evbuffer_new();
        evbuffer_add_printf(out, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n", type);
        conn_write(conn, out);
        evbuffer_free(out);
        conn->dump = dump;
        conn->waiting = true;
        dump_continue(conn);
}

static void write_chunk(struct conn *conn, struct evbuffer *piece)
{
        struct evbuffer *out = evbuffer_new();
        evbuffer_add_printf(out, "%zx\r\n", evbuffer_get_length(piece));
        evbuffer_add_buffer(out, piece);
        evbuffer_add_printf(out, "\r\n");
        conn_write(conn, out);
        evbuffer_free(out);
}

void dump_continue(struct conn *conn)
{
        struct evbuffer *piece = evbuffer_new();
        bool more = conn->dump->next(conn->dump, piece);
        if (evbuffer_get_length(piece) > 0) { // an empty chunk would be the end
                write_chunk(conn, piece);
        }
        if (!more) {
                write_chunk(conn, piece);
                free(conn->dump);
                conn->dump = NULL;
                server_resume(conn);
        }
        evbuffer_free(piece);
}
