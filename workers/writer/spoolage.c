// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/spoolage.h"

#include <string.h>

#define STEP_NS_MIN NS_PER_S

// Every second one goes; its rows count as those before them.
static void thin_out(struct spoolage *age)
{
        size_t kept = 0;

        for (size_t i = 0; i < age->count; i += 2)
                age->marks[kept++] = age->marks[i];
        age->count = kept;
        age->step_ns *= 2;
}

void spoolage_add(struct spoolage *age, int64_t row, wall_time now)
{
        age->newest_row = row;
        if (age->count == 0)
                age->step_ns = STEP_NS_MIN;
        if (age->count > 0 && now.ns - age->marks[age->count - 1].wall_ns < age->step_ns)
                return;
        if (age->count == SPOOLAGE_MARKS)
                thin_out(age);
        age->marks[age->count++] = (struct spoolage_mark){row, now.ns};
}

void spoolage_trim(struct spoolage *age, int64_t row)
{
        size_t gone = 0;

        if (row >= age->newest_row) {
                age->count = 0;
                return;
        }
        while (gone + 1 < age->count && age->marks[gone + 1].row <= row + 1)
                gone++;
        age->count -= gone;
        memmove(age->marks, age->marks + gone, age->count * sizeof(age->marks[0]));
}

int64_t spoolage_oldest_wall_ns(const struct spoolage *age)
{
        return age->count > 0 ? age->marks[0].wall_ns : 0;
}
