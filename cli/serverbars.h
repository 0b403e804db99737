// SPDX-License-Identifier: Apache-2.0
// Reads bars of a bucket at a MarketStore server, page after page, with the semantics of common/barquery.h: end
// inclusive, start floored to its bar, a limit counts from the end unless told otherwise, 1 January of a daily bucket
// found where it is there. Of a stock server's own: it floors to its slot, which for 4h is 2H, and passes over a
// 1 January at which a query starts.
#ifndef CLI_SERVERBARS_H
#define CLI_SERVERBARS_H

#include "cli/storeclient.h"
#include "common/barquery.h"

// `query`: its root is not used, its symbol is the server's name of it. Returns 0, the callback's non-zero value, or -1
// as the functions of cli/storeclient.h; rows before a failure were handed out.
int serverbars_run(struct storeclient *client, const struct barquery *query, barquery_rows *rows, void *context,
    char why[STORECLIENT_WHY_SIZE]);

#endif
