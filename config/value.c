// SPDX-License-Identifier: Apache-2.0
#include "config/value.h"

#include "common/clock.h"
#include "config/errors.h"
#include "config/url.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD_SIZE 96
#define BLANKS " \t\r\n"

// ---- saying no ----

static struct config_place place_of(const struct value_input *input, const struct yaml_item *item)
{
        return (struct config_place){input->source, item->line, item->column};
}

// "backfill.batch_size: 0 is too small; accepted: 1 to 1000". Returns -1.
static int refuse(const struct value_input *input, const struct yaml_item *item, const char *written, const char *why)
{
        char quoted[CONFIG_QUOTE_SIZE];
        char accepted[KEY_ACCEPTED_SIZE];
        config_error_add(input->errors, place_of(input, item), input->row->name, "%s %s; accepted: %s",
            config_quote(written, quoted), why, key_accepted(input->row, accepted));
        return -1;
}

static int refuse_shape(const struct value_input *input, const struct yaml_item *item, const char *why)
{
        char accepted[KEY_ACCEPTED_SIZE];
        config_error_add(input->errors, place_of(input, item), input->row->name, "%s; accepted: %s", why,
            key_accepted(input->row, accepted));
        return -1;
}

// ---- fields ----

static void *field_of(struct settings *settings, const struct key_row *row)
{
        return (char *)settings + row->offset;
}

static void field_write(struct settings *settings, const struct key_row *row, const void *value, size_t size)
{
        if (row->size == 0) // kept nowhere
                return;
        REQUIRE(size == row->size);
        memcpy(field_of(settings, row), value, size);
}

// Zero-padded, so that equal settings are equal bytes.
static void field_write_text(struct settings *settings, const struct key_row *row, const char *text)
{
        if (row->size == 0)
                return;
        REQUIRE(strlen(text) < row->size);
        memset(field_of(settings, row), 0, row->size);
        memcpy(field_of(settings, row), text, strlen(text));
}

// ---- one or a list: the words of "a b", "a, b" and [a, b] ----
// Only the short form parts words at blanks: YAML takes [BTC USDT] as one item, so it is one symbol with a blank in it.

struct words {
        const struct yaml_item *item; // the text being split, or the list's item
        const char *rest;
        char word[WORD_SIZE];
};

static struct words words_of(const struct yaml_item *value)
{
        const struct yaml_item *first = value->kind == ITEM_LIST ? value->first : value;
        return (struct words){.item = first, .rest = first != NULL ? first->text : ""};
}

static bool words_next(struct words *words, const struct yaml_item *value)
{
        const char *ends = value->kind == ITEM_LIST ? "," : BLANKS ",";

        while (words->item != NULL) {
                words->rest += strspn(words->rest, BLANKS ",");
                size_t length = strcspn(words->rest, ends);
                if (length > 0) {
                        size_t kept = length < WORD_SIZE ? length : WORD_SIZE - 1;
                        while (strchr(BLANKS, words->rest[kept - 1]) != NULL)
                                kept--;
                        memcpy(words->word, words->rest, kept);
                        words->word[kept] = '\0';
                        words->rest += length;
                        return true;
                }
                if (value->kind != ITEM_LIST)
                        return false;
                words->item = words->item->next;
                if (words->item != NULL)
                        words->rest = words->item->text;
        }
        return false;
}

// ---- texts of one word ----

static int set_bool(struct settings *settings, const struct value_input *input, const char *text)
{
        static const char *const yes[] = {"true", "yes", "on"};
        static const char *const no[] = {"false", "no", "off"};
        for (size_t i = 0; i < 3; i++) {
                if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
                        bool value = strcasecmp(text, yes[i]) == 0;
                        field_write(settings, input->row, &value, sizeof value);
                        return 0;
                }
        }
        return refuse(input, input->item, text, "is neither true nor false");
}

// Digits at the start of `text`. Returns false where there are none; a number too large to hold is INT64_MAX.
static bool read_digits(const char *text, int64_t *value, const char **rest)
{
        if (!isdigit((unsigned char)text[0]))
                return false;
        char *end;
        errno = 0;
        *value = strtoll(text, &end, 10);
        *rest = end;
        return true;
}

static const char *outside(const struct key_row *row, int64_t value)
{
        if (value < row->min)
                return "is too small";
        return value > row->max ? "is too large" : NULL;
}

static int set_count(struct settings *settings, const struct value_input *input, const char *text)
{
        const struct key_row *row = input->row;
        int64_t value = 0;
        const char *rest = "";
        const char *wrong = NULL;
        if (row->word == NULL || strcasecmp(text, row->word) != 0) {
                bool negative = text[0] == '-' && read_digits(text + 1, &value, &rest) && *rest == '\0';
                if (!negative && (!read_digits(text, &value, &rest) || *rest != '\0'))
                        return refuse(input, input->item, text, "is not a whole number");
                wrong = negative ? "is too small" : outside(row, value);
        }
        if (wrong != NULL)
                return refuse(input, input->item, text, wrong);
        uint32_t count = (uint32_t)value;
        field_write(settings, row, &count, sizeof count);
        return 0;
}

struct unit {
        const char *name;
        int64_t size;
};

// A whole number with a unit. Returns NULL, or what is wrong.
static const char *read_quantity(const char *text, const struct unit *units, size_t units_count, int64_t *value)
{
        const char *rest;
        if (!read_digits(text, value, &rest))
                return "is not a number with a unit";
        rest += strspn(rest, " ");
        for (size_t i = 0; i < units_count; i++) {
                if (strcasecmp(rest, units[i].name) != 0)
                        continue;
                return __builtin_mul_overflow(*value, units[i].size, value) ? "is too large" : NULL;
        }
        return "has an unknown unit";
}

static int set_duration(struct settings *settings, const struct value_input *input, const char *text)
{
        static const struct unit units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}};
        int64_t ms = 0;
        const char *wrong = read_quantity(text, units, sizeof units / sizeof units[0], &ms);
        if (wrong == NULL)
                wrong = outside(input->row, ms);
        if (wrong != NULL)
                return refuse(input, input->item, text, wrong);
        uint32_t value = (uint32_t)ms;
        field_write(settings, input->row, &value, sizeof value);
        return 0;
}

static int set_bytes(struct settings *settings, const struct value_input *input, const char *text)
{
        static const struct unit units[] = {{"", 1}, {"B", 1}, {"K", 1L << 10}, {"KiB", 1L << 10}, {"M", 1L << 20},
            {"MiB", 1L << 20}, {"G", 1L << 30}, {"GiB", 1L << 30}, {"T", 1L << 40}, {"TiB", 1L << 40}, {"kB", 1000},
            {"MB", 1000L * 1000}, {"GB", 1000L * 1000 * 1000}};
        int64_t bytes = 0;
        const char *wrong = read_quantity(text, units, sizeof units / sizeof units[0], &bytes);
        if (wrong == NULL)
                wrong = outside(input->row, bytes);
        if (wrong != NULL)
                return refuse(input, input->item, text, wrong);
        field_write(settings, input->row, &bytes, sizeof bytes);
        return 0;
}

static int set_share(struct settings *settings, const struct value_input *input, const char *text)
{
        if (text[0] == '\0' || strspn(text, "0123456789.") != strlen(text))
                return refuse(input, input->item, text, "is not a number");
        char *end;
        double value = strtod(text, &end);
        if (*end != '\0' || end == text)
                return refuse(input, input->item, text, "is not a number");
        if (value < 0.01 || value > 1)
                return refuse(input, input->item, text, value > 1 ? "is too large" : "is too small");
        field_write(settings, input->row, &value, sizeof value);
        return 0;
}

// The choice, or NULL after an error.
static const struct key_choice *read_choice(
    const struct value_input *input, const struct yaml_item *item, const char *text)
{
        for (const struct key_choice *choice = input->row->choices; choice->word != NULL; choice++) {
                if (strcasecmp(choice->word, text) != 0)
                        continue;
                if (key_supports(input->row, choice->word))
                        return choice;
                refuse(input, item, text, "is not in this version");
                return NULL;
        }
        refuse(input, item, text, "is unknown");
        return NULL;
}

static int set_choice(struct settings *settings, const struct value_input *input, const char *text)
{
        const struct key_choice *choice = read_choice(input, input->item, text);
        if (choice == NULL)
                return -1;
        field_write(settings, input->row, &choice->value, sizeof choice->value);
        return 0;
}

static int set_time(struct settings *settings, const struct value_input *input, const char *text)
{
        int64_t us = input->row->min;
        if (text[0] != '\0' && strcasecmp(text, input->row->word) != 0) {
                const char *accepted;
                if (time_parse_us(text, input->now_us, &us, &accepted) < 0)
                        return refuse(input, input->item, text, "is not a time");
        }
        field_write(settings, input->row, &us, sizeof us);
        return 0;
}

// What is wrong with an address of one of `schemes`, or NULL.
static const char *read_url(const char *text, const char *const schemes[3], struct url *url)
{
        const char *wrong = url_parse(text, url);
        if (wrong != NULL)
                return wrong;
        for (size_t i = 0; i < 3; i++)
                if (schemes[i] != NULL && strcmp(url->scheme, schemes[i]) == 0)
                        return NULL;
        return "has another scheme";
}

// A password someone wrote into an address must not reach a log.
static int refuse_url(const struct value_input *input, const char *text, const char *wrong)
{
        return strchr(text, '@') != NULL ? refuse_shape(input, input->item, wrong)
                                         : refuse(input, input->item, text, wrong);
}

static int set_url(struct settings *settings, const struct value_input *input, const char *text)
{
        const char *const schemes[3] = {input->row->choices[0].word, input->row->choices[1].word, NULL};
        struct url url;
        const char *wrong = read_url(text, schemes, &url);
        if (wrong == NULL && strcmp(url.scheme, schemes[1]) == 0 && !url_is_loopback(&url) &&
            (input->row->flags & KEY_PLAIN) == 0)
                wrong = "is not encrypted, and its host is not loopback";
        if (wrong != NULL)
                return refuse_url(input, text, wrong);
        char formatted[URL_SIZE];
        url_format(&url, formatted);
        field_write_text(settings, input->row, formatted);
        return 0;
}

static int set_proxy(struct settings *settings, const struct value_input *input, const char *text)
{
        static const char *const schemes[3] = {"http", "socks5", "socks5h"};
        char formatted[URL_SIZE] = "";
        if (text[0] != '\0') {
                struct url url;
                const char *wrong = read_url(text, schemes, &url);
                if (wrong == NULL && url.port == 0)
                        wrong = "has no port";
                if (wrong != NULL)
                        return refuse_url(input, text, wrong);
                url_format(&url, formatted);
        }
        field_write_text(settings, input->row, formatted);
        return 0;
}

static int set_source(struct settings *settings, const struct value_input *input, const char *text)
{
        enum interval interval;
        if (interval_parse(text, &interval) < 0) {
                const struct key_choice *choice = read_choice(input, input->item, text);
                if (choice == NULL)
                        return -1;
                field_write(settings, input->row, &choice->value, sizeof choice->value);
                return 0;
        }
        uint32_t value = AGGREGATE_BARS + interval;
        field_write(settings, input->row, &value, sizeof value);
        return 0;
}

static int set_path(struct settings *settings, const struct value_input *input, const char *text)
{
        bool may_be_empty = input->row->fallback != NULL && strcmp(input->row->fallback, "\"\"") == 0;
        const char *wrong = NULL;
        if (text[0] == '\0' && !may_be_empty)
                wrong = "is empty";
        if (text[0] == '~')
                wrong = "begins with ~, which only a shell expands";
        for (const char *c = text; *c != '\0'; c++)
                if (iscntrl((unsigned char)*c))
                        wrong = "contains a control character";
        if (strlen(text) > DIRECTORY_LENGTH_MAX)
                wrong = "is too long";
        if (wrong != NULL)
                return refuse(input, input->item, text, wrong);
        field_write_text(settings, input->row, text);
        return 0;
}

static int set_listen(struct settings *settings, const struct value_input *input, const char *text)
{
        bool off = strcasecmp(text, "off") == 0 || strcasecmp(text, "false") == 0;
        struct url url;
        const char *wrong = off ? NULL : url_parse_address(text, &url);
        if (wrong == NULL && !off && !key_supports(input->row, text))
                wrong = "is not in this version";
        if (wrong == NULL && strlen(text) >= input->row->size)
                wrong = "is too long";
        if (wrong != NULL)
                return refuse(input, input->item, text, wrong);
        field_write_text(settings, input->row, off ? "" : text);
        return 0;
}

// Length of a placeholder at the start of `text`, or 0. Sets its bit: 1 symbol, 2 base, 4 quote.
static size_t read_placeholder(const char *text, unsigned *seen)
{
        static const char *const names[] = {"{symbol}", "{base}", "{quote}"};
        for (unsigned i = 0; i < 3; i++) {
                if (strncmp(text, names[i], strlen(names[i])) != 0)
                        continue;
                *seen |= 1u << i;
                return strlen(names[i]);
        }
        return 0;
}

static int set_template(struct settings *settings, const struct value_input *input, const char *text)
{
        unsigned seen = 0;
        const char *wrong = text[0] == '.' ? "begins with a dot" : NULL;
        for (const char *at = text; *at != '\0' && wrong == NULL;) {
                size_t length = read_placeholder(at, &seen);
                if (length == 0 && !isalnum((unsigned char)*at) && strchr("_.-", *at) == NULL)
                        wrong = "contains something else";
                at += length > 0 ? length : 1;
        }
        if (wrong == NULL && (seen & 1) == 0 && (seen & 6) != 6)
                wrong = "would give several symbols one name";
        if (wrong == NULL && strlen(text) >= input->row->size)
                wrong = "is too long";
        if (wrong != NULL)
                return refuse(input, input->item, text, wrong);
        field_write_text(settings, input->row, text);
        return 0;
}

static int set_secret(struct settings *settings, const struct value_input *input, const char *text)
{
        (void)settings;
        (void)input;
        (void)text;
        return 0;
}

// ---- one or several ----

static int set_choices(struct settings *settings, const struct value_input *input)
{
        uint32_t bits = 0;
        bool named = false;
        int result = 0;
        for (struct words words = words_of(input->item); words_next(&words, input->item);) {
                const struct key_choice *choice = read_choice(input, words.item, words.word);
                if (choice == NULL)
                        result = -1;
                else
                        bits |= choice->value;
                named = true;
        }
        if (!named)
                return refuse_shape(input, input->item, "names nothing");
        field_write(settings, input->row, &bits, sizeof bits);
        return result;
}

static int set_intervals(struct settings *settings, const struct value_input *input)
{
        interval_set set = 0;
        int result = 0;
        for (struct words words = words_of(input->item); words_next(&words, input->item);) {
                enum interval interval;
                if (interval_parse(words.word, &interval) < 0)
                        result = refuse(input, words.item, words.word, "is not an interval");
                else
                        set |= 1u << interval;
        }
        if (result == 0 && set == 0)
                return refuse_shape(input, input->item, "names no interval");
        field_write(settings, input->row, &set, sizeof set);
        return result;
}

// Intervals of klines, and a cadence of depth snapshots such as 100ms; without one the shortest interval is the
// cadence.
static int set_frequency(struct settings *settings, const struct value_input *input)
{
        static const struct unit milliseconds[] = {{"ms", 1}};
        interval_set set = 0;
        int64_t cadence_ms = 0;
        int result = 0;
        for (struct words words = words_of(input->item); words_next(&words, input->item);) {
                enum interval interval;
                int64_t ms;
                if (interval_parse(words.word, &interval) == 0)
                        set |= 1u << interval;
                else if (read_quantity(words.word, milliseconds, 1, &ms) == NULL && ms >= DEPTH_CADENCE_MS_MIN &&
                         ms <= DEPTH_CADENCE_MS_MAX)
                        cadence_ms = ms;
                else
                        result = refuse(input, words.item, words.word, "is not an interval");
        }
        if (result == 0 && set == 0 && cadence_ms == 0)
                return refuse_shape(input, input->item, "names no interval");
        if (cadence_ms == 0 && set != 0)
                cadence_ms = interval_length_us((enum interval)__builtin_ctz(set)) / US_PER_MS;
        settings->stream_intervals = set;
        settings->depth_cadence_ms = cadence_ms;
        return result;
}

static int set_symbols(struct settings *settings, const struct value_input *input)
{
        struct symbol_list *list = field_of(settings, input->row);
        char too_many[64];
        snprintf(too_many, sizeof too_many, "names more than %d symbols", SYMBOLS_MAX);
        memset(list, 0, sizeof *list);
        bool all = false;
        int result = 0;
        for (struct words words = words_of(input->item); words_next(&words, input->item);) {
                if (input->row->word != NULL && strcasecmp(words.word, input->row->word) == 0) {
                        all = true;
                        continue;
                }
                char name[SYMBOL_SIZE] = "";
                const char *why;
                if (symbol_normalize(words.word, name, &why) < 0)
                        result = refuse(input, words.item, words.word, "is not a symbol");
                else if (symbol_list_add(list, name) < 0)
                        return refuse_shape(input, words.item, too_many);
        }
        if (all && list->count > 0)
                return refuse_shape(input, input->item, "names symbols beside all");
        if (input->row->word != NULL) {
                settings->all_symbols = all;
                if (result == 0 && !all && list->count == 0)
                        return refuse_shape(input, input->item, "names no symbol");
        }
        return result;
}

static int set_assets(struct settings *settings, const struct value_input *input)
{
        size_t count = 0;
        int result = 0;
        memset(settings->quote_assets, 0, sizeof settings->quote_assets);
        for (struct words words = words_of(input->item); words_next(&words, input->item);) {
                if (count == QUOTE_ASSETS_MAX)
                        return refuse_shape(input, words.item, "names too many assets");
                char *name = settings->quote_assets[count];
                size_t length = strlen(words.word);
                for (size_t i = 0; i < length && i < ASSET_SIZE - 1; i++)
                        name[i] = (char)toupper((unsigned char)words.word[i]);
                if (length > SYMBOL_LENGTH_MAX || !symbol_is_valid(name))
                        result = refuse(input, words.item, words.word, "is not an asset");
                count++;
        }
        settings->quote_assets_count = count;
        return result;
}

// ---- dispatch ----

static const struct {
        int (*set_text)(struct settings *settings, const struct value_input *input, const char *text);
        int (*set_words)(struct settings *settings, const struct value_input *input);
} setters[KEY_TYPES_COUNT] = {
    [KEY_BOOL] = {set_bool, NULL},
    [KEY_COUNT] = {set_count, NULL},
    [KEY_BYTES] = {set_bytes, NULL},
    [KEY_DURATION] = {set_duration, NULL},
    [KEY_SHARE] = {set_share, NULL},
    [KEY_CHOICE] = {set_choice, NULL},
    [KEY_CHOICES] = {NULL, set_choices},
    [KEY_INTERVALS] = {NULL, set_intervals},
    [KEY_SOURCE] = {set_source, NULL},
    [KEY_FREQUENCY] = {NULL, set_frequency},
    [KEY_TIME] = {set_time, NULL},
    [KEY_SYMBOLS] = {NULL, set_symbols},
    [KEY_ASSETS] = {NULL, set_assets},
    [KEY_URL] = {set_url, NULL},
    [KEY_PROXY] = {set_proxy, NULL},
    [KEY_PATH] = {set_path, NULL},
    [KEY_LISTEN] = {set_listen, NULL},
    [KEY_TEMPLATE] = {set_template, NULL},
    [KEY_SECRET] = {set_secret, NULL},
};

static bool null_is_empty_text(const struct key_row *row)
{
        return row->type == KEY_TIME || row->type == KEY_SECRET || row->type == KEY_PROXY;
}

int value_set(struct settings *settings, const struct value_input *input)
{
        const struct yaml_item *item = input->item;
        if (item->kind == ITEM_MAP)
                return refuse_shape(input, item, "is a mapping");
        if (yaml_item_is_null(item) && !null_is_empty_text(input->row))
                return refuse_shape(input, item, "has no value");
        if (setters[input->row->type].set_text != NULL) {
                if (item->kind == ITEM_LIST)
                        return refuse_shape(input, item, "is a list");
                const char *text = yaml_item_is_null(item) ? "" : item->text;
                return setters[input->row->type].set_text(settings, input, text);
        }
        if (item->kind == ITEM_LIST)
                for (const struct yaml_item *one = item->first; one != NULL; one = one->next)
                        if (one->kind != ITEM_TEXT)
                                return refuse_shape(input, one, "contains a list or a mapping");
        return setters[input->row->type].set_words(settings, input);
}

void value_set_default(struct settings *settings, const struct key_row *row, enum config_purpose purpose)
{
        const char *text = row->fallback;
        if (purpose == CONFIG_ONE_SHOT && row->fallback_one_shot != NULL)
                text = row->fallback_one_shot;
        if (text == NULL) {
                memset(field_of(settings, row), 0, row->size);
                return;
        }
        // Defaults stand in the table as one would write them, and take the same way as a user's values.
        struct config_errors errors = {0};
        struct yaml_tree tree;
        int result = yaml_tree_parse(text, strlen(text), row->name, &tree, &errors);
        REQUIRE(result == 0 && tree.root != NULL);
        tree.root->line = 0;
        struct value_input input = {.row = row, .item = tree.root, .errors = &errors};
        result = value_set(settings, &input);
        yaml_tree_free(&tree);
        REQUIRE(result == 0);
}
