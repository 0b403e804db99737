// SPDX-License-Identifier: Apache-2.0
// Which rows of a variable bucket are the same row: those of one second with equal keys (a trade by its id, whatever
// the time of receipt says). Rows of a bucket without key columns (old feeders') are the same where the millisecond and
// all columns are, and as often as they are there. What is told apart here is never sent twice, and what a server
// doubled is found. Pure; used by sinkparcel.c, sink.c and tickserver.c.
#ifndef WRITER_SINKMATCH_H
#define WRITER_SINKMATCH_H

#include "common/storerpc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Columns of a row that are its key, as places in the row. parts 0: it has none.
struct sink_key {
        size_t parts;
        struct {
                size_t offset, bytes;
        } part[3];
};

// Rows in one layout. Two sets that are compared may have different layouts, but the same key columns; without a key
// they have the same layout.
struct sink_rows {
        const struct storerpc_layout *layout;
        const struct sink_key *key;
        const uint8_t *rows;
        size_t count;
};

// A bucket's rows: as they are sent, and as they are read where only what tells them apart matters.
struct sink_shape {
        struct storerpc_layout layout, look;
        struct sink_key key, look_key;
};

// `names`: the key's columns, up to the first NULL; NULL for a fixed bucket. Without a key, or where one of them is not
// there, `look` is `layout`.
void sinkmatch_shape_make(const struct yearfile_schema *schema, const char *const names[3], struct sink_shape *shape);
// Marks in `present` the rows that are among the others; those that are marked already stay so, and match nothing.
void sinkmatch_mark(const struct sink_rows *rows, bool *present, const struct sink_rows *others);
// Marks the rows with a key that came before. Returns how many. None without a key.
size_t sinkmatch_mark_repeated(const struct sink_rows *rows, bool *present);

#endif
