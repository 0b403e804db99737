// SPDX-License-Identifier: Apache-2.0
// A MarketStore configuration (mkts.yml) with our plugin block in it:
//
//   root_directory: data
//   bgworkers:
//     - module: binancefeeder_v2.so
//       name: BinanceFeederV2
//       config: {symbols: [BTCUSDT], timeframe: 1m}
//
// The block has our keys. Of MarketStore's own keys root_directory, log_level and listen_port are defaults for ours,
// timezone and disable_variable_compression must not contradict us, an ondiskagg trigger becomes `aggregate`, all
// others are none of our business. The block of the older binancefeeder.so (query_start, base_timeframe,
// base_currencies) is understood as well. Used by config/config.c.
#ifndef CONFIG_MKTS_H
#define CONFIG_MKTS_H

#include "config/apply.h"

// True for a file of this kind.
bool mkts_recognize(const struct yaml_item *root);

// Our block, and what contradicts us outside it.
void mkts_apply_block(const struct apply *apply, const struct yaml_item *root);
// MarketStore's keys, where neither block nor environment gave ours. Call after those.
void mkts_apply_defaults(const struct apply *apply, const struct yaml_item *root);

#endif
