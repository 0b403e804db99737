// SPDX-License-Identifier: Apache-2.0
// The block of one second: all its rows, packed and compressed as a raw snappy block (MarketStore v4.1.23,
// executor/writer.go). Rows of several sources are united by key, so that each is there once whatever was repeated.
// Used by common/tickfile.c, common/tickstage.c and common/tickquery.c, and for rows that a server has or that were
// found damaged. Works on memory alone; one block is used for one second after the other.
#ifndef COMMON_TICKBLOCK_H
#define COMMON_TICKBLOCK_H

#include "common/limits.h"
#include "common/tickbucket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tick_block; // owns its buffers

struct tick_block *tick_block_new(const struct tick_layout *layout);
void tick_block_free(struct tick_block *block);
void tick_block_clear(struct tick_block *block);

// Adds the rows of a stored block. Returns 0, or -1 with EBADMSG and in `why` what is wrong with its bytes; then the
// block is empty.
int tick_block_load(struct tick_block *block, const void *compressed, size_t length, char why[REASON_SIZE]);

// Adds a row. `columns` must stay where it is until tick_block_unite().
void tick_block_add(struct tick_block *block, uint32_t ticks, const unsigned char *columns);

// Sorts by time, then key, and leaves one row of those with equal keys. Of trades the one with the finer time stays (a
// microsecond over a millisecond), else the earlier, else the one added last; RecvTime is the earliest that is not 0.
// A row equal to one before it in a bucket without keys stays: nobody knows what it is.
// Returns 0, or -1 with EFBIG: more than TICK_BLOCK_BYTES_MAX.
int tick_block_unite(struct tick_block *block);

// After tick_block_unite(): rows of columns and ticks, back to back, valid until the block is used again.
size_t tick_block_count(const struct tick_block *block);
const unsigned char *tick_block_rows(const struct tick_block *block);
// Whether the rows are the loaded block's, byte by byte.
bool tick_block_is_unchanged(const struct tick_block *block);

// Upper bound of what tick_block_compress() writes.
size_t tick_block_compressed_max(const struct tick_block *block);
// Returns the compressed length.
size_t tick_block_compress(const struct tick_block *block, void *out);

#endif
