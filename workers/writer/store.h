// SPDX-License-Identifier: Apache-2.0
// What the store thread does with records: apply them to the year files, account for them in the ledger, and say what
// is still missing. One apply path serves live batches (spool) and backfill chunks alike and refuses a row of lower
// rank than what covers its slot. Called by workers/writer/storethread.c alone, on one thread; owns the ledger, the
// open year files and the lock of root_directory.
//
// Order of durability: rows are written; store_sync() makes them durable, then commits coverage, gaps, catalogue and
// the spool cursor to the ledger in one transaction. The cursor may lag, never lead; applying twice changes nothing.
//
// Every function that writes may fail with ENOSPC/EDQUOT: nothing was acknowledged, the caller waits for room and calls
// again with the same input. A failed fsync is EIO: the caller ends the process (exit 75); its successor replays.
#ifndef WRITER_STORE_H
#define WRITER_STORE_H

#include "common/batch.h"
#include "common/child.h"
#include "common/job.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

struct store_events {
        // A live bar has been written to its year file (not yet synced); for the governor's ring of newest bars.
        void (*live_bar)(void *context, const struct stream_id *stream, const struct kline *kline);
        void *context;
        // Before a call that may block for so long (a server's answer). NULL: nobody asks.
        void (*blocks)(void *context, int64_t ms);
};

// Opens or creates ledger.db and root_directory, locks the latter, recovers, loads coverage. Waits up to
// STORE_LOCK_WAIT_MS for an old instance to let go, and a recovery may take long: announce CHILD_HANG_SYNC_MS first.
// `setup` is copied. NULL with *exit_code and a message in `why`: EXIT_BAD_CONFIG (the ledger belongs to another
// market, testnet or endpoint class; a directory cannot be used), EXIT_TRY_LATER (locked, a MarketStore server at work
// there, no space, I/O, a damaged ledger: named, with the cure).
struct store *store_open(const struct child_setup *setup, struct governor_page *governor,
    const struct store_events *events, int *exit_code, char why[REASON_SIZE]);
void store_close(struct store *store);

// A reload: other symbols, intervals, ranges. Running leases stay valid.
void store_reconfigure(struct store *store, const struct child_setup *setup);

// ---- live: batches from the spool, in spool order ----

// The spool row up to which the ledger's cursor has passed: rows above must be applied again after a start.
int64_t store_cursor(const struct store *store);
// The newest spool row of which the ledger knows something: rows with an id up to this must never be given out again.
int64_t store_row_seen(const struct store *store);
// Applies one batch. Applying a batch twice changes nothing. Returns 0, or -1 with errno; EAGAIN: `store.symbol` names
// {base} or {quote} and the catalogue that tells them is not there yet (grant the CATALOG job, then call again).
int store_apply_live(struct store *store, const struct batch_view *batch, int64_t spool_row);

// Exchange time has come to `now_us`, and all batches up to then were applied: ticks whose second is over go into their
// files (rows of a batch do so by themselves when the stream's own time has passed them). INT64_MAX: all of them, as
// before the end. Returns 0, or -1 with errno; what could not be written waits.
int store_pass_time(struct store *store, int64_t now_us);

// ---- backfill ----

// The next job for a worker, or false when there is nothing to do now; *retry_ms then says when to ask again at the
// latest (ledger time passes, deferrals end). `now_us` is exchange time, -1 while unknown (then only catalogue jobs).
bool store_next_job(struct store *store, int64_t now_us, struct job *job, int64_t *retry_ms);
// A bulk batch of `lease` (JOB_BEGIN, PAGE, KLINE, ID_PAGE, TRADE, AGG_TRADE, SYMBOL, LISTING, JOB_END). Returns 0; 1
// when it completed the job (JOB_END seen, chunk and row counts and CRC agree); -1 with errno (EBADMSG: the job is
// discarded, with a reason in `why`).
int store_apply_bulk(struct store *store, uint64_t lease, const struct batch_view *batch, char why[REASON_SIZE]);
// The lease is free again: its worker died, failed, was fenced, or left a hole. `failure` 0: the worker ended by its
// own fault (a crash; the third on the same range quarantines it), else enum job_failure. Rows that were applied stay
// (they are right), but count as covered only once a job that brought them has completed. An unknown lease is ignored.
void store_release_job(struct store *store, uint64_t lease, uint32_t failure, const char *text);
// The job of a lease, NULL where there is none. Valid until the next call that may end it.
const struct job *store_job(struct store *store, uint64_t lease);
// A chunk of this job, of an earlier writer, ended that writer by its own fault; `crashes` in a row by now. Counts as
// if the job's worker had crashed: the third time it is left alone for a day.
void store_blame_job(struct store *store, const struct job *job, uint32_t crashes, const char *text);
// Widens what is wanted (command line). Returns 0, or -1 with errno and a message in `why` (EINVAL: no such symbol …).
int store_want(struct store *store, const struct control_backfill *want, char why[REASON_SIZE]);

// ---- bars made here ----

// Makes some of the bars whose sources have changed. Returns 1 where more is left, 0 where nothing is; -1 with errno
// (EAGAIN: they wait for the catalogue), then nothing is lost.
int store_derive(struct store *store);

// ---- durability ----

bool store_sync_due(
    const struct store *store, mono_time now); // by bytes, age, or finished jobs that await their commit
int64_t store_sync_wait_ms(const struct store *store, mono_time now); // until it may become due; -1: nothing to sync
int store_sync(struct store *store);                                  // syncfs, then one ledger transaction

// ---- what is known ----

// Everything wanted is covered or explained and synced (one-shot runs: up to the horizon fixed at start).
bool store_is_complete(struct store *store, int64_t now_us);
// Not complete, and nothing that is left can be had soon: unknown symbols, refused, defective or quarantined ranges,
// foreign files. A one-shot run ends here, with EXIT_FAILED; `text` says what and why.
bool store_is_exhausted(struct store *store, int64_t now_us, char text[REASON_SIZE]);
// A one-shot run whose store server has been away for too long ends with EXIT_TRY_LATER; `text` says so.
bool store_is_away_for_good(const struct store *store, char text[REASON_SIZE]);
// The catalogue as the supervisor needs it; *generation grows with each commit. Returns entries (owned by the store).
const struct catalogue_entry *store_catalogue(const struct store *store, size_t *count, uint64_t *generation);
// Keeps a batch that ended its reader three times: bytes kept in the ledger, a gap, tried again daily.
int store_quarantine(struct store *store, const void *bytes, size_t length, int64_t spool_row, const char *reason);

#endif
