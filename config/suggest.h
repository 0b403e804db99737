// SPDX-License-Identifier: Apache-2.0
// What a user who wrote an unknown key may have meant. A pure function of the table of keys, used inside config/.
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include "config/keys.h"

// The key or section a user may have meant by `name` ("backfil.enabled", "start_time"); false where nothing is near.
bool key_suggest(const char *name, char suggestion[KEY_VARIABLE_SIZE]);

// Insertions, deletions, replacements and swaps of neighbours between two short names; the command line's words use it
// too.
unsigned suggest_distance(const char *a, const char *b);

#endif
