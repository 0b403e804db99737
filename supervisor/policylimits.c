// SPDX-License-Identifier: Apache-2.0
#include "supervisor/policylimits.h"

#include "common/child.h"

#include <stddef.h>

void policy_limits_set(struct policy_limits *limits, int64_t scale_permille)
{
        *limits = (struct policy_limits){
            .delay_ms = 1000,
            .delay_max_ms = 60000,
            .healthy_ms = 60000,
            .crash_window_ms = 60000,
            .failed_ms = 300000,
            .spawn_failed_ms = 60000,
            .start_ms = 30000,
            .hang_ms = CHILD_HANG_DEFAULT_MS,
            .abort_ms = 5000,
            .term_ms = 5000,
            .drain_ms =
                {[CHILD_STREAM] = 10000, [CHILD_BACKFILL] = 10000, [CHILD_WRITER] = 20000, [CHILD_GATEWAY] = 5000},
            .brake_window_ms = 10000,
            .brake_probe_ms = 30000,
            .tick_ms = 1000,
            .late_ms = 3000,
        };
        int64_t *const times[] = {&limits->delay_ms, &limits->delay_max_ms, &limits->healthy_ms,
            &limits->crash_window_ms, &limits->failed_ms, &limits->spawn_failed_ms, &limits->start_ms, &limits->hang_ms,
            &limits->abort_ms, &limits->term_ms, &limits->brake_window_ms, &limits->brake_probe_ms, &limits->tick_ms,
            &limits->late_ms};
        for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
                *times[i] = *times[i] * scale_permille / 1000;
        for (size_t i = 0; i < CHILD_CLASSES; i++)
                limits->drain_ms[i] = limits->drain_ms[i] * scale_permille / 1000;
        limits->scale_permille = scale_permille;
}
