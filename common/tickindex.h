// SPDX-License-Identifier: Apache-2.0
// The index area of a tick file: for each second of the year 24 bytes {index, offset, length} that say where the
// second's block lies; index 0 means no rows. 757 MB a year, nearly all of it holes of the file, which cost nothing to
// step over. Used by common/tickfile.c and common/tickquery.c.
//
// Concurrency: one writer. A new triple is written offset and length first, index last; one that changes is written
// under an exclusive lock (common/yearlock.h), and readers take a shared one. The blocks themselves never change.
#ifndef COMMON_TICKINDEX_H
#define COMMON_TICKINDEX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Where a second's block lies. A plain value of three words, fit to be kept in the ledger as it is.
struct tick_triple {
        int64_t second; // since 1970
        int64_t offset, length;
};

struct tick_index {
        int fd;
        int64_t first_second; // of the file's year
        int64_t seconds;      // in it
};

// Returns 1, 0 where the second has no rows, or -1 with errno (EAGAIN: the writer held its lock for too long). `second`
// must lie in the year.
int tick_index_find(const struct tick_index *index, int64_t second, struct tick_triple *triple);

// Reads the triples of [*low, high) (clipped to the year), ascending, at most count_max (1 or more), and moves *low
// behind what was looked at: *low >= high when all was. Returns the count, which may be 0 before that, or -1 with
// errno.
ssize_t tick_index_read(
    const struct tick_index *index, int64_t *low, int64_t high, struct tick_triple *triples, size_t count_max);
// The same from the other end: the last ones of [low, *high), ascending still, and *high moves down.
ssize_t tick_index_read_back(
    const struct tick_index *index, int64_t low, int64_t *high, struct tick_triple *triples, size_t count_max);

// Points the seconds to their blocks, which must be on disk. Ascending seconds, all within the year. Returns 0, or -1
// with errno; then any number of them may have been written.
int tick_index_point(const struct tick_index *index, const struct tick_triple *triples, size_t count);

#endif
