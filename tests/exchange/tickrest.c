// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/tickrest.h"

#include <stdlib.h>
#include <string.h>

#include "tests/exchange/book.h"
#include "tests/exchange/capture.h"
#include "tests/exchange/ticktext.h"

// What may be seen now: REST trails the streams.
static int64_t now_of(const struct call *call)
{
        return simclock_now_ms(&call->exchange->clock) - call->exchange->rest_lag_ms;
}

static int find_symbol(struct call *call, struct ticks_symbol *of)
{
        of->market = call->exchange->market;
        of->symbol = market_find_symbol(of->market, http_find_param(call->request, "symbol"));
        if (of->symbol == NULL || of->symbol->listed_ms > now_of(call)) {
                return call_refuse(call, -1121, "Invalid symbol.");
        }
        return 0;
}

static int read_limit(struct call *call, int64_t otherwise, int64_t max, int64_t *limit)
{
        *limit = params_number(call->request, "limit", otherwise);
        if (*limit < 1) {
                return call_refuse(call, -1130, "Data sent for parameter 'limit' is not valid.");
        }
        *limit = *limit > max ? max : *limit; // more is cut, not refused
        return 0;
}

static char *reserve(struct call *call, size_t size, struct evbuffer_iovec *space)
{
        evbuffer_reserve_space(call->body, (ev_ssize_t)size, space, 1);
        return space->iov_base;
}

static void commit(struct call *call, struct evbuffer_iovec *space, const char *end)
{
        space->iov_len = (size_t)(end - (char *)space->iov_base);
        evbuffer_commit_space(call->body, space, 1);
}

static const struct fault *take(struct call *call, enum fault_kind kind, const struct ticks_symbol *of, int64_t id)
{
        const struct fault_subject subject = {
            .endpoint = call->endpoint, .symbol = of->symbol->name, .time_ms = -1, .first_id = id, .last_id = id};
        return faults_take(call->exchange->faults, kind, &subject);
}

// As of klines: an empty page, or one cut short.
static int64_t cut_page(struct call *call, const struct ticks_symbol *of, int64_t from, int64_t to)
{
        const struct fault *fault = take(call, FAULT_SHORT_PAGE, of, 0);
        if (fault != NULL) {
                int64_t rows = fault->value < 0 ? 1 : fault->value;
                to = to - from + 1 > rows ? from + rows - 1 : to;
        }
        return take(call, FAULT_EMPTY_PAGE, of, 0) != NULL ? from - 1 : to;
}

// ---- trades ----

static void write_trades(struct call *call, const struct ticks_symbol *of, int64_t from, int64_t to)
{
        struct ticks_trade trade;
        struct evbuffer_iovec space;
        to = cut_page(call, of, from, to);
        char *at = reserve(call, (size_t)(to >= from ? to - from + 1 : 0) * TICKTEXT_ROW_MAX + 2, &space);
        *at++ = '[';
        for (int64_t id = from; id <= to && ticks_get_trade(of, id, &trade); id++) {
                if (id > from) {
                        *at++ = ',';
                }
                at = ticktext_put_trade_row(at, &trade, call->micro);
        }
        *at++ = ']';
        commit(call, &space, at);
}

static int answer_trades(struct call *call, int64_t from_id)
{
        struct ticks_symbol of;
        int64_t limit;
        if (find_symbol(call, &of) != 0 || read_limit(call, TICKREST_ROWS_DEFAULT, TICKREST_ROWS_MAX, &limit) != 0) {
                return -1;
        }
        int64_t from = 1, to = 0;
        if (ticks_exist(&of)) {
                int64_t first = ticks_first_trade(&of), last = ticks_last_trade(&of, now_of(call) + 1);
                from = from_id >= 0 ? from_id : last - limit + 1;
                from = from < first ? first : from;
                to = last - from < limit ? last : from + limit - 1;
        }
        write_trades(call, &of, from, to);
        return 0;
}

int tickrest_trades(struct call *call)
{
        return answer_trades(call, -1);
}

int tickrest_historical_trades(struct call *call)
{
        return answer_trades(call, params_number(call->request, "fromId", -1));
}

// ---- aggregates ----

static void write_aggs(struct call *call, const struct ticks_symbol *of, int64_t from, int64_t to)
{
        struct ticks_agg agg;
        struct evbuffer_iovec space;
        to = cut_page(call, of, from, to);
        char *at = reserve(call, (size_t)(to >= from ? to - from + 1 : 0) * TICKTEXT_ROW_MAX + 2, &space);
        *at++ = '[';
        for (int64_t id = from; id <= to && ticks_get_agg(of, id, &agg); id++) {
                if (id > from) {
                        *at++ = ',';
                }
                at = ticktext_put_agg_row(at, &agg, call->micro, take(call, FAULT_AGG_TOMBSTONE, of, id) != NULL);
        }
        *at++ = ']';
        commit(call, &space, at);
}

int tickrest_agg_trades(struct call *call)
{
        struct ticks_symbol of;
        int64_t limit, from = 1, to = 0;
        if (find_symbol(call, &of) != 0 || read_limit(call, TICKREST_ROWS_DEFAULT, TICKREST_ROWS_MAX, &limit) != 0) {
                return -1;
        }
        int64_t from_id = params_number(call->request, "fromId", -1);
        int64_t start = params_time(call->request, "startTime", -1), end = params_time(call->request, "endTime", -1);
        if (from_id >= 0 && (start >= 0 || end >= 0)) {
                return call_refuse(call, -1128, "Combination of optional parameters invalid.");
        }
        if (ticks_exist(&of)) {
                ticks_find_page(&of, from_id, start, end, ticks_last_agg(&of, now_of(call) + 1), limit, &from, &to);
        }
        write_aggs(call, &of, from, to);
        return 0;
}

// ---- the book ----

int64_t tickrest_depth_weight(const struct http_request *request)
{
        int64_t limit = params_number(request, "limit", TICKREST_LEVELS_DEFAULT);
        return limit <= 100 ? 5 : limit <= 500 ? 25 : limit <= 1000 ? 50 : 250;
}

// The best bid a tick above the best ask.
static void cross(const struct ticks_symbol *of, struct book_level *bids, const struct book_level *asks)
{
        bids[0].price = asks[0].price + of->symbol->tape.tick;
}

// In the middle: few of those are changed before somebody compares them, and none of them is out of sight.
static void spoil(struct book_level *bids, size_t bid_count, int64_t wrong)
{
        for (size_t i = bid_count / 2; i < bid_count && wrong > 0; i++, wrong--) {
                bids[i].quantity++;
        }
}

int tickrest_depth(struct call *call)
{
        static struct book_level bids[BOOK_LEVELS_MAX], asks[BOOK_LEVELS_MAX];
        struct ticks_symbol of;
        struct evbuffer_iovec space;
        int64_t limit;
        if (find_symbol(call, &of) != 0 || read_limit(call, TICKREST_LEVELS_DEFAULT, BOOK_LEVELS_MAX, &limit) != 0) {
                return -1;
        }
        if (of.symbol->capture != NULL) {
                return capture_write_depth(of.symbol->capture, now_of(call), (size_t)limit, call->body) == 0
                           ? 0
                           : call_refuse(call, -1000, "An unknown error occurred while processing the request.");
        }
        int64_t id = ticks_exist(&of) ? book_last_update(&of, now_of(call)) : 0;
        const struct fault *fault = take(call, FAULT_SNAPSHOT_STALE, &of, 0);
        if (fault != NULL) {
                int64_t back = fault->value > 0 ? fault->value : 1000;
                id = id > back ? id - back : 0;
        }
        size_t bid_count = book_get_bids(&of, id, (size_t)limit, bids);
        size_t ask_count = book_get_asks(&of, id, (size_t)limit, asks);
        if (take(call, FAULT_SNAPSHOT_CROSSED, &of, 0) != NULL) {
                cross(&of, bids, asks);
        }
        if ((fault = take(call, FAULT_SNAPSHOT_WRONG, &of, 0)) != NULL) {
                spoil(bids, bid_count, fault->value > 0 ? fault->value : 10);
        }
        char *at = reserve(call, (bid_count + ask_count) * TICKTEXT_LEVEL_MAX + TICKTEXT_ROW_MAX, &space);
        commit(call, &space, ticktext_put_book(at, id, bids, bid_count, asks, ask_count));
        return 0;
}
