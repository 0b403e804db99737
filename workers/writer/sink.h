// SPDX-License-Identifier: Apache-2.0
// Rows on their way into a MarketStore server: gathered per bucket and year into large writes, sent in order of time,
// buckets with the same columns together (and one by one where that fails, so that a failure has an owner), kept until
// they are durable there (sinkrule.h), read back and sent again as far as they are missing after any answer that was
// not a plain yes. Takes bars and ticks alike: a row is bytes in the bucket's own columns (storerpc.h). Used by
// barserver.c and tickserver.c on the store thread. Owns the connection and the rows it was given.
//
// Functions that talk to the server return -1 with EHOSTUNREACH while it cannot be reached, at once where that was
// found out a moment ago: nothing is lost, the caller waits and calls again with the same input. What the server
// refuses or does not keep is told by `lost`, and given up.
#ifndef WRITER_SINK_H
#define WRITER_SINK_H

#include "workers/writer/sinkmatch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink;
struct sink_target; // a bucket; lives as long as the sink

enum sink_loss {
        SINK_REFUSED,  // the server refuses the bucket's writes; `why` in its words
        SINK_NOT_KEPT, // it acknowledges these rows and does not have them
        SINK_CHANGED,  // it has other values at these times: someone else writes them
};

// Rows that are given up. `context`: that of sink_events; `owner` as in sink_target_new(); `shape`: of these rows,
// which may be older than the owner's newest target.
typedef void sink_lost(void *context, void *owner, enum sink_loss loss, const struct sink_shape *shape,
    const uint8_t *rows, size_t count, const char *why);

struct sink_events {
        // Before a call that may block for so long.
        void (*blocks)(void *context, int64_t ms);
        // The server went (`why`) or is back (NULL).
        void (*away)(void *context, const char *why);
        // It answers on another connection: it may have been started anew, and may have replayed its log.
        void (*renewed)(void *context);
        void *context;
};

// NULL where libcurl cannot be set up. `url` without a trailing slash.
struct sink *sink_new(const char *url, const struct sink_events *events);
// What was not sent, is not.
void sink_free(struct sink *sink);
bool sink_is_away(const struct sink *sink);

// ---- looking ----

// Asks for anything at all. Returns 0, or -1.
int sink_probe(struct sink *sink);
// A bucket's columns. Returns 0; 1, there is no such bucket; 2, the server refuses to tell (`why`); -1.
int sink_info(struct sink *sink, const char *key, struct yearfile_schema *schema, char why[REASON_SIZE]);
// Rows in a range, of the first `columns` columns (allocated). Return as above.
int sink_read(struct sink *sink, const char *key, const struct storerpc_layout *layout, size_t columns,
    const struct storerpc_range *range, uint8_t **rows, size_t *count, char why[REASON_SIZE]);

// ---- writing ----

struct sink_target *sink_target_new(
    struct sink *sink, const char *key, const struct sink_shape *shape, sink_lost *lost, void *owner);
const struct storerpc_layout *sink_target_layout(const struct sink_target *target);
// Takes rows (copied; of a fixed bucket in ascending order). Of two fixed rows at one time the later wins. May send
// what has become many. Returns 0; or -1 with nothing taken.
int sink_put(struct sink_target *target, const uint8_t *rows, size_t count);
// The same for rows of a variable bucket of which the server may have some already: it is asked, and they are left out.
// Returns 0; 2, it refuses to tell (`why`); or -1 with nothing taken.
int sink_put_missing(struct sink_target *target, const uint8_t *rows, size_t count, char why[REASON_SIZE]);
// Sends what is gathered of one bucket. Returns 0 or -1.
int sink_send(struct sink_target *target);
// Sends everything, and proves everything durable that was sent. Returns 0 or -1.
int sink_confirm(struct sink *sink);
// Rows that are gathered or not yet proved.
size_t sink_rows_kept(const struct sink *sink);

#endif
