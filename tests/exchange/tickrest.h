// SPDX-License-Identifier: Apache-2.0
// tickrest: the endpoints trades, historicalTrades, aggTrades and depth. Each writes the body, or fills call->error and
// returns -1. Called by rest.
#ifndef BF_EXCHANGE_TICKREST_H
#define BF_EXCHANGE_TICKREST_H

#include "tests/exchange/restcall.h"

#define TICKREST_ROWS_DEFAULT 500
#define TICKREST_ROWS_MAX 1000
#define TICKREST_LEVELS_DEFAULT 100

int tickrest_trades(struct call *call);
int tickrest_historical_trades(struct call *call);
int tickrest_agg_trades(struct call *call);
int tickrest_depth(struct call *call);
// What depth weighs: by its limit.
int64_t tickrest_depth_weight(const struct http_request *request);

#endif
