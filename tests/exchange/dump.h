// SPDX-License-Identifier: Apache-2.0
// dump: GET /ledger/klines, the final truth about one symbol's bars, as CSV (default) or JSON rows, sent piece by piece
// so that millions of rows need no memory. Called by control.
#ifndef BF_EXCHANGE_DUMP_H
#define BF_EXCHANGE_DUMP_H

#include "tests/exchange/conn.h"
#include "tests/exchange/http.h"

// Begins; answers 400 when the request makes no sense.
void dump_begin(struct conn *conn, const struct http_request *request);
// Sends the next piece.
void dump_continue(struct conn *conn);

#endif
