// SPDX-License-Identifier: Apache-2.0
// What needs more than one key: defaults that follow other keys, and combinations that cannot be. Used inside config/;
// config_complete() is its public face.
#ifndef CONFIG_COMPLETE_H
#define CONFIG_COMPLETE_H

#include "config/config.h"
#include "config/errors.h"
#include "config/keys.h"

// Where each key was written, by its row in the table; all zero where it was not.
struct key_places {
        struct config_place at[64];
};

// `places` may be NULL. Returns 0, or -1 with mistakes added.
int complete_settings(struct settings *settings, const struct key_places *places, struct config_errors *errors);

#endif
