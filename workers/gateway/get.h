// SPDX-License-Identifier: Apache-2.0
// GET /query?bucket=BTCUSDT/1m&start=&end=&last=&first=&columns=&format=csv|json: rows as text, for curl, spreadsheets
// and pandas.read_csv. Sent in pieces as they are read, so an answer may be of any length.
#ifndef GATEWAY_GET_H
#define GATEWAY_GET_H

#include "workers/gateway/work.h"

// `now_us`: what "now" and "5d" in start and end are counted from. Never NULL. `root` outlives the work.
struct work *get_begin(const char *root, int64_t now_us, const struct request *request);

#endif
