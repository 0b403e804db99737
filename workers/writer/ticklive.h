// SPDX-License-Identifier: Apache-2.0
// Ticks out of the spool. Rows wait in memory until exchange time has passed their second by two seconds, so that a
// second is written once; late rows unite with what is there. What is lost between two connections is derived here:
// of trades and aggregate trades by their ids, of quotes and books by time. Called by live.c and sync.c.
#ifndef WRITER_TICKLIVE_H
#define WRITER_TICKLIVE_H

#include "common/batch.h"
#include "workers/writer/storestate.h"

// Before a batch's first record: streams of the batch before are forgotten.
void ticklive_begin(struct store *store, const struct batch_view *batch);
// A record of a tick stream (data, CONNECT, BOUNDARY, OVERLAP) at its place in the spool; one that was looked at before
// changes nothing. True where it was one.
bool ticklive_take(
    struct store *store, const struct batch_view *batch, const struct record_view *record, struct tick_place place);
// The next row of this stream may not follow the last one.
void ticklive_boundary(
    struct store *store, const struct stream_id *stream, const char *reason, struct tick_place place);

// Puts rows whose second is over into the files. Returns 0, or -1 with errno: what was not written still waits.
int ticklive_close_over(struct store *store);
// The same for all rows.
int ticklive_close_all(struct store *store);
// The newest spool row up to which nothing waits in memory any more, `row_applied` at most.
int64_t ticklive_cursor(const struct store *store);
// A bucket's figures as they stand in the spool before its first waiting row: what the ledger is to hold.
void ticklive_durable(const struct tick_bucket *bucket, struct tick_place *seen, int64_t *last_id, int64_t *rows);

#endif
