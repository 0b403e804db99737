// SPDX-License-Identifier: Apache-2.0
// One value of one key: reads it from what was written, and writes it so that it reads back to the same. Used inside
// config/ only. What needs more than one key is checked in complete.c.
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/config.h"
#include "config/keys.h"
#include "config/yaml.h"

#include <stdio.h>

struct value_input {
        const struct key_row *row;
        const struct yaml_item *item; // line 0: not from a file
        const char *source;           // NULL: a command line flag
        int64_t now_us;
        struct config_errors *errors;
};

// Sets the row's field. Returns 0, or -1 with every mistake of this value added to the errors.
int value_set(struct settings *settings, const struct value_input *input);

// Sets the row's default for `purpose`; a row without one is cleared.
void value_set_default(struct settings *settings, const struct key_row *row, enum config_purpose purpose);

// Writes the value as YAML on one line, or, for long lists, on several indented by `indent`. A row that is kept nowhere
// prints nothing.
void value_print(const struct settings *settings, const struct key_row *row, int indent, FILE *out);

#endif
