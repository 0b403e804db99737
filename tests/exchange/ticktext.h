// SPDX-License-Identifier: Apache-2.0
// ticktext: trades, aggregates, quotes and books in Binance's words: events of streams, rows of REST, lines of the
// ledger. Like text.h: each function writes at `at` and returns the end; times are in µs when `micro`.
#ifndef BF_EXCHANGE_TICKTEXT_H
#define BF_EXCHANGE_TICKTEXT_H

#include "tests/exchange/book.h"
#include "tests/exchange/ticks.h"

#define TICKTEXT_ROW_MAX 384  // any row, event or line without levels
#define TICKTEXT_LEVEL_MAX 64 // one level of a book

char *ticktext_put_trade_event(char *at, const char *symbol, const struct ticks_trade *trade, bool micro);
char *ticktext_put_agg_event(char *at, const char *symbol, const struct ticks_agg *agg, bool micro);
char *ticktext_put_quote_event(char *at, const char *symbol, int64_t id, const struct book_top *top);
// Updates `from` to `to`. `event_ms` is the event time.
char *ticktext_put_diff_event(char *at, const char *symbol, int64_t event_ms, int64_t from, int64_t to,
    const struct book_changes *changes, bool micro);
// The answer of depth, and the event of a partial book.
char *ticktext_put_book(char *at, int64_t id, const struct book_level *bids, size_t bid_count,
    const struct book_level *asks, size_t ask_count);

char *ticktext_put_trade_row(char *at, const struct ticks_trade *trade, bool micro);
// `tombstone`: an aggregate that was struck out of the record: only its id remains.
char *ticktext_put_agg_row(char *at, const struct ticks_agg *agg, bool micro, bool tombstone);

// Ledger lines: id,price,qty,time_us,maker / id,price,qty,first,last,time_us,maker / id,bid,qty,ask,qty,time_us.
char *ticktext_put_trade_line(char *at, const struct ticks_trade *trade);
char *ticktext_put_agg_line(char *at, const struct ticks_agg *agg);
char *ticktext_put_quote_line(char *at, int64_t id, const struct book_top *top, int64_t time_us);

#endif
