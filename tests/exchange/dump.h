// SPDX-License-Identifier: Apache-2.0
// dump: answers of the ledger that are sent piece by piece, so that millions of rows need no memory; and one of them,
// GET /ledger/klines: the final truth about one symbol's bars, as CSV (default) or JSON rows. Called by control and
// tickdump.
#ifndef BF_EXCHANGE_DUMP_H
#define BF_EXCHANGE_DUMP_H

#include "tests/exchange/conn.h"
#include "tests/exchange/http.h"

// The begin of what a dump has to remember.
struct dump {
        // Writes the next piece. False when it was the last one.
        bool (*next)(struct dump *dump, struct evbuffer *piece);
};

// Answers 200 and sends the first piece. The dump belongs to the connection from now on and is freed with free().
void dump_start(struct conn *conn, const char *type, struct dump *dump);
// Begins with bars; answers 400 when the request makes no sense.
void dump_begin(struct conn *conn, const struct http_request *request);
// Sends the next piece.
void dump_continue(struct conn *conn);

#endif
