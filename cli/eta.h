// SPDX-License-Identifier: Apache-2.0
// How long a backfill takes at the least, because the exchange allows so much request weight a minute. Pure; used by
// cli/progress.c.
#ifndef CLI_ETA_H
#define CLI_ETA_H

#include <stddef.h>
#include <stdint.h>

// Weight of the requests that bring `rows` rows in full pages of `page_weight` each.
double eta_weight(int64_t rows, uint32_t page_weight);

// Turns items[i].weight into items[i].left_s: all series get the same share of `budget` (weight a minute, above 0)
// until they have what they need, so the smallest is done first. Changes the order of the items.
struct eta_item {
        size_t number; // the caller's
        double weight;
        double left_s;
};
void eta_share(struct eta_item *items, size_t count, double budget);

#endif
