// SPDX-License-Identifier: Apache-2.0
// The exchange's clock as GET /api/v3/time tells it. Pure. Used by workers/backfill/clocksync.c, cli/online.c and
// cli/backfill.c.
#ifndef COMMON_SERVERTIME_H
#define COMMON_SERVERTIME_H

#include "common/clock.h"
#include "common/limits.h"

#include <stddef.h>
#include <stdint.h>

// A clock of this host that differs by so much is told: spans in the configuration, such as start_time 10d, receive
// stamps and the log's times go by it.
#define SERVERTIME_DIFFERENCE_US US_PER_MIN

// Microseconds since 1970, or -1 and `why`.
int64_t servertime_parse(const char *body, size_t length, char why[REASON_SIZE]);

#endif
