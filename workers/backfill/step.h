// SPDX-License-Identifier: Apache-2.0
// What a step of a job came to.
#ifndef BACKFILL_STEP_H
#define BACKFILL_STEP_H

enum step {
        STEP_WAITS,    // for an answer or an acknowledgement
        STEP_COMPLETE, // all rows are in the outbox
        STEP_FAILED,
};

#endif
