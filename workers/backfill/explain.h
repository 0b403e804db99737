// SPDX-License-Identifier: Apache-2.0
// What an operator is told when Binance cannot be reached or refuses this place (HTTP 451): one line with the cures, at
// most once a minute over all workers (the governor page remembers). Used by call.c.
#ifndef BACKFILL_EXPLAIN_H
#define BACKFILL_EXPLAIN_H

#include "common/governor.h"

#include <stdbool.h>
#include <stdint.h>

// A request got no answer at all; `error` is libcurl's reason, `untrusted` that TLS failed. Counts it in
// governor->unreachable.
void explain_unreachable(struct governor_page *governor, const char *base_url, const char *error, bool untrusted);
// A request was answered: says so once where it was unreachable before.
void explain_reached(struct governor_page *governor, const char *base_url);
void explain_restricted(struct governor_page *governor, const char *base_url, int64_t pause_s);

#endif
