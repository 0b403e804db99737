// SPDX-License-Identifier: Apache-2.0
// What a complete job proves: bars that came are covered; open times that the exchange answered without a bar get a
// verdict, or are asked again once they are old enough for one.
#ifndef WRITER_FINISH_H
#define WRITER_FINISH_H

#include "workers/writer/storestate.h"

// Commits the account of a job whose JOB_END agreed with what arrived, and ends its lease. Returns 0, or -1 with
// EBADMSG and a message: the answer cannot be what it claims to be; the lease is left to the caller.
int finish_job(struct store *store, struct lease *lease, char why[REASON_SIZE]);

#endif
