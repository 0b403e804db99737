// SPDX-License-Identifier: Apache-2.0
// Names of symbols: what users write and what is safe in a path, a URL and a stream name. Pure functions.
#ifndef COMMON_SYMBOL_H
#define COMMON_SYMBOL_H

#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>

// True for [A-Z0-9]{1,20}: the only names that ever reach a path, a URL or a topic.
bool symbol_is_valid(const char *name);

// "BTCUSDT", "btcusdt", "BTC/USDT", "BTC-USDT" and "btc_usdt" all become "BTCUSDT".
// Returns 0, or -1 and *why (a static text) for anything else ("../x", non-ASCII, empty, too long).
int symbol_normalize(const char *text, char name[SYMBOL_SIZE], const char **why);

// Lower case, as stream names want it. `stream_name` must hold SYMBOL_SIZE bytes.
void symbol_to_lower(const char *name, char lower[SYMBOL_SIZE]);

struct symbol_list {
        size_t count;
        char names[SYMBOLS_MAX][SYMBOL_SIZE];
};

bool symbol_list_contains(const struct symbol_list *list, const char *name);
// Returns 0, or -1 with ENOSPC; adding a name twice changes nothing.
int symbol_list_add(struct symbol_list *list, const char *name);

#endif
