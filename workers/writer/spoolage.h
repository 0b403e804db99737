// SPDX-License-Identifier: Apache-2.0
// Since when the oldest batch of the spool waits. Kept in memory by the spool, coarsely: a moment a second, fewer where
// very much waits, so an age is said a little too long, never too short. After a restart what was found waiting counts
// from then. Plain values, nothing fails.
#ifndef WRITER_SPOOLAGE_H
#define WRITER_SPOOLAGE_H

#include "common/clock.h"

#include <stddef.h>
#include <stdint.h>

#define SPOOLAGE_MARKS 64

struct spoolage {
        int64_t newest_row;
        int64_t step_ns; // between marks
        size_t count;
        struct spoolage_mark {
                int64_t row; // this one and those up to the next mark's
                int64_t wall_ns;
        } marks[SPOOLAGE_MARKS];
};

// `row` is committed; rows come ascending.
void spoolage_add(struct spoolage *age, int64_t row, wall_time now);
// Rows up to `row` are gone.
void spoolage_trim(struct spoolage *age, int64_t row);
// 0: none waits.
int64_t spoolage_oldest_wall_ns(const struct spoolage *age);

#endif
