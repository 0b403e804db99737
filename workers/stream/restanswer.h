// SPDX-License-Identifier: Apache-2.0
// What any REST answer tells the budget that all processes of this address share: the exchange's clock minute, the
// weight it counted, and a refusal (429, 418, 403, 451), which stops every process. Used by snapshots.c and
// comparison.c; owns nothing.
#ifndef WORKERS_STREAM_RESTANSWER_H
#define WORKERS_STREAM_RESTANSWER_H

#include "common/governor.h"
#include "workers/stream/wsget.h"

// `minute`: governor_minute() at the request. `symbol`: whom to name in the log. Returns NULL where a whole answer with
// status 200 came, or what came instead (in `why`, or static text).
const char *restanswer_account(const struct ws_answer *answer, struct governor_page *governor, uint32_t minute,
    const char *symbol, char why[REASON_SIZE]);

#endif
