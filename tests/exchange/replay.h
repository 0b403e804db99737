// SPDX-License-Identifier: Apache-2.0
// replay: real bars as the truth of a symbol and interval, from archive zips (DIR/spot/daily/klines/SYM/IV/*.zip) and
// recorded REST pages (klines-SYM-IV-*.json anywhere below DIR). Called by main at the start.
//
// Times may be ms or µs, file by file. Where two files have the same bar, the archive's wins.
#ifndef BF_EXCHANGE_REPLAY_H
#define BF_EXCHANGE_REPLAY_H

#include "tests/exchange/market.h"

// Adds the symbols it finds to the market. Returns how many bars, or -1 after a message that names the file.
long replay_load(struct market *market, const char *directory);

// The pieces, for tests. One row of twelve values, CSV or the inside of a JSON array; quotes are ignored.
// Returns 0, or -1 when the row is malformed.
int replay_parse_row(const char *row, size_t length, struct bar *bar);

#endif
