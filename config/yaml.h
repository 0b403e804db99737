// SPDX-License-Identifier: Apache-2.0
// A YAML text as a small tree of texts, lists and mappings, each with its line and column. Used by config/read.c only.
// Read with libyaml's events, because its documents follow aliases and recurse. Refused, with file:line:column:
// aliases, anchors, tags, duplicate keys, keys that are not plain names, nesting deeper than CONFIG_DEPTH_MAX, more
// than one document, more than CONFIG_ITEMS_MAX values, bytes that are not UTF-8. Nothing is interpreted: `5` and `"5"`
// are the same text.
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

enum item_kind { ITEM_TEXT, ITEM_LIST, ITEM_MAP };

struct yaml_item {
        enum item_kind kind;
        size_t line, column; // of the value, from 1
        char *key;           // in a mapping, else NULL
        size_t key_line, key_column;
        char *text;              // ITEM_TEXT
        bool quoted;             // ITEM_TEXT: it was written in quotes, or as a block
        struct yaml_item *first; // ITEM_LIST, ITEM_MAP
        struct yaml_item *last;
        struct yaml_item *next; // sibling
        struct yaml_item *parent;
        struct yaml_item *allocated; // for yaml_tree_free()
};

struct yaml_tree {
        struct yaml_item *root; // NULL: an empty document
        struct yaml_item *allocated;
        size_t items_count;
};

// Returns 0 with a tree for yaml_tree_free(), or -1 where the text could not be read to its end (and an empty tree).
// All mistakes are added to `errors`, also those that do not stop the reading: duplicate keys, anchors, tags. `source`
// names the text in messages.
int yaml_tree_parse(
    const char *text, size_t length, const char *source, struct yaml_tree *tree, struct config_errors *errors);
void yaml_tree_free(struct yaml_tree *tree);

// The value of a key in a mapping, or NULL.
const struct yaml_item *yaml_item_find(const struct yaml_item *map, const char *key);
// True for a value that was left out: `key:`, `key: ~`, `key: null`.
bool yaml_item_is_null(const struct yaml_item *item);

#endif
