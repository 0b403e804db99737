// SPDX-License-Identifier: Apache-2.0
// Damaged blocks of trades that bars were to be made of: which ids they had. Used by derivetick.c alone.
#ifndef WRITER_DERIVEDAMAGE_H
#define WRITER_DERIVEDAMAGE_H

#include "workers/writer/deriverows.h"

// The ids of the damaged block of this second count as missing from now on, so that they are fetched again; `why` is
// told. Its neighbours' ids tell which these are; `rows` is used to read them.
void derivedamage_uncover(struct store *store, struct tick_bucket *ticks, struct derive_rows *rows, int32_t epoch,
    int64_t second, const char *why);

#endif
