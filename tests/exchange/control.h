// SPDX-License-Identifier: Apache-2.0
// control: what a test says to the exchange and asks of it, on the same port, without weight or limits: /control/... to
// arm faults, move the clock, list symbols; /ledger/... for what exists and what was served. The table of its routes is
// in control.c.
#ifndef BF_EXCHANGE_CONTROL_H
#define BF_EXCHANGE_CONTROL_H

#include "tests/exchange/conn.h"
#include "tests/exchange/http.h"

// False when the request is not for us.
bool control_handle(struct conn *conn, const struct http_request *request);
// The connection's output is empty: a ledger that is being sent goes on.
void control_drained(struct conn *conn);

#endif
