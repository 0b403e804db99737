// SPDX-License-Identifier: Apache-2.0
// One value of one key, written so that value.c reads it back to the same. Used by config/print.c.
#ifndef CONFIG_VALUEPRINT_H
#define CONFIG_VALUEPRINT_H

#include "config/keys.h"

#include <stdio.h>

// Writes the value as YAML on one line, or, for long lists, on several indented by `indent`. A row that is kept nowhere
// prints nothing.
void value_print(const struct settings *settings, const struct key_row *row, int indent, FILE *out);

#endif
