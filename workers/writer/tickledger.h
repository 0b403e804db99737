// SPDX-License-Identifier: Apache-2.0
// The ledger's tables of ticks (tick_*). Called by ledgercommit.c and ledgerload.c, within their transactions.
#ifndef WRITER_TICKLEDGER_H
#define WRITER_TICKLEDGER_H

#include "workers/writer/ledgerdb.h"
#include "workers/writer/storestate.h"

// Writes what changed, and the triples that are pending in place of the older ones. Returns 0, or -1 with errno.
int tickledger_put(struct ledger *ledger, const struct store *store);
// The transaction was committed.
void tickledger_is_clean(struct store *store);
// Fills the state. Returns 0, or -1 with errno (EBADMSG: what we never write) and *table.
int tickledger_load(struct ledger *ledger, struct store *store, const char **table);
// Completes at start what the ledger says was pending. Returns 0, or -1 with errno and `why`.
int tickledger_redo(struct ledger *ledger, struct store *store, char why[REASON_SIZE]);

#endif
