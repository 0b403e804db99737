// SPDX-License-Identifier: Apache-2.0
// What of YAML is refused, and where the message points.
#include "config_text.h"

#include "config/yaml.h"

static const struct {
        const char *text;
        const char *messages;
} refused[] = {
    {"symbols: &a [BTCUSDT]\n", ":1:10: anchors (&a) are not accepted; write the value where it is needed"},
    {"symbols: *a\n", ":1:10: aliases (*name) are not accepted; write the value out"},
    {"symbols: !!seq [BTCUSDT]\n", ":1:10: tags (tag:yaml.org,2002:seq) are not accepted; leave it out"},
    {"symbols: !x BTCUSDT\n", ":1:10: tags (!x) are not accepted; leave it out"},
    {"%TAG ! tag:x,2000:\n---\nsymbols: BTCUSDT\n", ":1:1: %TAG directives are not accepted"},
    {"symbols: BTCUSDT\n---\nsymbols: ETHUSDT\n", ":2:1: a second document; accepted: one"},
    {"? [a, b]\n: c\n", ":1:3: a key must be a name, not a list or a mapping"},
    {"symbols: [[[[[[[[BTCUSDT]]]]]]]]\n", ":1:17: nested too deeply; accepted: 8 levels"},
    {"symbols: BTCUSDT\nmarket: spot\nsymbols: ETHUSDT\n", ":3:1: symbols: given twice; first on line 1"},
    {"symbols: BTCUSDT\nbackfill:\n    enabled: true\n    enabled: true\n",
        ":4:5: backfill.enabled: given twice; first on line 3"},
    {"symbols: [BTCUSDT\n", ":2:1: not YAML: did not find expected ',' or ']', while parsing a flow sequence"},
    {"symbols: \"BTCUSDT\\0\"\n", ":1:10: a NUL character in a text"},
    {"symbols: BTCUSDT\nlog_level: \xff\n",
        ":2:12: invalid leading UTF-8 octet; accepted: UTF-8 without control characters"},
    {"# \xc3\xa4\nsymbols: \xc3\xa4\x01\n",
        ":2:11: control characters are not allowed; accepted: UTF-8 without control characters"},
    {"\xff\xfes\0y\0", ":1:1: invalid leading UTF-8 octet; accepted: UTF-8 without control characters"},
    {"- BTCUSDT\n", ":1:1: is not a mapping; accepted: keys such as symbols: [BTCUSDT]"},
};

static void refused_yaml_names_its_place(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
                must_refuse(refused[i].text, strlen(refused[i].text), refused[i].messages);
}

static void a_duplicate_key_does_not_hide_later_mistakes(void **state)
{
        (void)state;
        static const char text[] = "symbols: BTCUSDT\nsymbols: ETHUSDT\ntimeframe: 7m\n";
        static struct settings settings;
        assert_int_equal(read_text(text, &settings), -1);
        assert_int_equal(errors.count, 2);
}

static void a_file_above_a_mebibyte_is_refused(void **state)
{
        (void)state;
        size_t length = CONFIG_BYTES_MAX + 1;
        char *text = malloc(length);
        assert_non_null(text);
        memset(text, '#', length);
        must_refuse(text, length, ": is too large; accepted: up to 1048576 bytes");
        // One byte less is a comment without symbols.
        must_refuse(text, length - 1, ": symbols: none are named; accepted: symbols: [BTCUSDT, ETHUSDT], or all");
        free(text);
}

static void deep_nesting_ends_early(void **state)
{
        (void)state;
        enum { LENGTH = 500000 };
        char *text = malloc(LENGTH);
        assert_non_null(text);
        memset(text, '[', LENGTH);
        must_refuse(text, LENGTH, ":1:9: nested too deeply; accepted: 8 levels");
        free(text);
}

static void too_many_values_are_refused(void **state)
{
        (void)state;
        size_t size = (CONFIG_ITEMS_MAX + 10) * 3 + 32;
        char *text = calloc(1, size);
        assert_non_null(text);
        strcpy(text, "symbols: [");
        for (size_t i = 0; i < CONFIG_ITEMS_MAX; i++)
                strcat(text + i * 2, "A,");
        strcat(text, "]\n");
        static struct settings settings;
        assert_int_equal(read_text(text, &settings), -1);
        assert_non_null(strstr(errors.text[0], "too many values"));
        free(text);
}

static void a_tree_keeps_lines_columns_and_order(void **state)
{
        (void)state;
        static const char text[] = "a: 1\nb:\n  - x\n  - {c: \"2\"}\n";
        struct yaml_tree tree;
        assert_int_equal(yaml_tree_parse(text, strlen(text), "t", &tree, &errors), 0);
        const struct yaml_item *b = yaml_item_find(tree.root, "b");
        assert_int_equal(b->kind, ITEM_LIST);
        assert_int_equal(b->key_line, 2);
        assert_string_equal(b->first->text, "x");
        const struct yaml_item *c = yaml_item_find(b->first->next, "c");
        assert_string_equal(c->text, "2");
        assert_true(c->quoted);
        assert_int_equal(c->line, 4);
        assert_int_equal(c->column, 9);
        assert_null(yaml_item_find(tree.root, "c"));
        yaml_tree_free(&tree);
}

static void a_byte_order_mark_is_no_content(void **state)
{
        (void)state;
        static struct settings settings;
        must_read("\xef\xbb\xbfsymbols: BTCUSDT\n", &settings);
        assert_string_equal(settings.symbols.names[0], "BTCUSDT");
}

static void what_cannot_be_read_says_why(void **state)
{
        (void)state;
        static struct settings settings;
        assert_int_equal(config_read("/nonexistent/x.yml", CONFIG_RUN, NOW_US, &settings, &errors), -1);
        assert_string_equal(errors.text[0], "/nonexistent/x.yml: cannot be read: No such file or directory");
        memset(&errors, 0, sizeof errors);
        assert_int_equal(config_read("/", CONFIG_RUN, NOW_US, &settings, &errors), -1);
        assert_string_equal(errors.text[0], "/: cannot be read: Is a directory");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(refused_yaml_names_its_place, from_the_root),
            cmocka_unit_test_setup(a_duplicate_key_does_not_hide_later_mistakes, from_the_root),
            cmocka_unit_test_setup(a_file_above_a_mebibyte_is_refused, from_the_root),
            cmocka_unit_test_setup(deep_nesting_ends_early, from_the_root),
            cmocka_unit_test_setup(too_many_values_are_refused, from_the_root),
            cmocka_unit_test_setup(a_tree_keeps_lines_columns_and_order, from_the_root),
            cmocka_unit_test_setup(a_byte_order_mark_is_no_content, from_the_root),
            cmocka_unit_test_setup(what_cannot_be_read_says_why, from_the_root),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
