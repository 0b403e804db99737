// SPDX-License-Identifier: Apache-2.0
// The store thread: applies spool rows and backfill chunks to the store, syncs it, moves the cursor, grants jobs. It
// alone touches the store, the ledger, the bulk pipeline and the job channels, so a slow disk never delays an
// acknowledgement.
#ifndef WRITER_STORETHREAD_H
#define WRITER_STORETHREAD_H

#include "common/child.h"
#include "workers/writer/handover.h"
#include "workers/writer/steps.h"
#include "workers/writer/store.h"

#include <pthread.h>

struct storethread_start {
        const struct child *child;       // for its pages and its control socket; `setup` below is the thread's own map
        const struct child_setup *setup; // becomes the thread's; replaced by a reload
        struct handover *handover;
        struct store *store; // becomes the thread's
        const char *spool_path;
        struct steps steps;
};

// `start` must live as long as the thread. Returns 0, or -1 with errno. The thread ends after handover->drain, or ends
// the process where it cannot go on.
int storethread_run(struct storethread_start *start, pthread_t *thread);
// The callback for store_events: puts a live bar into the governor's ring. `context` is the thread's start.
void storethread_live_bar(void *context, const struct stream_id *stream, const struct kline *kline);
// The callback `blocks` of store_events.
void storethread_blocks(void *context, int64_t ms);

#endif
