// SPDX-License-Identifier: Apache-2.0
// The streams a worker carries: one per symbol, kind and interval, with its name at the exchange and what is known of
// its continuity. Built once from the set-up, by worker.c; found by name for every frame.
#ifndef WORKERS_STREAM_STREAM_H
#define WORKERS_STREAM_STREAM_H

#include "common/record.h"
#include "config/settings.h"
#include "workers/stream/bars.h"
#include "workers/stream/ids.h"
#include "workers/stream/json.h"
#include "workers/stream/updates.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_NAME_SIZE 48 // "1000satsusdt@kline_15m" and longer

struct stream_type;
struct depthstream;

struct stream {
        struct stream_id id;
        const struct stream_type *type;
        char name[STREAM_NAME_SIZE];
        union {                            // its continuity
                struct bars bars;          // klines
                struct ids ids;            // trades, aggregate trades
                struct updates updates;    // quotes
                struct depthstream *depth; // order books
        };
        int64_t last_event_us; // exchange time, 0: none yet
        // A second stream of ours that the same events make (changes beside snapshots of a book): it is connected and
        // interrupted together with this one. NULL: none. Not in the table.
        struct stream *companion;

        // Told to the writer, in this order, before the stream's next record; see sink.h.
        struct record_boundary owed_boundary; // reason 0: none
        struct record_connect owed_connect;
        bool connect_is_owed;
        bool overlap_is_owed;

        bool quarantined;         // the exchange does not know the name; asked for again at the next renewal
        bool overlap_unproven;    // CONNECT said that it overlaps, and what was lost in between is not known yet
        bool late_said;           // logged that its bars are late
        uint64_t unreadable;      // frames of this stream that could not be read
        uint64_t unreadable_told; // of these and of its carrier's: covered by boundaries up to here
};

struct stream_table {
        struct stream *streams;
        size_t count;
        struct stream **buckets; // open addressing, a power of two
        size_t mask;
};

// One stream for each symbol, kind in settings->stream_types that this program knows, and interval.
void stream_table_build(struct stream_table *table, const struct symbol_list *symbols, const struct settings *settings);
void stream_table_free(struct stream_table *table);
// NULL where no stream has that name.
struct stream *stream_table_find(const struct stream_table *table, struct span name);

// Adds "a/b/c" of streams[from..to) to `path` (which ends in "streams=") until it would exceed `bytes_max`; quarantined
// ones are left out. Returns the index behind the last one that was considered.
size_t stream_names_append(
    const struct stream *streams, size_t from, size_t to, char *path, size_t bytes_max, size_t *taken);
// The stream whose name stands in a text of the exchange's, as a word; NULL: none, or several.
struct stream *stream_named_in(struct stream *streams, size_t count, const char *text, size_t length);

#endif
