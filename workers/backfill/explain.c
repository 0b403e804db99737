// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/explain.h"

#include "common/cure.h"
#include "common/log.h"

#define EXPLAIN_EVERY_US US_PER_MIN
#define UNREACHABLE_FEW 3 // a single lost request is no news

#define CURES CURE_ELSEWHERE " " CURE_ELSEWHERE_LACKS

// True for one worker a minute.
static bool may_explain(struct governor_page *governor)
{
        int64_t now_us = boot_now().us, last_us = atomic_load(&governor->explained_us);

        return (last_us == 0 || now_us - last_us >= EXPLAIN_EVERY_US) &&
               atomic_compare_exchange_strong(&governor->explained_us, &last_us, now_us);
}

void explain_unreachable(struct governor_page *governor, const char *base_url, const char *error, bool untrusted)
{
        uint32_t before = atomic_fetch_add(&governor->unreachable, 1);

        if (before + 1 < UNREACHABLE_FEW || !may_explain(governor))
                return;
        if (untrusted)
                log_warn(
                    "%s is not trusted (%s): nothing is taken from it; trying on, ever more slowly up to a minute. "
                    "If it stays so: " CURE_UNTRUSTED,
                    base_url, error);
        else
                log_warn(
                    "%s cannot be reached (%s); trying on, ever more slowly up to a minute. If it stays so: " CURES,
                    base_url, error);
}

void explain_reached(struct governor_page *governor, const char *base_url)
{
        if (atomic_load(&governor->unreachable) != 0 && atomic_exchange(&governor->unreachable, 0) >= UNREACHABLE_FEW)
                log_info("%s answers again", base_url);
}

void explain_restricted(struct governor_page *governor, const char *base_url, int64_t pause_s)
{
        if (may_explain(governor))
                log_warn("%s refuses this address for where it is (HTTP 451); next try in %lld s. The cure: " CURES,
                    base_url, (long long)pause_s);
}
