// SPDX-License-Identifier: Apache-2.0
// LINK: cli/screen.c cli/table.c
// What is drawn: bars, cut lines, aligned tables, and lines where there is no terminal.
#include "cli/screen.h"
#include "cli/table.h"
#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>

static void test_a_bar_is_full_only_at_the_end(void **state)
{
        char text[SCREEN_BAR_SIZE];

        (void)state;
        assert_string_equal(screen_bar(0, 4, false, text), "....");
        assert_string_equal(screen_bar(0.5, 4, false, text), "##..");
        assert_string_equal(screen_bar(0.999, 4, false, text), "###.");
        assert_string_equal(screen_bar(1, 4, false, text), "####");
        assert_string_equal(screen_bar(7, 2, true, text), "██");
        assert_int_equal(table_text_width(screen_bar(0.3, 1000, true, text)), 60);
}

static void test_lines_are_cut_by_columns(void **state)
{
        char plain[32] = "hello", wide[32] = "█░█░", coloured[32] = "\x1b[31mred\x1b[0m!";

        (void)state;
        screen_cut_line(plain, 10);
        assert_string_equal(plain, "hello");
        screen_cut_line(plain, 3);
        assert_string_equal(plain, "hel");
        screen_cut_line(wide, 2);
        assert_string_equal(wide, "█░");
        screen_cut_line(coloured, 2); // what ends a colour stays
        assert_string_equal(coloured, "\x1b[31mre\x1b[0m");
}

static void test_tables_align(void **state)
{
        static const char *const heads[] = {"<NAME", ">ROWS", "<REST", NULL};
        static const char *const cells[] = {"é", "1,000", "x", "long", "7", ""};
        struct table table;
        char line[64];

        (void)state;
        table_begin(&table, heads);
        for (size_t i = 0; i < 6; i++)
                table_add(&table, cells[i]);
        assert_string_equal(table_line(&table, 0, line, sizeof(line)), "NAME   ROWS  REST");
        assert_string_equal(table_line(&table, 1, line, sizeof(line)), "é     1,000  x");
        assert_string_equal(table_line(&table, 2, line, sizeof(line)), "long      7  ");
        table_free(&table);
}

// What a file gets when the panel is drawn twice.
static char *drawn(bool changed)
{
        static struct screen screen;
        char *text = NULL;
        size_t size = 0;
        FILE *out = tmpfile();

        assert_non_null(out);
        screen_open(&screen, out, true);
        assert_false(screen.live);
        for (int i = 0; i < 2; i++) {
                screen_panel_begin(&screen);
                screen_panel_line(&screen, "progress %d", changed ? i : 0);
                screen_panel_minor(&screen, "weight %d", i);
                screen_print_now(&screen);
                screen_draw(&screen);
        }
        screen_say(&screen, "%s", "the end");
        screen_close(&screen, true);
        size = (size_t)ftell(out);
        text = calloc(1, size + 1);
        assert_non_null(text);
        rewind(out);
        assert_int_equal(fread(text, 1, size, out), size);
        fclose(out);
        return text;
}

static void test_without_a_terminal_only_news_is_printed(void **state)
{
        char *same = drawn(false), *other = drawn(true);

        (void)state;
        assert_string_equal(same, "progress 0\nweight 0\nthe end\n");
        assert_string_equal(other, "progress 0\nweight 0\nprogress 1\nweight 1\nthe end\n");
        free(same);
        free(other);
}

static void test_without_a_terminal_minor_lines_break_a_silence(void **state)
{
        static struct screen screen;
        FILE *out = tmpfile();
        int64_t begun_us = mono_now().us;

        (void)state;
        assert_non_null(out);
        screen_open(&screen, out, true);
        for (int i = 0; i < 2 || ftell(out) == strlen("progress\nrows 0\n"); i++) {
                assert_true(mono_now().us - begun_us < 60 * US_PER_S);
                screen_panel_begin(&screen);
                screen_panel_line(&screen, "progress");
                screen_panel_minor(&screen, "rows %d", i > 0);
                screen_draw(&screen);
                (void)poll(NULL, 0, 10);
        }
        assert_true(mono_now().us - begun_us >= US_PER_S);
        assert_int_equal(ftell(out), strlen("progress\nrows 0\nrows 1\n"));
        screen_close(&screen, true);
        fclose(out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_a_bar_is_full_only_at_the_end),
            cmocka_unit_test(test_lines_are_cut_by_columns),
            cmocka_unit_test(test_tables_align),
            cmocka_unit_test(test_without_a_terminal_only_news_is_printed),
            cmocka_unit_test(test_without_a_terminal_minor_lines_break_a_silence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
