// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include "config/apply.h"
#include "config/mkts.h"
#include "config/suggest.h"
#include "config/value.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

#define VARIABLE_PREFIX "BINANCEFEEDER_"

static void set_defaults(enum config_purpose purpose, struct settings *settings)
{
        memset(settings, 0, sizeof *settings);
        for (size_t i = 0; i < key_rows_count; i++)
                value_set_default(settings, &key_rows[i], purpose);
}

void config_defaults(enum config_purpose purpose, struct settings *settings)
{
        struct config_errors errors = {0};
        set_defaults(purpose, settings);
        // A current directory that cannot be read is reported by the next config_complete().
        (void)complete_settings(settings, NULL, &errors);
}

// ---- single keys ----

int config_set(
    struct settings *settings, const char *key, const char *value, int64_t now_us, struct config_errors *errors)
{
        size_t errors_before = errors->count;
        struct apply apply = {.settings = settings, .now_us = now_us, .errors = errors};
        const struct key_row *row = key_find(key);
        if (row != NULL)
                apply_text(&apply, row, value);
        else
                apply_refuse_unknown(&apply, (struct config_place){0}, key);
        return errors->count == errors_before ? 0 : -1;
}

// A variable that is nearly one of ours is a slip; one that is not near belongs to another program of the package.
static void warn_near_misses(struct config_errors *errors)
{
        for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
                if (strncmp(*variable, VARIABLE_PREFIX, strlen(VARIABLE_PREFIX)) != 0)
                        continue;
                char name[KEY_VARIABLE_SIZE] = "";
                const char *from = *variable + strlen(VARIABLE_PREFIX);
                for (size_t i = 0; i < sizeof name - 1 && from[i] != '\0' && from[i] != '='; i++)
                        name[i] = (char)tolower((unsigned char)from[i]);
                bool known = false;
                char full[KEY_VARIABLE_SIZE];
                size_t length = strcspn(*variable, "=");
                for (size_t i = 0; i < key_rows_count && !known; i++)
                        known =
                            strncmp(key_variable(&key_rows[i], full), *variable, length) == 0 && full[length] == '\0';
                char near[KEY_VARIABLE_SIZE];
                if (!known && key_suggest(name, near) && key_find(near) != NULL)
                        config_warning_add(errors, (struct config_place){0}, NULL,
                            "environment: %.*s is no setting; did you mean %s?", (int)length, *variable,
                            key_variable(key_find(near), full));
        }
}

static void apply_environment(const struct apply *apply)
{
        for (size_t i = 0; i < key_rows_count; i++) {
                char variable[KEY_VARIABLE_SIZE];
                const char *text = getenv(key_variable(&key_rows[i], variable));
                if (text == NULL || text[0] == '\0')
                        continue;
                char source[KEY_VARIABLE_SIZE + 16];
                snprintf(source, sizeof source, "environment %s", variable);
                struct apply from_environment = *apply;
                from_environment.source = source;
                from_environment.places = NULL;
                apply_text(&from_environment, &key_rows[i], text);
                if (apply->places != NULL) // the text of `source` does not live that long
                        apply->places->at[i] = (struct config_place){.source = "environment"};
        }
        warn_near_misses(apply->errors);
}

int config_set_from_environment(struct settings *settings, int64_t now_us, struct config_errors *errors)
{
        size_t errors_before = errors->count;
        struct apply apply = {.settings = settings, .now_us = now_us, .errors = errors};
        apply_environment(&apply);
        return errors->count == errors_before ? 0 : -1;
}

// ---- files ----

// At most CONFIG_BYTES_MAX + 1 bytes, for free(). Returns the length, or -1 with errno.
static ssize_t read_all(int fd, char **text)
{
        size_t used = 0;
        *text = malloc(CONFIG_BYTES_MAX + 1);
        if (*text == NULL)
                return -1;
        while (used <= CONFIG_BYTES_MAX) {
                ssize_t got = read(fd, *text + used, CONFIG_BYTES_MAX + 1 - used);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return -1;
                if (got == 0)
                        break;
                used += (size_t)got;
        }
        return (ssize_t)used;
}

static int read_file(const char *path, char **text, size_t *length, struct config_errors *errors)
{
        struct config_place place = {.source = path};
        bool standard_input = strcmp(path, "-") == 0;
        int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = fd < 0 ? -1 : read_all(fd, text);
        int error = errno;
        if (fd >= 0 && !standard_input)
                close(fd);
        if (got < 0)
                config_error_add(errors, place, NULL, "cannot be read: %s", strerror(error));
        else if (got > CONFIG_BYTES_MAX)
                config_error_add(errors, place, NULL, "is too large; accepted: up to %d bytes", CONFIG_BYTES_MAX);
        else {
                *length = (size_t)got;
                return 0;
        }
        return -1;
}

static void apply_root(const struct apply *apply, const struct yaml_item *root)
{
        if (root == NULL || yaml_item_is_null(root)) {
                apply_environment(apply);
        } else if (root->kind != ITEM_MAP) {
                config_error_add(apply->errors, (struct config_place){apply->source, root->line, root->column}, NULL,
                    "is not a mapping; accepted: keys such as symbols: [BTCUSDT]");
        } else if (mkts_recognize(root)) {
                mkts_apply_block(apply, root);
                apply_environment(apply);
                mkts_apply_defaults(apply, root);
        } else {
                apply_map(apply, root);
                apply_environment(apply);
        }
}

static void read_text(const char *text, size_t length, const struct apply *apply, enum config_purpose purpose)
{
        struct yaml_tree tree;
        size_t errors_before = apply->errors->count;
        if (yaml_tree_parse(text, length, apply->source, &tree, apply->errors) < 0)
                return;
        apply_root(apply, tree.root);
        yaml_tree_free(&tree);
        if (apply->errors->count == errors_before && purpose == CONFIG_RUN && !apply->settings->all_symbols &&
            apply->settings->symbols.count == 0)
                config_error_add(apply->errors, (struct config_place){.source = apply->source}, "symbols",
                    "none are named; accepted: symbols: [BTCUSDT, ETHUSDT], or all");
        // With values missing, what depends on them would only be guessed wrong.
        if (apply->errors->count == errors_before)
                (void)complete_settings(apply->settings, apply->places, apply->errors);
}

int config_read(const char *path, enum config_purpose purpose, int64_t now_us, struct settings *settings,
    struct config_errors *errors)
{
        size_t errors_before = errors->count;
        char *text = NULL;
        size_t length = 0;
        struct key_places places = {0};
        struct apply apply = {.settings = settings,
            .source = strcmp(path, "-") == 0 ? "standard input" : path,
            .now_us = now_us,
            .places = &places,
            .errors = errors};
        set_defaults(purpose, settings);
        if (read_file(path, &text, &length, errors) == 0)
                read_text(text, length, &apply, purpose);
        free(text);
        return errors->count == errors_before ? 0 : -1;
}

void config_keep_fixed(const struct settings *running, struct settings *wanted, struct config_errors *errors)
{
        for (size_t i = 0; i < key_rows_count; i++) {
                const struct key_row *row = &key_rows[i];
                const char *now = (const char *)running + row->offset;
                char *then = (char *)wanted + row->offset;
                if ((row->flags & KEY_RELOADABLE) != 0 || memcmp(now, then, row->size) == 0)
                        continue;
                memcpy(then, now, row->size);
                config_warning_add(errors, (struct config_place){0}, row->name,
                    "takes effect at the next start; until then the old value holds");
        }
}
