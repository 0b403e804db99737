// SPDX-License-Identifier: Apache-2.0
#include "config/yaml.h"

#include "config/errors.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct build {
        const char *source;
        const char *text;
        size_t length;
        struct yaml_tree *tree;
        struct config_errors *errors;
        struct yaml_item *open; // innermost list or mapping
        size_t depth;
        char *key; // read, and waiting for its value
        size_t key_line, key_column;
        size_t documents_count;
        bool stopped; // going on would only repeat the same mistake
};

static struct config_place place_of(const struct build *build, yaml_mark_t mark)
{
        return (struct config_place){build->source, mark.line + 1, mark.column + 1};
}

// libyaml's reader names a mistake by its byte only.
static struct config_place place_of_byte(const struct build *build, size_t offset)
{
        struct config_place place = {build->source, 1, 1};
        for (size_t i = 0; i < offset && i < build->length; i++) {
                if (build->text[i] == '\n') {
                        place.line++;
                        place.column = 1;
                } else if (((unsigned char)build->text[i] & 0xC0) != 0x80) {
                        place.column++;
                }
        }
        return place;
}

static void stop(struct build *build, yaml_mark_t mark, const char *why)
{
        config_error_add(build->errors, place_of(build, mark), NULL, "%s", why);
        build->stopped = true;
}

static struct yaml_item *item_new(struct build *build, enum item_kind kind, yaml_mark_t mark)
{
        if (build->tree->items_count >= CONFIG_ITEMS_MAX) {
                stop(build, mark, "too many values");
                return NULL;
        }
        struct yaml_item *item = calloc(1, sizeof *item);
        if (item == NULL) {
                stop(build, mark, "out of memory");
                return NULL;
        }
        item->kind = kind;
        item->line = mark.line + 1;
        item->column = mark.column + 1;
        item->allocated = build->tree->allocated;
        build->tree->allocated = item;
        build->tree->items_count++;
        return item;
}

// The path of a key in messages: "backfill.enabled".
static void path_of(const struct yaml_item *item, char *path, size_t size)
{
        path[0] = '\0';
        const struct yaml_item *levels[CONFIG_DEPTH_MAX + 1];
        size_t count = 0;
        for (; item != NULL && count <= CONFIG_DEPTH_MAX; item = item->parent)
                if (item->key != NULL)
                        levels[count++] = item;
        while (count-- > 0) {
                size_t used = strlen(path);
                snprintf(path + used, size - used, "%s%s", used > 0 ? "." : "", levels[count]->key);
        }
}

static void refuse_duplicate(struct build *build, const struct yaml_item *item)
{
        for (const struct yaml_item *other = build->open->first; other != NULL; other = other->next) {
                if (strcmp(other->key, item->key) != 0)
                        continue;
                char path[REASON_SIZE];
                char quoted[CONFIG_QUOTE_SIZE];
                path_of(item, path, sizeof path);
                config_error_add(build->errors, (struct config_place){build->source, item->key_line, item->key_column},
                    config_quote(path, quoted), "given twice; first on line %zu", other->key_line);
                return;
        }
}

static void item_attach(struct build *build, struct yaml_item *item)
{
        struct yaml_item *parent = build->open;
        item->parent = parent;
        if (parent == NULL) {
                build->tree->root = item;
                return;
        }
        if (parent->kind == ITEM_MAP) {
                item->key = build->key;
                item->key_line = build->key_line;
                item->key_column = build->key_column;
                build->key = NULL;
                refuse_duplicate(build, item);
        }
        if (parent->last == NULL)
                parent->first = item;
        else
                parent->last->next = item;
        parent->last = item;
}

static void refuse_extras(struct build *build, const yaml_event_t *event, const yaml_char_t *anchor, const void *tag)
{
        if (anchor != NULL)
                config_error_add(build->errors, place_of(build, event->start_mark), NULL,
                    "anchors (&%s) are not accepted; write the value where it is needed", (const char *)anchor);
        if (tag != NULL)
                config_error_add(build->errors, place_of(build, event->start_mark), NULL,
                    "tags (%s) are not accepted; leave it out", (const char *)tag);
}

static bool key_wanted(const struct build *build)
{
        return build->open != NULL && build->open->kind == ITEM_MAP && build->key == NULL;
}

static void read_scalar(struct build *build, const yaml_event_t *event)
{
        const char *value = (const char *)event->data.scalar.value;
        refuse_extras(build, event, event->data.scalar.anchor, event->data.scalar.tag);
        if (strlen(value) != event->data.scalar.length) {
                stop(build, event->start_mark, "a NUL character in a text");
                return;
        }
        char *copy = strdup(value);
        if (copy == NULL) {
                stop(build, event->start_mark, "out of memory");
                return;
        }
        if (key_wanted(build)) {
                build->key = copy;
                build->key_line = event->start_mark.line + 1;
                build->key_column = event->start_mark.column + 1;
                return;
        }
        struct yaml_item *item = item_new(build, ITEM_TEXT, event->start_mark);
        if (item == NULL) {
                free(copy);
                return;
        }
        item->text = copy;
        item->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        item_attach(build, item);
}

static void open_collection(struct build *build, const yaml_event_t *event, enum item_kind kind)
{
        if (kind == ITEM_LIST)
                refuse_extras(build, event, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        else
                refuse_extras(build, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        if (key_wanted(build)) {
                stop(build, event->start_mark, "a key must be a name, not a list or a mapping");
                return;
        }
        if (++build->depth > CONFIG_DEPTH_MAX) {
                config_error_add(build->errors, place_of(build, event->start_mark), NULL,
                    "nested too deeply; accepted: %d levels", CONFIG_DEPTH_MAX);
                build->stopped = true;
                return;
        }
        struct yaml_item *item = item_new(build, kind, event->start_mark);
        if (item == NULL)
                return;
        item_attach(build, item);
        build->open = item;
}

static void close_collection(struct build *build)
{
        build->depth--;
        build->open = build->open->parent;
}

static void open_document(struct build *build, const yaml_event_t *event)
{
        if (++build->documents_count > 1)
                stop(build, event->start_mark, "a second document; accepted: one");
        else if (event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
                config_error_add(
                    build->errors, place_of(build, event->start_mark), NULL, "%%TAG directives are not accepted");
}

static void read_event(struct build *build, const yaml_event_t *event)
{
        switch (event->type) {
        case YAML_SCALAR_EVENT: read_scalar(build, event); break;
        case YAML_SEQUENCE_START_EVENT: open_collection(build, event, ITEM_LIST); break;
        case YAML_MAPPING_START_EVENT: open_collection(build, event, ITEM_MAP); break;
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT: close_collection(build); break;
        case YAML_ALIAS_EVENT:
                stop(build, event->start_mark, "aliases (*name) are not accepted; write the value out");
                break;
        case YAML_DOCUMENT_START_EVENT: open_document(build, event); break;
        default: break;
        }
}

static void report_parser_error(struct build *build, const yaml_parser_t *parser)
{
        const char *problem = parser->problem != NULL ? parser->problem : "unreadable";
        if (parser->error == YAML_READER_ERROR)
                config_error_add(build->errors, place_of_byte(build, parser->problem_offset), NULL,
                    "%s; accepted: UTF-8 without control characters", problem);
        else if (parser->error == YAML_MEMORY_ERROR)
                config_error_add(build->errors, (struct config_place){build->source, 0, 0}, NULL, "out of memory");
        else
                config_error_add(build->errors, place_of(build, parser->problem_mark), NULL, "not YAML: %s%s%s",
                    problem, parser->context != NULL ? ", " : "", parser->context != NULL ? parser->context : "");
}

static void read_events(struct build *build, yaml_parser_t *parser)
{
        for (bool done = false; !done && !build->stopped;) {
                yaml_event_t event;
                if (!yaml_parser_parse(parser, &event)) {
                        report_parser_error(build, parser);
                        build->stopped = true;
                        return;
                }
                done = event.type == YAML_STREAM_END_EVENT;
                read_event(build, &event);
                yaml_event_delete(&event);
        }
}

int yaml_tree_parse(
    const char *text, size_t length, const char *source, struct yaml_tree *tree, struct config_errors *errors)
{
        *tree = (struct yaml_tree){0};
        struct build build = {.source = source, .text = text, .length = length, .tree = tree, .errors = errors};
        yaml_parser_t parser;
        if (!yaml_parser_initialize(&parser)) {
                config_error_add(errors, (struct config_place){source, 0, 0}, NULL, "out of memory");
                return -1;
        }
        // Given, not guessed: otherwise a byte order mark would make libyaml read UTF-16.
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
        read_events(&build, &parser);
        yaml_parser_delete(&parser);
        free(build.key);
        if (!build.stopped)
                return 0;
        yaml_tree_free(tree);
        return -1;
}

void yaml_tree_free(struct yaml_tree *tree)
{
        for (struct yaml_item *item = tree->allocated; item != NULL;) {
                struct yaml_item *next = item->allocated;
                free(item->key);
                free(item->text);
                free(item);
                item = next;
        }
        *tree = (struct yaml_tree){0};
}

const struct yaml_item *yaml_item_find(const struct yaml_item *map, const char *key)
{
        if (map == NULL || map->kind != ITEM_MAP)
                return NULL;
        for (const struct yaml_item *item = map->first; item != NULL; item = item->next)
                if (strcmp(item->key, key) == 0)
                        return item;
        return NULL;
}

bool yaml_item_is_null(const struct yaml_item *item)
{
        return item->kind == ITEM_TEXT && !item->quoted &&
               (item->text[0] == '\0' || strcmp(item->text, "~") == 0 || strcmp(item->text, "null") == 0);
}
