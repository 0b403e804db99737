// SPDX-License-Identifier: Apache-2.0
// Settings as a file, and the table of keys as documentation and example.
#include "config/aggregates.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/valueprint.h"

#include <string.h>

#define TEXT_COLUMNS 100

// "backfill" of "backfill.enabled"; "" of "symbols". Returns the name inside it.
static const char *split_name(const char *name, char section[KEY_VARIABLE_SIZE])
{
        const char *dot = strchr(name, '.');
        snprintf(section, KEY_VARIABLE_SIZE, "%.*s", dot != NULL ? (int)(dot - name) : 0, name);
        return dot != NULL ? dot + 1 : name;
}

// What has no value to show is left out: it reads back as left out.
static bool is_printed(const struct settings *settings, const struct key_row *row)
{
        if (row->size == 0 || (row->flags & KEY_INERT) != 0)
                return false;
        if (row->type == KEY_SYMBOLS && row->word != NULL)
                return settings->all_symbols || settings->symbols.count > 0;
        if (row->type == KEY_URL)
                return *((const char *)settings + row->offset) != '\0';
        return true;
}

void config_print(const struct settings *settings, FILE *out)
{
        char open[KEY_VARIABLE_SIZE] = "";
        for (size_t i = 0; i < key_rows_count; i++) {
                const struct key_row *row = &key_rows[i];
                char section[KEY_VARIABLE_SIZE];
                const char *name = split_name(row->name, section);
                if (!is_printed(settings, row))
                        continue;
                bool begins = strcmp(section, open) != 0 && section[0] != '\0';
                memcpy(open, section, sizeof open);
                if (aggregates_own(row)) {
                        if (begins)
                                aggregates_print(settings, out);
                        continue;
                }
                if (begins)
                        fprintf(out, "%s:\n", section);
                int indent = section[0] != '\0' ? 4 : 0;
                fprintf(out, "%*s%s: ", indent, "", name);
                value_print(settings, row, indent, out);
                fputc('\n', out);
        }
}

static const char *example_value(const struct key_row *row)
{
        if (row->example != NULL)
                return row->example;
        return row->fallback != NULL ? row->fallback : "\"\"";
}

// A key that stands in the example as a comment only: what follows other keys, or has no effect.
static bool is_commented(const struct key_row *row)
{
        if (strcmp(row->name, "symbols") == 0)
                return false;
        return row->fallback == NULL || (row->flags & KEY_INERT) != 0;
}

// Comment lines of at most TEXT_COLUMNS.
static void print_comment(int indent, const char *text, FILE *out)
{
        int column = fprintf(out, "%*s#", indent, "");
        while (*text != '\0') {
                int length = (int)strcspn(text, " ");
                if (column + 1 + length > TEXT_COLUMNS) {
                        fputc('\n', out);
                        column = fprintf(out, "%*s#", indent, "");
                }
                column += fprintf(out, " %.*s", length, text);
                text += length;
                text += strspn(text, " ");
        }
        fputc('\n', out);
}

static void print_default(const struct key_row *row, char *text, size_t size)
{
        const char *value = row->fallback != NULL ? row->fallback : row->follows;
        if (row->fallback != NULL && (strcmp(value, "[]") == 0 || strcmp(value, "\"\"") == 0))
                value = "none";
        snprintf(text, size, "%s%s%s", value, row->fallback_one_shot != NULL ? "; in a one-shot backfill " : "",
            row->fallback_one_shot != NULL ? row->fallback_one_shot : "");
}

static bool section_is_commented(const char *section)
{
        for (size_t i = 0; i < key_rows_count; i++) {
                char other[KEY_VARIABLE_SIZE];
                split_name(key_rows[i].name, other);
                if (strcmp(other, section) == 0 && !is_commented(&key_rows[i]))
                        return false;
        }
        return true;
}

static void print_example_row(const struct key_row *row, const char *name, int indent, FILE *out)
{
        char accepted[KEY_ACCEPTED_SIZE];
        char fallback[KEY_ACCEPTED_SIZE];
        char line[KEY_ACCEPTED_SIZE * 2 + 32];
        print_default(row, fallback, sizeof fallback);
        snprintf(line, sizeof line, "Accepted: %s. Default: %s.", key_accepted(row, accepted), fallback);
        fputc('\n', out);
        print_comment(indent, row->help, out);
        print_comment(indent, line, out);
        // A comment without a blank is a key to be uncommented.
        fprintf(out, "%s%*s%s: %s\n", is_commented(row) ? "#" : "", indent, "", name, example_value(row));
}

void config_print_example(FILE *out)
{
        char open[KEY_VARIABLE_SIZE] = "";
        fputs("# Every key of binancefeeder with its default. Only symbols must be given; a file of three lines is\n"
              "# enough. A key in a line that begins with # and no blank follows other keys, or has no effect yet.\n"
              "# Environment variables override: BINANCEFEEDER_DATA_DIRECTORY, BINANCEFEEDER_ENDPOINTS_REST, ...\n",
            out);
        for (size_t i = 0; i < key_rows_count; i++) {
                const struct key_row *row = &key_rows[i];
                char section[KEY_VARIABLE_SIZE];
                const char *name = split_name(row->name, section);
                if (strcmp(section, open) != 0 && section[0] != '\0')
                        fprintf(out, "\n%s%s:\n", section_is_commented(section) ? "#" : "", section);
                memcpy(open, section, sizeof open);
                print_example_row(row, name, section[0] != '\0' ? 4 : 0, out);
        }
}

void config_print_markdown(FILE *out)
{
        fputs("| key | default | accepted | on reload | meaning |\n|---|---|---|---|---|\n", out);
        for (size_t i = 0; i < key_rows_count; i++) {
                const struct key_row *row = &key_rows[i];
                char accepted[KEY_ACCEPTED_SIZE];
                char fallback[KEY_ACCEPTED_SIZE];
                print_default(row, fallback, sizeof fallback);
                const char *tick =
                    row->fallback != NULL && strcmp(fallback, "none") != 0 && row->fallback_one_shot == NULL ? "`" : "";
                fprintf(out, "| `%s` | %s%s%s | %s | %s | %s |\n", row->name, tick, fallback, tick,
                    key_accepted(row, accepted), (row->flags & KEY_RELOADABLE) != 0 ? "yes" : "at the next start",
                    row->help);
        }
}
