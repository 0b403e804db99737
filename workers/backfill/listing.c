// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/listing.h"

#include "workers/backfill/page.h"

#include <stdio.h>

int listing_parse(const char *body, size_t length, const char *symbol, enum interval interval,
    struct record_listing *record, char why[REASON_SIZE])
{
        struct kline row;
        size_t count;

        if (page_parse(body, length, &row, 1, &count, why) != 0)
                return -1;
        *record = (struct record_listing){
            .first_open_us = count == 0 ? -1 : row.open_us,
            .interval = (uint32_t)interval,
        };
        snprintf(record->symbol, sizeof(record->symbol), "%s", symbol);
        return 0;
}
