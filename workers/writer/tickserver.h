// SPDX-License-Identifier: Apache-2.0
// Ticks at a running MarketStore server: what `store.type: server` does behind ticksink.h (tickserver). A server only
// appends rows of variable buckets and knows no key, so nothing is sent twice: rows of seconds that it may have already
// are asked for first and left out by their ids, the others are known to be new, for this program is the only one to
// write. What the server itself doubles, by replaying its log after a kill, is found by reading back what was written
// lately, and recorded as a gap of state `doubled`; readers leave the doubles out by the same ids. Buckets of old
// feeders without ids are continued; their rows are told apart by time and values. Called on the store thread.
#ifndef WRITER_TICKSERVER_H
#define WRITER_TICKSERVER_H

#include "workers/writer/ticksink.h"

struct server_store;

// The server answers on another connection: what was written lately is looked through at the next sync.
void tickserver_renewed(struct store *store);
// Looks through what is due. Returns 0, or -1 with EHOSTUNREACH.
int tickserver_inspect(struct store *store);
void tickserver_free(struct server_store *server);

#endif
