// SPDX-License-Identifier: Apache-2.0
// How long to wait before the next connection attempt: from the configured delay doubling to a minute, with jitter so
// that workers that lost their connections together do not come back together. Pure; owned by connection.c.
#ifndef WORKERS_STREAM_BACKOFF_H
#define WORKERS_STREAM_BACKOFF_H

#include <stdint.h>

#define BACKOFF_MS_MAX 60000

struct backoff {
        uint32_t first_ms;
        uint32_t failures; // in a row
};

// Counts a failure and returns the delay in milliseconds: between half and all of first_ms * 2^(failures - 1), at most
// BACKOFF_MS_MAX. `random` is any number.
int64_t backoff_fail(struct backoff *backoff, uint64_t random);
void backoff_reset(struct backoff *backoff);

#endif
