// SPDX-License-Identifier: Apache-2.0
// Open year files of the store, least recently used first out (STORE_OPEN_FILES_MAX, less where the process may not
// open that many). Also begins writing back what bulk writes left in the cache, so that a sync finds little to do.
#ifndef WRITER_OPENFILES_H
#define WRITER_OPENFILES_H

#include "common/yearfile.h"
#include "workers/writer/storestate.h"

void openfiles_init(struct store *store);
// How many files of one sort may be open: `wanted`, or less where the process may not open so many.
size_t openfiles_limit(size_t wanted);
// The year file in which `slot_us` of this bucket lies, opened or created for writing; valid until the next call. NULL
// with errno and a message in `why`, as yearfile_open_write().
struct yearfile *openfiles_get(
    struct store *store, struct bucket_state *bucket, int64_t slot_us, char why[REASON_SIZE]);
// Tells of bytes written to the file that openfiles_get() returned last for this bucket and slot.
void openfiles_wrote(struct bucket_state *bucket, const struct yearfile *file, int64_t bytes);
void openfiles_close_all(struct store *store);

#endif
