// SPDX-License-Identifier: Apache-2.0
// `store.symbol` may have given a symbol another name in the store than the exchange's; the ledger knows it.
#ifndef CLI_QUERYNAME_H
#define CLI_QUERYNAME_H

#include "common/bucket.h"
#include "config/settings.h"

// The store's name of what the user calls `symbol`. False where the ledger has none, or the same.
bool queryname_resolve(const struct settings *settings, const char *symbol, char known[BUCKET_SYMBOL_SIZE]);

#endif
