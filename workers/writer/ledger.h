// SPDX-License-Identifier: Apache-2.0
// ledger.db: the account that the store's state is kept in (SQLite, WAL, synchronous=FULL). One transaction per store
// sync moves coverage, gaps, troubles, catalogue, wants and the spool cursor together; only what changed is written.
// Called by the store alone. Readers: common/ledgerview.h.
#ifndef WRITER_LEDGER_H
#define WRITER_LEDGER_H

#include "workers/writer/storestate.h"

struct ledger;

// Opens or creates it, recovers, checks that it is sound and belongs to this market and these endpoints. NULL with
// *exit_code and a message that names the file and the cure.
struct ledger *ledger_open(const struct settings *settings, int *exit_code, char why[REASON_SIZE]);
void ledger_close(struct ledger *ledger);

// Fills the state from it: buckets, catalogue, wants, cursor. Returns 0, or -1 with errno (EBADMSG: it holds what we
// never write) and a message.
int ledger_load(struct ledger *ledger, struct store *store, char why[REASON_SIZE]);
// Writes everything that changed since the last commit, with `cursor`. Returns 0, or -1 with errno: nothing was
// written.
int ledger_commit(struct ledger *ledger, struct store *store, int64_t cursor);

// ---- batches kept aside ----

// A transaction of its own. Returns 0, or -1 with errno.
int ledger_quarantine(struct ledger *ledger, const void *bytes, size_t length, int64_t spool_row, const char *reason);
// The oldest one whose last trial is more than a day ago; the trial is recorded before it is returned, so that one
// which ends us again waits another day. Returns its id (0: none, -1: errno); *bytes is the caller's.
int64_t ledger_quarantine_next(struct ledger *ledger, void **bytes, size_t *length);
int ledger_quarantine_drop(struct ledger *ledger, int64_t id);

// "mainnet", "testnet" or "custom", by the host of the REST URL.
const char *ledger_endpoint_class(const char *rest_url);

#endif
