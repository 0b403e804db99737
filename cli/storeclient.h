// SPDX-License-Identifier: Apache-2.0
// A MarketStore server as `query` reads it: one question after the other over one connection, each with its bounds of
// time and size (common/storehttp.h). Every failure comes with a message that names the server. Used by online.c,
// serverbars.c, serverticks.c and query_server.c.
#ifndef CLI_STORECLIENT_H
#define CLI_STORECLIENT_H

#include "common/storerpc.h"

#include <stddef.h>
#include <stdint.h>

#define STORECLIENT_WHY_SIZE (URL_SIZE + REASON_SIZE + 64)

struct storeclient; // owns the connection

// NULL, and a message in `why`, where libcurl cannot be set up. Nothing is asked yet.
struct storeclient *storeclient_open(const char *url, char why[STORECLIENT_WHY_SIZE]);
void storeclient_close(struct storeclient *client);

// Functions return 0, or -1 with a message in `why` and errno: ENOENT, the server has no such bucket; EHOSTUNREACH, it
// does not answer; EPROTO, it answers what is none, closes the connection, or refuses; EINVAL, it is another bucket
// than is asked for.

// Columns of a bucket ("BTCUSDT/1Min/OHLCV"), which must be of this timeframe and record type (0 fixed, 1 variable).
int storeclient_schema(struct storeclient *client, const char *key, int64_t timeframe_ns, int64_t record_type,
    struct yearfile_schema *schema, char why[STORECLIENT_WHY_SIZE]);

// Rows of the layout's first `columns` columns (allocated, to be freed; NULL where there are none).
int storeclient_read(struct storeclient *client, const char *key, const struct storerpc_layout *layout, size_t columns,
    const struct storerpc_range *range, uint8_t **rows, size_t *count, char why[STORECLIENT_WHY_SIZE]);

// Every bucket that the server has, in no order.
int storeclient_list(struct storeclient *client, storerpc_name *each, void *context, char why[STORECLIENT_WHY_SIZE]);

// As the last answer said; empty: it says none.
const char *storeclient_version(const struct storeclient *client);

#endif
