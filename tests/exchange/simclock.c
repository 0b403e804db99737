// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/simclock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
        struct timespec now;
        clock_gettime(id, &now);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t simclock_real_ms(void)
{
        return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t simclock_wall_ms(void)
{
        return read_us(CLOCK_REALTIME) / 1000;
}

void simclock_init(struct simclock *clock, int64_t start_ms, double speed)
{
        clock->speed = speed;
        simclock_set(clock, start_ms);
}

int64_t simclock_now_ms(const struct simclock *clock)
{
        int64_t elapsed_us = read_us(CLOCK_MONOTONIC) - clock->base_real_us;
        return clock->base_ms + (int64_t)((double)elapsed_us * clock->speed / 1000.0);
}

void simclock_set(struct simclock *clock, int64_t now_ms)
{
        clock->base_ms = now_ms;
        clock->base_real_us = read_us(CLOCK_MONOTONIC);
}

void simclock_set_speed(struct simclock *clock, double speed)
{
        simclock_set(clock, simclock_now_ms(clock));
        clock->speed = speed;
}
