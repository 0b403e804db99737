// SPDX-License-Identifier: Apache-2.0
// Triples on their way into a tick file's index, by second: those of blocks that are appended but not yet pointed to.
// Used by common/tickfile.c and common/tickstage.c alone. A plain value; all zero is empty.
#ifndef COMMON_TICKPENDING_H
#define COMMON_TICKPENDING_H

#include "common/tickindex.h"

#include <stddef.h>

struct tick_pending {
        struct tick_triple *triples; // ascending seconds, each once
        size_t count, capacity;
};

void tick_pending_put(struct tick_pending *pending, const struct tick_triple *triple);
// Moves all triples of `from` over; theirs take the place of those of the same second.
void tick_pending_merge(struct tick_pending *pending, struct tick_pending *from);
// NULL where the second is not pending.
const struct tick_triple *tick_pending_find(const struct tick_pending *pending, int64_t second);
// Empties it and gives its memory back.
void tick_pending_clear(struct tick_pending *pending);

#endif
