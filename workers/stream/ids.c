// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/ids.h"

#include <assert.h>
#include <string.h>

static_assert((IDS_WINDOW & (IDS_WINDOW - 1)) == 0 && IDS_WINDOW % 64 == 0, "a ring of whole words");

void ids_init(struct ids *ids)
{
        *ids = (struct ids){.newest = -1, .expected = -1};
        for (unsigned i = 0; i < IDS_LEGS; i++)
                ids->leg_first[i] = ids->leg_newest[i] = -1;
}

void ids_restart(struct ids *ids, unsigned leg)
{
        ids->expected = -1;
        ids->counted = 0;
        for (unsigned i = 0; i < IDS_LEGS; i++)
                ids->leg_newest[i] = -1;
        ids->leg_first[leg] = -1;
}

void ids_overlap(struct ids *ids, unsigned leg)
{
        ids->leg_first[leg] = ids->leg_newest[leg] = -1;
}

static uint64_t *word_of(struct ids *ids, int64_t id)
{
        return &ids->seen[(uint64_t)id % IDS_WINDOW / 64];
}

static uint64_t bit_of(int64_t id)
{
        return UINT64_C(1) << ((uint64_t)id % 64);
}

static bool was_seen(const struct ids *ids, int64_t id)
{
        return (ids->seen[(uint64_t)id % IDS_WINDOW / 64] & bit_of(id)) != 0;
}

// Counts what is missing below `until`, all of it inside the window or above the newest.
static uint32_t pass(struct ids *ids, int64_t until)
{
        uint64_t missed = 0;

        while (ids->expected < until && ids->expected <= ids->newest) {
                missed += !was_seen(ids, ids->expected);
                ids->expected++;
        }
        if (ids->expected < until) {
                missed += (uint64_t)(until - ids->expected);
                ids->expected = until;
        }
        return missed > UINT32_MAX ? UINT32_MAX : (uint32_t)missed;
}

static uint32_t add(uint32_t a, uint32_t b)
{
        return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

// Moves the window so that it ends with `id`.
static void advance(struct ids *ids, int64_t id)
{
        if (id - ids->newest >= IDS_WINDOW || ids->newest < 0) {
                memset(ids->seen, 0, sizeof(ids->seen));
        } else {
                for (int64_t skipped = ids->newest + 1; skipped < id; skipped++)
                        *word_of(ids, skipped) &= ~bit_of(skipped);
        }
        ids->newest = id;
}

bool ids_note(struct ids *ids, unsigned leg, int64_t id, int64_t time_us)
{
        if (id <= ids->newest && time_us > ids->newest_time_us + IDS_EPOCH_US)
                ids_init(ids);
        if (time_us > ids->newest_time_us)
                ids->newest_time_us = time_us;
        if (ids->leg_first[leg] < 0)
                ids->leg_first[leg] = id;
        if (id > ids->leg_newest[leg])
                ids->leg_newest[leg] = id;
        if (ids->expected < 0) // what was resent from before the interruption is no hole
                ids->expected = id > ids->newest ? id : ids->newest + 1;
        if (id > ids->newest) {
                if (id - ids->expected >= IDS_WINDOW)
                        ids->counted = add(ids->counted, pass(ids, id - IDS_WINDOW + 1));
                advance(ids, id);
        } else if (id <= ids->newest - IDS_WINDOW || was_seen(ids, id)) {
                return false;
        }
        *word_of(ids, id) |= bit_of(id);
        return true;
}

uint32_t ids_missed(struct ids *ids, unsigned flowing)
{
        int64_t until = INT64_MAX;

        while (ids->expected >= 0 && ids->expected <= ids->newest && was_seen(ids, ids->expected))
                ids->expected++;
        if (ids->expected > ids->newest && ids->counted == 0)
                return 0;
        for (unsigned leg = 0; leg < IDS_LEGS; leg++) {
                if ((flowing & 1u << leg) != 0 && ids->leg_newest[leg] >= 0 && ids->leg_newest[leg] < until)
                        until = ids->leg_newest[leg];
        }
        if (until == INT64_MAX)
                until = ids->newest;
        uint32_t missed = add(ids->counted, ids->expected < until ? pass(ids, until) : 0);
        ids->counted = 0;
        return missed;
}

bool ids_overlap_proven(const struct ids *ids, unsigned old, unsigned new)
{
        int64_t first = ids->leg_first[new];

        return first >= 0 && (ids->leg_newest[old] >= first || ids->expected >= first);
}
