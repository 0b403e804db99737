// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/backoff.h"

int64_t backoff_fail(struct backoff *backoff, uint64_t random)
{
        uint64_t whole_ms = backoff->first_ms;

        for (uint32_t i = 0; i < backoff->failures && whole_ms < BACKOFF_MS_MAX; i++)
                whole_ms *= 2;
        if (whole_ms > BACKOFF_MS_MAX)
                whole_ms = BACKOFF_MS_MAX;
        if (backoff->failures < UINT32_MAX)
                backoff->failures++;
        uint64_t half_ms = whole_ms / 2;
        return (int64_t)(whole_ms - half_ms + random % (half_ms + 1));
}

void backoff_reset(struct backoff *backoff)
{
        backoff->failures = 0;
}
