// SPDX-License-Identifier: Apache-2.0
// How fast a figure changes: a few of its values with their times, in shared memory. One process notes, any may ask;
// a reader that meets a sample being written sees the one before in its place, and nothing worse. Pure, never fails.
#ifndef COMMON_PACE_H
#define COMMON_PACE_H

#include "common/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PACE_SAMPLES 64

struct pace {
        _Atomic uint64_t count; // samples ever taken; sample i lies at i % PACE_SAMPLES
        struct pace_sample {
                _Atomic int64_t at_us, value; // boot time
        } samples[PACE_SAMPLES];
};

// Keeps `value` if the newest sample is at least `every_s` old, so that the window is PACE_SAMPLES times that.
void pace_note(struct pace *pace, boot_time now, int64_t every_s, int64_t value);
// Change of the figure, which is `value` now, a second, since the oldest sample that is not older than `window_s`.
// False where that is less than `known_s` ago, or there is none.
bool pace_per_s(
    const struct pace *pace, boot_time now, int64_t value, int64_t known_s, int64_t window_s, double *per_s);

#endif
