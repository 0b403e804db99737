// SPDX-License-Identifier: Apache-2.0
// Applies a mapping of keys, as it stands in a file, to settings: each key by its row in the table. Used inside
// config/.
#ifndef CONFIG_APPLY_H
#define CONFIG_APPLY_H

#include "config/complete.h"
#include "config/yaml.h"

// Another name of a key.
struct key_alias {
        const char *alias; // NULL ends a list
        const char *name;
};

struct apply {
        struct settings *settings;
        const char *source; // in messages
        int64_t now_us;
        const struct key_alias *aliases; // NULL: none
        struct key_places *places;
        struct config_errors *errors;
};

// Every mistake is added to the errors; the rest of the mapping is applied all the same. `map` may be NULL.
void apply_map(const struct apply *apply, const struct yaml_item *map);
// The keys of a section that stand in `map`; "" is the top.
void apply_section(const struct apply *apply, const char *section, const struct yaml_item *map);
// One value; it counts as given by the user.
void apply_value(const struct apply *apply, const struct key_row *row, const struct yaml_item *item);
// The same for a text that does not come from a file.
void apply_text(const struct apply *apply, const struct key_row *row, const char *text);
// "unknown key; did you mean symbols?"
void apply_refuse_unknown(const struct apply *apply, struct config_place place, const char *path);

#endif
