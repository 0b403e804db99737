// SPDX-License-Identifier: Apache-2.0
// tickdump: the ledger of trades, aggregates, quotes and books: what was and will be true of any range of ids up to
// now. Called by control.
#ifndef BF_EXCHANGE_TICKDUMP_H
#define BF_EXCHANGE_TICKDUMP_H

#include "tests/exchange/conn.h"
#include "tests/exchange/http.h"

// GET /ledger/trades, /ledger/aggtrades, /ledger/quotes: CSV, see ticktext.h. /ledger/diffs: JSON lines, one diff for
// each update. All take symbol, fromId and toId (the first and the last there is), startTime and endTime.
void tickdump_begin(struct conn *conn, const struct http_request *request);
// GET /ledger/depth?symbol=&at=&limit=: the book after update `at` (the last one), all levels unless limited.
void tickdump_depth(struct conn *conn, const struct http_request *request);
// GET /ledger/ids?symbol=&time=: the last trade, aggregate and update at or before an exchange time (now).
void tickdump_ids(struct conn *conn, const struct http_request *request);

#endif
