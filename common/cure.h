// SPDX-License-Identifier: Apache-2.0
// What to do where the exchange cannot be had: said by the backfill workers' log (workers/backfill/explain.c), by
// `status` (findings.c) and by `check --online` (cli/onlinejudge.c) in the same words.
#ifndef COMMON_CURE_H
#define COMMON_CURE_H

// Unreachable, or HTTP 451.
#define CURE_ELSEWHERE                                                                                                 \
        "set endpoints.proxy, or endpoints.rest: https://data-api.binance.vision and endpoints.stream: "               \
        "wss://data-stream.binance.vision"
#define CURE_ELSEWHERE_LACKS "(public market data; no historicalTrades there)"
// TLS failed: who answers does not prove to be the exchange.
#define CURE_UNTRUSTED "check this host's clock, endpoints.ca_file, and who answers in its place"
// HTTP 429, 418, 403.
#define CURE_LIMITED "lower rate_limit.utilization or see what else uses this address"

#endif
