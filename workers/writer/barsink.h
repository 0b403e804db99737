// SPDX-License-Identifier: Apache-2.0
// Where bars end up: year files (barfiles.c) or a running MarketStore server (barserver.c). What is written, at which
// rank, and what it proves is decided by the store's other files and is the same for both. One of the two is chosen at
// the start (store->sink). Called on the store thread.
//
// Functions return 0, or -1 with errno; EHOSTUNREACH, the server is away: nothing was done, call again later.
#ifndef WRITER_BARSINK_H
#define WRITER_BARSINK_H

#include "workers/writer/storestate.h"

#include <sys/types.h>

struct row_run;

struct bar_sink {
        // The columns that a bucket has already. ENOENT: there is no such bucket; EINVAL and the like: it is nobody's
        // to write (`why`).
        int (*schema)(
            struct store *store, struct bucket_state *bucket, struct yearfile_schema *schema, char why[REASON_SIZE]);
        // True where bars can be written into these columns; else `why`.
        bool (*takes)(const struct yearfile_schema *schema, char why[REASON_SIZE]);
        // At the first touch by this process: covers what others wrote before us, withdraws the account of what is
        // gone. 1: the bucket is refused.
        int (*look)(struct store *store, struct bucket_state *bucket);
        bool (*is_empty)(struct store *store, struct bucket_state *bucket); // holds nothing for certain
        // apply_run_write(), once the bucket is prepared.
        int (*write)(struct store *store, struct row_run *run, bool live);
        // Bars that open in [start_us, *end_us), ascending, at most count_max; *end_us is lowered where only a part was
        // looked at. Returns their number; 0 with bucket->refused where they are nobody's to read; -1 with errno.
        ssize_t (*read)(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t *end_us,
            size_t count_max, int64_t *open_us, struct bar_values *bars);
        // Everything that was written is durable.
        int (*sync)(struct store *store);
        void (*close)(struct store *store);
        // NULL: it stores every bar. Else a reason why it cannot store the bar of this slot, or NULL.
        const char *(*unstorable)(const struct bucket_state *bucket, int64_t slot_us);
        // NULL: never away.
        bool (*is_away)(const struct store *store);
};

extern const struct bar_sink barfiles, barserver;

#endif
