// SPDX-License-Identifier: Apache-2.0
// The state of a sink, shared by sink.c, sinkread.c and sinkwrite.c and by nobody else.
#ifndef WRITER_SINKSTATE_H
#define WRITER_SINKSTATE_H

#include "common/storehttp.h"
#include "workers/writer/sink.h"
#include "workers/writer/sinkparcel.h"
#include "workers/writer/sinkrule.h"

struct sink_target {
        struct sink *sink;
        char key[STORERPC_KEY_SIZE];
        struct sink_shape shape;
        sink_lost *lost;
        void *owner;
        struct parcel *parcels; // the newest first
        unsigned reach;         // how far around what is asked for the server has to be asked (sinkread.c)
};

struct sink {
        struct sink_events events;
        struct storehttp *http;
        msgpack_sbuffer request;
        struct sink_target **targets;
        size_t targets_count;
        struct parcel *oldest, *newest; // all of them, in the order in which they were begun
        size_t bytes_kept, rows_kept;
        struct sink_moment proof;
        mono_time renewed_at; // when it first answered on another connection than before
        // away
        bool away;
        mono_time retry_at;
        int64_t retry_ms;
};

#define SINK_TRIES_MAX 5 // at a request that is refused or that the server drops
#define SINK_DROPPED 3

// Sends what lies in sink->request. Returns 0; -1, the server is away; SINK_DROPPED, it gave no answer (`why`) and
// answers another request, which lies in sink->request now. *tried then says that it may have taken effect (NULL: no
// matter).
int sink_post(struct sink *sink, struct storehttp_answer *answer, bool *tried, char why[REASON_SIZE]);
// Of the answer to a request that began then. Returns 0; 1, no such bucket; 2, refused; -1 or SINK_DROPPED, it is none.
int sink_look_result(struct sink *sink, enum storerpc_verdict verdict, uint64_t connection, mono_time began);
// Takes it out of all lists, and frees it.
void sink_drop_parcel(struct sink *sink, struct parcel *parcel);
// The parcel has another number of rows than `before`.
void sink_recount(struct sink *sink, const struct parcel *parcel, size_t before);
void sink_sort_parcel(struct sink *sink, struct parcel *parcel);

#endif
