// SPDX-License-Identifier: Apache-2.0
#include "common/facts.h"

uint32_t facts_weight_budget(const struct governor_page *page)
{
        uint32_t limit = governor_weight_limit(page);

        return limit == UINT32_MAX ? 0 : (uint32_t)((uint64_t)limit * atomic_load(&page->utilization_permille) / 1000);
}

void facts_read(const struct governor_page *page, struct facts *facts)
{
        *facts = (struct facts){.weight_used = governor_used(page),
            .weight_budget = facts_weight_budget(page),
            .connections = governor_connections_used(page),
            .ban_s = (governor_ban_remaining_ms(page) + 999) / 1000,
            .ban_status = atomic_load(&page->ban_status),
            .unreachable = atomic_load(&page->unreachable),
            .spool_batches = atomic_load(&page->spool_batches),
            .spool_bytes = atomic_load(&page->spool_bytes),
            .p50_us = latency_quantile_us(&page->receive_to_durable, 0.5),
            .p99_us = latency_quantile_us(&page->receive_to_durable, 0.99),
            .p999_us = latency_quantile_us(&page->receive_to_durable, 0.999),
            .disk_full = atomic_load(&page->disk_full) != 0};
        for (size_t i = 0; i < SLOTS_MAX; i++) {
                const struct vitals *vitals = &page->vitals[i];
                uint32_t class = atomic_load(&vitals->class);
                if (class == CHILD_BACKFILL)
                        facts->rows_fetched += atomic_load(&vitals->records);
                if (class != CHILD_STREAM)
                        continue;
                facts->streams++;
                facts->streams_connected += atomic_load(&vitals->connected) != 0;
        }
}

bool facts_is_hindered(const struct facts *facts)
{
        return facts->ban_s > 0 || facts->unreachable >= UNREACHABLE_FEW;
}
