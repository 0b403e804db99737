// SPDX-License-Identifier: Apache-2.0
// One value of one key, read from what was written. Used inside config/ only. What needs more than one key is checked
// in complete.c; valueprint.c writes values so that they read back to the same.
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/config.h"
#include "config/keys.h"
#include "config/yaml.h"

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

#endif
