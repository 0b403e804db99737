// SPDX-License-Identifier: Apache-2.0
// Writing parcels to the server, and proving them durable there: when they are sent together, when they are read back,
// when they are given up. Used by sink.c; sink_send() and sink_confirm() of sink.h are here, too.
#ifndef WRITER_SINKWRITE_H
#define WRITER_SINKWRITE_H

#include "common/limits.h"
#include "workers/writer/sinkparcel.h"

struct sink;

// Sends it. Returns 0: acknowledged, or the server had it all, or it is given up; -1. The parcel may be gone.
int sinkwrite_parcel(struct sink *sink, struct parcel *parcel);
// Marks what the server has of a sorted parcel. What it has is durable. Returns 0; 2, it refuses to tell (`why`); -1.
// *changed: rows of a fixed bucket that are there with other values.
int sinkwrite_mark_present(struct sink *sink, struct parcel *parcel, size_t *changed, char why[REASON_SIZE]);

#endif
