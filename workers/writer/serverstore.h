// SPDX-License-Identifier: Apache-2.0
// The running MarketStore server that is the store where store.type is `server`: one sink (sink.h) for bars
// (barserver.c) and ticks (tickserver.c). Opened and closed by the store; owns the sink.
#ifndef WRITER_SERVERSTORE_H
#define WRITER_SERVERSTORE_H

#include "common/clock.h"
#include "common/limits.h"
#include "workers/writer/sink.h"

struct store;
struct tick_remote;

struct server_store {
        struct sink *sink;
        struct store *store;
        uint8_t *bar_rows;           // of a run (barserver.c)
        struct tick_remote *remotes; // tickserver.c
        mono_time opened_at;
        mono_time away_since; // as long as it is away
};

// Asks once whether it is there, and says so where it is not. Returns 0, or -1 with `why`.
int serverstore_open(struct store *store, char why[REASON_SIZE]);
void serverstore_close(struct store *store);
// Everything that was given to the sink is durable, and what the server doubled is recorded. Returns 0 or -1.
int serverstore_sync(struct store *store);
// Asks again where it was away a moment ago.
bool serverstore_is_away(const struct store *store);
// True in a one-shot run whose server has been away for SINK_GIVE_UP_MS; `text` says so.
bool serverstore_is_given_up(const struct store *store, char text[REASON_SIZE]);

#endif
