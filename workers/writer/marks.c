// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/marks.h"

static bool begins_with_open(const struct batch_view *batch)
{
        struct batch_view copy = *batch;
        struct record_view record;

        return batch_next_record(&copy, &record) && record.type == RECORD_OPEN;
}

enum mark_verdict mark_judge(const struct mark *mark, const struct batch_view *batch)
{
        const struct batch_header *header = &batch->header;

        if (header->incarnation < mark->incarnation)
                return MARK_STALE;
        if (header->incarnation > mark->incarnation)
                return header->sequence == 1 && begins_with_open(batch) ? MARK_OPEN : MARK_HOLE;
        if (header->sequence <= mark->sequence)
                return MARK_DUPLICATE;
        return header->sequence == mark->sequence + 1 ? MARK_NEXT : MARK_HOLE;
}
