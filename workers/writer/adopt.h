// SPDX-License-Identifier: Apache-2.0
// Makes a bucket ready to be written: finds its directory, continues a tree that others began in its own columns, and
// looks at what it holds. Rows without an account (another feeder's, or ours after the ledger was lost) count as
// covered from then on; an account without its files (the tree was removed or is an older copy) is withdrawn.
#ifndef WRITER_ADOPT_H
#define WRITER_ADOPT_H

#include "workers/writer/storestate.h"

// Returns 0: ready; 1: it cannot be written (bucket->refused, `why` says why); -1 with errno: EAGAIN, the catalogue is
// needed for its directory's name and is not there yet; else the system's. Cheap once done.
int bucket_prepare(struct store *store, struct bucket_state *bucket);
// Gives the bucket up, with one error line: others go on, nothing of it is overwritten.
void bucket_refuse(struct store *store, struct bucket_state *bucket, const char *why);
// Columns and types as a message tells them: "Open f8, High f8".
void adopt_schema_text(const struct yearfile_schema *schema, char *text, size_t size);

#endif
