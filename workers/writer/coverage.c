// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/coverage.h"

int coverage_rank_at(const struct ranges *covered, int64_t us, int64_t *until_us)
{
        size_t index = ranges_find(covered, us);

        if (index == covered->count) {
                *until_us = INT64_MAX;
                return -1;
        }
        const struct range *range = &covered->items[index];
        if (range->start_us > us) {
                *until_us = range->start_us;
                return -1;
        }
        *until_us = range->end_us;
        return bar_source_rank(range->tag);
}

int coverage_add(struct ranges *covered, int64_t start_us, int64_t end_us, enum bar_source source)
{
        int rank = bar_source_rank((int)source);

        while (start_us < end_us) {
                int64_t until_us;
                bool refused = coverage_rank_at(covered, start_us, &until_us) > rank;

                if (until_us > end_us)
                        until_us = end_us;
                if (!refused && ranges_set(covered, start_us, until_us, (int32_t)source) < 0)
                        return -1;
                start_us = until_us;
        }
        return 0;
}
