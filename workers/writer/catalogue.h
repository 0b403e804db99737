// SPDX-License-Identifier: Apache-2.0
// The exchange's symbols as the newest complete CATALOG job brought them, and since when each was away. Sorted by
// symbol. Part of the store's state; the ledger keeps it.
#ifndef WRITER_CATALOGUE_H
#define WRITER_CATALOGUE_H

#include "workers/writer/storestate.h"

#define CATALOGUE_PERIOD_S 3600                               // this host's time: a test clock does not make it busier
#define CATALOGUE_ENDED_US (INT64_C(24) * 3600 * 1000 * 1000) // exchange time away until a symbol's stream ends

const struct catalogue_entry *catalogue_find(const struct catalogue *catalogue, const char *symbol);
// Replaces it by the rows of a completed job, taken at `now_us` (exchange time). Symbols that are gone stay, as away:
// their history can still be had. Names that are not valid were skipped by the worker already; they are checked again.
// Returns how many names were skipped.
size_t catalogue_replace(struct catalogue *catalogue, const struct record_symbol *rows, size_t count, int64_t now_us);
// The very first catalogue is complete before anybody has told the exchange's time: it is dated once that is known.
void catalogue_note_time(struct catalogue *catalogue, int64_t now_us);
// One entry as the ledger kept it.
void catalogue_restore(struct catalogue *catalogue, const struct catalogue_entry *entry, int64_t away_since_us);
void catalogue_free(struct catalogue *catalogue);

#endif
