// SPDX-License-Identifier: Apache-2.0
// capture: frames of combined streams as they were recorded, to be sent again as they are and in their order: gzipped
// text, one `<receive ns> <json>` a line. The exchange's clock follows the receive times, moved so that the first event
// is not in the future, and begins to run with the first subscription, so that nobody misses the start.
//
// Trades among the frames answer trades, historicalTrades and aggTrades and make bars of 1s and 1m. A recorded answer
// of depth is given as it is to the first who asks for the book; later ones get the book that the diffs have made of
// it.
//
// Called by main (loading), streams, tickrest and tickdump. Owns the frames. A bad file ends the loading with a
// message.
#ifndef BF_EXCHANGE_CAPTURE_H
#define BF_EXCHANGE_CAPTURE_H

#include <event2/buffer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/exchange/book.h"
#include "tests/exchange/market.h"

struct captures; // all that was loaded
struct capture;  // what was recorded of one symbol

// Frames lie in one array, in the order in which they came: the earlier one has the smaller address.
struct capture_frame {
        int64_t due_ms;          // exchange time
        const char *text, *data; // the event with its wrapper, and without
        size_t length, data_length;
        int64_t first_id, last_id; // of the trade or the updates; 0: none
};

struct capture_book {
        int64_t id;
        struct book_level *bids, *asks; // bids fall, asks rise
        size_t bid_count, ask_count;
};

// Reads the files one after the other and adds their symbols to the market. NULL after a message.
struct captures *captures_load(struct market *market, const char *const *paths, int count);
void captures_free(struct captures *captures);
int64_t captures_start_ms(const struct captures *captures);
bool captures_has(const struct captures *captures, const char *stream);
// The n-th frame of a stream, or NULL behind the last.
const struct capture_frame *captures_frame(const struct captures *captures, const char *stream, size_t n);
// How many frames of a stream are due before `now_ms`.
size_t captures_passed(const struct captures *captures, const char *stream, int64_t now_ms);

// Writes the book as it was at `now_ms`, at most `limit` levels a side. -1 when no answer of depth was recorded.
int capture_write_depth(struct capture *capture, int64_t now_ms, size_t limit, struct evbuffer *out);
// The book after the last diff that ends at or before update `id`; NULL when no answer of depth was recorded, or it is
// younger. Valid until the next call.
const struct capture_book *capture_find_book(struct capture *capture, int64_t id);

#endif
