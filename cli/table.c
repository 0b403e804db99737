// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include "common/log.h"
#include "common/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

size_t table_text_width(const char *text)
{
        size_t width = 0;

        while (*text != '\0') {
                if (text[0] == '\x1b' && text[1] == '[') {
                        text += strcspn(text, "m");
                        text += *text != '\0';
                        continue;
                }
                width += ((unsigned char)*text & 0xc0) != 0x80;
                text++;
        }
        return width;
}

void table_begin(struct table *table, const char *const *heads)
{
        memset(table, 0, sizeof(*table));
        for (; heads[table->columns] != NULL; table->columns++) {
                REQUIRE(table->columns < TABLE_COLUMNS_MAX);
                table->heads[table->columns] = heads[table->columns];
                table->widths[table->columns] = table_text_width(heads[table->columns] + 1);
        }
}

void table_add(struct table *table, const char *text)
{
        size_t column = table->cells_count % table->columns;
        size_t width = table_text_width(text);

        if (table->cells_count == table->capacity) {
                table->capacity = table->capacity > 0 ? table->capacity * 2 : 64;
                table->cells = memory_resized(table->cells, table->capacity, sizeof(*table->cells));
        }
        table->cells[table->cells_count++] = memory_copied(text, strlen(text) + 1);
        if (width > table->widths[column])
                table->widths[column] = width;
}

const char *table_line(const struct table *table, size_t i, char *line, size_t size)
{
        size_t used = 0;

        line[0] = '\0';
        for (size_t column = 0; column < table->columns && used < size; column++) {
                const char *text = i == 0 ? table->heads[column] + 1 : table->cells[(i - 1) * table->columns + column];
                int padding = (int)(table->widths[column] - table_text_width(text));
                bool right = table->heads[column][0] == '>';
                bool last = column + 1 == table->columns;
                used += (size_t)snprintf(line + used, size - used, "%s%*s%s%*s", column > 0 ? "  " : "",
                    right ? padding : 0, "", text, right || last ? 0 : padding, "");
        }
        return line;
}

void table_print(struct table *table, const char *indent, FILE *out)
{
        char line[1024];

        for (size_t i = 0; i <= table->cells_count / table->columns; i++)
                fprintf(out, "%s%s\n", indent, table_line(table, i, line, sizeof(line)));
        table_free(table);
}

void table_free(struct table *table)
{
        for (size_t i = 0; i < table->cells_count; i++)
                free(table->cells[i]);
        free(table->cells);
        table->cells = NULL;
        table->cells_count = table->capacity = 0;
}
