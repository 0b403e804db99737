// SPDX-License-Identifier: Apache-2.0
// Backfilled trades and aggregate trades: pages by id. Rows unite with what the files hold as they come; what they
// prove is accounted for when the job is complete. An id of a page that did not come does not exist, if it is old
// enough for a verdict. Called by bulk.c, finish.c and leases.c.
#ifndef WRITER_TICKBULK_H
#define WRITER_TICKBULK_H

#include "workers/writer/storestate.h"

bool tickbulk_is_job(const struct lease *lease);
// Before a chunk's first record.
void tickbulk_begin(struct store *store, const struct lease *lease);
// Return 0, or -1 with EBADMSG and `why`.
int tickbulk_take_page(struct lease *lease, const struct record_id_page *page, char why[REASON_SIZE]);
int tickbulk_take_row(
    struct store *store, struct lease *lease, uint16_t type, const void *payload, char why[REASON_SIZE]);
// Stages the rows taken since the last call. Returns 0, or -1 with errno; again with the same chunk then.
int tickbulk_flush(struct store *store, struct lease *lease, char why[REASON_SIZE]);
// The job is complete. Returns 0, or -1 with EBADMSG and `why`.
int tickbulk_finish(struct store *store, struct lease *lease, char why[REASON_SIZE]);
// The job ended otherwise: `failure` as in store_release_job().
void tickbulk_release(struct store *store, const struct lease *lease, uint32_t failure, const char *text);
void tickbulk_free(struct store *store, struct lease *lease);

#endif
