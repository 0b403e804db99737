// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/backoff.h"

#include "common/limits.h"

#include <stdlib.h>

int64_t backoff_ms(uint32_t failures, uint32_t random)
{
        int64_t whole_ms = REST_BACKOFF_MS_MIN;

        for (uint32_t i = 1; i < failures && whole_ms < REST_BACKOFF_MS_MAX; i++)
                whole_ms *= 2;
        if (whole_ms > REST_BACKOFF_MS_MAX)
                whole_ms = REST_BACKOFF_MS_MAX;
        return whole_ms / 2 + random % (whole_ms / 2 + 1);
}

uint32_t backoff_random(void)
{
        return arc4random();
}
