// SPDX-License-Identifier: Apache-2.0
#include "config/apply.h"

#include "config/aggregates.h"
#include "config/suggest.h"
#include "config/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_PATH_SIZE 160

static struct config_place key_place(const struct apply *apply, const struct yaml_item *item)
{
        return (struct config_place){apply->source, item->key_line, item->key_column};
}

void apply_value(const struct apply *apply, const struct key_row *row, const struct yaml_item *item)
{
        struct value_input input = {row, item, apply->source, apply->now_us, apply->errors};
        struct config_place place = {apply->source, item->line, item->column};
        if (value_set(apply->settings, &input) < 0)
                return;
        if ((row->flags & KEY_INERT) != 0) {
                value_set_default(apply->settings, row, CONFIG_RUN);
                config_warning_add(apply->errors, place, row->name, "has no effect in this version");
                return;
        }
        apply->settings->given |= key_bit(row);
        if (apply->places != NULL)
                apply->places->at[row - key_rows] = place;
}

void apply_text(const struct apply *apply, const struct key_row *row, const char *text)
{
        char *copy = strdup(text);
        REQUIRE(copy != NULL);
        struct yaml_item item = {.kind = ITEM_TEXT, .text = copy, .quoted = true};
        apply_value(apply, row, &item);
        free(copy);
}

// The names below a section ("" is the top), for messages.
static void list_names(const char *section, char *text, size_t size)
{
        size_t prefix = strlen(section);
        char last[KEY_VARIABLE_SIZE] = "";
        text[0] = '\0';
        for (size_t i = 0; i < key_rows_count; i++) {
                const char *name = key_rows[i].name;
                if (prefix > 0 && (strncmp(name, section, prefix) != 0 || name[prefix] != '.'))
                        continue;
                name += prefix > 0 ? prefix + 1 : 0;
                char part[KEY_VARIABLE_SIZE];
                snprintf(part, sizeof part, "%.*s", (int)strcspn(name, "."), name);
                if (strcmp(part, last) == 0)
                        continue;
                memcpy(last, part, sizeof last);
                size_t used = strlen(text);
                snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", part);
        }
}

void apply_refuse_unknown(const struct apply *apply, struct config_place place, const char *path)
{
        char quoted[CONFIG_QUOTE_SIZE];
        char near[KEY_VARIABLE_SIZE];
        config_quote(path, quoted);
        if (key_suggest(path, near)) {
                config_error_add(apply->errors, place, quoted, "unknown key; did you mean %s?", near);
                return;
        }
        char section[KEY_PATH_SIZE] = "";
        const char *dot = strrchr(path, '.');
        if (dot != NULL)
                snprintf(section, sizeof section, "%.*s", (int)(dot - path), path);
        char names[KEY_PATH_SIZE * 2];
        list_names(key_is_section(section) ? section : "", names, sizeof names);
        config_error_add(apply->errors, place, quoted, "unknown key; accepted: %s", names);
}

static const struct key_alias *find_alias(const struct apply *apply, const char *path)
{
        for (const struct key_alias *alias = apply->aliases; alias != NULL && alias->alias != NULL; alias++)
                if (strcmp(alias->alias, path) == 0)
                        return alias;
        return NULL;
}

static const struct yaml_item *find_path(const struct yaml_item *map, const char *path)
{
        char part[KEY_PATH_SIZE];
        size_t length = strcspn(path, ".");
        snprintf(part, sizeof part, "%.*s", (int)length, path);
        const struct yaml_item *item = yaml_item_find(map, part);
        return item != NULL && path[length] == '.' ? find_path(item, path + length + 1) : item;
}

static void apply_alias(
    const struct apply *apply, const struct key_alias *alias, const struct yaml_item *map, const struct yaml_item *item)
{
        const struct yaml_item *other = find_path(map, alias->name);
        if (other != NULL)
                config_error_add(apply->errors, key_place(apply, item), alias->alias,
                    "means %s, which is given too, on line %zu", alias->name, other->key_line);
        else
                apply_value(apply, key_find(alias->name), item);
}

static void apply_item(
    const struct apply *apply, const char *section, const struct yaml_item *map, const struct yaml_item *item)
{
        char path[KEY_PATH_SIZE];
        snprintf(path, sizeof path, "%s%s%s", section, section[0] != '\0' ? "." : "", item->key);
        const struct key_row *row = key_find(path);
        const struct key_alias *alias = find_alias(apply, path);
        const char *dot = strchr(item->key, '.');
        if (row != NULL && dot != NULL) // duplicates would go unnoticed
                config_error_add(apply->errors, key_place(apply, item), path,
                    "a dot does not open a section; accepted: %s inside the mapping %.*s", dot + 1,
                    (int)(dot - item->key), item->key);
        else if (row != NULL)
                apply_value(apply, row, item);
        else if (alias != NULL)
                apply_alias(apply, alias, map, item);
        else if (!key_is_section(path))
                apply_refuse_unknown(apply, key_place(apply, item), path);
        else if (item->kind == ITEM_MAP)
                apply_section(apply, path, item);
        else if (item->kind == ITEM_LIST && strcmp(path, AGGREGATES_SECTION) == 0)
                aggregates_apply(apply, item);
        else if (!yaml_item_is_null(item)) {
                char names[KEY_PATH_SIZE];
                list_names(path, names, sizeof names);
                config_error_add(apply->errors, (struct config_place){apply->source, item->line, item->column}, path,
                    "is not a mapping; accepted: the keys %s", names);
        }
}

void apply_section(const struct apply *apply, const char *section, const struct yaml_item *map)
{
        for (const struct yaml_item *item = map->first; item != NULL; item = item->next)
                apply_item(apply, section, map, item);
}

void apply_map(const struct apply *apply, const struct yaml_item *map)
{
        if (map != NULL)
                apply_section(apply, "", map);
}
