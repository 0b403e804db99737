// SPDX-License-Identifier: Apache-2.0
// replay: real bars as the truth of a symbol and interval, from archive zips (DIR/spot/daily/klines/SYM/IV/*.zip) and
// recorded REST pages (klines-SYM-IV-*.json anywhere below DIR). Called by main at the start.
#ifndef BF_EXCHANGE_REPLAY_H
#define BF_EXCHANGE_REPLAY_H

#include "tests/exchange/market.h"

// Adds the symbols it finds to the market. Returns how many bars, or -1 after a message that names the file.
long replay_load(struct market *market, const char *directory);

#endif
