// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/verdict.h"

#include <stdint.h>

size_t verdict_split(enum interval interval, int64_t start_us, int64_t end_us, int64_t first_bar_us,
    int64_t requested_us, struct verdict verdicts[VERDICT_KINDS])
{
        // A bar is old enough where its successor opened VERDICT_AGE_US before the request.
        int64_t young_us = interval_floor_us(interval, requested_us - VERDICT_AGE_US);
        int64_t listed_us = first_bar_us < 0 ? INT64_MIN : interval_floor_us(interval, first_bar_us);
        const struct {
                enum verdict_kind kind;
                int64_t until_us;
        } parts[] = {{VERDICT_BEFORE_LISTING, listed_us}, {VERDICT_ABSENT, young_us}, {VERDICT_YOUNG, INT64_MAX}};
        size_t count = 0;

        for (size_t i = 0; i < VERDICT_KINDS && start_us < end_us; i++) {
                int64_t until_us = parts[i].until_us < end_us ? parts[i].until_us : end_us;

                if (start_us >= until_us)
                        continue;
                verdicts[count++] = (struct verdict){parts[i].kind, start_us, until_us};
                start_us = until_us;
        }
        return count;
}
