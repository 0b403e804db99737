// SPDX-License-Identifier: Apache-2.0
// What a page of history costs of the exchange's request weight, however many of its rows it brings. Spent by
// workers/backfill, reckoned with by the command line.
#ifndef COMMON_RESTWEIGHT_H
#define COMMON_RESTWEIGHT_H

#define KLINES_WEIGHT 2
#define TRADES_WEIGHT 25 // historicalTrades
#define AGG_TRADES_WEIGHT 4

#endif
