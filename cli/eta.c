// SPDX-License-Identifier: Apache-2.0
#include "cli/eta.h"

#include "common/limits.h"

#include <stdlib.h>

double eta_weight(int64_t rows, uint32_t page_weight)
{
        int64_t pages = rows / REST_PAGE_ROWS_MAX + (rows % REST_PAGE_ROWS_MAX > 0);

        return (double)pages * page_weight;
}

static int by_weight(const void *left, const void *right)
{
        double a = ((const struct eta_item *)left)->weight, b = ((const struct eta_item *)right)->weight;

        return (a > b) - (a < b);
}

void eta_share(struct eta_item *items, size_t count, double budget)
{
        double smaller = 0; // weight of the series that are done by then

        if (count > 1)
                qsort(items, count, sizeof(*items), by_weight);
        for (size_t i = 0; i < count; i++) {
                double spent = smaller + items[i].weight * (double)(count - i);
                items[i].left_s = spent / budget * 60;
                smaller += items[i].weight;
        }
}
