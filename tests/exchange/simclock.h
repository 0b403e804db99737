// SPDX-License-Identifier: Apache-2.0
// simclock: the exchange's own clock: any date, any speed, stopped, stepped. Real time for limits and timers is apart
// (simclock_real_ms): a fast test clock must not make the exchange's limits looser.
#ifndef BF_EXCHANGE_SIMCLOCK_H
#define BF_EXCHANGE_SIMCLOCK_H

#include <stdint.h>

struct simclock {
        int64_t base_ms;      // exchange time at ...
        int64_t base_real_us; // ... this monotonic time
        double speed;         // exchange seconds per real second; 0: stopped
};

void simclock_init(struct simclock *clock, int64_t start_ms, double speed);
int64_t simclock_now_ms(const struct simclock *clock);
void simclock_set(struct simclock *clock, int64_t now_ms);
// Keeps the time and goes on at another speed.
void simclock_set_speed(struct simclock *clock, double speed);

// This machine's clocks: monotonic for intervals, wall time for the minute of the weight limit.
int64_t simclock_real_ms(void);
int64_t simclock_wall_ms(void);

#endif
