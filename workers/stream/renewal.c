// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/renewal.h"

int64_t renewal_plan_ms(uint16_t slot, uint64_t random)
{
        // 37 has no factor in common with 60, so neighbouring slots lie far apart and 60 slots take 60 minutes.
        int64_t minutes = (int64_t)slot * 37 % (2 * RENEWAL_SPREAD_MIN) - RENEWAL_SPREAD_MIN;

        return RENEWAL_AFTER_MS + minutes * 60000 + (int64_t)(random % RENEWAL_JITTER_MS);
}

void renewal_start(struct renewal *renewal, mono_time now)
{
        *renewal = (struct renewal){.live_at = now};
}

void renewal_event(struct renewal *renewal, mono_time now)
{
        if (renewal->first_event_at.us == 0)
                renewal->first_event_at = now;
}

mono_time renewal_deadline(const struct renewal *renewal)
{
        if (renewal->first_event_at.us != 0)
                return (mono_time){renewal->first_event_at.us + RENEWAL_PROOF_MS * US_PER_MS};
        return (mono_time){renewal->live_at.us + RENEWAL_SILENT_MS * US_PER_MS};
}

bool renewal_is_complete(const struct renewal *renewal, mono_time now)
{
        return renewal->proven || now.us >= renewal_deadline(renewal).us;
}
