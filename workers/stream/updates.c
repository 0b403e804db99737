// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/updates.h"

void updates_init(struct updates *updates)
{
        *updates = (struct updates){0};
}

void updates_restart(struct updates *updates, unsigned leg)
{
        updates->restarted = true;
        for (unsigned i = 0; i < UPDATES_LEGS; i++)
                updates->leg_newest[i] = 0;
        updates->leg_first[leg] = 0;
}

void updates_overlap(struct updates *updates, unsigned leg)
{
        updates->leg_first[leg] = updates->leg_newest[leg] = 0;
}

bool updates_note(struct updates *updates, unsigned leg, int64_t id)
{
        bool fresh = updates->restarted ? id != updates->newest : id > updates->newest;

        updates->restarted = false;
        if (updates->leg_first[leg] == 0)
                updates->leg_first[leg] = id;
        if (id > updates->leg_newest[leg])
                updates->leg_newest[leg] = id;
        else if (id < updates->leg_newest[leg])
                updates->late++;
        if (fresh)
                updates->newest = id;
        return fresh;
}

bool updates_overlap_proven(const struct updates *updates, unsigned old, unsigned new)
{
        int64_t first = updates->leg_first[new];

        return first > 0 && updates->leg_newest[old] >= first;
}
