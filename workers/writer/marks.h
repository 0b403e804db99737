// SPDX-License-Identifier: Apache-2.0
// Which batch of a slot may be taken next. The writer accepts exactly the next batch of the newest incarnation, so
// whatever nanomsg lost is resent and whatever came twice is dropped. Pure; used by the intake (live) and the store
// thread (bulk).
#ifndef WRITER_MARKS_H
#define WRITER_MARKS_H

#include "common/batch.h"

#include <stdbool.h>
#include <stdint.h>

struct mark {
        uint64_t incarnation; // 0: none yet
        uint64_t sequence;    // highest batch taken
};

enum mark_verdict {
        MARK_NEXT,      // take it
        MARK_OPEN,      // take it: the first batch of a new incarnation, which fences the older ones
        MARK_DUPLICATE, // have it
        MARK_HOLE,      // an earlier one is missing: the worker will resend
        MARK_STALE,     // of a fenced incarnation: whoever sent it is dead, or should be
};

enum mark_verdict mark_judge(const struct mark *mark, const struct batch_view *batch);

#endif
