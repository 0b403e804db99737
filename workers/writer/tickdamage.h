// SPDX-License-Identifier: Apache-2.0
// Damaged blocks of ticks: the rows of a second are gone, and nobody knows which they were. Of trades and aggregate
// trades all ids between those of the seconds around it count as missing from then on, so that they are fetched again;
// of quotes and books the second is lost. Used by tickfiles.c alone.
#ifndef WRITER_TICKDAMAGE_H
#define WRITER_TICKDAMAGE_H

#include "workers/writer/storestate.h"

// A tickfile_damage callback; `context` is the store. Only remembers it: the file is being read.
void tickdamage_note(void *context, const struct tickfile *file, int64_t second, const char *what);
// Draws the consequences of what was remembered. `file`: that of the seconds, or NULL where it is not open any more.
void tickdamage_settle(struct store *store, struct tick_bucket *bucket, const struct tickfile *file);

#endif
