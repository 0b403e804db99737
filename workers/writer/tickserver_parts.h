// SPDX-License-Identifier: Apache-2.0
// What the files behind tickserver.h share: tickserver.c (sending, losses), tickserverlook.c (what the server has) and
// tickserverdoubles.c (what it doubled). Nobody else includes it.
#ifndef WRITER_TICKSERVER_PARTS_H
#define WRITER_TICKSERVER_PARTS_H

#include "workers/writer/sink.h"
#include "workers/writer/tickserver.h"
#include "workers/writer/tickwire.h"

// A server that was killed replays what it wrote since its last checkpoint, which it makes every five minutes.
#define TICKSERVER_REPLAY_US (6 * US_PER_MIN)

struct tick_remote {
        struct tick_remote *next;
        struct store *store;
        struct tick_bucket *bucket;
        char key[BUCKET_NAME_SIZE];
        struct tick_wire wire;
        struct sink_target *target;
        int64_t newest_s; // the server has no row of a later second
        // Minutes that rows were put into, lately and in the six minutes before: what a replay may double.
        struct ranges written[2];
        mono_time written_since;
        bool suspect; // to be looked through
};

// Told of rows in the shape's `look`, ascending. Never of the same row twice.
typedef void tickserver_take_rows(struct tick_remote *remote, const uint8_t *rows, size_t count, void *context);
// Reads [start_s, end_s] page by page. Returns 0; 2, the server refuses to tell (`why`); -1.
int tickserver_read_pages(struct tick_remote *remote, int64_t start_s, int64_t end_s, tickserver_take_rows *take,
    void *context, char why[REASON_SIZE]);

// Looks at the bucket that the server has (ticksink.h); ids of an unknown one are adopted.
int tickserver_look(struct store *store, struct tick_bucket *bucket);

// Rows of the seconds [start_s, end_s] were put: a replay may double them.
void tickserver_note_written(struct tick_remote *remote, int64_t start_s, int64_t end_s);

// The server does not keep these rows: a sink_lost (sink.h).
void tickserver_on_lost(void *context, void *owner, enum sink_loss loss, const struct sink_shape *shape,
    const uint8_t *rows, size_t count, const char *why);

#endif
