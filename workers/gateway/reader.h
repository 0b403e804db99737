// SPDX-License-Identifier: Apache-2.0
// A query of one bucket, read in slices so that a year of rows does not keep other clients waiting. What a bucket is
// made of (fixed-length bars, blocks of ticks) is a struct reader_kind; reader_open() looks at the bucket and picks it.
//
// Semantics of MarketStore's Query: end inclusive, the start floored to its slot or bar, a limit counts from the end
// unless told otherwise, rows ascend. Safe beside the running writer.
#ifndef GATEWAY_READER_H
#define GATEWAY_READER_H

#include "workers/gateway/columns.h"
#include "workers/gateway/place.h"
#include "workers/gateway/tree.h"

#include <stdbool.h>
#include <stdint.h>

// Which rows. Nanoseconds since 1970; INT64_MIN and INT64_MAX: open.
struct row_range {
        int64_t start_ns, end_ns; // inclusive
        size_t limit;             // 0: none
        bool limit_from_start;
};

enum reader_result { READER_FAILED = -1, READER_END, READER_MORE };

struct reader;

struct reader_kind {
        const char *name;
        // Begins; the reader's bucket, place and range are set. Returns 0, or -1 with errno and `why`.
        int (*begin)(struct reader *reader, char why[REASON_SIZE]);
        // About how many rows there may be, for room to be made at once; a hint.
        size_t (*estimate)(const struct reader *reader);
        // Appends up to `rows_max` rows to columns that columns_choose() made from this bucket's schema. May append
        // none and still have more (a limit from the end is counted back first). READER_FAILED: errno and `why`.
        enum reader_result (*read)(
            struct reader *reader, struct columns *columns, size_t rows_max, char why[REASON_SIZE]);
        // Takes the next part off what is left of a query without a limit: a reader of its own, for another thread. 1;
        // 0: nothing is left; READER_FAILED.
        int (*cut)(struct reader *reader, struct reader **part, char why[REASON_SIZE]);
        void (*end)(struct reader *reader);
};

struct reader {
        const struct reader_kind *kind;
        const char *root;
        char symbol[BUCKET_SYMBOL_SIZE];
        struct tree_bucket bucket;
        struct place place;
        struct row_range range;
        void *state; // the kind's
};

extern const struct reader_kind reader_fixed, reader_ticks;

// For a kind's cut(): the same reader with another state.
struct reader *reader_copy(const struct reader *reader, void *state);

// `root` outlives the reader. NULL with errno and `why`: ENOENT, no such bucket; EINVAL, files that are no year files
// or of a kind not served.
struct reader *reader_open(const char *root, const char *symbol, const struct place *place,
    const struct row_range *range, char why[REASON_SIZE]);
size_t reader_estimate(const struct reader *reader);
enum reader_result reader_read(struct reader *reader, struct columns *columns, size_t rows_max, char why[REASON_SIZE]);
// About GATEWAY_SEGMENT_ROWS rows each, in their order. Not for a query with a limit.
int reader_cut(struct reader *reader, struct reader **part, char why[REASON_SIZE]);
void reader_close(struct reader *reader);

#endif
