// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/bars.h"

#define WINDOW_BARS 64

void bars_init(struct bars *bars, enum interval interval)
{
        *bars = (struct bars){.interval = interval};
}

void bars_restart(struct bars *bars, unsigned leg)
{
        bars->expected_us = 0;
        for (unsigned i = 0; i < BARS_LEGS; i++)
                bars->leg_newest_us[i] = 0;
        bars->leg_first_us[leg] = 0;
}

void bars_overlap(struct bars *bars, unsigned leg)
{
        bars->leg_first_us[leg] = bars->leg_newest_us[leg] = 0;
        bars->overlap_from_us = bars->expected_us;
}

// Steps on the grid from `from_us` to `to_us`, at most WINDOW_BARS + 1.
static int64_t distance(const struct bars *bars, int64_t from_us, int64_t to_us)
{
        int64_t count = interval_count(bars->interval, from_us, to_us);

        return count > WINDOW_BARS ? WINDOW_BARS + 1 : count;
}

static bool has_closed(const struct bars *bars, int64_t slot_us)
{
        if (bars->newest_closed_us == 0 || slot_us > bars->newest_closed_us)
                return false;
        int64_t back = distance(bars, slot_us, bars->newest_closed_us);
        return back >= WINDOW_BARS || (bars->closed >> back & 1) != 0;
}

static void mark_closed(struct bars *bars, int64_t slot_us)
{
        if (bars->newest_closed_us == 0 || slot_us > bars->newest_closed_us) {
                int64_t ahead =
                    bars->newest_closed_us == 0 ? WINDOW_BARS : distance(bars, bars->newest_closed_us, slot_us);
                bars->closed = ahead >= WINDOW_BARS ? 1 : bars->closed << ahead | 1;
                bars->newest_closed_us = slot_us;
        } else {
                bars->closed |= UINT64_C(1) << distance(bars, slot_us, bars->newest_closed_us);
        }
}

enum bars_verdict bars_note(struct bars *bars, unsigned leg, int64_t open_us, bool closed)
{
        int64_t slot_us = interval_floor_us(bars->interval, open_us);

        if (bars->expected_us == 0)
                bars->expected_us = slot_us;
        if (bars->leg_first_us[leg] == 0)
                bars->leg_first_us[leg] = slot_us;
        if (slot_us > bars->leg_newest_us[leg])
                bars->leg_newest_us[leg] = slot_us;
        if (!closed)
                return BARS_FORMING;
        if (has_closed(bars, slot_us))
                return BARS_REPEAT;
        mark_closed(bars, slot_us);
        return BARS_CLOSED;
}

// Bars in [from_us, to_us) whose close was not seen. Those that the window has forgotten count as seen.
static uint32_t count_unclosed(const struct bars *bars, int64_t from_us, int64_t to_us)
{
        uint32_t missed = 0;

        if (bars->newest_closed_us != 0 && from_us <= bars->newest_closed_us) {
                int64_t oldest_us =
                    interval_step_us(bars->interval, bars->newest_closed_us, -(int64_t)(WINDOW_BARS - 1));
                int64_t slot = from_us > oldest_us ? from_us : oldest_us;

                for (; slot < to_us && slot <= bars->newest_closed_us; slot = interval_next_us(bars->interval, slot))
                        missed += !has_closed(bars, slot);
                from_us = slot;
        }
        return from_us < to_us ? missed + (uint32_t)interval_count(bars->interval, from_us, to_us) : missed;
}

// What has closed need not be looked at again, however long the verdict on a later bar has to wait.
static void pass_closed(struct bars *bars)
{
        while (bars->expected_us <= bars->newest_closed_us && has_closed(bars, bars->expected_us))
                bars->expected_us = interval_next_us(bars->interval, bars->expected_us);
}

uint32_t bars_missed(struct bars *bars, unsigned flowing)
{
        int64_t until_us = INT64_MAX;

        if (bars->expected_us != 0)
                pass_closed(bars);
        for (unsigned leg = 0; leg < BARS_LEGS; leg++) {
                if ((flowing & 1u << leg) != 0 && bars->leg_newest_us[leg] < until_us)
                        until_us = bars->leg_newest_us[leg];
        }
        if (until_us == INT64_MAX || until_us < bars->newest_closed_us)
                until_us = bars->newest_closed_us;
        if (bars->expected_us == 0 || until_us <= bars->expected_us)
                return 0;
        uint32_t missed = count_unclosed(bars, bars->expected_us, until_us);
        bars->expected_us = until_us;
        return missed;
}

bool bars_overlap_proven(const struct bars *bars, unsigned old, unsigned new)
{
        int64_t first_us = bars->leg_first_us[new];

        if (first_us == 0)
                return false;
        if (bars->leg_newest_us[old] >= first_us)
                return true;
        return bars->overlap_from_us != 0 && count_unclosed(bars, bars->overlap_from_us, first_us) == 0;
}

int64_t bars_next_close_us(const struct bars *bars)
{
        int64_t newest_us = bars->leg_newest_us[0];

        if (bars->leg_newest_us[1] > newest_us)
                newest_us = bars->leg_newest_us[1];
        if (newest_us == 0)
                return 0;
        int64_t close_us = interval_next_us(bars->interval, newest_us);
        // The newest event may itself have been the close.
        return has_closed(bars, newest_us) ? interval_next_us(bars->interval, close_us) : close_us;
}
