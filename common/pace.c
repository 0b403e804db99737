// SPDX-License-Identifier: Apache-2.0
#include "common/pace.h"

void pace_note(struct pace *pace, boot_time now, int64_t every_s, int64_t value)
{
        uint64_t count = atomic_load(&pace->count);

        if (count > 0 && now.us < atomic_load(&pace->samples[(count - 1) % PACE_SAMPLES].at_us) + every_s * US_PER_S)
                return;
        atomic_store(&pace->samples[count % PACE_SAMPLES].value, value);
        atomic_store(&pace->samples[count % PACE_SAMPLES].at_us, now.us);
        atomic_store(&pace->count, count + 1);
}

bool pace_per_s(const struct pace *pace, boot_time now, int64_t value, int64_t known_s, int64_t window_s, double *per_s)
{
        uint64_t count = atomic_load(&pace->count);
        // The place of the next sample may be written to at this moment.
        uint64_t first = count < PACE_SAMPLES ? 0 : count - PACE_SAMPLES + 1;

        while (first < count && atomic_load(&pace->samples[first % PACE_SAMPLES].at_us) < now.us - window_s * US_PER_S)
                first++;
        if (first == count)
                return false;
        int64_t at_us = atomic_load(&pace->samples[first % PACE_SAMPLES].at_us);
        if (now.us - at_us < known_s * US_PER_S)
                return false;
        *per_s = (double)(value - atomic_load(&pace->samples[first % PACE_SAMPLES].value)) * (double)US_PER_S /
                 (double)(now.us - at_us);
        return true;
}
