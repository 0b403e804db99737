// SPDX-License-Identifier: Apache-2.0
// Reads ticks of a bucket at a MarketStore server, page after page and a whole second at a time, with the semantics of
// common/tickquery.h: both ends exact to the nanosecond, a limit counts from the end unless told otherwise. Rows with
// the same key (a trade's id) are one: a server that was killed and started again has those twice that it replayed. Of
// a stock server's own, put right here: it does not cut off what follows the end within its second, and cannot count
// back across a new year.
#ifndef CLI_SERVERTICKS_H
#define CLI_SERVERTICKS_H

#include "cli/storeclient.h"
#include "common/tickquery.h"

// `query`: its root is not used, its symbol is the server's name of it. `schema` becomes the bucket's, and must stay as
// long as rows are looked at. Returns 0, the callback's non-zero value, or -1 as the functions of cli/storeclient.h,
// and EFBIG where a second has more than TICK_BLOCK_BYTES_MAX; rows before a failure were handed out.
int serverticks_run(struct storeclient *client, const struct tickquery *query, struct yearfile_schema *schema,
    tickquery_rows *rows, void *context, char why[STORECLIENT_WHY_SIZE]);

#endif
